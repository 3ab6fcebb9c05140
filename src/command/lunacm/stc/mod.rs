//! `stc`: this client's side of STC.

mod identity;
mod link;
mod partition;
mod token;

use clap::Subcommand;

use super::Session;
use crate::shell::{Console, Outcome};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists the client token
    #[command(visible_alias = "tl")]
    Tokenlist(token::TokenList),
    /// Initializes the client token
    #[command(visible_alias = "ti")]
    Tokeninit(token::TokenInit),
    /// Makes the client identity and exports its public part
    #[command(visible_alias = "idc")]
    Identitycreate(identity::Create),
    /// Shows the client identity and the registered partitions
    #[command(visible_alias = "ids")]
    Identityshow(identity::Show),
    /// Exports the client identity's public part again
    #[command(visible_alias = "ide")]
    Identityexport(identity::Export),
    /// Deletes the client identity and all registrations
    #[command(visible_alias = "idd")]
    Identitydelete(identity::Delete),
    /// Registers a partition's public identity on this client
    #[command(visible_alias = "pr", alias = "parr")]
    Partitionregister(partition::Register),
    /// Removes a partition's identity from this client
    #[command(visible_alias = "pd", alias = "pard")]
    Partitionderegister(partition::Deregister),
    /// Switches all links to a server to STC
    #[command(visible_alias = "e")]
    Enable(link::Enable),
    /// Switches all links to a server back to NTLS
    #[command(visible_alias = "d")]
    Disable(link::Disable),
    /// Shows the state of the current slot's link
    #[command(visible_alias = "s")]
    Status(link::Status),
    /// Changes the keys of the current slot's link now
    #[command(visible_alias = "rk")]
    Rekey(link::Rekey),
}

impl Command {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        match self {
            Self::Tokenlist(command) => command.run(session),
            Self::Tokeninit(command) => command.run(session, console),
            Self::Identitycreate(command) => command.run(session, console),
            Self::Identityshow(command) => command.run(session),
            Self::Identityexport(command) => command.run(session),
            Self::Identitydelete(command) => command.run(session, console),
            Self::Partitionregister(command) => command.run(session),
            Self::Partitionderegister(command) => command.run(session, console),
            Self::Enable(command) => command.run(session, console),
            Self::Disable(command) => command.run(session, console),
            Self::Status(command) => command.run(session),
            Self::Rekey(command) => command.run(session),
        }
    }
}
