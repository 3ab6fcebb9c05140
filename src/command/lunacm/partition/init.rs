//! `partition init`: a partition is given its officer, its domain and its policies.

use std::path::PathBuf;

use clap::Args;

use super::{
    super::{
        failure::{failure, refused},
        role::new_password,
    },
    Session,
    domains::new_domain,
    policies::template_failure,
};
use crate::{
    client::policy_file,
    model::{Label, Password, PolicySet, PolicyValue, Reply, Request, Role, STRICT_PRESET, Status},
    shell::{Console, Failure, Outcome, Secret},
};

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub struct Init {
    /// The partition's label
    #[arg(long, visible_alias = "l", value_name = "label")]
    label: String,
    /// The Partition SO's password; asked for without this option
    #[arg(long, visible_alias = "p", value_name = "password")]
    password: Option<Secret>,
    /// The cloning domain; asked for without this option
    #[arg(long, visible_alias = "d", value_name = "domain", conflicts_with = "defaultdomain")]
    domain: Option<Secret>,
    /// Use the default domain (deprecated)
    #[arg(long, visible_alias = "def")]
    defaultdomain: bool,
    /// The domain's label, for a partition with several domains
    #[arg(long, visible_alias = "dl", value_name = "domain_label")]
    domainlabel: Option<Label>,
    /// Import the domain from a PED key
    #[arg(long, visible_alias = "ipd", conflicts_with_all = ["domain", "defaultdomain"])]
    importpeddomain: bool,
    /// Set the policies that this template holds; strict is a preset: keys of one role each
    #[arg(long, visible_alias = "at", value_name = "file")]
    applytemplate: Option<PathBuf>,
    /// Log in as Partition SO afterwards
    #[arg(long, visible_alias = "a")]
    auth: bool,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl Init {
    pub(super) fn run(mut self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let label: Label = self.label.parse().map_err(|error| {
            failure(
                Status::ArgumentsBad,
                format_args!("the partition label is not permitted: {error}"),
            )
        })?;
        if self.importpeddomain {
            return Err(failure(
                Status::FunctionNotSupported,
                "software has no PED to import a domain from",
            )
            .remedy("Give the domain with -domain."));
        }
        let policies = self.template()?;
        session.describe()?;
        let again = session.slot()?.partition.label.is_some();
        let logged_in = session.slot()?.partition.logged_in;
        if again && logged_in != Some(Role::PartitionSo) {
            return Err(failure(Status::UserNotLoggedIn, "the partition is initialized already")
                .remedy("Only its Partition SO can initialize it again: role login -name po."));
        }
        let (password, domain) = if again {
            (Password::new(String::new()), None)
        } else {
            (self.first_password(console)?, self.first_domain(console)?)
        };
        console.confirm(WARNING, self.force)?;
        let login = password.clone();
        let domain_label = self.domainlabel.clone();
        let request = Request::Initialize { label, password, domain, domain_label, policies };
        match session.ask(&request)? {
            Reply::Failed(status) => return Err(self.refused(status)),
            reply => Session::expect_done(&reply)?,
        };
        session.describe()?;
        if self.auth && !again {
            return session.done(&Request::Login { role: Role::PartitionSo, password: login });
        }
        Ok(None)
    }

    /// The policies of the template, if one is given.
    fn template(&self) -> Result<Vec<PolicyValue>, Failure> {
        match &self.applytemplate {
            None => Ok(Vec::new()),
            Some(path) if path.as_os_str() == STRICT_PRESET => Ok(PolicySet::strict()),
            Some(path) => policy_file::read(path).map_err(|error| template_failure(&error)),
        }
    }

    fn refused(&self, status: Status) -> Failure {
        let known = match status {
            Status::ConfigIllegal | Status::ConfigFailsDependencies => {
                failure(status, "the template holds policies that this partition cannot have")
            }
            Status::PinLenRange if self.applytemplate.is_some() => {
                failure(status, "the password is shorter or longer than the template permits")
            }
            status => return refused(status),
        };
        known.remedy("Nothing was changed. See partition showpolicies, and edit the template.")
    }

    fn first_password(&mut self, console: &mut dyn Console) -> Result<Password, Failure> {
        let given = match self.password.take() {
            Some(password) => password,
            None => console.new_secret(
                "Enter password for Partition SO: ",
                "Re-enter password for Partition SO: ",
            )?,
        };
        new_password(Some(given), console)
    }

    /// The domain; an empty answer means the default domain, as Luna has it.
    fn first_domain(&mut self, console: &mut dyn Console) -> Result<Option<Password>, Failure> {
        if self.defaultdomain {
            return Ok(None);
        }
        new_domain(self.domain.take(), console)
    }
}

const WARNING: &str = "You are about to initialize the partition.\n\
    All contents of the partition will be destroyed.\n\n\
    Are you sure you wish to continue?";
