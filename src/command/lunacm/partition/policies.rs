//! `partition showpolicies` and `changepolicy`.

use std::{fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;

use super::{
    super::failure::{failure, refused},
    OfSlot, Session,
};
use crate::{
    client::policy_file::{self, PolicyFileError},
    model::{
        Destructive, Policy, PolicyError, PolicySet, PolicyValue, Reply, Request, Role, Status,
    },
    shell::{Console, Failure, Outcome, report},
    wire::template_text,
};

#[derive(Debug, Args)]
pub struct ShowPolicies {
    #[command(flatten)]
    of: OfSlot,
    /// Show which changes are destructive
    #[arg(long, visible_alias = "v")]
    verbose: bool,
    /// Write the policies to a file, as a template for partition init
    #[arg(long, visible_alias = "et", value_name = "file")]
    exporttemplate: Option<PathBuf>,
}

impl ShowPolicies {
    pub(super) fn run(self, session: &mut Session) -> Outcome {
        let number = session.number(self.of.slot)?;
        let (capabilities, policies) = ask(session, number)?;
        let Some(file) = self.exporttemplate else {
            return report(PolicyList::new(&capabilities, &policies, self.verbose));
        };
        session.describe_slot(number)?;
        let partition = session.slots().iter().find(|slot| slot.number == number);
        let partition = partition.map(|slot| &slot.partition);
        let firmware = partition.map(|partition| partition.firmware.clone()).unwrap_or_default();
        let label = partition.and_then(|partition| partition.label.clone());
        let text = template_text(&firmware, &capabilities, &policies);
        policy_file::write(&file, &text)
            .map_err(|error| failure(Status::FunctionFailed, &error).remedy(error.remedy()))?;
        report(Exported { label: label.map(String::from), file: file.display().to_string() })
    }
}

#[derive(Debug, Args)]
pub struct ChangePolicy {
    /// The policy's number, or several: 0,1
    #[arg(
        long,
        visible_alias = "p",
        value_name = "policy",
        value_delimiter = ',',
        required = true
    )]
    policy: Vec<u8>,
    /// The new value, or one for each policy: 0,1
    #[arg(long, visible_alias = "v", value_name = "value", value_delimiter = ',', required = true)]
    value: Vec<u8>,
    #[command(flatten)]
    of: OfSlot,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl ChangePolicy {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let changes = paired(&self.policy, &self.value)?;
        let number = session.number(self.of.slot)?;
        require_officer(session, number)?;
        let (capabilities, before) = ask(session, number)?;
        let after = before.changed(&capabilities, &changes).map_err(|error| impossible(&error))?;
        let erases = after.erases_from(&before);
        if erases {
            console.confirm(&warning(&before, &after), self.force)?;
        }
        let request = Request::ChangePolicies { changes, erase: erases };
        match session.ask_slot(number, &request)? {
            Reply::Failed(Status::ConfigChangeIllegal) => Err(failure(
                Status::ConfigChangeIllegal,
                "the policies were changed by somebody else in this moment",
            )
            .remedy("See partition showpolicies, and try again.")),
            reply => Session::expect_done(&reply),
        }
    }
}

/// A list of policies and a list of values, pair by pair.
pub(in super::super) fn paired(
    policies: &[u8],
    values: &[u8],
) -> Result<Vec<PolicyValue>, Failure> {
    if policies.len() != values.len() {
        let cause =
            format_args!("{} policies and {} values do not pair up", policies.len(), values.len());
        return Err(failure(Status::ArgumentsBad, cause)
            .remedy("Give one value for each policy, such as -policy 0,1 -value 0,1."));
    }
    let pair = |(number, value): (&u8, &u8)| PolicyValue { number: *number, value: *value };
    Ok(policies.iter().zip(values).map(pair).collect())
}

/// A template that cannot be read.
pub(super) fn template_failure(error: &PolicyFileError) -> Failure {
    failure(Status::ArgumentsBad, error).remedy(error.remedy())
}

