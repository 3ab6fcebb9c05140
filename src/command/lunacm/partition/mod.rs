//! `partition`: the partition in the current slot.

mod archive;
mod domains;
mod info;
mod init;
mod label;
mod mechanisms;
mod objects;
mod policies;
mod transfer;

pub(super) use archive::BackupContents;
pub(super) use objects::{Different, fresh_salt, refused_transfer};

use clap::{Args, Subcommand};

use super::{super::unavailable::Unavailable, Session, failure::unavailable};
use crate::shell::{Console, Outcome};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Initializes the partition
    #[command(visible_alias = "in")]
    Init(init::Init),
    /// Shows what the partition is
    #[command(alias = "sh", alias = "showi", visible_alias = "si", alias = "show")]
    Showinfo(info::ShowInfo),
    /// Lists the objects of the logged-in role
    #[command(visible_alias = "con")]
    Contents(info::Contents),
    /// Shows capabilities and policies, or writes a policy template
    #[command(visible_alias = "showpo")]
    Showpolicies(policies::ShowPolicies),
    /// Changes policies of the partition
    #[command(visible_alias = "changepo")]
    Changepolicy(policies::ChangePolicy),
    /// Changes the partition's label
    #[command(visible_alias = "clb")]
    Changelabel(label::ChangeLabel),
    /// Lists the mechanisms that the partition's policies permit
    #[command(visible_alias = "showm")]
    Showmechanism(mechanisms::ShowMechanism),
    /// Deletes all objects of the partition
    #[command(visible_alias = "clr")]
    Clear(transfer::Clear),
    /// Clones objects to another slot's partition of the same domain
    #[command(visible_alias = "clo")]
    Clone(transfer::Clone),
    /// Backs objects up into files, and restores them
    #[command(subcommand, visible_alias = "ar")]
    Archive(archive::Archive),
    /// Adds a cloning domain
    #[command(visible_alias = "da")]
    Domainadd(domains::DomainAdd),
    /// Lists the cloning domains
    #[command(visible_alias = "dli")]
    Domainlist(domains::DomainList),
    /// Removes a cloning domain
    #[command(visible_alias = "dd")]
    Domaindelete(domains::DomainDelete),
    /// Changes the label of a cloning domain
    #[command(visible_alias = "dcl")]
    Domainchangelabel(domains::DomainChangeLabel),
    /// Creates a partition (on the appliance: lunash partition create)
    #[command(visible_alias = "cr")]
    Create(Unavailable),
    /// Deletes a partition (on the appliance: lunash partition delete)
    #[command(visible_alias = "del")]
    Delete(Unavailable),
    /// Resizes a partition (on the appliance: lunash partition resize)
    #[command(visible_alias = "rs")]
    Resize(Unavailable),
    /// Sets the domain of a legacy HSM (not in software)
    #[command(visible_alias = "sld")]
    Setlegacydomain(Unavailable),
    /// Clones the SKS master key (not here)
    #[command(visible_alias = "smkc")]
    Smkclone(Unavailable),
    /// Rolls the SKS master key over (not here)
    #[command(visible_alias = "smkr")]
    Smkrollover(Unavailable),
    /// Restores a SIM3 file (not here)
    #[command(hide = true)]
    Restoresim3file(Unavailable),
    /// Activates the partition (not in software)
    #[command(hide = true)]
    Activate(Unavailable),
    /// Ends the partition's activation (not in software)
    #[command(hide = true)]
    Deactivate(Unavailable),
    /// Logs in to a legacy partition (now role login)
    #[command(hide = true, alias = "logi")]
    Login(Unavailable),
    /// Logs out of a legacy partition (now role logout)
    #[command(hide = true)]
    Logout(Unavailable),
    /// Creates a challenge (not in software)
    #[command(hide = true, alias = "crc")]
    Createchallenge(Unavailable),
    /// Changes a legacy partition's password (now role changepw)
    #[command(hide = true)]
    Changepw(Unavailable),
    /// Creates a legacy partition's user (now role init)
    #[command(hide = true)]
    Createuser(Unavailable),
}

impl Command {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        match self {
            Self::Init(command) => command.run(session, console),
            Self::Showinfo(command) => command.run(session),
            Self::Contents(command) => command.run(session),
            Self::Showpolicies(command) => command.run(session),
            Self::Changepolicy(command) => command.run(session, console),
            Self::Changelabel(command) => command.run(session),
            Self::Showmechanism(command) => command.run(session),
            Self::Clear(command) => command.run(session, console),
            Self::Clone(command) => command.run(session, console),
            Self::Archive(command) => command.run(session, console),
            Self::Domainadd(command) => command.run(session, console),
            Self::Domainlist(command) => command.run(session),
            Self::Domaindelete(command) => command.run(session, console),
            Self::Domainchangelabel(command) => command.run(session),
            Self::Create(_) | Self::Delete(_) | Self::Resize(_) => unavailable(
                "the partitions of a network HSM are made and deleted on the appliance",
                "Its HSM SO uses lunash: partition create, partition delete, partition resize.",
            ),
            Self::Setlegacydomain(_) => unavailable(
                "there are no legacy HSMs whose domain could be set",
                "See partition domainadd.",
            ),
            Self::Smkclone(_) | Self::Smkrollover(_) | Self::Restoresim3file(_) => unavailable(
                "partitions of version 0 have no SKS master key",
                "Keys are moved with partition clone and partition archive.",
            ),
            Self::Activate(_) | Self::Deactivate(_) | Self::Createchallenge(_) => unavailable(
                "activation and challenge secrets need a PED, and software has none",
                "Roles have passwords: role login.",
            ),
            Self::Login(_) | Self::Logout(_) | Self::Changepw(_) | Self::Createuser(_) => {
                unavailable(
                    "this is a command of legacy partitions, which had no roles",
                    "Use role login, role logout, role changepw and role init.",
                )
            }
        }
    }
}

/// The slot that a command is about.
#[derive(Debug, Args)]
struct OfSlot {
    /// The slot; the current one without this option
    #[arg(long, visible_alias = "s", value_name = "slot_id")]
    slot: Option<u32>,
}
