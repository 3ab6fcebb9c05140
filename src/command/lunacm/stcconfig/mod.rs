//! `stcconfig`: the partition's side of STC. Its Partition SO has to be logged in.

mod algorithms;
mod limits;

use std::{fmt, path::PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Session,
    failure::{failure, refused},
    table::Table,
};
use crate::{
    client::identity_file,
    crypto::Fingerprint,
    model::{
        CLIENT_IDENTITY_BYTES, ClientLabel, Label, PartitionIdentity, Reply, Request, Status,
        StcChange, StcFamily, StcSettings,
    },
    shell::{Console, Failure, Outcome, report},
    wire::PartitionIdentityFile,
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Registers a client identity to the partition
    #[command(visible_alias = "clr")]
    Clientregister(ClientRegister),
    /// Lists the clients registered to the partition
    #[command(visible_alias = "cl")]
    Clientlist(ClientList),
    /// Removes a client from the partition and ends its links
    #[command(visible_alias = "cld")]
    Clientderegister(ClientDeregister),
    /// Exports the partition's public identity to a file
    #[command(visible_alias = "pide")]
    Partitionidexport(PartitionIdExport),
    /// Shows the partition's public identity
    #[command(visible_alias = "pids")]
    Partitionidshow(PartitionIdShow),
    /// Sets how long a link may take to come up
    #[command(visible_alias = "atse")]
    Activationtimeoutset(limits::ActivationTimeoutSet),
    /// Shows how long a link may take to come up
    #[command(visible_alias = "atsh")]
    Activationtimeoutshow(limits::ActivationTimeoutShow),
    /// Sets after how many messages keys are changed
    #[command(visible_alias = "rkse")]
    Rekeythresholdset(limits::RekeyThresholdSet),
    /// Shows after how many messages keys are changed
    #[command(visible_alias = "rksh")]
    Rekeythresholdshow(limits::RekeyThresholdShow),
    /// Sets the size of the replay window
    #[command(visible_alias = "rwse", alias = "rws")]
    Replaywindowset(limits::ReplayWindowSet),
    /// Shows the size of the replay window
    #[command(visible_alias = "rwsh")]
    Replaywindowshow(limits::ReplayWindowShow),
    /// Permits links to use a cipher
    #[command(visible_alias = "ce")]
    Cipherenable(algorithms::CipherChange),
    /// Forbids links to use a cipher
    #[command(visible_alias = "cd")]
    Cipherdisable(algorithms::CipherChange),
    /// Lists the ciphers
    #[command(visible_alias = "cs")]
    Ciphershow(algorithms::Show),
    /// Permits links to use an HMAC
    #[command(visible_alias = "he")]
    Hmacenable(algorithms::HmacChange),
    /// Forbids links to use an HMAC
    #[command(visible_alias = "hd")]
    Hmacdisable(algorithms::HmacChange),
    /// Lists the HMACs
    #[command(visible_alias = "hs")]
    Hmacshow(algorithms::Show),
    /// Permits links to use a key exchange
    #[command(visible_alias = "kee")]
    Keyexchangeenable(algorithms::KeyExchangeChange),
    /// Forbids links to use a key exchange
    #[command(visible_alias = "ked")]
    Keyexchangedisable(algorithms::KeyExchangeChange),
    /// Lists the key exchanges
    #[command(visible_alias = "kes")]
    Keyexchangeshow(algorithms::Show),
}

impl Command {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        match self {
            Self::Clientregister(command) => command.run(session),
            Self::Clientlist(command) => command.run(session),
            Self::Clientderegister(command) => command.run(session, console),
            Self::Partitionidexport(command) => command.run(session),
            Self::Partitionidshow(command) => command.run(session),
            Self::Activationtimeoutset(command) => command.run(session),
            Self::Activationtimeoutshow(command) => command.run(session),
            Self::Rekeythresholdset(command) => command.run(session),
            Self::Rekeythresholdshow(command) => command.run(session),
            Self::Replaywindowset(command) => command.run(session),
            Self::Replaywindowshow(command) => command.run(session),
            Self::Cipherenable(command) => command.run(session, true),
            Self::Cipherdisable(command) => command.run(session, false),
            Self::Ciphershow(command) => command.run(session, StcFamily::Cipher),
            Self::Hmacenable(command) => command.run(session, true),
            Self::Hmacdisable(command) => command.run(session, false),
            Self::Hmacshow(command) => command.run(session, StcFamily::Hmac),
            Self::Keyexchangeenable(command) => command.run(session, true),
            Self::Keyexchangedisable(command) => command.run(session, false),
            Self::Keyexchangeshow(command) => command.run(session, StcFamily::KeyExchange),
        }
    }
}

