//! `partition init`: the partition and its Crypto Officer, for clients over NTLS.

use clap::{Args, ValueEnum};

use super::{
    Appliance, failure, hsm,
    partition::Named,
    partition_roles::{STC, asked, fresh},
    password,
    screen::Success,
    template,
};
use crate::{
    model::{AdminRequest, FirstInitialization, Label, PolicySet, Role, STRICT_PRESET, Status},
    shell::{Console, Failure, Outcome, Secret, report},
    wire::parse_template,
};

/// Options of `partition init`.
#[derive(Debug, Args)]
pub struct Init {
    /// co creates the Crypto Officer of an initialized partition instead
    #[arg(value_name = "role")]
    role: Option<InitializedRole>,
    #[command(flatten)]
    partition: Named,
    /// The partition's label; its name if missing
    #[arg(long, visible_alias = "l", value_name = "partition_label")]
    label: Option<Label>,
    /// The Partition SO's new password; asked for if missing
    #[arg(long, visible_alias = "pw")]
    password: Option<Secret>,
    /// The cloning domain; asked for if missing
    #[arg(long, visible_alias = "d", conflicts_with = "default_domain")]
    domain: Option<Secret>,
    /// Uses the default cloning domain (deprecated)
    #[arg(long = "defaultdomain", visible_alias = "de")]
    default_domain: bool,
    /// The domain's label, for a partition with several domains
    #[arg(long = "domainlabel", visible_alias = "dl", value_name = "domain_label")]
    domain_label: Option<Label>,
    /// Sets the policies that this template among your files holds; strict is a preset: keys of one
    /// role each
    #[arg(long = "applytemplate", visible_alias = "ap", value_name = super::file::NAME)]
    template: Option<String>,
    /// With co: the Partition SO's password; asked for if missing
    #[arg(long, visible_alias = "ps")]
    psopin: Option<Secret>,
    /// With co: the Crypto Officer's initial password; asked for if missing
    #[arg(long, visible_alias = "co")]
    copin: Option<Secret>,
    /// Does not ask for a confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

/// A role that is created at the appliance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InitializedRole {
    /// Crypto Officer
    Co,
}

impl Init {
    pub(super) fn run(self, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
        match self.role {
            None => self.partition(appliance, console),
            Some(InitializedRole::Co) => self.crypto_officer(appliance, console),
        }
    }

    fn partition(self, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
        let name = self.partition.name;
        let officer = appliance.describe()?.logged_in;
        if !officer {
            return Err(failure::refused(Status::UserNotLoggedIn));
        }
        let policies = match &self.template {
            Some(file) if file == STRICT_PRESET => PolicySet::strict(),
            Some(file) => template::read(appliance, file, parse_template)?,
            None => Vec::new(),
        };
        let entry = super::partition::named(super::partition::entries(appliance)?, &name)?;
        if entry.label.is_some() {
            return Err(refused(Status::FunctionRejected));
        }
        let password = fresh(self.password.as_ref(), Role::PartitionSo, console)?;
        let domain = if self.default_domain {
            None
        } else {
            hsm::new_domain(self.domain.as_ref(), "partition", console)?
        };
        let warning = "Type 'proceed' to initialize the partition, or\n'quit' to quit now.";
        console.confirm(warning, self.force)?;
        let label = self.label.unwrap_or_else(|| name.clone());
        let domain_label = self.domain_label;
        let wanted = FirstInitialization { label, password, domain, domain_label, policies };
        match appliance.order_of(&AdminRequest::InitializePartition { name, wanted })? {
            Ok(()) => report(Success("partition init")),
            Err(status) => Err(refused(status)),
        }
    }

    fn crypto_officer(self, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
        let name = self.partition.name;
        let officer = match &self.psopin {
            Some(secret) => password(secret),
            None => asked(Role::PartitionSo, console)?,
        };
        let password = fresh(self.copin.as_ref(), Role::CryptoOfficer, console)?;
        let request = AdminRequest::CreateCryptoOfficer { name, officer, password };
        match appliance.order_of(&request)? {
            Ok(()) => report(Success("partition init co")),
            Err(Status::FunctionRejected) => Err(Failure::new(
                "the partition has a Crypto Officer",
                failure::result(Status::FunctionRejected),
            )
            .remedy("Its password is changed with 'partition changePw'.")),
            Err(status) => Err(super::partition_roles::refused(status, Role::PartitionSo)),
        }
    }
}

fn refused(status: Status) -> Failure {
    let (cause, remedy) = match status {
        Status::ObjectHandleInvalid => return failure::unknown("partition", "partition list"),
        Status::FunctionRejected => (
            "the partition is initialized already",
            "Its Partition SO initializes it again with lunacm: partition init.",
        ),
        Status::OperationNotAllowed => STC,
        Status::ConfigIllegal | Status::ConfigFailsDependencies => (
            "the template holds policies that this partition cannot have",
            "Nothing was changed. See 'partition showPolicies', and edit the template.",
        ),
        Status::PinLenRange => (
            "the password is shorter or longer than the template permits",
            "Nothing was changed. Choose another password, or edit the template.",
        ),
        status => return failure::refused(status),
    };
    Failure::new(cause, failure::result(status)).remedy(remedy)
}
