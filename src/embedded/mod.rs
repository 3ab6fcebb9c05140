//! An appliance and its first client in one process, for a newcomer: `lunacm --embedded`.
//!
//! Nothing is short-cut: the appliance listens on a loopback port, its administrator's requests
//! go through the same desk as `lunash`'s, and the client registers files as anyone would.
//! Everything lies under the client's home; started again, it finds what it made.

mod appliance_side;
mod client_side;

use std::{io, path::PathBuf, time::SystemTime};

use crate::{
    appliance::{Appliance, DataError, LinkLimits, Settings, StartError, machine},
    client::{TargetsError, home::Home, registration::RegistrationError},
    crypto::RandomError,
    model::Status,
    net::Limits,
    store::StoreError,
};

/// The name under which the client registers the appliance.
const HOST: &str = "localhost";

/// The partition that is made.
const PARTITION: &str = "par0";

/// An appliance in this process, if no other process runs it already.
#[derive(Debug)]
pub struct Embedded {
    appliance: Option<Appliance>,
    notes: Vec<String>,
}

impl Embedded {
    /// Starts the appliance of this home and makes what is missing: an initialized HSM, a
    /// partition, the client's token and identity, and their registration with each other.
    ///
    /// # Errors
    /// The step that failed.
    pub async fn start(home: &Home, now: SystemTime) -> Result<Self, EmbeddedError> {
        home.open().map_err(TargetsError::Home)?;
        let data = home.directory().join("appliance");
        let Some(appliance) = listen(&data).await? else {
            let notes = vec![format!(
                "The appliance of this home runs in another process already; this one is its client ({}).",
                data.display()
            )];
            return Ok(Self { appliance: None, notes });
        };
        let made = {
            let desk = appliance.desk();
            appliance_side::prepare(desk, &data)?
        };
        let port = appliance.address().port();
        let identity = appliance.files().join(made.identity_file);
        let registered = (port, &*appliance.certificate(), &*identity);
        client_side::prepare(home, registered, (&data, now))?;
        let notes = notes(&appliance, &data, home);
        Ok(Self { appliance: Some(appliance), notes })
    }

    /// What was made, and how to go on: lines for the screen.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Ends the appliance, if it runs here.
    pub async fn stop(self) {
        if let Some(appliance) = self.appliance {
            appliance.stop().await;
        }
    }
}

/// Why there is no embedded appliance.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The appliance does not start.
    #[error("{0}")]
    Start(#[from] StartError),
    /// The HSM refused.
    #[error("the embedded HSM refused: {0}")]
    Hsm(Status),
    /// The HSM SO's password is not where it was put.
    #[error(
        "{path}: {error}\nIt holds the HSM SO's password, which making a partition takes. Put it back, or start anew in another home."
    )]
    Password {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The client's home or configuration.
    #[error("{0}")]
    Client(#[from] TargetsError),
    /// A server of the appliance's name is registered that is another one.
    #[error(
        "a server '{0}' is registered in this home that is not the embedded appliance\nIt was left as it is. Take it out (vtl deleteServer -n {0}), or start in another home."
    )]
    OtherServer(String),
    /// The client's registration of the appliance.
    #[error("{0}")]
    Registration(#[from] RegistrationError),
    /// The client's token.
    #[error("{0}")]
    Token(#[from] StoreError),
    /// An identity file.
    #[error("{0}")]
    Identity(String),
    /// No randomness.
    #[error("{0}")]
    Random(#[from] RandomError),
}

/// Listens where the appliance did before or on Luna's port, and on any free port if that is
/// taken. `None` if another process runs this appliance.
async fn listen(data: &std::path::Path) -> Result<Option<Appliance>, EmbeddedError> {
    let name = Some(HOST.to_owned());
    let before = client_side::recorded_port(data);
    let mut started = Err(None);
    for port in [before.unwrap_or(1792), 0] {
        let listen = format!("127.0.0.1:{port}");
        let settings = Settings {
            data: data.to_owned(),
            listen,
            name: name.clone(),
            limits: Limits::DEFAULT,
            links: LinkLimits::DEFAULT,
            user: None,
            memory: machine::shares_of(machine::memory()),
        };
        match Appliance::start(&settings).await {
            Ok(appliance) => {
                started = Ok(appliance);
                break;
            }
            Err(StartError::Data(DataError::InUse(_))) => return Ok(None),
            Err(error @ StartError::Listen { .. }) => started = Err(Some(error)),
            Err(error) => return Err(error.into()),
        }
    }
    let appliance = match started {
        Ok(appliance) => appliance,
        Err(Some(error)) => return Err(error.into()),
        Err(None) => return Ok(None),
    };
    client_side::record_port(data, appliance.address().port())?;
    Ok(Some(appliance))
}

fn notes(appliance: &Appliance, data: &std::path::Path, home: &Home) -> Vec<String> {
    let address = appliance.address();
    let port = address.port();
    let (data, home) = (data.display(), home.directory().display());
    let certificate = appliance.certificate();
    let certificate = certificate.display();
    vec![
        format!(
            "Appliance: {HOST}, port {port}, in this process; it keeps everything in {data} (administer it with: lunash --data {data})."
        ),
        format!(
            "Client: token, identity client1 and partition {PARTITION} over STC, in {home}. Next: slot list, partition init -label {PARTITION}."
        ),
        format!(
            "A second client, in another terminal: export ChrystokiConfigurationPath=$HOME/client2; vtl addServer -n {HOST} -c {certificate} -port {port}; lunacm"
        ),
    ]
}
