//! The client's way to a link: TCP, TLS's handshake, the channel's.

use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::pki_types::{CertificateDer, ServerName};

use super::{
    carrier::{CarrierError, Framed},
    inbox::Inbox,
    tls::{Credentials, client_config},
    tunnel::Tunnel,
};
use crate::{
    channel::{Answer, AwaitAnswer, HandshakeError, Initiator, InitiatorConfig, Session},
    crypto::SystemRandom,
    wire::FRAME_HEADER_BYTES,
};

/// How late a deadline may be noticed: the longest wait of one read.
const LONGEST_READ: Duration = Duration::from_secs(1);

/// Where an appliance is, and how to know it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Host name or IP address, as registered.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The appliance's certificate.
    pub certificate: CertificateDer<'static>,
    /// How long each step may take.
    pub patience: Duration,
}

/// Why no link came to be.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectError {
    /// The host is not a name or an address.
    #[error("the host is neither a name nor an address")]
    Name,
    /// No TCP connection.
    #[error("{0}")]
    Tcp(Arc<io::Error>),
    /// The appliance showed another certificate than the registered one.
    #[error("the appliance shows another certificate than the registered one")]
    Certificate,
    /// The appliance has not registered the certificate that this client showed.
    #[error("the appliance does not know this client's certificate")]
    UnknownClient,
    /// TLS failed otherwise.
    #[error("TLS failed: {0}")]
    Tls(rustls::Error),
    /// The connection ended during the handshake.
    #[error("the connection ended during the handshake: {0}")]
    Stream(Arc<io::Error>),
    /// The partition refused, or its answer did not authenticate.
    #[error("{0}")]
    Handshake(HandshakeError),
    /// A step took longer than the endpoint's patience.
    #[error("the appliance did not answer in time")]
    Timeout,
}

/// A connected socket whose reads end in time for deadlines to be seen.
fn connect(endpoint: &Endpoint) -> Result<TcpStream, ConnectError> {
    let addresses = (endpoint.host.as_str(), endpoint.port).to_socket_addrs();
    let mut failure = tcp(io::ErrorKind::NotFound.into());
    for address in addresses.map_err(tcp)? {
        match TcpStream::connect_timeout(&address, endpoint.patience) {
            Ok(socket) => return prepare(&socket, endpoint).map(|()| socket),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                failure = ConnectError::Timeout;
            }
            Err(error) => failure = tcp(error),
        }
    }
    Err(failure)
}

fn prepare(socket: &TcpStream, endpoint: &Endpoint) -> Result<(), ConnectError> {
    let read = (endpoint.patience / 8).clamp(Duration::from_millis(10), LONGEST_READ);
    let write = endpoint.patience.max(read);
    socket
        .set_nodelay(true)
        .and_then(|()| socket.set_read_timeout(Some(read)))
        .and_then(|()| socket.set_write_timeout(Some(write)))
        .map_err(tcp)
}

/// A connection on its way to a link.
pub(super) struct Handshake {
    pub(super) socket: TcpStream,
    pub(super) framed: Framed,
    pub(super) inbox: Inbox,
    deadline: Instant,
}

impl Handshake {
    /// Connects to the appliance and completes TLS's handshake, with these credentials.
    pub(super) fn secured(
        endpoint: &Endpoint,
        credentials: Option<&Credentials>,
    ) -> Result<Self, ConnectError> {
        let name = ServerName::try_from(endpoint.host.clone()).map_err(|_| ConnectError::Name)?;
        let tls = client_config(endpoint.certificate.clone(), credentials);
        let tls = tls.map_err(ConnectError::Tls)?;
        let socket = connect(endpoint)?;
        let tunnel = Tunnel::client(tls, name).map_err(ConnectError::Tls)?;
        let mut handshake = Self {
            socket,
            framed: Framed::new(Some(tunnel)),
            inbox: Inbox::default(),
            deadline: Instant::now() + endpoint.patience,
        };
        handshake.secure()?;
        Ok(handshake)
    }

