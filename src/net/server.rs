//! The appliance's end: accepts connections, drives the channel, limits, shuts down.
//!
//! Nothing here reads a request; a [`Service`] does.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustls::{ServerConfig, pki_types::CertificateDer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::JoinSet,
};
use zeroize::Zeroizing;

use super::{
    descriptors::connections_within_limit,
    doorkeeper::Doorkeeper,
    establish::establish,
    event::Event,
    half_open::{HalfOpen, Place},
    lanes::Lanes,
    pace::Pace,
    performed::{Answered, Performed},
    serving::serve_link,
    workers::{Seated, Workers},
};
use crate::{
    channel::{Directory, Responder, Room, SessionSettings},
    crypto::PublicKey,
    model::KeepAlive,
};

/// What an appliance does with links and requests.
pub trait Service: Send + Sync + 'static {
    /// What the service keeps for one link.
    type Link: Send + Sync + 'static;

    /// The partitions, as the handshake sees them.
    fn directory(&self) -> &(dyn Directory + Sync);

    /// Takes a link whose handshake is complete; `closer` ends it from any thread.
    fn open(&self, peer: Peer, closer: Closer) -> Self::Link;

    /// What holds for the link's channel at its start; a [`Closer`] changes it.
    fn session_settings(&self, link: &Self::Link) -> SessionSettings;

    /// How links by certificate find out that their client is gone.
    fn keep_alive(&self) -> KeepAlive;

    /// How long the link may take to send its first request.
    fn activation_patience(&self, link: &Self::Link) -> Duration;

    /// Takes one request: answers it where it arrived if that is a matter of microseconds, or
    /// says how it is to be answered by a thread that may block.
    fn perform(self: &Arc<Self>, link: &Arc<Self::Link>, request: Zeroizing<Vec<u8>>) -> Performed;

    /// Whether the link is up. Until then it is one request at a time, in one part.
    fn is_up(&self, _: &Self::Link) -> bool {
        true
    }

    /// Whether a request that came over the link is still to be answered. Asked before a thread
    /// begins with one.
    fn is_wanted(&self, _: &Self::Link) -> bool {
        true
    }

    /// Hears that the link's peer is gone: what is under way is done for nobody.
    fn peer_gone(&self, _: &Self::Link) {}

    /// What a peer hears about a request that there was no memory for; it was not performed.
    fn no_room(&self) -> Answered {
        Answered { end: true, ..Answered::with(Zeroizing::default()) }
    }

    /// Hears how many bytes the link's own buffers have now, beyond the few of one that waits.
    fn has_buffers(&self, _: &Self::Link, _: usize) {}

    /// Forgets a link that has ended.
    fn close(&self, link: &Self::Link);
}

/// Who is at the other end of a link.
#[derive(Clone, Debug)]
pub struct Peer {
    /// What the handshake authenticated.
    pub identity: PeerIdentity,
    /// Where the client connects from.
    pub address: SocketAddr,
    /// The address that it connected to.
    pub local: SocketAddr,
}

/// What a handshake authenticated.
#[derive(Clone, Debug)]
pub enum PeerIdentity {
    /// A client and the partition that it wants, by the channel.
    Stc {
        /// The partition the link leads to.
        serial: u64,
        /// The client's public identity.
        client: PublicKey,
    },
    /// A client by TLS; its partition is not known yet.
    Ntls {
        /// The client's certificate, which the server knows.
        certificate: CertificateDer<'static>,
    },
}

/// How much a server takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections that may be in handshakes, or be links without a first request, at a time. One
    /// more pushes the oldest one out.
    pub half_open: usize,
    /// How many of these may come from one address.
    pub half_open_per_source: usize,
    /// A link over which nothing has come for this long is ended; none keeps links for ever.
    pub idle: Option<Duration>,
    /// Bytes of all requests in more than one part together, from their first part to their
    /// answer. A request that goes beyond it is refused.
    pub request_bytes: usize,
    /// How long a request in parts may take to come in full, and how long a peer may take none of
    /// the replies that wait for it; then its link is ended.
    pub transfer: Duration,
}

