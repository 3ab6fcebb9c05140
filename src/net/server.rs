//! The appliance's end: accepts connections, drives the channel, limits, shuts down.
//!
//! Nothing here reads a request; a [`Service`] does.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use super::{
    frames::{frame_buffer, read_frame, write_frame},
    secure::{Message, ReceiveError, Receiver, SharedSession, send_messages},
};
use crate::{
    channel::{Directory, Refused, Responder, Session, SessionSettings},
    crypto::{PublicKey, SystemRandom},
};

/// Connections that may be in TLS or STC handshakes, not yet activated, at the same time.
const HALF_OPEN: usize = 256;

/// Requests of one link that may be performed at the same time; more wait in the socket.
const REQUESTS_AT_ONCE: usize = 64;

/// How long TLS and the STC handshake may take.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(15);

/// How long requests in flight may take once a link is told to end.
const DRAIN_PATIENCE: Duration = Duration::from_secs(20);

/// Handshakes that one connection may try: the first, and one under the suite it was told.
const HANDSHAKES: usize = 2;

/// What an appliance does with links and requests.
pub trait Service: Send + Sync + 'static {
    /// What the service keeps for one link.
    type Link: Send + Sync + 'static;

    /// The partitions, as the handshake sees them.
    fn directory(&self) -> &(dyn Directory + Sync);

    /// Takes a link whose handshake is complete; `closer` ends it from any thread.
    fn open(&self, peer: Peer, closer: Closer) -> Self::Link;

    /// What holds for the link's channel.
    fn session_settings(&self, link: &Self::Link) -> SessionSettings;

    /// How long the link may take to send its first request.
    fn activation_patience(&self, link: &Self::Link) -> Duration;

    /// Performs one request. The link ends after the reply if the answer says so.
    fn answer(
        self: Arc<Self>,
        link: Arc<Self::Link>,
        request: Zeroizing<Vec<u8>>,
    ) -> impl Future<Output = Answered> + Send;

    /// Forgets a link that has ended.
    fn close(&self, link: &Self::Link);
}

/// Who is at the other end of a link.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The partition the link leads to.
    pub serial: u64,
    /// The client's authenticated identity.
    pub client: PublicKey,
    /// Where the client connects from.
    pub address: SocketAddr,
}

/// A reply, and whether the link goes on.
#[derive(Debug)]
pub struct Answered {
    /// The encoded reply.
    pub reply: Zeroizing<Vec<u8>>,
    /// Whether the link ends after the reply.
    pub end: bool,
}

/// Ends one link: no further request is read, those in flight are answered.
#[derive(Clone, Debug)]
pub struct Closer(Arc<watch::Sender<bool>>);

