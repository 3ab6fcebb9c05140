//! `syslog remotehost`, also `audit remotehost`: where records of the audit log go besides.

use std::fmt;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Appliance, failure, screen::Success};
use crate::{
    model::{
        AdminReply, AdminRequest, SYSLOG_PORT, Status, SyslogRequest, SyslogState, SyslogTarget,
    },
    shell::{Console, Outcome, report},
};

/// The `syslog` commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Manages the servers that get records of the audit log
    #[command(subcommand, visible_alias = "re")]
    Remotehost(Remotehost),
}

/// The `remotehost` commands.
#[derive(Debug, Subcommand)]
pub enum Remotehost {
    /// Sends records to another server
    #[command(visible_alias = "a")]
    Add(Add),
    /// Sends records to a server no more
    #[command(visible_alias = "d")]
    Delete(Delete),
    /// Lists the servers
    #[command(visible_alias = "l")]
    List,
    /// Sends records to no server any more
    #[command(visible_alias = "c")]
    Clear(Clear),
}

/// Options of `add`.
#[derive(Debug, Args)]
pub struct Add {
    /// The server's host name or address, which is reached over TLS
    #[arg(long, visible_alias = "ho", value_name = "host", required_unless_present = "socket")]
    host: Option<String>,
    /// Its port
    #[arg(long, visible_alias = "po", value_name = "port", default_value_t = SYSLOG_PORT, requires = "host")]
    port: u16,
    /// The certificates, among your files and in PEM, of the authorities that made the server's
    #[arg(long, visible_alias = "c", value_name = super::file::NAME, requires = "host")]
    certificate: Option<String>,
    /// The name that the server's certificate has to have; its host if missing
    #[arg(long, visible_alias = "n", value_name = "name", requires = "host")]
    name: Option<String>,
    /// A datagram socket on this machine in place of a server, such as /dev/log
    #[arg(long, visible_alias = "s", value_name = "path", conflicts_with = "host")]
    socket: Option<String>,
}

/// Options of `delete`.
#[derive(Debug, Args)]
pub struct Delete {
    /// The server's host, with its port if there are several, or the socket's path
    #[arg(long, visible_alias = "ho", value_name = "host")]
    host: String,
}

/// Options of `clear`.
#[derive(Debug, Args)]
pub struct Clear {
    /// Does not ask for a confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

/// Performs a `remotehost` command.
pub fn run(command: Remotehost, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
    match command {
        Remotehost::Add(options) => options.run(appliance),
        Remotehost::Delete(options) => {
            change(appliance, SyslogRequest::Delete(options.host))?;
            report(Success("remotehost delete"))
        }
        Remotehost::List => match appliance.ask(&AdminRequest::Syslog(SyslogRequest::List))? {
            AdminReply::Syslog(states) => report(List(states)),
            _ => Err(failure::unexpected_reply()),
        },
        Remotehost::Clear(options) => {
            let warning = "No server will get records of the audit log any more.\n\n\
                           Type 'proceed' to continue, or 'quit'\nto quit now.";
            console.confirm(warning, options.force)?;
            change(appliance, SyslogRequest::Clear)?;
            report(Success("remotehost clear"))
        }
    }
}

impl Add {
    fn run(self, appliance: &mut Appliance) -> Outcome {
        let target = match (self.socket, self.host) {
            (Some(path), _) => SyslogTarget::Socket { path },
            (None, Some(host)) => {
                let file = self.certificate.ok_or_else(|| {
                    failure::bad_arguments("-certificate is missing").remedy(
                        "Copy the certificate of the server's authority among your files, and name it.",
                    )
                })?;
                let content = match appliance.reply(&AdminRequest::ReadFile { name: file })? {
                    AdminReply::Content(content) => content,
                    AdminReply::Failed(Status::ObjectHandleInvalid) => {
                        return Err(failure::unknown("file", "my file list"));
                    }
                    AdminReply::Failed(status) => return Err(failure::refused(status)),
                    _ => return Err(failure::unexpected_reply()),
                };
                let roots = String::from_utf8(content).map_err(|_| {
                    failure::bad_arguments("the certificate is no text")
                        .remedy("It has to be in PEM form.")
                })?;
                let name = self.name.unwrap_or_else(|| host.clone());
                SyslogTarget::Tls { host, port: self.port, name, roots }
            }
            (None, None) => return Err(failure::bad_arguments("-host or -socket is missing")),
        };
        change(appliance, SyslogRequest::Add(target))?;
        report(Success("remotehost add"))
    }
}

fn change(appliance: &mut Appliance, request: SyslogRequest) -> Result<(), crate::shell::Failure> {
    let failure = match appliance.order_of(&AdminRequest::Syslog(request))? {
        Ok(()) => return Ok(()),
        Err(Status::AttributeValueInvalid) => {
            failure::bad_arguments("records go to this server already")
                .remedy("See 'syslog remotehost list'.")
        }
        Err(Status::DeviceMemory) => {
            failure::bad_arguments("there are as many servers as there may be")
                .remedy("Delete one with 'syslog remotehost delete'.")
        }
        Err(Status::ObjectHandleInvalid) => failure::unknown("server", "syslog remotehost list"),
        Err(Status::ArgumentsBad) => {
            failure::bad_arguments("the host, the name, the path or the certificate is none")
                .remedy(
                    "Hosts are names or addresses, paths begin with /, and certificates are PEM.",
                )
        }
        Err(status) => failure::refused(status),
    };
    Err(failure)
}

/// The screen of `remotehost list`.
#[derive(Serialize)]
struct List(Vec<SyslogState>);

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("Records go to no server.");
        }
        for (at, SyslogState { server, connected, sent, lost }) in self.0.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            let reached = if *connected { "connected" } else { "not reached" };
            write!(f, "{server}: {reached}, {sent} records sent, {lost} lost")?;
        }
        Ok(())
    }
}
