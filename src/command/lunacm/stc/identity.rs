//! `stc identitycreate`, `identityshow`, `identityexport` and `identitydelete`.

use std::{fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;

use super::super::{
    Session,
    failure::failure,
    session::{identity as identity_on, token_failure},
    table::Table,
};
use crate::{
    client::{Slot, Way, identity_file},
    crypto::{Fingerprint, KeyPair, SystemRandom},
    model::{ClientLabel, Reply, Request, SerialNumber, Status},
    shell::{Console, Failure, Outcome, report},
    store::ClientIdentity,
    wire::ClientIdentityFile,
};

#[derive(Debug, Args)]
pub struct Create {
    /// The identity's label, which is also the name of its exported file
    #[arg(long, visible_alias = "l", value_name = "client_identity")]
    label: String,
    /// Replace an identity that is there without asking
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl Create {
    pub(super) fn run(&self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let label: ClientLabel = self.label.parse().map_err(|error| {
            failure(
                Status::ArgumentsBad,
                format_args!("the identity's label is not permitted: {error}"),
            )
        })?;
        let token = session.initialized_token()?;
        if let Some(present) = identity_on(&token)? {
            let warning = format!(
                "The client identity '{}' is there already.\nA new one replaces it: every partition has to register this client again.\n\nAre you sure you wish to continue?",
                present.label
            );
            console.confirm(&warning, self.force)?;
        }
        let keys = KeyPair::generate(&mut SystemRandom::new())
            .map_err(|error| failure(Status::GeneralError, error.to_string()))?;
        // The file first: a name that cannot be written changes nothing.
        let path = session.paths()?.client_identities.join(label.as_str());
        write_identity(&path, &label, *keys.public())?;
        let identity = ClientIdentity { label: label.clone(), keys };
        let created = token.create_identity(&identity, &mut SystemRandom::new());
        created.map_err(|error| token_failure(&error))?;
        session.drop_links();
        report(Created { label, file: path.display().to_string() })
    }
}

#[derive(Debug, Args)]
pub struct Show {}

impl Show {
    #[allow(clippy::unused_self, reason = "every command acts on its arguments")]
    pub(super) fn run(&self, session: &Session) -> Outcome {
        let token = session.token()?;
        let identity = required_identity(session)?;
        let partitions = token.partitions().map_err(|error| token_failure(&error))?;
        report(Shown {
            hash: Fingerprint::of(identity.keys.public()).to_string(),
            name: identity.label,
            partitions: partitions
                .into_iter()
                .map(|partition| Partition {
                    label: partition.label.map(|label| label.to_string()),
                    serial: partition.serial.to_string(),
                    hash: Fingerprint::of(&partition.key).to_string(),
                })
                .collect(),
        })
    }
}

#[derive(Debug, Args)]
pub struct Export {
    /// The file to write; the label in the client identities' directory without this option
    #[arg(long, visible_alias = "f", value_name = "path")]
    file: Option<PathBuf>,
}

impl Export {
    pub(super) fn run(self, session: &Session) -> Outcome {
        let identity = required_identity(session)?;
        let path = match self.file {
            Some(path) => path,
            None => session.paths()?.client_identities.join(identity.label.as_str()),
        };
        write_identity(&path, &identity.label, *identity.keys.public())?;
        report(Exported { file: path.display().to_string() })
    }
}

#[derive(Debug, Args)]
pub struct Delete {
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl Delete {
    /// In LunaCM's order: the partitions forget the client, the client forgets the partitions,
    /// the identity goes. A partition that cannot be told is reported and does not stop the rest.
    pub(super) fn run(&self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let identity = required_identity(session)?;
        let name = identity.label;
        let warning = format!(
            "Are you sure you want to delete the client identity {name}?\nAll registered partitions will be removed from this client, and its service on them is lost."
        );
        console.confirm(&warning, self.force)?;
        session.refresh()?;
        let token = session.token()?;
        let partitions = token.partitions().map_err(|error| token_failure(&error))?;
        let total = u64::try_from(partitions.len()).unwrap_or(u64::MAX);
        let mut untold = Vec::new();
        for (told, partition) in (0..).zip(&partitions) {
            console.progress("Telling the partitions", told, total);
            if let Err(reason) = leave(session, partition.serial) {
                untold.push(Untold { serial: partition.serial.to_string(), reason });
            }
        }
        console.progress("Telling the partitions", total, total);
        for partition in &partitions {
            token.deregister_partition(partition.serial).map_err(|error| token_failure(&error))?;
        }
        token.delete_identity().map_err(|error| token_failure(&error))?;
        session.drop_links();
        report(Deleted { name, untold })
    }
}

/// Has a partition forget this client.
fn leave(session: &mut Session, serial: SerialNumber) -> Result<(), String> {
    let by_identity = |slot: &&Slot| {
        let target = slot.link().target();
        target.serial == serial && matches!(target.way, Way::Stc { .. })
    };
    let slot = session.slots().iter().find(by_identity);
    let number = slot.map(|slot| slot.number).ok_or("there is no link to it")?;
    match session.ask_slot(number, &Request::DeregisterSelf) {
        Ok(Reply::Done) => Ok(()),
        Ok(Reply::Failed(status)) => Err(status.to_string()),
        Ok(_) => Err("its answer makes no sense".to_owned()),
        Err(failure) => Err(failure.cause),
    }
}

fn required_identity(session: &Session) -> Result<ClientIdentity, Failure> {
    let token = session.initialized_token()?;
    identity_on(&token)?.ok_or_else(|| {
        failure(Status::StcClientIdentityNotConfigured, "there is no client identity on the token")
            .remedy("Make one: stc identitycreate -label <client_identity>.")
    })
}

fn write_identity(
    path: &std::path::Path,
    label: &ClientLabel,
    key: [u8; 32],
) -> Result<(), Failure> {
    let identity = ClientIdentityFile { label: label.clone(), key };
    identity_file::write_client(path, &identity)
        .map_err(|error| failure(Status::FunctionFailed, error.to_string()).remedy(error.remedy()))
}

#[derive(Debug, Serialize)]
struct Created {
    label: ClientLabel,
    file: String,
}

impl fmt::Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { label, file } = self;
        write!(
            f,
            "\n        Client identity {label} successfully created and exported to file\n        {file}"
        )
    }
}

#[derive(Debug, Serialize)]
struct Exported {
    file: String,
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n        Successfully exported the client identity to\n        {}", self.file)
    }
}

