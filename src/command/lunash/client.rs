//! `client`: the clients that reach partitions over NTLS.

use std::{fmt, net::IpAddr};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Appliance, failure, ntls_failure, partition, screen::Success};
use crate::{
    crypto::CertificateHash,
    model::{ClientHost, ClientLabel, Label, NtlsClientEntry, NtlsReply, NtlsRequest},
    shell::{Console, Failure, Outcome, report},
};

/// The value name of options that take a client's name.
pub const NAME: &str = "client_name";

/// The `client` commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Registers a client with its certificate, HOST.pem in your files
    #[command(visible_alias = "reg")]
    Register(Register),
    /// Lists the registered clients
    #[command(visible_alias = "l")]
    List,
    /// Shows a client and its partitions
    #[command(visible_alias = "s")]
    Show(Named),
    /// Lets a client use a partition
    #[command(name = "assignPartition", visible_alias = "a")]
    AssignPartition(Pair),
    /// Takes a partition from a client and ends the links between them
    #[command(name = "revokePartition", visible_alias = "rev")]
    RevokePartition(Pair),
    /// Removes a client and ends its links
    #[command(visible_alias = "d")]
    Delete {
        #[command(flatten)]
        client: Named,
        /// Does not ask for a confirmation
        #[arg(long, visible_alias = "f")]
        force: bool,
    },
    /// Shows the hash of a client's certificate
    #[command(visible_alias = "f")]
    Fingerprint(Named),
    /// Records the addresses of clients whose host names cannot be resolved
    #[command(name = "hostip", subcommand, visible_alias = "h")]
    HostIp(HostIp),
}

/// The `client hostip` commands.
#[derive(Debug, Subcommand)]
pub enum HostIp {
    /// Records a client's address
    #[command(visible_alias = "m")]
    Map {
        #[command(flatten)]
        client: Named,
        /// The address that the client connects from
        #[arg(long, visible_alias = "i", value_name = "ip_address")]
        ip: IpAddr,
    },
    /// Shows the recorded addresses
    #[command(visible_alias = "s")]
    Show,
    /// Forgets a client's address
    #[command(visible_alias = "u")]
    Unmap(Named),
}

/// Options of `client register`.
#[derive(Debug, Args)]
pub struct Register {
    #[command(flatten)]
    client: Named,
    #[command(flatten)]
    place: Place,
    /// Does not ask for a confirmation; this command asks for none, and scripts may say it
    #[arg(long, visible_alias = "f")]
    force: bool,
}

/// Where a client is.
#[derive(Debug, Args)]
pub struct Place {
    /// The client's host name; its certificate is HOSTNAME.pem
    #[arg(long, visible_alias = "h", value_name = "hostname", conflicts_with = "ip")]
    hostname: Option<ClientHost>,
    /// The client's address; its certificate is IP.pem
    #[arg(long, visible_alias = "i", value_name = "ip_address")]
    ip: Option<IpAddr>,
}

/// The option that names a client.
#[derive(Debug, Args)]
pub struct Named {
    /// The client's name
    #[arg(long = "client", visible_alias = "c", value_name = NAME)]
    name: ClientLabel,
}

/// A client and a partition.
#[derive(Debug, Args)]
pub struct Pair {
    #[command(flatten)]
    client: Named,
    /// The partition's name
    #[arg(long, visible_aliases = ["par", "p"], value_name = partition::NAME)]
    partition: Label,
}

/// Performs a `client` command.
pub fn run(command: Command, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
    match command {
        Command::Register(Register { client: Named { name }, place, .. }) => {
            let given = place.hostname.or(place.ip.map(ClientHost::Address));
            let host = given
                .ok_or_else(|| failure::bad_arguments("one of -hostname and -ip is missing"))?;
            appliance.order_ntls(NtlsRequest::Register { name, host })?;
            report(Success("client register"))
        }
        Command::List => report(List(entries(appliance)?)),
        Command::Show(client) => report(Details(named(appliance, &client.name)?)),
        Command::AssignPartition(Pair { client, partition }) => {
            let client = client.name;
            appliance.order_ntls(NtlsRequest::Assign { client, partition })?;
            report(Success("client assignPartition"))
        }
        Command::RevokePartition(Pair { client, partition }) => {
            let client = client.name;
            appliance.order_ntls(NtlsRequest::Revoke { client, partition })?;
            report(Success("client revokePartition"))
        }
        Command::Delete { client, force } => delete(client.name, force, appliance, console),
        Command::Fingerprint(client) => {
            let hash = named(appliance, &client.name)?.certificate;
            report(Fingerprint { hash: CertificateHash::from(hash).to_string() })
        }
        Command::HostIp(command) => host_ip(command, appliance),
    }
}

