//! The client's way to a link: TCP, TLS's handshake, the channel's, the first requests. One
//! deadline holds for all of it, and is looked at behind every read.

use std::{
    io,
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
        sockopt::socket_error,
    },
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

/// How late a link's deadline may be noticed: the longest wait of one read.
const LONGEST_READ: Duration = Duration::from_secs(1);

/// How late it may be noticed that a connection under way was given up.
const LOOK: Duration = Duration::from_millis(50);

/// Where an appliance is, and how to know it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Host name or IP address, as registered.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The appliance's certificate.
    pub certificate: CertificateDer<'static>,
    /// How long a connection may take in all, from its first byte to its activation; and how long
    /// a request may take then.
    pub patience: Duration,
}

/// Ends connections that are under way: whoever makes them hears so within a moment.
#[derive(Clone, Debug, Default)]
pub struct GiveUp(Arc<AtomicBool>);

impl GiveUp {
    /// Has every connection that was begun with this one end.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was raised.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
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
    /// All of it together took longer than the endpoint's patience.
    #[error("the appliance did not answer in time")]
    Timeout,
    /// Nobody wants the connection any more.
    #[error("the connection was given up before it stood")]
    GivenUp,
}

/// A connection on its way to a link.
pub(super) struct Handshake {
    socket: TcpStream,
    pub(super) framed: Framed,
    pub(super) inbox: Inbox,
    limit: Limit,
}

/// When a connection has to stand, and whether it is wanted.
#[derive(Clone, Debug)]
struct Limit {
    deadline: Instant,
    give_up: GiveUp,
}

impl Limit {
    /// How long to wait before looking again.
    fn left(&self) -> Result<Duration, ConnectError> {
        if self.give_up.is_raised() {
            return Err(ConnectError::GivenUp);
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ConnectError::Timeout) } else { Ok(left.min(LOOK)) }
    }

    /// Waits until the socket is ready for this.
    fn wait(&self, socket: impl AsFd, flags: PollFlags) -> Result<(), ConnectError> {
        loop {
            let within = Timespec::try_from(self.left()?).ok();
            match poll(&mut [PollFd::new(&socket, flags)], within.as_ref()) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(stream(error.into())),
            }
        }
    }

    /// Connects to one of the endpoint's addresses. Each has its share of the time.
    fn connect(&self, endpoint: &Endpoint) -> Result<TcpStream, ConnectError> {
        let addresses = (endpoint.host.as_str(), endpoint.port).to_socket_addrs();
        let addresses: Vec<_> = addresses.map_err(tcp)?.collect();
        let mut failure = tcp(io::ErrorKind::NotFound.into());
        let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        for address in &addresses {
            let now = Instant::now();
            let share = self.deadline.saturating_duration_since(now) / left.max(1);
            left = left.saturating_sub(1);
            match (Self { deadline: now + share, ..self.clone() }).connect_to(address) {
                Ok(socket) => return Ok(socket),
                Err(ConnectError::GivenUp) => return Err(ConnectError::GivenUp),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn connect_to(&self, address: &SocketAddr) -> Result<TcpStream, ConnectError> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(family, SocketType::STREAM, flags, None);
        let socket: OwnedFd = socket.map_err(|error| tcp(error.into()))?;
        match rustix::net::connect(&socket, address) {
            Ok(()) => {}
            Err(Errno::INPROGRESS | Errno::INTR) => self.wait(&socket, PollFlags::OUT)?,
            Err(error) => return Err(tcp(error.into())),
        }
        match socket_error(&socket) {
            Ok(Ok(())) => Ok(TcpStream::from(socket)),
            Ok(Err(Errno::TIMEDOUT)) => Err(ConnectError::Timeout),
            Ok(Err(error)) | Err(error) => Err(tcp(error.into())),
        }
    }
}

impl Handshake {
    /// Connects to the appliance and completes TLS's handshake, with these credentials.
    pub(super) fn secured(
        endpoint: &Endpoint,
        credentials: Option<&Credentials>,
        give_up: &GiveUp,
    ) -> Result<Self, ConnectError> {
        let deadline = Instant::now() + endpoint.patience;
        let limit = Limit { deadline, give_up: give_up.clone() };
        let name = ServerName::try_from(endpoint.host.clone()).map_err(|_| ConnectError::Name)?;
        let tls = client_config(endpoint.certificate.clone(), credentials);
        let tls = tls.map_err(ConnectError::Tls)?;
        let socket = limit.connect(endpoint)?;
        socket.set_nodelay(true).map_err(tcp)?;
        let tunnel = Tunnel::client(tls, name).map_err(ConnectError::Tls)?;
        let framed = Framed::new(Some(tunnel));
        let mut handshake = Self { socket, framed, inbox: Inbox::default(), limit };
        handshake.secure()?;
        Ok(handshake)
    }

    /// The frames, for the link's carrier.
    pub(super) fn take_framed(&mut self) -> Framed {
        std::mem::replace(&mut self.framed, Framed::new(None))
    }

    /// The socket, whose reads end in time for a link's deadlines to be seen, and what came over
    /// it and is not taken yet.
    pub(super) fn into_parts(self, patience: Duration) -> Result<(TcpStream, Inbox), ConnectError> {
        let read = (patience / 8).clamp(Duration::from_millis(10), LONGEST_READ);
        let write = patience.max(read);
        self.socket
            .set_nonblocking(false)
            .and_then(|()| self.socket.set_read_timeout(Some(read)))
            .and_then(|()| self.socket.set_write_timeout(Some(write)))
            .map_err(tcp)?;
        Ok((self.socket, self.inbox))
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

    /// Reads what is there, or waits for it. However much comes, the deadline stays.
    pub(super) fn fill(&mut self) -> Result<(), ConnectError> {
        loop {
            self.limit.wait(&self.socket, PollFlags::IN)?;
            match recv(&self.socket, self.inbox.room(), RecvFlags::DONTWAIT) {
                Ok((0, _)) => return Err(stream(io::ErrorKind::UnexpectedEof.into())),
                Ok((count, _)) => {
                    self.inbox.filled(count);
                    return Ok(());
                }
                Err(Errno::INTR | Errno::WOULDBLOCK) => {}
                Err(error) => return Err(stream(error.into())),
            }
        }
    }

    fn take_in(&mut self) -> Result<(), ConnectError> {
        let mut out = Vec::new();
        let received = self.framed.receive(&mut self.inbox, &mut out);
        let written = if out.is_empty() { Ok(()) } else { self.write(&out) };
        received.map_err(|error| failed(&error)).and(written)
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<(), ConnectError> {
        while !bytes.is_empty() {
            self.limit.wait(&self.socket, PollFlags::OUT)?;
            match send(&self.socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(Errno::INTR | Errno::WOULDBLOCK) => {}
                Err(error) => return Err(stream(error.into())),
            }
        }
        Ok(())
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