impl Closer {
    /// Ends the link.
    pub fn close(&self) {
        self.0.send_replace(true);
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
    /// The listener has no address.
    pub fn start<S: Service>(
        listener: TcpListener,
        tls: Arc<ServerConfig>,
        responder: Responder,
        service: Arc<S>,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (stop, stopping) = watch::channel(false);
        let shared = Arc::new(Shared { tls: TlsAcceptor::from(tls), responder, service, stopping });
        let accepting = tokio::spawn(accept(listener, shared));
        Ok(Self { address, stop, accepting })
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

struct Shared<S> {
    tls: TlsAcceptor,
    responder: Responder,
    service: Arc<S>,
    stopping: watch::Receiver<bool>,
}

async fn accept<S: Service>(listener: TcpListener, shared: Arc<Shared<S>>) {
    let half_open = Arc::new(Semaphore::new(HALF_OPEN));
    let mut links = JoinSet::new();
    let mut stopping = shared.stopping.clone();
    loop {
        let accepted = async {
            let permit = half_open.clone().acquire_owned().await.ok();
            (listener.accept().await, permit)
        };
        tokio::select! {
            () = told(&mut stopping) => break,
            Some(_) = links.join_next() => {}
            (accepted, permit) = accepted => match accepted {
                Ok((tcp, address)) => {
                    links.spawn(serve(tcp, address, permit, shared.clone()));
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
    while links.join_next().await.is_some() {}
}

/// Returns once the flag is set, or can no longer be.
pub async fn told(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|set| *set).await;
}

async fn serve<S: Service>(
    tcp: TcpStream,
    address: SocketAddr,
    permit: Option<OwnedSemaphorePermit>,
    shared: Arc<Shared<S>>,
) {
    let mut stopping = shared.stopping.clone();
    let establishing = timeout(HANDSHAKE_PATIENCE, async {
        tcp.set_nodelay(true)?;
        let mut stream = shared.tls.accept(tcp).await?;
        let established = handshake(&mut stream, address, &shared).await?;
        Ok::<_, io::Error>(established.map(|(peer, session)| (stream, peer, session)))
    });
    let established = tokio::select! {
        () = told(&mut stopping) => return,
        established = establishing => established,
    };
    match established {
        Ok(Ok(Some((stream, peer, session)))) => {
            run_link(stream, peer, session, permit, shared).await;
        }
        Ok(Ok(None)) => tracing::info!(%address, "handshake refused"),
        Ok(Err(error)) => tracing::debug!(%address, %error, "connection ended in the handshake"),
        Err(_) => tracing::info!(%address, "handshake took too long"),
    }
}

/// `None` when the peer was refused; the refusal has been sent.
async fn handshake<S: Service>(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    address: SocketAddr,
    shared: &Shared<S>,
) -> io::Result<Option<(Peer, Session)>> {
    let mut message = Vec::new();
    for _ in 0..HANDSHAKES {
        if !read_frame(stream, &mut message).await? {
            return Ok(None);
        }
        let mut answer = frame_buffer();
        let directory = shared.service.directory();
        let received =
            shared.responder.receive(&message, directory, &mut SystemRandom::new(), &mut answer);
        write_frame(stream, &mut answer).await?;
        stream.flush().await?;
        match received {
            Ok(accepted) => {
                let peer = Peer { serial: accepted.serial, client: accepted.client, address };
                return Ok(Some((peer, accepted.session)));
            }
            Err(Refused::SuiteNotPermitted { .. }) => {}
            Err(reason) => {
                tracing::info!(%address, %reason, "handshake refused");
                stream.shutdown().await?;
                return Ok(None);
            }
        }
    }
    Ok(None)
}

async fn run_link<S: Service>(
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    peer: Peer,
    session: Session,
    permit: Option<OwnedSemaphorePermit>,
    shared: Arc<Shared<S>>,
) {
    let (close, closing) = watch::channel(false);
    let session = SharedSession::new(session);
    let (reader, writer) = tokio::io::split(stream);
    let (replies, queued) = mpsc::channel(REQUESTS_AT_ONCE);
    let writing = tokio::spawn(send_messages(writer, session.clone(), queued));
    let closer = Closer(Arc::new(close));
    let link = Arc::new(shared.service.open(peer, closer.clone()));
    let settings = shared.service.session_settings(&link);
    session.change(|session| session.set(settings));
    let requests = Requests {
        service: shared.service.clone(),
        link: link.clone(),
        closer,
        replies,
        room: Arc::new(Semaphore::new(REQUESTS_AT_ONCE)),
        running: JoinSet::new(),
    };
    let receiver = Receiver::new(reader, session, REQUESTS_AT_ONCE);
    requests.run(receiver, permit, closing, shared.stopping.clone()).await;
    shared.service.close(&link);
    match timeout(DRAIN_PATIENCE, writing).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => tracing::debug!(%error, "link ended while sending"),
        Ok(Err(error)) => tracing::error!(%error, "link writer ended badly"),
        Err(_) => tracing::debug!("the peer did not take its last replies"),
    }
}

/// The requests of one link.
struct Requests<S: Service> {
    service: Arc<S>,
    link: Arc<S::Link>,
    closer: Closer,
    replies: mpsc::Sender<Message>,
    room: Arc<Semaphore>,
    running: JoinSet<()>,
}

impl<S: Service> Requests<S> {
    async fn run<R: AsyncRead + Unpin>(
        mut self,
        mut receiver: Receiver<R>,
        permit: Option<OwnedSemaphorePermit>,
        mut closing: watch::Receiver<bool>,
        mut stopping: watch::Receiver<bool>,
    ) {
        let mut half_open = permit;
        let mut patience = Some(self.service.activation_patience(&self.link));
        loop {
            let message = async {
                match patience {
                    Some(patience) => timeout(patience, receiver.next()).await.ok(),
                    None => Some(receiver.next().await),
                }
            };
            // A cancelled read may lose half a frame; every other branch ends the link.
            let message = tokio::select! {
                () = told(&mut closing) => break,
                () = told(&mut stopping) => break,
                message = message => message,
            };
            match message {
                Some(Ok(Some(message))) => {
                    // Its first record has authenticated: the link is no longer half open.
                    half_open = None;
                    patience = None;
                    self.perform(message).await;
                }
                Some(Ok(None)) => break,
                // A client that goes without a farewell is no event; a bad record is.
                Some(Err(ReceiveError::Stream(error))) => {
                    tracing::debug!(%error, "connection ended");
                    break;
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "link ended");
                    break;
                }
                None => {
                    tracing::info!("link was not activated in time");
                    break;
                }
            }
            while self.running.try_join_next().is_some() {}
        }
        drop(half_open);
        let drained = async { while self.running.join_next().await.is_some() {} };
        if timeout(DRAIN_PATIENCE, drained).await.is_err() {
            tracing::warn!("a request outlived its link");
        }
    }

    async fn perform(&mut self, (id, request): Message) {
        let Ok(room) = self.room.clone().acquire_owned().await else { return };
        let (service, link) = (self.service.clone(), self.link.clone());
        let (replies, closer) = (self.replies.clone(), self.closer.clone());
        self.running.spawn(async move {
            let answered = service.answer(link, request).await;
            // Fails only if the writer has ended, and with it the link.
            let _ = replies.send((id, answered.reply)).await;
            if answered.end {
                closer.close();
            }
            drop(room);
        });
    }
}