fn delete(
    client: ClientLabel,
    force: bool,
    appliance: &mut Appliance,
    console: &mut dyn Console,
) -> Outcome {
    let entry = named(appliance, &client)?;
    let warning = format!(
        "CAUTION:  Are you sure you wish to delete the client named:\n          {client}\n\
         It loses its {} partitions, and its {} live links end.\n\n\
         Type 'proceed' to delete the client, or\n'quit' to quit now.",
        entry.partitions.len(),
        entry.links
    );
    console.confirm(&warning, force)?;
    appliance.order_ntls(NtlsRequest::Delete { client })?;
    report(Success("client delete"))
}

fn host_ip(command: HostIp, appliance: &mut Appliance) -> Outcome {
    match command {
        HostIp::Map { client, ip: address } => {
            appliance.order_ntls(NtlsRequest::MapAddress { client: client.name, address })?;
            report(Success("client hostip map"))
        }
        HostIp::Show => report(Addresses(entries(appliance)?)),
        HostIp::Unmap(client) => {
            appliance.order_ntls(NtlsRequest::UnmapAddress { client: client.name })?;
            report(Success("client hostip unmap"))
        }
    }
}

/// The clients, in the order of registration.
pub fn entries(appliance: &mut Appliance) -> Result<Vec<NtlsClientEntry>, Failure> {
    match appliance.ask_ntls(NtlsRequest::Clients)? {
        NtlsReply::Clients(entries) => Ok(entries),
        _ => Err(failure::unexpected_reply()),
    }
}

fn named(appliance: &mut Appliance, name: &ClientLabel) -> Result<NtlsClientEntry, Failure> {
    let entry = entries(appliance)?.into_iter().find(|entry| entry.name == *name);
    entry.ok_or_else(ntls_failure::no_client)
}

/// The screen of `client list`.
#[derive(Serialize)]
struct List(Vec<NtlsClientEntry>);

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return write!(f, "No clients are registered.");
        }
        for (at, entry) in self.0.iter().enumerate() {
            writeln!(f, "registered client {}: {}", at + 1, entry.name)?;
        }
        Ok(())
    }
}

/// The screen of `client show`.
#[derive(Serialize)]
struct Details(NtlsClientEntry);

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(entry) = self;
        let partitions: Vec<_> =
            entry.partitions.iter().map(|name| format!("\"{name}\"")).collect();
        let place = match entry.host {
            ClientHost::Name(_) => "Hostname:",
            ClientHost::Address(_) => "IPAddress:",
        };
        writeln!(f, "{:<14}{}", "ClientID:", entry.name)?;
        writeln!(f, "{place:<14}{}", entry.host)?;
        writeln!(f, "{:<14}no", "HTL Required:")?;
        writeln!(f, "{:<14}n/a", "OTT Expiry:")?;
        match partitions.join(", ") {
            none if none.is_empty() => write!(f, "{:<14}<none>", "Partitions:"),
            names => write!(f, "{:<14}{names}", "Partitions:"),
        }
    }
}

/// The screen of `client fingerprint`.
#[derive(Serialize)]
struct Fingerprint {
    hash: String,
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate fingerprint: {}", self.hash)
    }
}

/// The screen of `client hostip show`.
#[derive(Serialize)]
struct Addresses(Vec<NtlsClientEntry>);

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut mapped = self.0.iter().filter_map(|entry| Some((entry, entry.address?))).peekable();
        if mapped.peek().is_none() {
            return write!(f, "No client addresses are recorded.");
        }
        writeln!(f, "   {:<32} {:<32} IP Address", "Client", "Host")?;
        write!(f, "   {}", "=".repeat(81))?;
        for (entry, address) in mapped {
            write!(f, "\n   {:<32} {:<32} {address}", entry.name, entry.host)?;
        }
        Ok(())
    }
}
