//! `sysconf`: the appliance's own configuration.

use clap::Subcommand;

use super::{Appliance, screen::Sentence};
use crate::{
    model::AdminRequest,
    shell::{Console, Outcome, report},
};

/// The `sysconf` commands.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Command {
    /// Makes a new server key and certificate
    #[command(name = "regenCert", visible_alias = "r")]
    RegenerateCertificate {
        /// Does not ask for a confirmation
        #[arg(long, visible_alias = "f")]
        force: bool,
    },
}

/// Performs a `sysconf` command.
pub fn run(command: Command, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
    let Command::RegenerateCertificate { force } = command;
    let warning = "WARNING:  Every client has to fetch the new server.pem and register it again\n          \
                   with 'vtl addServer' before it can connect.\n\n\
                   Type 'proceed' to make a new certificate, or\n'quit' to quit now.";
    console.confirm(warning, force)?;
    appliance.order(&AdminRequest::RegenerateCertificate)?;
    report(Sentence(
        "'sysconf regenCert' successful. New connections get the new certificate: server.pem in \
         your files."
            .to_owned(),
    ))
}
