//! One partition, for many threads: its link comes back by itself, and nothing is done twice.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use super::{backoff::Backoff, repeatable::repeatable};
use crate::{
    channel::{InitiatorConfig, SessionStatus, Suite},
    crypto::PublicKey,
    model::{ApplicationId, PartitionInfo, Reply, Request, SerialNumber, Status},
    net::{ConnectError, Credentials, Endpoint, Link, LinkError},
    store::ClientIdentity,
    wire::{decode, encode},
};

/// A link over which nothing has come for this long is asked for a sign of life before use.
const TRUSTED_SILENCE: Duration = Duration::from_mins(1);

/// How long that sign of life may take.
const PING_PATIENCE: Duration = Duration::from_secs(5);

/// A partition on an appliance, with all it takes to reach it.
#[derive(Clone, Debug)]
pub struct Target {
    /// The appliance's name, as registered.
    pub host: String,
    /// Where the appliance is, or why that is not known.
    pub endpoint: Result<Endpoint, String>,
    /// The partition's serial number.
    pub serial: SerialNumber,
    /// How the two know each other.
    pub way: Way,
    /// The application whose login the link shares; none for a login of its own.
    pub application: Option<ApplicationId>,
}

/// How a client and a partition know each other.
#[derive(Clone, Debug)]
pub enum Way {
    /// By their identities.
    Stc {
        /// This client's identity.
        identity: Arc<ClientIdentity>,
        /// The partition's registered identity.
        partition: PublicKey,
    },
    /// By the certificates of client and appliance.
    Ntls(Credentials),
}

impl Target {
    /// Whether a link to `other` may be kept for this target.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let same_way = match (&self.way, &other.way) {
            (Way::Stc { identity, partition }, Way::Stc { identity: theirs, partition: other }) => {
                identity.label == theirs.label
                    && identity.keys.public() == theirs.keys.public()
                    && partition == other
            }
            (Way::Ntls(ours), Way::Ntls(theirs)) => ours.certificate() == theirs.certificate(),
            _ => false,
        };
        same_way
            && self.application == other.application
            && self.serial == other.serial
            && self.host == other.host
    }
}

/// A partition and the link to it, shared by any number of threads without a runtime.
///
/// A lost link is made anew by the next call; the appliance then knows of no login any more.
/// [`Self::connection`] tells one link from the next.
#[derive(Debug)]
pub struct Partition {
    target: Target,
    live: Mutex<Arc<Live>>,
    backoff: Mutex<Backoff<ConnectFailure>>,
}

/// One link of a partition.
#[derive(Debug)]
struct Live {
    link: Link,
    channel: u64,
    connection: u64,
    /// A reply did not come in time: the peer may be gone.
    suspect: AtomicBool,
}

/// Whether a lost link is tried again while the last failure is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempts {
    /// Each call tries: somebody sits before it.
    Each,
    /// As often as the back-off permits; calls between fail at once, for the same reason.
    Spaced,
}

impl Partition {
    /// Connects, completes the handshake and activates the link.
    ///
    /// # Errors
    /// The step that failed, and how.
    pub fn connect(target: Target) -> Result<(Self, PartitionInfo), ConnectFailure> {
        let (live, info) = establish(&target, 0)?;
        let live = Mutex::new(Arc::new(live));
        Ok((Self { target, live, backoff: Mutex::default() }, info))
    }