impl Limits {
    /// 512 half-open connections, 128 of them from one address; eight hours for idle links; 512 MiB
    /// for requests in parts, and a minute for each.
    pub const DEFAULT: Self = Self {
        half_open: 512,
        half_open_per_source: 128,
        idle: Some(Duration::from_hours(8)),
        request_bytes: 512 << 20,
        transfer: Duration::from_mins(1),
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Ends one link, or changes what holds for it, from any thread.
#[derive(Clone, Debug)]
pub struct Closer(pub(super) mpsc::UnboundedSender<Event>);

impl Closer {
    /// Ends the link: no further request is read, those in flight are answered.
    pub fn close(&self) {
        self.send(Event::End);
    }

    /// Changes what holds for the link's channel.
    pub fn set(&self, settings: SessionSettings) {
        self.send(Event::Set(settings));
    }

    /// Has the channel's keys changed.
    pub fn rekey(&self) {
        self.send(Event::Rekey);
    }

    fn send(&self, event: Event) {
        // It fails only if the link has ended.
        let _ = self.0.send(event);
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Serves every connection that arrives at this listener.
    ///
    /// # Errors
    /// The listener has no address, there is no randomness, or the system refuses a thread.
    pub fn start<S: Service>(
        listener: TcpListener,
        tls: Arc<ServerConfig>,
        responder: Responder,
        service: Arc<S>,
        limits: Limits,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (stop, stopping) = watch::channel(false);
        let most = connections_within_limit().unwrap_or(usize::MAX);
        // Handshakes leave links their half.
        let half_open = limits.half_open.min((most / 2).max(1));
        let half_open = HalfOpen::new(Limits { half_open, ..limits });
        let doorkeeper = Doorkeeper::new().map_err(io::Error::other)?;
        let links = Mutex::default();
        let room = Room::new(limits.request_bytes);
        let shared = Shared {
            tls,
            responder,
            service,
            limits,
            half_open,
            doorkeeper,
            room,
            lanes: Arc::new(Lanes::start()?),
            pace: Pace::default(),
            stopping,
            links,
        };
        let workers = Workers::start()?;
        let accepting = tokio::spawn(accept(listener, Arc::new(shared), (workers, most)));
        Ok(Self { address, stop, accepting })
    }

    /// Connections that there are descriptors for; none if nothing limits them.
    pub fn most_connections() -> Option<usize> {
        connections_within_limit()
    }

    /// The address that is listened on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the server: no new connections, requests in flight are answered.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.accepting.await {
            tracing::error!(%error, "the listener ended badly");
        }
    }
}

/// Returns once the flag is set, or can no longer be.
pub async fn told(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|set| *set).await;
}

/// What all connections of a server share.
pub(super) struct Shared<S> {
    pub(super) tls: Arc<ServerConfig>,
    pub(super) responder: Responder,
    pub(super) service: Arc<S>,
    pub(super) limits: Limits,
    pub(super) half_open: HalfOpen,
    pub(super) doorkeeper: Doorkeeper,
    /// For requests in parts.
    pub(super) room: Room,
    /// The threads for what takes a while.
    pub(super) lanes: Arc<Lanes>,
    /// How often clients have keys changed.
    pub(super) pace: Pace,
    stopping: watch::Receiver<bool>,
    links: Mutex<Links>,
}

/// How every link is told to end.
#[derive(Debug, Default)]
struct Links {
    last: u64,
    closers: HashMap<u64, Closer>,
}

impl<S> Shared<S> {
    /// Has a link told of the server's end as long as the entry lives.
    pub(super) fn enter(self: &Arc<Self>, closer: Closer) -> Entry<S> {
        let mut links = self.links();
        links.last += 1;
        let number = links.last;
        if *self.stopping.borrow() {
            closer.close();
        }
        links.closers.insert(number, closer);
        Entry { shared: self.clone(), number }
    }

    fn close_links(&self) {
        self.links().closers.values().for_each(Closer::close);
    }

    fn links(&self) -> MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A link's place among those that are told of the server's end.
pub(super) struct Entry<S> {
    shared: Arc<Shared<S>>,
    /// The link's number, which no other one has.
    pub(super) number: u64,
}

impl<S> Drop for Entry<S> {
    fn drop(&mut self) {
        self.shared.links().closers.remove(&self.number);
    }
}

async fn accept<S: Service>(
    listener: TcpListener,
    shared: Arc<Shared<S>>,
    (workers, most): (Workers, usize),
) {
    let mut connections = JoinSet::new();
    let mut stopping = shared.stopping.clone();
    loop {
        tokio::select! {
            () = told(&mut stopping) => break,
            Some(_) = connections.join_next() => {}
            // One more than there are descriptors for waits, so that others find theirs.
            accepted = listener.accept(), if connections.len() < most => match accepted {
                Ok((tcp, address)) => {
                    let place = shared.half_open.enter(address.ip());
                    if let Some((seated, worker)) = workers.place() {
                        let serving = serve((tcp.into_std(), address), place, seated, shared.clone());
                        connections.spawn_on(serving, worker);
                    }
                }
                // Out of file descriptors, mostly: the pause lets other links end.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    drop(listener);
    shared.close_links();
    while connections.join_next().await.is_some() {}
}

async fn serve<S: Service>(
    (tcp, address): (io::Result<std::net::TcpStream>, SocketAddr),
    mut place: Place,
    seated: Seated,
    shared: Arc<Shared<S>>,
) {
    // The events of a socket go to the runtime that it is registered with: to this thread's.
    let tcp = match tcp.and_then(TcpStream::from_std) {
        Ok(tcp) => tcp,
        Err(error) => {
            tracing::warn!(%address, %error, "a connection could not be served");
            return;
        }
    };
    let mut stopping = shared.stopping.clone();
    // Boxed: the handshake's memory is not to stay with the link.
    let establishing = Box::pin(establish(tcp, address, &shared));
    let established = tokio::select! {
        () = told(&mut stopping) => return,
        () = place.pushed_out() => {
            tracing::info!(%address, "too many connections are in handshakes: the oldest was ended");
            return;
        }
        established = establishing => established,
    };
    match established {
        Ok(Some(established)) => serve_link(established, place, seated, shared).await,
        Ok(None) => tracing::info!(%address, "handshake refused"),
        Err(error) => tracing::debug!(%address, %error, "connection ended in the handshake"),
    }
}
