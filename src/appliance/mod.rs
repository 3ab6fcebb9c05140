//! The appliance: a data directory, an HSM, a listener for clients and a socket for its
//! administrator.

mod audit;
mod audit_desk;
mod audit_files;
mod certificate;
mod console;
mod data;
mod desk;
mod dispatch;
mod erasing;
mod keeper;
mod links;
pub mod machine;
mod ntls_desk;
mod opening;
mod privileges;
mod registered;
mod services;
mod stc;
mod syslog;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, spawn_blocking},
};

pub use certificate::CertificateError;
pub use data::DataError;
pub use desk::Desk;
pub use links::LinkLimits;
pub use privileges::{PrivilegeError, ServiceUser};

use crate::{
    channel::Responder,
    crypto::{
        KeyPair, PasswordParameters, RandomError, SelfTestFailure, SystemRandom, check_answers,
    },
    hardening,
    hsm::{Hsm, MemoryLimits, Surroundings, mechanism},
    model::Status,
    net::{Limits, Server, server_config},
    store::StoreError,
};
use audit_files::AuditFiles;
use data::DataDirectory;
use dispatch::Dispatch;
use links::LiveLinks;
use registered::RegisteredClients;
use services::Services;
use syslog::Syslog;

/// How an appliance is started.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The directory that holds everything the appliance keeps.
    pub data: PathBuf,
    /// Where clients connect, such as `127.0.0.1:1792`; port 0 picks a free one.
    pub listen: String,
    /// The host name or address that clients register; the certificate is made for it.
    pub name: Option<String>,
    /// How much the listener takes on.
    pub limits: Limits,
    /// How many links there may be.
    pub links: LinkLimits,
    /// The user to become once the listener is open; none stays who it is.
    pub user: Option<ServiceUser>,
    /// How much memory clients may have for what they keep here.
    pub memory: MemoryLimits,
}

/// A running appliance.
#[derive(Debug)]
pub struct Appliance {
    data: Arc<DataDirectory>,
    desk: Arc<Desk>,
    server: Server,
    stop: watch::Sender<bool>,
    console: JoinHandle<()>,
    /// Ends after everything that could be recorded.
    stop_keeper: watch::Sender<bool>,
    keeper: JoinHandle<()>,
    stop_erasing: watch::Sender<bool>,
    erasing: JoinHandle<()>,
    syslog: Arc<Syslog>,
}

impl Appliance {
    /// Opens the data directory, makes it on first start, and listens.
    ///
    /// # Errors
    /// The directory is in use by another appliance, damaged or not writable, or the address
    /// cannot be listened on.
    pub async fn start(settings: &Settings) -> Result<Self, StartError> {
        test_primitives()?;
        let listener = TcpListener::bind(&settings.listen)
            .await
            .map_err(|error| StartError::Listen { address: settings.listen.clone(), error })?;
        let address = listener.local_addr().map_err(StartError::Console)?;
        if let Some(user) = &settings.user {
            user.own(&settings.data)?;
            user.become_for_good()?;
            // To become another user made the memory visible again to that one.
            hardening::hide_memory().map_err(|error| StartError::Hidden(error.into()))?;
        }
        let data = DataDirectory::open(&settings.data)?;
        data.name_host(settings.name.as_deref())?;
        let identity = certificate::load_or_make(&data, address.ip())?;
        let store = data.store()?;
        let surroundings = Surroundings::system();
        let hsm = Hsm::open(store.0, store.1, PasswordParameters::DEFAULT, surroundings)?;
        let hsm = Arc::new(hsm.with_memory(settings.memory));
        say_bounds(settings);

        let data = Arc::new(data);
        let live = Arc::new(LiveLinks::new(settings.links, hsm.clone()));
        let services = Arc::new(Services::default());
        services.set_keep_alive(hsm.keep_alive().map_err(StartError::Hsm)?);
        let audit = Arc::new(AuditFiles::new(hsm.clone(), data.clone()));
        audit.measure().map_err(StartError::Hsm)?;
        let syslog = Syslog::start(hsm.clone(), data.host()).map_err(StartError::Hsm)?;
        let syslog = Arc::new(syslog);
        let desk = Arc::new(Desk {
            hsm: hsm.clone(),
            live: live.clone(),
            services: services.clone(),
            data: data.clone(),
            identity: identity.clone(),
            address,
            audit: audit.clone(),
            syslog: syslog.clone(),
        });
        let (stop, stopping) = watch::channel(false);
        let console = console::start(data.socket(), desk.clone(), stopping)?;

        let known = Arc::new(RegisteredClients { hsm: hsm.clone(), services: services.clone() });
        let tls = server_config(identity, known).map_err(CertificateError::Tls)?;
        let responder = Responder::new(KeyPair::generate(&mut SystemRandom::new())?);
        let (stop_keeper, keeper_stopping) = watch::channel(false);
        let keeper = keeper::start(hsm.clone(), audit, keeper_stopping);
        let (stop_erasing, stopping) = watch::channel(false);
        let erasing = erasing::start(hsm.clone(), stopping);
        let dispatch = Arc::new(Dispatch::new(hsm, live, services));
        let server = Server::start(listener, tls, responder, dispatch, settings.limits)
            .map_err(StartError::Console)?;
        Ok(Self {
            data,
            desk,
            server,
            stop,
            console,
            stop_keeper,
            keeper,
            stop_erasing,
            erasing,
            syslog,
        })
    }