    /// Connects to the same partition once more: another link, on which nobody is logged in.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn another(&self) -> Result<(Self, PartitionInfo), ConnectFailure> {
        Self::connect(self.target.clone())
    }

    /// Where the link leads.
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// The number of the link on the appliance.
    pub fn channel(&self) -> u64 {
        self.live().channel
    }

    /// Which link this is: raised by one with each that was lost and came back. What was true on
    /// the appliance for one link, a login above all, is not true for the next.
    pub fn connection(&self) -> u64 {
        self.live().connection
    }

    /// What is true of the channel now; none if the link has none.
    pub fn status(&self) -> Option<SessionStatus> {
        self.live().link.status()
    }

    /// Has the channel change its keys with the next request.
    pub fn rekey(&self) {
        self.live().link.rekey();
    }

    /// Whether the link is up, as far as this end knows.
    pub fn is_up(&self) -> bool {
        !self.live().link.is_closed()
    }

    /// Asks the partition. A link found lost is made anew first, if the last attempt is not too
    /// fresh; a request that was under way when the link was lost is repeated only if that does no
    /// harm.
    ///
    /// # Errors
    /// No link, or no reply; only an [`AskError::Unanswered`] with [`LinkError::Closed`] or
    /// [`LinkError::Timeout`] leaves open whether the request was performed.
    pub fn call(&self, request: &Request) -> Result<Reply, AskError> {
        self.ask(request, Attempts::Spaced)
    }

    /// As [`Self::call`], over this connection or none: for what only makes sense where an earlier
    /// request was performed.
    ///
    /// # Errors
    /// As [`Self::call`]; [`AskError::Reconnected`] once the connection is another one.
    pub fn call_on(&self, connection: u64, request: &Request) -> Result<Reply, AskError> {
        let live = self.live();
        if live.connection != connection {
            return Err(AskError::Reconnected);
        }
        live.exchange(request)
    }

    /// Ends the link: whoever waits for a reply hears so at once. The next call makes a new one.
    pub fn close(&self) {
        self.live().link.close();
    }

    pub(super) fn ask(&self, request: &Request, attempts: Attempts) -> Result<Reply, AskError> {
        let live = self.usable(attempts)?;
        match live.exchange(request) {
            Err(AskError::Unanswered(LinkError::NotSent)) => {
                self.usable(attempts)?.exchange(request)
            }
            Err(AskError::Unanswered(LinkError::Closed)) if repeatable(request) => {
                self.usable(attempts)?.exchange(request)
            }
            outcome => outcome,
        }
    }

    /// The link, made anew if it was lost.
    fn usable(&self, attempts: Attempts) -> Result<Arc<Live>, AskError> {
        let live = self.live();
        if live.is_usable() {
            return Ok(live);
        }
        // One thread connects; the others wait for what it finds.
        let mut backoff = self.backoff.lock().unwrap_or_else(PoisonError::into_inner);
        let live = self.live();
        if live.is_usable() {
            return Ok(live);
        }
        if attempts == Attempts::Spaced
            && let Some(failure) = backoff.fresh_failure(Instant::now())
        {
            return Err(AskError::Lost(failure.clone()));
        }
        match establish(&self.target, live.connection + 1) {
            Ok((live, _)) => {
                backoff.succeeded();
                let live = Arc::new(live);
                *self.lock() = live.clone();
                Ok(live)
            }
            Err(failure) => {
                backoff.failed(Instant::now(), failure.clone());
                Err(AskError::Lost(failure))
            }
        }
    }

    fn live(&self) -> Arc<Live> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn exchange(&self, request: &Request) -> Result<Reply, AskError> {
        let request = encode(request).map_err(|_| AskError::Malformed)?;
        let reply = self.link.call(&request).map_err(|error| {
            self.suspect.fetch_or(error == LinkError::Timeout, Ordering::Relaxed);
            AskError::Unanswered(error)
        })?;
        decode(&reply).map_err(|_| AskError::Malformed)
    }

    /// Whether the link is up; one that is not to be trusted has to answer a ping.
    fn is_usable(&self) -> bool {
        if self.link.is_closed() {
            return false;
        }
        if !self.suspect.load(Ordering::Relaxed) && self.link.silence() < TRUSTED_SILENCE {
            return true;
        }
        let alive = encode(&Request::Ping)
            .is_ok_and(|ping| self.link.call_within(&ping, PING_PATIENCE).is_ok());
        self.suspect.store(!alive, Ordering::Relaxed);
        if !alive {
            self.link.close();
        }
        alive
    }
}

