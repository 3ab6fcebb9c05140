//! `hagroup`: groups of partitions that are to act as one.
//!
//! This is their configuration, with membership checked against the partitions themselves. What
//! an application would see as one slot is not presented yet.

mod group;
mod list;
mod member;
mod screen;
mod settings;
mod synchronize;

use clap::Subcommand;

use super::{
    super::unavailable::Unavailable,
    Session,
    failure::{failure, unavailable},
};
use crate::{
    client::ha::GroupError,
    model::Status,
    shell::{Console, Failure, Outcome},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Creates an HA group
    #[command(visible_alias = "cg")]
    Creategroup(group::Create),
    /// Adds a member to an HA group
    #[command(visible_alias = "am")]
    Addmember(member::Add),
    /// Removes a member from an HA group
    #[command(visible_alias = "rm")]
    Removemember(member::Remove),
    /// Deletes an HA group
    #[command(visible_alias = "dg")]
    Deletegroup(group::Delete),
    /// Lists the HA groups
    #[command(visible_alias = "l")]
    Listgroups(list::ListGroups),
    /// Copies missing objects to all members, or turns synchronization on or off
    #[command(visible_alias = "sy")]
    Synchronize(synchronize::Synchronize),
    /// Brings lost members back (not yet)
    #[command(visible_alias = "re")]
    Recover(Unavailable),
    /// Sets how members come back
    #[command(visible_alias = "rmo")]
    Recoverymode(settings::RecoveryModeOption),
    /// Sets how often a lost member is tried
    #[command(visible_alias = "rt")]
    Retry(settings::Retry),
    /// Sets the time between two attempts
    #[command(visible_alias = "i")]
    Interval(settings::Interval),
    /// Shows only the slots of HA groups
    #[command(visible_alias = "ho")]
    Haonly(settings::HaOnly),
    /// Configures the HA log
    #[command(visible_alias = "hl")]
    Halog(settings::HaLog),
    /// Lets a member stand by
    #[command(visible_alias = "as")]
    Addstandby(member::Standby),
    /// Lets a standby member take part again
    #[command(visible_alias = "rs")]
    Removestandby(member::Standby),
}

impl Command {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        match self {
            Self::Creategroup(command) => command.run(session, console),
            Self::Addmember(command) => command.run(session, console),
            Self::Removemember(command) => command.run(session),
            Self::Deletegroup(command) => command.run(session),
            Self::Listgroups(command) => command.run(session, console),
            Self::Synchronize(command) => command.run(session, console),
            Self::Recover(_) => unavailable(
                "this version presents no HA slots, so no member of one can be lost",
                "A member's own slot comes back by itself: slot list.",
            ),
            Self::Recoverymode(command) => command.run(session),
            Self::Retry(command) => command.run(session),
            Self::Interval(command) => command.run(session),
            Self::Haonly(command) => command.run(session),
            Self::Halog(command) => command.run(session),
            Self::Addstandby(command) => command.run(session, true),
            Self::Removestandby(command) => command.run(session, false),
        }
    }
}

/// What is wrong with a group.
fn refused_group(error: &GroupError) -> Failure {
    let status = match error {
        GroupError::Unknown(_) | GroupError::NotMember { .. } => Status::ObjectHandleInvalid,
        GroupError::Edit(_) | GroupError::LabelTaken(_) => Status::ArgumentsBad,
        GroupError::File(_) | GroupError::Invalid { .. } | GroupError::Number(_) => {
            Status::FunctionFailed
        }
        _ => Status::OperationNotAllowed,
    };
    failure(status, error).remedy(error.remedy())
}
