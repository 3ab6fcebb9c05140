//! `clientconfig`: the appliances that this client knows.

mod deploy;

use std::{fmt, time::SystemTime};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Session, failure::failure, table::Table};
use crate::{
    client::registration::endings,
    command::found_slots::{FoundSlots, nothing_found},
    model::Status,
    shell::{Console, Failure, Outcome, indented, report},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists the registered servers
    #[command(visible_alias = "ls")]
    Listservers(ListServers),
    /// Connects to every server and lists the partitions that this client reaches
    #[command(visible_alias = "v")]
    Verify(Verify),
    /// Ends all links and connects anew, with the configuration as it is now
    #[command(visible_alias = "r")]
    Restart(Restart),
    /// Registers this client and an appliance with each other over NTLS, in one step
    #[command(visible_alias = "d")]
    Deploy(deploy::Deploy),
}

impl Command {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        match self {
            Self::Listservers(command) => command.run(session, console),
            Self::Verify(command) => command.run(session, console),
            Self::Restart(command) => command.run(session, console),
            Self::Deploy(command) => command.run(session),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ListServers {}

impl ListServers {
    #[allow(clippy::unused_self, reason = "every command acts on its arguments")]
    fn run(&self, session: &Session, console: &mut dyn Console) -> Outcome {
        warn(session, console)?;
        let servers = session.servers()?;
        let servers = servers
            .into_iter()
            .map(|server| ListedServer {
                id: server.id,
                server: server.name.to_string(),
                channel: if server.stc { "STC" } else { "NTLS" },
                htl_required: server.htl,
            })
            .collect();
        report(ServerList { servers })
    }
}

#[derive(Debug, Args)]
pub(super) struct Verify {}

impl Verify {
    #[allow(clippy::unused_self, reason = "every command acts on its arguments")]
    fn run(&self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        session.refresh()?;
        warn(session, console)?;
        if session.present().next().is_none() {
            let (cause, remedy) = nothing_found(session.all_slots());
            return Err(failure(Status::TokenNotPresent, cause).remedy(remedy));
        }
        report(Verified { found: FoundSlots::new(session.present()) })
    }
}

/// Warns of certificates whose end is near or past.
fn warn(session: &Session, console: &mut dyn Console) -> Result<(), Failure> {
    for ending in endings(&session.paths()?, &session.servers()?, SystemTime::now()) {
        console.say(&indented(&ending.to_string(), 8));
    }
    Ok(())
}

#[derive(Debug, Args)]
pub(super) struct Restart {
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl Restart {
    fn run(&self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let warning =
            "LunaCM restarts, and sessions that are open in it are closed; roles are logged out.";
        console.confirm(warning, self.force)?;
        session.restart()?;
        Ok(None)
    }
}

#[derive(Debug, Serialize)]
struct Verified {
    #[serde(flatten)]
    found: FoundSlots,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", indented(&self.found.to_string(), 8))
    }
}

#[derive(Debug, Serialize)]
struct ServerList {
    servers: Vec<ListedServer>,
}

#[derive(Debug, Serialize)]
struct ListedServer {
    id: u8,
    server: String,
    channel: &'static str,
    htl_required: bool,
}

impl fmt::Display for ServerList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.servers.is_empty() {
            return write!(f, "\n        There are no servers registered.");
        }
        let mut table = Table::new(&["Server ID", "Server", "Channel", "HTL Required"]);
        for server in &self.servers {
            let htl = if server.htl_required { "yes" } else { "no" };
            table.row([
                server.id.to_string(),
                server.server.clone(),
                server.channel.to_owned(),
                htl.to_owned(),
            ]);
        }
        write!(f, "\n{table}")
    }
}
