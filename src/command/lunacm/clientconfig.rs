//! `clientconfig`: the appliances that this client knows.

use std::fmt;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Session, table::Table};
use crate::shell::{Outcome, report};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists the registered servers
    #[command(visible_alias = "ls")]
    Listservers(ListServers),
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> Outcome {
        match self {
            Self::Listservers(command) => command.run(session),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ListServers {}

impl ListServers {
    #[allow(clippy::unused_self, reason = "every command acts on its arguments")]
    fn run(&self, session: &Session) -> Outcome {
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
