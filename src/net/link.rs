//! The client's end of a link: many requests at once over one channel.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::pki_types::{CertificateDer, ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::{
    frames::{frame_buffer, read_frame, write_frame},
    secure::{Message, Receiver, SharedSession, send_messages},
    tls::client_config,
};
use crate::{
    channel::{Answer, HandshakeError, Initiator, InitiatorConfig, Session, SessionStatus},
    crypto::SystemRandom,
};

/// Requests that may wait to be sent before a caller has to wait itself.
const QUEUE: usize = 256;

/// Replies that may arrive in parts at the same time.
const INCOMPLETE_REPLIES: usize = 64;

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

/// An established link to one partition. Ends when dropped.
#[derive(Debug)]
pub struct Link {
    queue: mpsc::Sender<Message>,
    waiting: Arc<Waiting>,
    session: SharedSession,
    patience: Duration,
    tasks: [JoinHandle<()>; 2],
}

impl Link {
    /// Connects to the appliance and completes the handshake with the partition.
    ///
    /// # Errors
    /// The step that failed, and how.
    pub async fn connect(
        endpoint: &Endpoint,
        config: InitiatorConfig,
    ) -> Result<Self, ConnectError> {
        let patience = endpoint.patience;
        let address = (endpoint.host.as_str(), endpoint.port);
        let tcp = timeout(patience, TcpStream::connect(address))
            .await
            .map_err(|_| ConnectError::Timeout)?
            .map_err(ConnectError::Tcp)?;
        tcp.set_nodelay(true).map_err(ConnectError::Tcp)?;
        let tls = client_config(endpoint.certificate.clone()).map_err(ConnectError::Tls)?;
        let name = ServerName::try_from(endpoint.host.clone()).map_err(|_| ConnectError::Name)?;
        let stream = timeout(patience, TlsConnector::from(tls).connect(name, tcp))
            .await
            .map_err(|_| ConnectError::Timeout)?
            .map_err(tls_failure)?;
        Self::over(stream, config, patience).await
    }

    /// Completes the handshake over any byte stream.
    ///
    /// # Errors
    /// As [`Self::connect`], from the handshake on.
    pub async fn over<S>(
        mut stream: S,
        config: InitiatorConfig,
        patience: Duration,
    ) -> Result<Self, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let session = timeout(patience, handshake(&mut stream, config))
            .await
            .map_err(|_| ConnectError::Timeout)??;
        let session = SharedSession::new(session);
        let waiting = Arc::new(Waiting::default());
        let (queue, queued) = mpsc::channel(QUEUE);
        let (reader, writer) = tokio::io::split(stream);
        let receiver = Receiver::new(reader, session.clone(), INCOMPLETE_REPLIES);
        let deliverer = tokio::spawn(deliver(receiver, waiting.clone()));
        let sending = send_messages(writer, session.clone(), queued);
        let closing = waiting.clone();
        let sender = tokio::spawn(async move {
            if let Err(error) = sending.await {
                tracing::debug!(%error, "link stopped sending");
            }
            closing.close();
        });
        Ok(Self { queue, waiting, session, patience, tasks: [deliverer, sender] })
    }

    /// Sends a request and waits for its reply; other requests may overtake it.
    ///
    /// # Errors
    /// The link ended before the reply came, or the reply took longer than the link's patience.
    /// In both cases the request may have been performed.
    pub async fn call(&self, request: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, LinkError> {
        let (id, reply) = self.waiting.register().ok_or(LinkError::Closed)?;
        let exchange = async {
            self.queue.send((id, request)).await.map_err(|_| LinkError::Closed)?;
            reply.await.map_err(|_| LinkError::Closed)
        };
        let outcome = timeout(self.patience, exchange).await;
        outcome.unwrap_or_else(|_| {
            self.waiting.forget(id);
            Err(LinkError::Timeout)
        })
    }

    /// What is true of the channel now.
    pub fn status(&self) -> SessionStatus {
        self.session.lock().status()
    }

    /// Changes the channel's keys, whatever they have done.
    pub fn rekey(&self) {
        self.session.change(Session::rekey);
    }

    /// Whether the link has ended.
    pub fn is_closed(&self) -> bool {
        self.waiting.is_closed()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Why no link came to be.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The host is not a name or an address.
    #[error("the host is neither a name nor an address")]
    Name,
    /// No TCP connection.
    #[error("{0}")]
    Tcp(io::Error),
    /// The appliance showed another certificate than the registered one.
    #[error("the appliance shows another certificate than the registered one")]
    Certificate,
    /// TLS failed otherwise.
    #[error("TLS failed: {0}")]
    Tls(rustls::Error),
    /// The connection ended during the handshake.
    #[error("the connection ended during the handshake: {0}")]
    Stream(io::Error),
    /// The partition refused, or its answer did not authenticate.
    #[error("{0}")]
    Handshake(HandshakeError),
    /// A step took longer than the endpoint's patience.
    #[error("the appliance did not answer in time")]
    Timeout,
}

/// Why a request has no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The link has ended.
    #[error("the link ended")]
    Closed,
    /// The reply did not come in time.
    #[error("the reply did not come in time")]
    Timeout,
}