    /// The address that clients connect to.
    pub const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The file that holds the server's certificate.
    pub fn certificate(&self) -> PathBuf {
        self.data.certificate()
    }

    /// The administrator's desk, for a caller in the same process.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// The directory the administrator's files lie in.
    pub fn files(&self) -> &Path {
        self.data.files()
    }

    /// Ends the appliance: nothing new is accepted, requests in flight are answered.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.server.stop().await;
        if let Err(error) = self.console.await {
            tracing::error!(%error, "the administrator's socket ended badly");
        }
        self.stop_keeper.send_replace(true);
        if let Err(error) = self.keeper.await {
            tracing::error!(%error, "the keeper of the audit log ended badly");
        }
        // Behind the last request.
        self.stop_erasing.send_replace(true);
        if let Err(error) = self.erasing.await {
            tracing::error!(%error, "what was destroyed may still be on the disk");
        }
        let syslog = self.syslog;
        if let Err(error) = spawn_blocking(move || syslog.stop()).await {
            tracing::error!(%error, "sending to syslog servers ended badly");
        }
    }
}

/// Says at the start what bounds links and clients.
fn say_bounds(settings: &Settings) {
    let MemoryLimits { all, per_client } = settings.memory;
    let requests = settings.limits.request_bytes;
    let [all, per_client, requests] = [all, per_client, requests].map(|bytes| bytes >> 20);
    tracing::info!(all, per_client, requests, "memory for clients, in MiB");
    if let Some(most) = Server::most_connections().filter(|most| *most < settings.links.all) {
        tracing::warn!(
            links = most,
            max_links = settings.links.all,
            "the limit of open files permits fewer links than --max-links: raise it (ulimit -n)"
        );
    }
}

/// Why an appliance does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or is not this machine's.
    #[error("cannot listen on {address}: {error}\n{}", listen_remedy(error))]
    Listen {
        /// The address asked for.
        address: String,
        /// What the system said.
        error: io::Error,
    },
    /// The user to run as.
    #[error("{0}")]
    User(#[from] PrivilegeError),
    /// The process's memory cannot be hidden from others.
    #[error("core dumps cannot be turned off: {0}")]
    Hidden(io::Error),
    /// A primitive does not do what it should.
    #[error(
        "{0}\nNothing may be done with keys on this machine: check its memory and processor, and install the package again."
    )]
    SelfTest(#[from] SelfTestFailure),
    /// The data directory.
    #[error("{0}")]
    Data(#[from] DataError),
    /// The server's certificate or key.
    #[error("{0}")]
    Certificate(#[from] CertificateError),
    /// The store.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The HSM's settings.
    #[error("the HSM's settings cannot be read: {0}")]
    Hsm(Status),
    /// No randomness.
    #[error("{0}")]
    Random(#[from] RandomError),
    /// The administrator's socket.
    #[error("cannot open the administrator's socket: {0}")]
    Console(io::Error),
}

/// Goes through the known answers of every primitive, before anything depends on one.
fn test_primitives() -> Result<(), SelfTestFailure> {
    let begin = Instant::now();
    let passed = check_answers(&mechanism::known_answers())?;
    let milliseconds = begin.elapsed().as_millis();
    tracing::info!(passed, milliseconds, "self-tests of the primitives passed");
    Ok(())
}

fn listen_remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "Another program has this port: end it, or choose another with --listen (port 0 picks a free one)."
        }
        io::ErrorKind::PermissionDenied => {
            "Ports below 1024 need privileges: choose another with --listen."
        }
        _ => "Choose an address of this machine with --listen, such as 127.0.0.1:1792.",
    }
}