    /// The frames, for the link's carrier.
    pub(super) fn take_framed(&mut self) -> Framed {
        std::mem::replace(&mut self.framed, Framed::new(None))
    }

    /// Completes TLS's handshake.
    fn secure(&mut self) -> Result<(), ConnectError> {
        self.take_in()?;
        while self.framed.is_handshaking() {
            self.read()?;
        }
        Ok(())
    }

    /// Completes the channel's handshake.
    pub(super) fn agree(&mut self, config: InitiatorConfig) -> Result<Session, ConnectError> {
        let initiator = Initiator::new(config);
        let (mut awaiting, mut message) = first_message(initiator)?;
        loop {
            let answer = self.exchange(&mut message)?;
            match awaiting.receive(&answer).map_err(ConnectError::Handshake)? {
                Answer::Established(session) => return Ok(session),
                Answer::Retry(next) => (awaiting, message) = first_message(next)?,
                Answer::CookieDemanded(demanded) => {
                    message = vec![0; FRAME_HEADER_BYTES];
                    awaiting = demanded.repeat(&mut message);
                }
            }
        }
    }

    /// Sends a frame and waits for one.
    fn exchange(&mut self, message: &mut [u8]) -> Result<Vec<u8>, ConnectError> {
        let mut out = Vec::new();
        self.framed.send(message, &mut out).map_err(|error| failed(&error))?;
        self.write(&out)?;
        loop {
            if let Some(answer) = self.framed.frame().map_err(|error| failed(&error))? {
                return Ok(answer.to_vec());
            }
            self.read()?;
        }
    }

    fn read(&mut self) -> Result<(), ConnectError> {
        self.fill()?;
        self.take_in()
    }

    /// Reads what is there, or waits for it.
    pub(super) fn fill(&mut self) -> Result<(), ConnectError> {
        loop {
            match Read::read(&mut self.socket, self.inbox.room()) {
                Ok(0) => return Err(stream(io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => {
                    self.inbox.filled(count);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(stream(error)),
            }
            if Instant::now() >= self.deadline {
                return Err(ConnectError::Timeout);
            }
        }
    }

    fn take_in(&mut self) -> Result<(), ConnectError> {
        let mut out = Vec::new();
        let received = self.framed.receive(&mut self.inbox, &mut out);
        let written = if out.is_empty() { Ok(()) } else { self.write(&out) };
        received.map_err(|error| failed(&error)).and(written)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), ConnectError> {
        Write::write_all(&mut self.socket, bytes).map_err(stream)
    }
}

/// The first message of a handshake in a frame.
fn first_message(initiator: Initiator) -> Result<(AwaitAnswer, Vec<u8>), ConnectError> {
    let mut message = vec![0; FRAME_HEADER_BYTES];
    let awaiting = initiator.start(&mut SystemRandom::new(), &mut message);
    Ok((awaiting.map_err(ConnectError::Handshake)?, message))
}

pub(super) fn failed(error: &CarrierError) -> ConnectError {
    use rustls::{
        AlertDescription, CertificateError::ApplicationVerificationFailure, Error::AlertReceived,
        Error::InvalidCertificate,
    };
    match error {
        CarrierError::Tls(InvalidCertificate(ApplicationVerificationFailure)) => {
            ConnectError::Certificate
        }
        CarrierError::Tls(AlertReceived(AlertDescription::AccessDenied)) => {
            ConnectError::UnknownClient
        }
        CarrierError::Tls(error) => ConnectError::Tls(error.clone()),
        other => stream(io::Error::new(io::ErrorKind::InvalidData, other.clone())),
    }
}

fn tcp(error: io::Error) -> ConnectError {
    ConnectError::Tcp(Arc::new(error))
}

fn stream(error: io::Error) -> ConnectError {
    ConnectError::Stream(Arc::new(error))
}