async fn handshake(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    config: InitiatorConfig,
) -> Result<Session, ConnectError> {
    let mut initiator = Initiator::new(config);
    let mut random = SystemRandom::new();
    loop {
        let mut message = frame_buffer();
        let mut awaiting =
            initiator.start(&mut random, &mut message).map_err(ConnectError::Handshake)?;
        initiator = loop {
            let answer = exchange(stream, &mut message).await.map_err(ConnectError::Stream)?;
            match awaiting.receive(&answer).map_err(ConnectError::Handshake)? {
                Answer::Established(session) => return Ok(session),
                Answer::Retry(next) => break next,
                Answer::CookieDemanded(demanded) => {
                    message = frame_buffer();
                    awaiting = demanded.repeat(&mut message);
                }
            }
        };
    }
}

/// Sends one frame and waits for one.
async fn exchange(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    message: &mut [u8],
) -> io::Result<Vec<u8>> {
    write_frame(stream, message).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    if !read_frame(stream, &mut answer).await? {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(answer)
}

async fn deliver<R: AsyncRead + Unpin>(mut receiver: Receiver<R>, waiting: Arc<Waiting>) {
    loop {
        match receiver.next().await {
            Ok(Some((id, reply))) => waiting.answer(id, reply),
            Ok(None) => break,
            Err(error) => {
                tracing::debug!(%error, "link stopped receiving");
                break;
            }
        }
    }
    waiting.close();
}

fn tls_failure(error: io::Error) -> ConnectError {
    use rustls::{CertificateError::ApplicationVerificationFailure, Error::InvalidCertificate};
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(InvalidCertificate(ApplicationVerificationFailure)) => ConnectError::Certificate,
        Some(tls) => ConnectError::Tls(tls.clone()),
        None => ConnectError::Stream(error),
    }
}

/// Callers waiting for replies, by request number; `None` once the link has ended.
#[derive(Debug)]
struct Waiting(Mutex<Option<Callers>>);

#[derive(Debug, Default)]
struct Callers {
    last: u32,
    replies: HashMap<u32, oneshot::Sender<Zeroizing<Vec<u8>>>>,
}

impl Default for Waiting {
    fn default() -> Self {
        Self(Mutex::new(Some(Callers::default())))
    }
}

impl Waiting {
    fn register(&self) -> Option<(u32, oneshot::Receiver<Zeroizing<Vec<u8>>>)> {
        let (sender, receiver) = oneshot::channel();
        self.with(|callers| {
            let callers = callers.as_mut()?;
            // Numbers come round after 2^32 requests; one still waiting keeps its own.
            loop {
                callers.last = callers.last.wrapping_add(1);
                if !callers.replies.contains_key(&callers.last) {
                    break;
                }
            }
            callers.replies.insert(callers.last, sender);
            Some((callers.last, receiver))
        })
    }

    fn answer(&self, id: u32, reply: Zeroizing<Vec<u8>>) {
        let caller = self.with(|callers| callers.as_mut()?.replies.remove(&id));
        // A caller that gave up has forgotten its number; its reply is dropped here.
        if let Some(caller) = caller {
            let _ = caller.send(reply);
        }
    }

    fn forget(&self, id: u32) {
        self.with(|callers| callers.as_mut().and_then(|callers| callers.replies.remove(&id)));
    }

    fn close(&self) {
        drop(self.with(Option::take));
    }

    fn is_closed(&self) -> bool {
        self.with(|callers| callers.is_none())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Option<Callers>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
