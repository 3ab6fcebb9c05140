//! Every partition that a client may try to reach: its registered ones, on each server that is
//! enabled for STC. Which server has which partition is not written anywhere; the handshake
//! tells.

use std::time::Duration;

use super::{
    Target,
    config::{ConfigFileError, Configuration},
    home::{Home, HomeError, NETWORK_SECTION},
    registration::pinned,
    servers::{self, Server, ServersError},
};
use crate::{net::Endpoint, store::RegisteredPartition};

/// How long an appliance may take to answer if `ReceiveTimeout` does not say.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(20);

/// The targets, servers first. A server whose certificate cannot be used is a target too, with
/// the reason.
///
/// # Errors
/// The configuration cannot be read, or is broken.
pub fn targets(
    home: &Home,
    partitions: &[RegisteredPartition],
) -> Result<Vec<Target>, TargetsError> {
    let configuration = home.configuration()?;
    let paths = home.paths()?;
    let patience = configuration.get(NETWORK_SECTION, "ReceiveTimeout");
    let patience = patience.and_then(|milliseconds| milliseconds.parse().ok());
    let patience = patience.map_or(DEFAULT_PATIENCE, Duration::from_millis);
    let mut targets = Vec::new();
    for server in servers::list(&configuration)?.into_iter().filter(|server| server.stc) {
        let endpoint = pinned(&paths, &server.name).map_err(|error| error.to_string());
        let endpoint = endpoint.map(|certificate| Endpoint {
            host: server.name.to_string(),
            port: server.port,
            certificate,
            patience,
        });
        targets.extend(partitions.iter().map(|partition| Target {
            host: server.name.to_string(),
            endpoint: endpoint.clone(),
            serial: partition.serial,
            key: partition.key,
        }));
    }
    Ok(targets)
}

/// Sets the kind of all links to a server and returns what it is now.
///
/// # Errors
/// No server has this ID, or the configuration cannot be changed.
pub fn set_stc(home: &Home, id: u8, stc: bool) -> Result<Server, TargetsError> {
    Configuration::update(&home.configuration_path(), |configuration| {
        Ok(servers::set_stc(configuration, id, stc)?)
    })
}

/// Why there is no telling what to reach.
#[derive(Debug, thiserror::Error)]
pub enum TargetsError {
    /// The home or its configuration.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The list of servers.
    #[error(transparent)]
    Servers(#[from] ServersError),
}

impl TargetsError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Home(error) => error.remedy(),
            Self::Servers(error) => error.remedy(),
        }
    }
}

impl From<ConfigFileError> for TargetsError {
    fn from(error: ConfigFileError) -> Self {
        Self::Home(error.into())
    }
}