#[derive(Debug, Serialize)]
struct Shown {
    name: ClientLabel,
    hash: String,
    partitions: Vec<Partition>,
}

#[derive(Debug, Serialize)]
struct Partition {
    label: Option<String>,
    serial: String,
    hash: String,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n        Client Identity Name:    {}", self.name)?;
        write!(f, "\n        Public Key SHA-256 Hash: {}", self.hash)?;
        if self.partitions.is_empty() {
            return write!(f, "\n\n        There are no registered partitions.");
        }
        writeln!(f, "\n\n        List of Registered Partitions:\n")?;
        let mut table = Table::new(&[
            "Partition Identity Label",
            "Partition Serial Number",
            "Partition Public Key SHA-256 Hash",
        ]);
        for partition in &self.partitions {
            let label = partition.label.clone().unwrap_or_default();
            table.row([label, partition.serial.clone(), partition.hash.clone()]);
        }
        write!(f, "{table}")
    }
}

#[derive(Debug, Serialize)]
struct Deleted {
    name: ClientLabel,
    untold: Vec<Untold>,
}

#[derive(Debug, Serialize)]
struct Untold {
    serial: String,
    reason: String,
}

impl fmt::Display for Deleted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Untold { serial, reason } in &self.untold {
            write!(
                f,
                "\n        Partition {serial} still holds this client's public key: {reason}."
            )?;
        }
        if !self.untold.is_empty() {
            writeln!(f, "\n        Its Partition SO removes it with stcconfig clientderegister.")?;
        }
        write!(f, "\n        Successfully deleted client identity {}.", self.name)
    }
}