/// Why a partition cannot be reached.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectFailure {
    /// What the client has for the appliance, its registration or a key of its own, cannot be used;
    /// and what to do.
    #[error("{0}")]
    Unusable(String, &'static str),
    /// No link.
    #[error("{0}")]
    Connect(#[from] ConnectError),
    /// The link ended before it was activated.
    #[error("{0}")]
    Link(#[from] LinkError),
    /// The partition, or the appliance for it, refused to activate the link.
    #[error("{}", refusal(*.0))]
    Refused(Status),
    /// The partition answered with something else.
    #[error("the partition's answer makes no sense")]
    Malformed,
}

/// Why a request has no reply.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AskError {
    /// The link was lost and did not come back; the request was not sent.
    #[error("{0}")]
    Lost(ConnectFailure),
    /// The link was lost and came back, or is about to; the request was meant for the one before
    /// and was not sent.
    #[error("the link was lost: what was done over it has to be done again")]
    Reconnected,
    /// No reply came; the reason tells whether the request may have been performed.
    #[error("{0}")]
    Unanswered(LinkError),
    /// The user left it before a reply came.
    #[error("interrupted")]
    GivenUp {
        /// Whether it may have been performed, and changed something.
        open: bool,
    },
    /// The reply makes no sense.
    #[error("the partition's answer makes no sense")]
    Malformed,
}

fn refusal(status: Status) -> String {
    match status {
        Status::StcNotEnabled => {
            "the partition is reached over STC only: its policy 37 says so".to_owned()
        }
        Status::TokenNotPresent => {
            "the appliance does not give this partition to this client".to_owned()
        }
        Status::DeviceRemoved => "the appliance accepts no NTLS link from here".to_owned(),
        status => format!("the partition refused the link: {status}"),
    }
}

fn establish(target: &Target, connection: u64) -> Result<(Live, PartitionInfo), ConnectFailure> {
    let endpoint = target.endpoint.as_ref();
    let endpoint =
        endpoint.map_err(|reason| ConnectFailure::Unusable(reason.clone(), REGISTER_ANEW))?;
    let (link, reply) = match &target.way {
        Way::Stc { identity, partition } => {
            let config = InitiatorConfig {
                identity: identity.keys.clone(),
                partition: *partition,
                serial: target.serial.value(),
                suites: Suite::ALL.to_vec(),
            };
            let link = Link::connect(endpoint, config)?;
            let reply =
                link.call(&encoded(&Request::Activate { client: identity.label.clone() })?)?;
            (link, reply)
        }
        Way::Ntls(credentials) => {
            let open = encoded(&Request::Open { serial: target.serial })?;
            Link::connect_ntls(endpoint, credentials, &open)?
        }
    };
    match decode(&reply) {
        Ok(Reply::Activated { channel, partition }) => {
            if let Some(application) = target.application {
                join(&link, application)?;
            }
            let suspect = AtomicBool::new(false);
            Ok((Live { link, channel, connection, suspect }, partition))
        }
        Ok(Reply::Failed(status)) => Err(ConnectFailure::Refused(status)),
        _ => Err(ConnectFailure::Malformed),
    }
}

/// What to do about a registration that cannot be used.
pub(super) const REGISTER_ANEW: &str =
    "Register the server anew with vtl deleteServer and vtl addServer.";

/// Has a link share the login of its application.
fn join(link: &Link, application: ApplicationId) -> Result<(), ConnectFailure> {
    let reply = link.call(&encoded(&Request::JoinApplication(application))?)?;
    match decode(&reply) {
        Ok(Reply::Done) => Ok(()),
        Ok(Reply::Failed(status)) => Err(ConnectFailure::Refused(status)),
        _ => Err(ConnectFailure::Malformed),
    }
}

/// The partitions that the appliance at this end gave to this client.
pub(super) fn assigned(
    endpoint: &Endpoint,
    credentials: &Credentials,
) -> Result<Vec<SerialNumber>, ConnectFailure> {
    let request = encoded(&Request::Assigned)?;
    let (_, reply) = Link::connect_ntls(endpoint, credentials, &request)?;
    match decode(&reply) {
        Ok(Reply::Serials(serials)) => Ok(serials),
        Ok(Reply::Failed(status)) => Err(ConnectFailure::Refused(status)),
        _ => Err(ConnectFailure::Malformed),
    }
}

fn encoded(request: &Request) -> Result<Zeroizing<Vec<u8>>, ConnectFailure> {
    encode(request).map_err(|_| ConnectFailure::Malformed)
}
