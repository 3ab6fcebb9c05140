//! `vtl addServer`, `deleteServer` and `listServers`.

use std::{fmt, path::PathBuf, time::SystemTime};

use clap::Args;
use serde::Serialize;

use crate::{
    client::{
        home::Home,
        registration,
        servers::{self, DEFAULT_PORT, Host, Server},
    },
    shell::{Console, Failure, Outcome, report},
};

#[derive(Debug, Args)]
pub struct Add {
    /// The appliance's host name or IP address
    #[arg(long = "n", value_name = "host")]
    name: String,
    /// The appliance's certificate, server.pem
    #[arg(long = "c", value_name = "server_certificate")]
    certificate: PathBuf,
    /// The appliance's port
    #[arg(long, value_name = "port", default_value_t = DEFAULT_PORT)]
    port: u16,
}

impl Add {
    pub(super) fn run(&self, home: &Home, console: &mut dyn Console) -> Outcome {
        let host = host(&self.name)?;
        let now = SystemTime::now();
        let registered = registration::register(home, (&host, self.port), &self.certificate, now);
        let server = registered.map_err(|error| failed(&error, error.remedy()))?;
        warn(home, std::slice::from_ref(&server), console);
        report(Added { server })
    }
}

#[derive(Debug, Args)]
pub struct Delete {
    /// The appliance's host name or IP address
    #[arg(long = "n", value_name = "host")]
    name: String,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl Delete {
    pub(super) fn run(&self, home: &Home, console: &mut dyn Console) -> Outcome {
        let host = host(&self.name)?;
        if list(home)?.iter().any(|server| server.name == host && server.stc) {
            let warning = format!("STC is enabled on {host}: its links will not come up any more.");
            console.confirm(&warning, self.force)?;
        }
        let removed = registration::deregister(home, &host);
        let server = removed.map_err(|error| failed(&error, error.remedy()))?;
        report(Deleted { server })
    }
}

#[derive(Debug, Args)]
pub struct Replace {
    /// The appliance's registered host name or IP address
    #[arg(long = "o", value_name = "old_host")]
    old: String,
    /// The appliance's new host name or IP address
    #[arg(long = "n", value_name = "new_host")]
    new: String,
    /// The appliance's certificate, server.pem
    #[arg(long = "c", value_name = "server_certificate")]
    certificate: PathBuf,
    /// The appliance's port; the registered one if missing
    #[arg(long, value_name = "port")]
    port: Option<u16>,
}

impl Replace {
    pub(super) fn run(&self, home: &Home, console: &mut dyn Console) -> Outcome {
        let (old, new) = (host(&self.old)?, host(&self.new)?);
        let place = (&old, (&new, self.port));
        let replaced = registration::replace(home, place, &self.certificate, SystemTime::now());
        let server = replaced.map_err(|error| failed(&error, error.remedy()))?;
        warn(home, std::slice::from_ref(&server), console);
        report(Replaced { old, server })
    }
}

#[derive(Debug, Args)]
pub struct List {}

impl List {
    #[allow(clippy::unused_self, reason = "every command acts on its arguments")]
    pub(super) fn run(&self, home: &Home, console: &mut dyn Console) -> Outcome {
        let servers = list(home)?;
        warn(home, &servers, console);
        report(Servers { servers })
    }
}

/// The registered appliances.
pub(super) fn list(home: &Home) -> Result<Vec<Server>, Failure> {
    home.open().map_err(|error| failed(&error, error.remedy()))?;
    let configuration = home.configuration().map_err(|error| failed(&error, error.remedy()))?;
    servers::list(&configuration).map_err(|error| failed(&error, error.remedy()))
}

/// Warns of certificates whose end is near or past.
pub(super) fn warn(home: &Home, servers: &[Server], console: &mut dyn Console) {
    // Whatever keeps the paths from being read has been told, or is told where they are used.
    let Ok(paths) = home.paths() else { return };
    for ending in registration::endings(&paths, servers, SystemTime::now()) {
        console.say(&ending.to_string());
    }
}

/// A failure of the home, the configuration or a file.
pub(super) fn failed(error: &impl fmt::Display, remedy: &str) -> Failure {
    Failure::new(error.to_string(), "").remedy(remedy)
}

/// The host that an option names.
pub(super) fn host(name: &str) -> Result<Host, Failure> {
    name.parse::<Host>().map_err(|error| {
        Failure::new(error.to_string(), "").remedy("Give a name or an address, without a port.")
    })
}

#[derive(Debug, Serialize)]
struct Added {
    server: Server,
}

impl fmt::Display for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "New server {} successfully added to server list.", self.server.name)
    }
}

#[derive(Debug, Serialize)]
struct Deleted {
    server: Server,
}

impl fmt::Display for Deleted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server: {} successfully removed from server list.", self.server.name)
    }
}

#[derive(Debug, Serialize)]
struct Replaced {
    old: Host,
    server: Server,
}

impl fmt::Display for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server: {} successfully replaced by {}.", self.old, self.server.name)
    }
}

#[derive(Debug, Serialize)]
struct Servers {
    servers: Vec<Server>,
}

impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.servers.is_empty() {
            return write!(f, "There are no servers registered.");
        }
        for (at, server) in self.servers.iter().enumerate() {
            let htl = if server.htl { "yes" } else { "no" };
            let line_end = if at > 0 { "\n" } else { "" };
            write!(f, "{line_end}Server: {}  HTL required: {htl}", server.name)?;
        }
        Ok(())
    }
}
