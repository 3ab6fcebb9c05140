//! Every partition that a client may try to reach.
//!
//! Over STC these are its registered ones, on each server that is enabled for it: which server has
//! which partition is not written anywhere, and the handshake tells. Over NTLS each server is
//! asked which partitions it gave to this client; what it says is believed for no partition whose
//! identity is registered.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use super::{
    config::{ConfigFileError, Configuration, NumberError},
    establish::REGISTER_ANEW,
    failure::ConnectFailure,
    home::{Home, HomeError, NETWORK_SECTION, Paths},
    ntls_identity,
    registration::pinned,
    servers::{self, Server, ServersError},
    target::{Target, Way},
};
use crate::{
    model::{ApplicationId, ApplicationIdError, SerialNumber},
    net::{Credentials, Endpoint},
    store::{ClientIdentity, RegisteredPartition},
};

/// How long an appliance may take to answer if `ReceiveTimeout` does not say.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(20);

/// What `ReceiveTimeout` may be, in milliseconds: up to a day.
const PATIENCE: RangeInclusive<i64> = 1..=86_400_000;

/// What there is to reach, servers first.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// The partitions over STC. A server whose certificate cannot be used is a target too, with the
    /// reason.
    pub partitions: Vec<Target>,
    /// The servers to ask over NTLS for more of them.
    pub servers: Vec<NtlsServer>,
    /// The servers that cannot be asked over NTLS, by name, and why.
    pub unasked: Vec<(String, ConnectFailure)>,
    /// The partitions whose identities are registered, if STC is enabled on any server: they are
    /// reached over STC alone.
    pub by_identity: Vec<SerialNumber>,
    /// How long an appliance may take to answer.
    pub patience: Duration,
}

/// A server that is to be asked over NTLS.
#[derive(Clone, Debug)]
pub struct NtlsServer {
    /// Its name, as registered.
    pub host: String,
    /// Where it is.
    pub endpoint: Endpoint,
    /// What this client shows it.
    pub credentials: Credentials,
    /// The application whose login the links share; none for logins of their own.
    pub application: Option<ApplicationId>,
}

impl NtlsServer {
    /// The target of a partition that this server has.
    pub(super) fn target(&self, serial: SerialNumber) -> Target {
        Target {
            host: self.host.clone(),
            endpoint: Ok(self.endpoint.clone()),
            serial,
            way: Way::Ntls(self.credentials.clone()),
            application: self.application,
        }
    }
}

impl Targets {
    /// Has all links share the login of this application.
    pub fn set_application(&mut self, id: ApplicationId) {
        self.partitions.iter_mut().for_each(|target| target.application = Some(id));
        self.servers.iter_mut().for_each(|server| server.application = Some(id));
    }
}

/// The targets of a home whose client has this STC identity and these registered partitions.
/// Nobody is asked yet.
///
/// # Errors
/// The configuration cannot be read, or is broken.
pub fn targets(
    home: &Home,
    identity: Option<ClientIdentity>,
    partitions: &[RegisteredPartition],
) -> Result<Targets, TargetsError> {
    let configuration = home.configuration()?;
    let application = application(&configuration)?;
    let places = Places { paths: home.paths()?, patience: patience(&configuration)?, application };
    let servers = servers::list(&configuration)?;
    let (stc, ntls): (Vec<_>, Vec<_>) = servers.into_iter().partition(|server| server.stc);
    // Whoever has switched every server back to NTLS means it.
    let by_identity = partitions.iter().filter(|_| !stc.is_empty());
    let by_identity = by_identity.map(|partition| partition.serial).collect();
    let patience = places.patience;
    let mut targets = Targets { by_identity, patience, ..Targets::default() };
    if let Some(identity) = identity.map(Arc::new) {
        for server in stc {
            let endpoint = places.endpoint(&server);
            targets.partitions.extend(partitions.iter().map(|partition| Target {
                host: server.name.to_string(),
                endpoint: endpoint.clone(),
                serial: partition.serial,
                way: Way::Stc { identity: identity.clone(), partition: partition.key },
                application,
            }));
        }
    }
    places.add_servers(&ntls, &mut targets);
    Ok(targets)
}

/// The application ID that the configuration fixes for every program of this home.
///
/// # Errors
/// It is none.
pub fn application(configuration: &Configuration) -> Result<Option<ApplicationId>, TargetsError> {
    let fixed = configuration.get("Misc", "AppId").filter(|text| !text.is_empty());
    fixed.map(|text| text.parse().map_err(TargetsError::Application)).transpose()
}

fn patience(configuration: &Configuration) -> Result<Duration, Box<NumberError>> {
    let milliseconds = configuration.number(NETWORK_SECTION, "ReceiveTimeout", PATIENCE)?;
    let milliseconds = milliseconds.and_then(|number| u64::try_from(number).ok());
    Ok(milliseconds.map_or(DEFAULT_PATIENCE, Duration::from_millis))
}

struct Places {
    paths: Paths,
    patience: Duration,
    application: Option<ApplicationId>,
}

impl Places {
    fn endpoint(&self, server: &Server) -> Result<Endpoint, String> {
        let certificate = pinned(&self.paths, &server.name).map_err(|error| error.to_string())?;
        let (host, port) = (server.name.to_string(), server.port);
        Ok(Endpoint { host, port, certificate, patience: self.patience })
    }

    /// Adds the servers that are to be asked. A client that has no certificate does not use NTLS:
    /// there is nothing to ask and nothing to tell.
    fn add_servers(&self, servers: &[Server], targets: &mut Targets) {
        let credentials = match ntls_identity::load(&self.paths) {
            Ok(Some(credentials)) => credentials,
            Ok(None) => return,
            Err(error) => {
                let unusable = |server: &Server| {
                    let failure = ConnectFailure::Unusable(error.to_string(), error.remedy());
                    (server.name.to_string(), failure)
                };
                targets.unasked.extend(servers.iter().map(unusable));
                return;
            }
        };
        for server in servers {
            let host = server.name.to_string();
            match self.endpoint(server) {
                Ok(endpoint) => targets.servers.push(NtlsServer {
                    host,
                    endpoint,
                    credentials: credentials.clone(),
                    application: self.application,
                }),
                Err(reason) => {
                    let failure = ConnectFailure::Unusable(reason, REGISTER_ANEW);
                    targets.unasked.push((host, failure));
                }
            }
        }
    }
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
    /// An entry of the configuration is not the number that it has to be.
    #[error(transparent)]
    Number(#[from] Box<NumberError>),
    /// The application ID.
    #[error("AppId in section Misc: {0}")]
    Application(ApplicationIdError),
}

impl TargetsError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Home(error) => error.remedy(),
            Self::Servers(error) => error.remedy(),
            Self::Number(_) => NumberError::REMEDY,
            Self::Application(_) => {
                "Correct it, or take it out: configurator deleteValue -s Misc -e AppId."
            }
        }
    }
}

impl From<ConfigFileError> for TargetsError {
    fn from(error: ConfigFileError) -> Self {
        Self::Home(error.into())
    }
}
