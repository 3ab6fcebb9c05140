//! `partition showPolicies` and `changePolicy`.

use clap::Args;

use super::{
    Appliance, failure,
    hsm_policy::destructive_warning,
    partition::Named,
    password,
    policy_table::{Listed, PolicyTable},
    screen::{Sentence, Success},
    template,
};
use crate::{
    model::{AdminReply, AdminRequest, Label, Policy, PolicySet, PolicyValue, Status},
    shell::{Console, Failure, Outcome, Secret, report},
    wire::template_text,
};

/// Options of `partition showPolicies`.
#[derive(Debug, Args)]
pub struct ShowPolicies {
    #[command(flatten)]
    partition: Named,
    /// Shows only what can be changed
    #[arg(long = "configonly", visible_alias = "c")]
    configuration_only: bool,
    /// Writes the policies to your files, as a template for partition init
    #[arg(long = "exporttemplate", visible_alias = "et", value_name = super::file::NAME)]
    template: Option<String>,
}

/// Options of `partition changePolicy`.
#[derive(Debug, Args)]
pub struct ChangePolicy {
    #[command(flatten)]
    partition: Named,
    /// The policy's number
    #[arg(long, visible_alias = "po", value_name = "code")]
    policy: u8,
    /// The new value
    #[arg(long, visible_alias = "v", value_name = "value")]
    value: u8,
    /// The Partition SO's password; asked for if missing
    #[arg(long, visible_alias = "ps")]
    psopin: Option<Secret>,
    /// Does not ask for a confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl ShowPolicies {
    pub(super) fn run(&self, appliance: &mut Appliance) -> Outcome {
        let name = &self.partition.name;
        let (capabilities, policies) = ask(appliance, name)?;
        if let Some(file) = &self.template {
            let firmware = appliance.describe()?.firmware;
            template::write(appliance, file, &template_text(&firmware, &capabilities, &policies))?;
            return report(Sentence(format!(
                "Policies of partition {name} have been exported to file: {file}"
            )));
        }
        let listed = |policy: &Policy, value: u8| Listed {
            code: policy.number(),
            description: policy.text(),
            value,
            most: policy.capability(),
            destructive: Some(policy.destructive()),
        };
        let capability = |policy: &Policy| Listed {
            description: policy.capability_text(),
            ..listed(policy, capabilities.get(*policy))
        };
        let all = Policy::ALL.iter();
        report(PolicyTable {
            heading: format!("   Partition Name:   {name}"),
            officer: "Partition SO",
            erases: "the objects of the partition",
            capabilities: if self.configuration_only {
                Vec::new()
            } else {
                all.clone().map(capability).collect()
            },
            policies: all
                .filter(|policy| capabilities.permits(**policy))
                .map(|policy| listed(policy, policies.get(*policy)))
                .collect(),
        })
    }
}

impl ChangePolicy {
    pub(super) fn run(self, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
        let name = self.partition.name;
        let (capabilities, before) = ask(appliance, &name)?;
        let changes = vec![PolicyValue { number: self.policy, value: self.value }];
        let after = before
            .changed(&capabilities, &changes)
            .map_err(|error| failure::impossible(&error, "partition showPolicies"))?;
        let erase = after.erases_from(&before);
        if erase {
            let policy = Policy::of(self.policy).map_or("", Policy::text);
            let warning = destructive_warning(policy, "all objects of the partition");
            console.confirm(&warning, self.force)?;
        }
        let password = match &self.psopin {
            Some(secret) => password(secret),
            None => {
                password(&console.secret("Please enter the password of the Partition SO:\n> ")?)
            }
        };
        let request = AdminRequest::ChangePartitionPolicies { name, password, changes, erase };
        match appliance.order_of(&request)? {
            Ok(()) => report(Success("partition changePolicy")),
            Err(status) => Err(refused(status)),
        }
    }
}

fn refused(status: Status) -> Failure {
    let (cause, remedy) = match status {
        Status::OperationNotAllowed => (
            "clients reach this partition over STC, and its Partition SO is theirs",
            "The Partition SO uses lunacm: partition changepolicy.",
        ),
        Status::UserPinNotInitialized => (
            "the partition is not initialized",
            "A client initializes it with lunacm: partition init.",
        ),
        Status::PinIncorrect => (
            "the password of the Partition SO is wrong",
            "After ten failures in a row the partition is zeroized: see 'partition show'.",
        ),
        status => return failure::refused(status),
    };
    Failure::new(cause, failure::result(status)).remedy(remedy)
}

fn ask(appliance: &mut Appliance, name: &Label) -> Result<(PolicySet, PolicySet), Failure> {
    match appliance.reply(&AdminRequest::PartitionPolicies { name: name.clone() })? {
        AdminReply::Policies { capabilities, policies } => Ok((capabilities, policies)),
        AdminReply::Failed(Status::ObjectHandleInvalid) => {
            Err(failure::unknown("partition", "partition list"))
        }
        AdminReply::Failed(status) => Err(failure::refused(status)),
        _ => Err(failure::unexpected_reply()),
    }
}