/// The slot whose partition a command is about.
#[derive(Debug, Args)]
struct OfSlot {
    /// The slot; the current one without this option
    #[arg(long, visible_alias = "s", value_name = "slot_id")]
    slot: Option<u32>,
}

/// The slot's number and its settings.
fn settings(session: &mut Session, of: &OfSlot) -> Result<(u32, StcSettings), Failure> {
    let number = session.number(of.slot)?;
    match session.ask_slot(number, &Request::StcSettings)? {
        Reply::StcSettings(settings) => Ok((number, settings)),
        reply => Err(unexpected(&reply)),
    }
}

/// Changes one setting of the slot, and gives its number.
fn change(session: &mut Session, of: &OfSlot, change: StcChange) -> Result<u32, Failure> {
    let number = session.number(of.slot)?;
    match session.ask_slot(number, &Request::ChangeStcSettings(change))? {
        Reply::Done => Ok(number),
        reply => Err(unexpected(&reply)),
    }
}

#[derive(Debug, Args)]
pub(super) struct ClientRegister {
    /// The name to keep the client under
    #[arg(long, visible_alias = "l", value_name = "client_label")]
    label: String,
    /// The client's exported identity
    #[arg(long, visible_alias = "f", value_name = "path/client_identity")]
    file: PathBuf,
    #[command(flatten)]
    of: OfSlot,
}

