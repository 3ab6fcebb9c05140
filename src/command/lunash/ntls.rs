//! `ntls`: the service for clients that are known by their certificates.

use std::{fmt, net::IpAddr};

use clap::Subcommand;
use serde::Serialize;

use super::{
    super::unavailable::Unavailable,
    Appliance, failure,
    file::Moment,
    ntls_keep_alive,
    screen::{Sentence, Success},
};
use crate::{
    crypto::CertificateHash,
    model::{CertificateInfo, NtlsInfo, NtlsReply, NtlsRequest},
    shell::{Failure, Outcome, report, shown},
};

/// The `ntls` commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows where NTLS connections are accepted
    #[command(visible_alias = "sh")]
    Show,
    /// Accepts NTLS connections at one address only, or at all
    #[command(visible_alias = "b")]
    Bind {
        /// all, or an address of this machine
        #[arg(value_name = "netdevice")]
        device: String,
        /// Does not ask for a confirmation; this command asks for none, and scripts may say it
        #[arg(long, visible_alias = "f")]
        force: bool,
    },
    /// Manages the check that clients connect from their registered addresses
    #[command(name = "ipcheck", subcommand, visible_alias = "i")]
    IpCheck(IpCheck),
    /// Shows or resets the counters of connections
    #[command(subcommand, visible_alias = "in")]
    Information(Information),
    /// Shows the server's certificate
    #[command(subcommand, visible_alias = "c")]
    Certificate(Certificate),
    /// Manages how links find out that their clients are gone
    #[command(name = "tcp_keepalive", subcommand, visible_alias = "t")]
    TcpKeepAlive(ntls_keep_alive::Command),
    /// Sets the number of threads (not here)
    Threads(Unavailable),
    /// Activates the keys of a hardware-protected service (not in software)
    #[command(name = "activateKeys")]
    ActivateKeys(Unavailable),
}

/// The `ntls ipcheck` commands.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum IpCheck {
    /// Refuses clients that connect from other addresses than the registered ones
    #[command(visible_alias = "e")]
    Enable,
    /// Accepts clients from any address
    #[command(visible_alias = "d")]
    Disable,
    /// Shows whether addresses are checked
    #[command(visible_alias = "s")]
    Show,
}

/// The `ntls information` commands.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Information {
    /// Shows the state of the service and its counters
    #[command(visible_alias = "s")]
    Show,
    /// Sets the counters to zero
    #[command(visible_alias = "r")]
    Reset,
}

/// The `ntls certificate` commands.
#[derive(Debug, Subcommand)]
pub enum Certificate {
    /// Shows what the server's certificate says
    #[command(visible_alias = "s")]
    Show,
    /// Sends traps before the certificate ends (not here)
    Monitor(Unavailable),
}

/// Performs an `ntls` command.
pub fn run(command: Command, appliance: &mut Appliance) -> Outcome {
    match command {
        Command::Show => report(Binding(info(appliance)?)),
        Command::Bind { device, .. } => bind(&device, appliance),
        Command::IpCheck(command) => ip_check(command, appliance),
        Command::Information(Information::Show) => report(Counters(info(appliance)?)),
        Command::Information(Information::Reset) => {
            appliance.order_ntls(NtlsRequest::ResetCounters)?;
            report(Success("ntls information reset"))
        }
        Command::Certificate(Certificate::Show) => report(Shown(info(appliance)?.certificate)),
        Command::Certificate(Certificate::Monitor(_)) => Err(failure::unavailable(
            "there is no SNMP agent here that could send traps",
            "Its end stands in 'ntls certificate show', and in --json as valid_until.",
        )),
        Command::TcpKeepAlive(command) => ntls_keep_alive::run(command, appliance),
        Command::Threads(_) => Err(failure::unavailable(
            "links have no threads of their own: each is a task, and they share as many threads as the machine has processors",
            "How many links there may be is set when lunahsmd starts: --max-links.",
        )),
        Command::ActivateKeys(_) => Err(failure::unavailable(
            "the service's key lies in the data directory, not in hardware that would have to be activated",
            "NTLS runs as it is: 'ntls show'.",
        )),
    }
}

/// The state of the service.
pub fn info(appliance: &mut Appliance) -> Result<NtlsInfo, Failure> {
    match appliance.ask_ntls(NtlsRequest::Describe)? {
        NtlsReply::Service(info) => Ok(*info),
        _ => Err(failure::unexpected_reply()),
    }
}

fn bind(device: &str, appliance: &mut Appliance) -> Outcome {
    let address = if device.eq_ignore_ascii_case("all") {
        None
    } else {
        let address: Result<IpAddr, _> = device.parse();
        Some(address.map_err(|_| {
            failure::bad_arguments(format!("there is no network device {device} here"))
                .remedy("A software appliance has none of its own: give all, or an address of this machine.")
        })?)
    };
    appliance.order_ntls(NtlsRequest::Bind(address))?;
    report(Sentence(match address {
        None => "NTLS binding set to all network devices. It holds for new connections.".to_owned(),
        Some(address) => {
            format!("NTLS binding set to address {address}. It holds for new connections.")
        }
    }))
}

fn ip_check(command: IpCheck, appliance: &mut Appliance) -> Outcome {
    let check = match command {
        IpCheck::Enable => true,
        IpCheck::Disable => false,
        IpCheck::Show => {
            let state = if info(appliance)?.address_check { "Enable" } else { "Disable" };
            return report(Sentence(format!("NTLS client source IP validation : {state}")));
        }
    };
    appliance.order_ntls(NtlsRequest::CheckAddresses(check))?;
    let state = if check { "enabled" } else { "disabled" };
    report(Sentence(format!("NTLS client source IP validation {state}")))
}

/// The screen of `ntls show`.
#[derive(Serialize)]
struct Binding(NtlsInfo);

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(info) = self;
        match info.bound {
            Some(address) => writeln!(f, "NTLS bound to address:  {address}")?,
            None => writeln!(f, "NTLS bound to network devices:  all")?,
        }
        writeln!(f, "Listening on:  {}", info.listening)?;
        write!(f, "NTLS is {}", if info.running { "running" } else { "not running" })
    }
}

/// The screen of `ntls information show`.
#[derive(Serialize)]
struct Counters(NtlsInfo);

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(info) = self;
        let state = if info.running { "1 (up)" } else { "0 (down)" };
        writeln!(f, "NTLS Information:\n")?;
        writeln!(f, "Operational Status: {state}")?;
        writeln!(f, "Connected Clients: {}", info.connected_clients)?;
        writeln!(f, "Links: {}", info.links)?;
        writeln!(f, "Successful Client Connections: {}", info.accepted)?;
        write!(f, "Failed Client Connections: {}", info.refused)
    }
}

/// The screen of `ntls certificate show`.
#[derive(Serialize)]
struct Shown(CertificateInfo);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(info) = self;
        writeln!(f, "NTLS Server Certificate:\n")?;
        writeln!(f, "Serial Number:  {}", info.serial)?;
        writeln!(f, "Issuer:         {}", shown(&info.issuer))?;
        writeln!(f, "Subject:        {}", shown(&info.subject))?;
        writeln!(f, "Names:          {}", shown(&info.names.join(", ")))?;
        writeln!(f, "Not Before:     {} UTC", Moment(info.valid_from))?;
        writeln!(f, "Not After:      {} UTC", Moment(info.valid_until))?;
        write!(f, "SHA-256 Hash:   {}", CertificateHash::from(info.hash))
    }
}
