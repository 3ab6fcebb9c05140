//! `sysconf`: the appliance's own configuration.

use clap::{Subcommand, ValueEnum};

use super::{Appliance, failure, ntls, screen::Sentence};
use crate::{
    crypto::CertificateHash,
    model::{AdminRequest, NtlsRequest, Status},
    shell::{Console, Failure, Outcome, report},
};

/// The `sysconf` commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Makes a new server key and certificate
    #[command(name = "regenCert", visible_alias = "r")]
    RegenerateCertificate {
        /// The address that old scripts give; the certificate is for the appliance's own name
        #[arg(value_name = "ip_address")]
        address: Option<String>,
        /// Does not ask for a confirmation
        #[arg(long, visible_alias = "f")]
        force: bool,
    },
    /// Manages whether clients are registered and changed by the HSM SO only
    #[command(name = "forceSOLogin", subcommand, visible_alias = "fo")]
    ForceSoLogin(ForceSoLogin),
    /// Shows the hash of the server's certificate, to compare before trusting it
    #[command(visible_alias = "fi")]
    Fingerprint {
        /// What to show the hash of
        #[arg(value_name = "key")]
        of: Key,
    },
}

/// The `sysconf forceSOLogin` commands.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum ForceSoLogin {
    /// Clients are changed only while the HSM SO is logged in
    #[command(visible_alias = "e")]
    Enable,
    /// Clients are changed without the HSM SO
    #[command(visible_alias = "d")]
    Disable,
    /// Shows which of the two holds
    #[command(visible_alias = "s")]
    Show,
}

/// What has a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Key {
    /// The server's certificate
    Ntls,
    /// The host key of SSH
    Ssh,
}

/// Performs a `sysconf` command.
pub fn run(command: &Command, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
    match command {
        Command::RegenerateCertificate { force, .. } => regenerate(*force, appliance, console),
        Command::ForceSoLogin(command) => force_so_login(*command, appliance),
        Command::Fingerprint { of: Key::Ntls } => {
            let hash = CertificateHash::from(ntls::info(appliance)?.certificate.hash);
            report(Sentence(format!("Certificate fingerprint: {hash}")))
        }
        Command::Fingerprint { of: Key::Ssh } => Err(Failure::new(
            "this appliance has no SSH server of its own",
            failure::result(Status::FunctionNotSupported),
        )
        .remedy("Ask the host that it runs on: ssh-keygen -l -f <host key>.")),
    }
}

fn force_so_login(command: ForceSoLogin, appliance: &mut Appliance) -> Outcome {
    let forced = match command {
        ForceSoLogin::Enable => true,
        ForceSoLogin::Disable => false,
        ForceSoLogin::Show => {
            let state = if ntls::info(appliance)?.officer_forced { "enabled" } else { "disabled" };
            return report(Sentence(format!("SO login enforcement : {state}")));
        }
    };
    appliance.order_ntls(NtlsRequest::ForceOfficer(forced))?;
    let state = if forced { "enabled" } else { "disabled" };
    report(Sentence(format!("SO login enforcement {state}")))
}

fn regenerate(force: bool, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
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
