//! The client's end of a link: hundreds of threads at once over one channel, and no thread of its
//! own, so that a process may fork, unload the library or end at any time.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream, ToSocketAddrs},
    process,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{RecvFlags, recv},
};
use rustls::pki_types::{CertificateDer, ServerName};
use zeroize::Zeroizing;

use super::{
    carrier::{Carrier, CarrierError, Framed},
    codec::{Codec, Piece, Socket},
    inbox::Inbox,
    multiplexer::Multiplexer,
    seat::LinkError,
    tls::{Credentials, client_config},
    tunnel::Tunnel,
    vigil::Vigil,
};
use crate::{
    channel::{
        Answer, AwaitAnswer, HandshakeError, Initiator, InitiatorConfig, MAXIMUM_CHUNK_BYTES,
        Session, SessionStatus,
    },
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

/// An established link to one partition, for any number of threads. Ends when dropped.
///
/// A child process must not use its parent's link: [`Self::call`] refuses, and dropping it there
/// leaves the parent's connection alone.
#[derive(Debug)]
pub struct Link {
    multiplexer: Multiplexer<Carrier, Connection>,
    patience: Duration,
    process: u32,
}

impl Link {
    /// Connects to the appliance and completes the handshake with the partition.
    ///
    /// # Errors
    /// The step that failed, and how.
    pub fn connect(endpoint: &Endpoint, config: InitiatorConfig) -> Result<Self, ConnectError> {
        let mut handshake = Handshake::secured(endpoint, None)?;
        let session = handshake.agree(config)?;
        let Handshake { socket, framed, inbox, .. } = handshake;
        let carrier = Carrier::new(framed, Some(session));
        Ok(Self::established(carrier, (socket, inbox), endpoint.patience))
    }

    /// A link whose handshakes are over.
    pub(super) fn established(
        carrier: Carrier,
        (socket, inbox): (TcpStream, Inbox),
        patience: Duration,
    ) -> Self {
        let connection = Connection { tcp: socket, vigil: Vigil::default() };
        let multiplexer = Multiplexer::new(carrier, connection, inbox);
        Self { multiplexer, patience, process: process::id() }
    }

    /// Sends a request and waits for its reply as long as the endpoint's patience lasts; other
    /// requests may overtake it.
    ///
    /// # Errors
    /// There is no reply; the error says whether the request may have been performed.
    pub fn call(&self, request: &[u8]) -> Result<Zeroizing<Vec<u8>>, LinkError> {
        self.call_within(request, self.patience)
    }

    /// As [`Self::call`], with a patience of its own.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn call_within(
        &self,
        request: &[u8],
        patience: Duration,
    ) -> Result<Zeroizing<Vec<u8>>, LinkError> {
        // Two processes that seal under one key would use its nonces twice.
        if !self.is_ours() {
            return Err(LinkError::NotSent);
        }
        self.multiplexer.call(request, Instant::now().checked_add(patience))
    }

    /// What is true of the channel now; none if the link has none.
    pub fn status(&self) -> Option<SessionStatus> {
        self.multiplexer.with_codec(|carrier| carrier.session().map(Session::status))
    }

    /// Has the channel's keys changed, as soon as both ends come to it.
    pub fn rekey(&self) {
        if self.is_ours() {
            self.multiplexer.change(|carrier, out| carrier.change(Session::rekey, out));
        }
    }

    /// Whether the link has ended, as far as this end can know without asking the other one.
    pub fn is_closed(&self) -> bool {
        !self.is_ours() || self.multiplexer.is_over()
    }

    /// How long nothing has come from the other end.
    pub fn silence(&self) -> Duration {
        self.multiplexer.silence()
    }

    /// Ends the link: whoever waits for a reply hears so at once.
    pub fn close(&self) {
        if self.is_ours() {
            // It fails if the connection has ended already.
            let _ = self.multiplexer.socket().tcp.shutdown(Shutdown::Both);
        }
    }

    fn is_ours(&self) -> bool {
        self.process == process::id()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        let mut farewell = Vec::new();
        if let Some(carrier) = self.multiplexer.codec_mut() {
            carrier.close(&mut farewell);
        }
        let socket = self.multiplexer.socket();
        // The farewell is a courtesy: it waits for nobody.
        let _ = socket.tcp.set_nonblocking(true).and_then(|()| socket.write_all(&farewell));
        let _ = socket.tcp.shutdown(Shutdown::Both);
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
    /// A step took longer than the endpoint's patience.
    #[error("the appliance did not answer in time")]
    Timeout,
}

impl Codec for Carrier {
    const PIECE_BYTES: usize = 2 * MAXIMUM_CHUNK_BYTES;

    type Error = CarrierError;

    fn send(&mut self, piece: Piece<'_>, out: &mut Vec<u8>) -> Result<(), CarrierError> {
        self.send_piece(piece, out)
    }

    fn receive(
        &mut self,
        inbox: &mut Inbox,
        out: &mut Vec<u8>,
        hand_over: &mut dyn FnMut(u32, Zeroizing<Vec<u8>>),
    ) -> Result<(), CarrierError> {
        Self::receive(self, inbox, out)?;
        while let Some(reply) = self.next(out)? {
            hand_over(reply.id, reply.content);
        }
        Ok(())
    }

    fn tick(&mut self, now: Duration) {
        Self::tick(self, now);
    }
}

/// A link's connection, and what is known of how soon replies come over it.
#[derive(Debug)]
struct Connection {
    tcp: TcpStream,
    vigil: Vigil,
}

impl Socket for Connection {
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        let awake = self.vigil.keep(|| match recv(&self.tcp, &mut *room, RecvFlags::DONTWAIT) {
            Ok((count, _)) => Some(Ok(count)),
            Err(Errno::WOULDBLOCK | Errno::INTR) => None,
            Err(error) => Some(Err(error.into())),
        });
        awake.unwrap_or_else(|| Read::read(&mut &self.tcp, room))
    }

    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        Write::write_all(&mut &self.tcp, bytes)
    }

    fn has_news(&self) -> bool {
        let mut looked_at = [PollFd::new(&self.tcp, PollFlags::IN)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        // If that cannot be found out, the next read will tell.
        poll(&mut looked_at, Some(&at_once)).is_ok_and(|ready| ready > 0)
    }
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
    fn agree(&mut self, config: InitiatorConfig) -> Result<Session, ConnectError> {
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
