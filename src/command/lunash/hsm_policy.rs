//! `hsm showPolicies`, `changePolicy`, `changePw`, `zeroize` and `factoryReset`.

use clap::Args;

use super::{
    Appliance, failure,
    hsm::new_password,
    password,
    policy_table::{Listed, PolicyTable},
    screen::{Sentence, Success},
    template,
};
use crate::{
    model::{AdminReply, AdminRequest, HsmPolicy, HsmPolicySet, PolicyValue, Status},
    shell::{Console, Failure, Outcome, Secret, report},
    wire::hsm_template_text,
};

/// Options of `hsm showPolicies`.
#[derive(Debug, Args)]
pub struct ShowPolicies {
    /// Shows only what can be changed
    #[arg(long = "configonly", visible_alias = "c")]
    configuration_only: bool,
    /// Writes the policies to your files, as a template for hsm init
    #[arg(long = "exporttemplate", visible_alias = "et", value_name = super::file::NAME)]
    template: Option<String>,
}

/// Options of `hsm changePolicy`.
#[derive(Debug, Args)]
pub struct ChangePolicy {
    /// The policy's number
    #[arg(long, visible_aliases = ["po", "p"], value_name = "code")]
    policy: u8,
    /// The new value
    #[arg(long, visible_alias = "v", value_name = "value")]
    value: u8,
    /// Does not ask for a confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

/// Options of `hsm changePw`.
#[derive(Debug, Args)]
pub struct ChangePw {
    /// The password in force; asked for if missing
    #[arg(long, visible_alias = "o", value_name = "old_password")]
    oldpw: Option<Secret>,
    /// The password to be; asked for if missing
    #[arg(long, visible_alias = "n", value_name = "new_password")]
    newpw: Option<Secret>,
}

/// Options of commands that only may be told not to ask.
#[derive(Debug, Args)]
pub struct Forced {
    /// Does not ask for a confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl ShowPolicies {
    pub(super) fn run(&self, appliance: &mut Appliance) -> Outcome {
        let info = appliance.describe()?;
        let (capabilities, policies) = ask(appliance)?;
        if let Some(file) = &self.template {
            template::write(appliance, file, &hsm_template_text(&info.firmware, &policies))?;
            let told = format!("Policies of the HSM have been exported to file: {file}");
            return report(Sentence(told));
        }
        let label = info.label.as_ref().map(ToString::to_string).unwrap_or_default();
        let heading = format!(
            "   HSM Label:   {label}\n   Serial #:    {}\n   Firmware:    {}",
            info.serial, info.firmware
        );
        let listed = |policy: &HsmPolicy, value: u8| Listed {
            code: policy.number(),
            description: policy.text(),
            value,
            most: policy.capability(),
            destructive: Some(policy.destructive()),
        };
        let capability = |policy: &HsmPolicy| Listed {
            description: policy.capability_text(),
            ..listed(policy, capabilities.get(*policy))
        };
        let all = HsmPolicy::ALL.iter();
        report(PolicyTable {
            heading: heading.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"),
            officer: "HSM SO",
            erases: "every partition of the HSM",
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
    pub(super) fn run(&self, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
        if !appliance.describe()?.logged_in {
            return Err(failure::refused(Status::UserNotLoggedIn));
        }
        let (capabilities, before) = ask(appliance)?;
        let changes = vec![PolicyValue { number: self.policy, value: self.value }];
        let after = before
            .changed(&capabilities, &changes)
            .map_err(|error| failure::impossible(&error, "hsm showPolicies"))?;
        let erase = after.erases_from(&before);
        if erase {
            let policy = HsmPolicy::of(self.policy);
            let name = policy.map_or("", HsmPolicy::text);
            let mut warning = destructive_warning(name, "all partitions on the HSM");
            if policy == Some(HsmPolicy::ResetPartitionPin) {
                warning.insert_str(0, ESCROW);
            }
            console.confirm(&warning, self.force)?;
        }
        appliance.order(&AdminRequest::ChangeHsmPolicies { changes, erase })?;
        report(Success("hsm changePolicy"))
    }
}

impl ChangePw {
    pub(super) fn run(&self, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
        if !appliance.describe()?.logged_in {
            return Err(failure::refused(Status::UserNotLoggedIn));
        }
        let old = match &self.oldpw {
            Some(secret) => password(secret),
            None => password(&console.secret("Please enter the old password:\n> ")?),
        };
        let new = new_password(self.newpw.as_ref(), console)?;
        match appliance.ask(&AdminRequest::ChangeHsmPassword { old, new })? {
            AdminReply::Done => report(Success("hsm changePw")),
            AdminReply::WrongPassword { attempts_left } => {
                Err(failure::wrong_password(attempts_left))
            }
            _ => Err(failure::unexpected_reply()),
        }
    }
}

impl Forced {
    pub(super) fn zeroize(
        &self,
        appliance: &mut Appliance,
        console: &mut dyn Console,
        factory_reset: bool,
    ) -> Outcome {
        let (verb, rest) = if factory_reset {
            ("factory reset", "and its policies go back to their defaults")
        } else {
            ("zeroize", "and its policies stay")
        };
        let warning = format!(
            "CAUTION:  Are you sure you wish to {verb} this HSM?\n\
             All partitions, the HSM SO and the domain will be erased, {rest}.\n\n\
             Type 'proceed' to {verb} the HSM, or\n'quit' to quit now."
        );
        console.confirm(&warning, self.force)?;
        appliance.order(&AdminRequest::Zeroize { factory_reset })?;
        report(Success(if factory_reset { "hsm factoryReset" } else { "hsm zeroize" }))
    }
}

/// What HSM policy 15 means for the keys of partitions.
const ESCROW: &str = "While this policy is on, each Partition SO holds the key of its partition's \
                      objects:\nits password opens them, as the Crypto Officer's does.\n\n";

/// The question before a destructive change.
pub(super) fn destructive_warning(policy: &str, erased: &str) -> String {
    format!(
        "CAUTION:  Are you sure you wish to change the destructive policy named:\n          \
         {policy}\n\
         Changing this policy will result in erasing {erased}!\n\n\
         Type 'proceed' to change the policy, or\n'quit' to quit now."
    )
}

fn ask(appliance: &mut Appliance) -> Result<(HsmPolicySet, HsmPolicySet), Failure> {
    match appliance.ask(&AdminRequest::HsmPolicies)? {
        AdminReply::HsmPolicies { capabilities, policies } => Ok((capabilities, policies)),
        _ => Err(failure::unexpected_reply()),
    }
}