/// Somebody else learns that the officer is missing before any warning.
fn require_officer(session: &mut Session, number: u32) -> Result<(), Failure> {
    session.describe_slot(number)?;
    let slot = session.slots().iter().find(|slot| slot.number == number);
    match slot.and_then(|slot| slot.partition.logged_in) {
        Some(Role::PartitionSo) => Ok(()),
        _ => Err(failure(Status::UserNotLoggedIn, "the Partition SO is not logged in")
            .remedy("Log in first: role login -name po.")),
    }
}

fn ask(session: &mut Session, number: u32) -> Result<(PolicySet, PolicySet), Failure> {
    match session.ask_slot(number, &Request::Policies)? {
        Reply::Policies { capabilities, policies } => Ok((capabilities, policies)),
        Reply::Failed(status) => Err(refused(status)),
        _ => Err(refused(Status::DeviceError)),
    }
}

fn impossible(error: &PolicyError) -> Failure {
    let status = match error {
        PolicyError::Unknown(_) => Status::PolicyIdInvalid,
        PolicyError::Capability { .. } | PolicyError::Range { .. } => Status::ConfigIllegal,
        PolicyError::Dependency(..) => Status::ConfigFailsDependencies,
    };
    let remedy = match error {
        PolicyError::Capability { number, .. }
            if Policy::of(*number).is_some_and(Policy::needs_ped) =>
        {
            "The policy is about a PED, and software has none."
        }
        PolicyError::Capability { .. } => "Capabilities are fixed: see partition showpolicies.",
        PolicyError::Dependency(0, 1, _) => {
            "Change both in one command: partition changepolicy -policy 0,1 -value 0,1."
        }
        _ => "See partition showpolicies.",
    };
    failure(status, error).remedy(remedy)
}

fn warning(before: &PolicySet, after: &PolicySet) -> String {
    let erasing = Policy::ALL
        .iter()
        .filter(|policy| policy.destructive().erases(before.get(**policy), after.get(**policy)));
    let erasing: Vec<_> =
        erasing.map(|policy| format!("   {}: {}", policy.number(), policy.text())).collect();
    format!(
        "You are about to change a destructive policy:\n{}\n\
         All objects of the partition will be destroyed.\n\n\
         Are you sure you wish to continue?",
        erasing.join("\n")
    )
}

#[derive(Debug, Serialize)]
struct PolicyList {
    capabilities: Vec<Shown>,
    policies: Vec<Shown>,
}

#[derive(Debug, Serialize)]
struct Shown {
    number: u8,
    text: &'static str,
    value: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    destructive: Option<&'static str>,
}

impl PolicyList {
    fn new(capabilities: &PolicySet, policies: &PolicySet, verbose: bool) -> Self {
        let capability = |policy: &Policy| Shown {
            number: policy.number(),
            text: policy.capability_text(),
            value: capabilities.get(*policy),
            destructive: None,
        };
        let policy = |policy: &Policy| Shown {
            number: policy.number(),
            text: policy.text(),
            value: policies.get(*policy),
            destructive: verbose.then(|| direction(policy.destructive())),
        };
        let changeable = Policy::ALL.iter().filter(|policy| capabilities.permits(**policy));
        Self {
            capabilities: Policy::ALL.iter().map(capability).collect(),
            policies: changeable.map(policy).collect(),
        }
    }
}

const fn direction(destructive: Destructive) -> &'static str {
    match destructive {
        Destructive::No => "no",
        Destructive::OffToOn => "off-to-on",
        Destructive::OnToOff => "on-to-off",
        Destructive::Both => "off-to-on and on-to-off",
    }
}

impl fmt::Display for PolicyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n        Partition Capabilities")?;
        self.capabilities.iter().try_for_each(|shown| write!(f, "\n{shown}"))?;
        write!(f, "\n        Partition Policies")?;
        self.policies.iter().try_for_each(|shown| write!(f, "\n{shown}"))
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, text, value, .. } = self;
        write!(f, "{:16}{number:>2}: {text} : {value}", "")?;
        match self.destructive {
            Some(direction) => write!(f, " : destructive {direction}"),
            None => Ok(()),
        }
    }
}

#[derive(Debug, Serialize)]
struct Exported {
    label: Option<String>,
    file: String,
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.label.as_deref().unwrap_or_default();
        write!(f, "\n        Partition policies for Partition: {label}")?;
        write!(f, "\n        have been exported to {}", self.file)
    }
}