impl ClientRegister {
    fn run(self, session: &mut Session) -> Outcome {
        let label = client_label(&self.label)?;
        let file = identity_file::read_client(&self.file).map_err(|error| {
            failure(Status::StcContainerInvalid, error.to_string()).remedy(error.remedy())
        })?;
        let number = session.number(self.of.slot)?;
        let request = Request::RegisterClient { label: label.clone(), key: file.key };
        match session.ask_slot(number, &request)? {
            Reply::Done => {
                session.heard_of_clients([label.to_string()]);
                report(Registered { label, hash: Fingerprint::of(&file.key).to_string() })
            }
            Reply::Failed(Status::AttributeValueInvalid) => Err(failure(
                Status::AttributeValueInvalid,
                format_args!("a client of the label '{label}' or with this identity is registered already"),
            )
            .remedy("See stcconfig clientlist.")),
            Reply::Failed(Status::DeviceMemory) => Err(failure(
                Status::DeviceMemory,
                format_args!("the partition has no room for another client: each takes {CLIENT_IDENTITY_BYTES} bytes"),
            )
            .remedy("Deregister a client, or ask the HSM SO for a larger partition; see partition showinfo.")),
            reply => Err(unexpected(&reply)),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ClientList {
    #[command(flatten)]
    of: OfSlot,
}

impl ClientList {
    fn run(&self, session: &mut Session) -> Outcome {
        let number = session.number(self.of.slot)?;
        match session.ask_slot(number, &Request::Clients)? {
            Reply::Clients(clients) => {
                session.heard_of_clients(clients.iter().map(|client| client.label.to_string()));
                report(Clients {
                    clients: clients
                        .into_iter()
                        .map(|client| Client {
                            hash: Fingerprint::of(&client.key).to_string(),
                            label: client.label,
                        })
                        .collect(),
                })
            }
            reply => Err(unexpected(&reply)),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ClientDeregister {
    /// The name the client was registered under
    #[arg(long, visible_alias = "l", value_name = "client_label")]
    label: String,
    #[command(flatten)]
    of: OfSlot,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl ClientDeregister {
    fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let label = client_label(&self.label)?;
        let number = session.number(self.of.slot)?;
        let warning = format!(
            "You are about to deregister the client '{label}'.\nIts links to the partition will end.\n\nAre you sure you wish to continue?"
        );
        console.confirm(&warning, self.force)?;
        match session.ask_slot(number, &Request::DeregisterClient { label: label.clone() })? {
            Reply::Done => report(Deregistered { label }),
            Reply::Failed(Status::StcClientHandleInvalid) => Err(failure(
                Status::StcClientHandleInvalid,
                format_args!("no client '{label}' is registered to the partition"),
            )
            .remedy("See stcconfig clientlist.")),
            reply => Err(unexpected(&reply)),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct PartitionIdExport {
    /// The file to write; without this option the serial number with .pid, in the partition identities' directory
    #[arg(long, visible_alias = "f", value_name = "path")]
    file: Option<PathBuf>,
    #[command(flatten)]
    of: OfSlot,
}

impl PartitionIdExport {
    fn run(self, session: &mut Session) -> Outcome {
        let number = session.number(self.of.slot)?;
        let PartitionIdentity { serial, label, key } = identity(session, number)?;
        let path = match self.file {
            Some(path) => path,
            None => session.paths()?.partition_identities.join(format!("{serial}.pid")),
        };
        let file = PartitionIdentityFile { serial, label, key };
        identity_file::write_partition(&path, &file).map_err(|error| {
            failure(Status::FunctionFailed, error.to_string()).remedy(error.remedy())
        })?;
        report(Exported { serial: serial.to_string(), file: path.display().to_string() })
    }
}

#[derive(Debug, Args)]
pub(super) struct PartitionIdShow {
    #[command(flatten)]
    of: OfSlot,
}

impl PartitionIdShow {
    fn run(&self, session: &mut Session) -> Outcome {
        let number = session.number(self.of.slot)?;
        let PartitionIdentity { serial, label, key } = identity(session, number)?;
        let hash = Fingerprint::of(&key).to_string();
        report(Identity { label, serial: serial.to_string(), hash })
    }
}

fn identity(session: &mut Session, number: u32) -> Result<PartitionIdentity, Failure> {
    match session.ask_slot(number, &Request::Identity)? {
        Reply::Identity(identity) => Ok(identity),
        reply => Err(unexpected(&reply)),
    }
}

fn unexpected(reply: &Reply) -> Failure {
    match reply {
        Reply::Failed(Status::UserNotLoggedIn) => {
            failure(Status::UserNotLoggedIn, "the Partition SO is not logged in over this link")
                .remedy("Log in first: role login -name po.")
        }
        Reply::Failed(status) => refused(*status),
        _ => refused(Status::DeviceError),
    }
}

fn client_label(text: &str) -> Result<ClientLabel, Failure> {
    text.parse().map_err(|error| {
        failure(Status::ArgumentsBad, format_args!("the client label is not permitted: {error}"))
    })
}

#[derive(Debug, Serialize)]
struct Registered {
    label: ClientLabel,
    hash: String,
}

impl fmt::Display for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n        Successfully registered the client identity '{}'.", self.label)
    }
}

#[derive(Debug, Serialize)]
struct Deregistered {
    label: ClientLabel,
}

impl fmt::Display for Deregistered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n        Successfully deregistered the client identity '{}'.", self.label)
    }
}

#[derive(Debug, Serialize)]
struct Clients {
    clients: Vec<Client>,
}

#[derive(Debug, Serialize)]
struct Client {
    label: ClientLabel,
    hash: String,
}

impl fmt::Display for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&["Client Name", "Client Identity Public Key SHA-256 Hash"]);
        for client in &self.clients {
            table.row([client.label.to_string(), client.hash.clone()]);
        }
        write!(f, "\n{table}")
    }
}

#[derive(Debug, Serialize)]
struct Exported {
    serial: String,
    file: String,
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { serial, file } = self;
        write!(
            f,
            "\n        Successfully exported the partition identity of {serial} to\n        {file}"
        )
    }
}

#[derive(Debug, Serialize)]
struct Identity {
    label: Option<Label>,
    serial: String,
    hash: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.label.as_ref().map(Label::as_str).unwrap_or_default();
        write!(f, "\n        Partition Label:         {label}")?;
        write!(f, "\n        Partition Serial Number: {}", self.serial)?;
        write!(f, "\n        Public Key SHA-256 Hash: {}", self.hash)
    }
}
