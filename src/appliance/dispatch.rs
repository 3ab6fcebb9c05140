//! Requests of clients, from decoded to answered.

use std::{
    any::Any,
    net::IpAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use zeroize::Zeroizing;

use super::{links::LiveLinks, services::Services, stc};
use crate::{
    channel::{Directory, PartitionKeys, SessionSettings},
    crypto::{CertificateHash, PublicKey, erase},
    hsm::{Admission, Charge, Debt, Hsm, LinkClient, LinkSession, Work},
    model::{KeepAlive, LinkService, Reply, Request, SerialNumber, Status, StcSettings},
    net::{Answered, Closer, Peer, PeerIdentity, Performed, Service, WorkKind},
    wire::{decode, encode},
};

/// Requests up to this size in bytes are read where they arrive: those in one part of the channel.
const SMALL_BYTES: usize = 64 << 10;

/// Replies up to this size in bytes are charged with the buffers of their link.
const SMALL_REPLY_BYTES: usize = 16 << 10;

/// The service behind every link.
pub(super) struct Dispatch {
    pub(super) hsm: Arc<Hsm>,
    pub(super) live: Arc<LiveLinks>,
    pub(super) services: Arc<Services>,
    partitions: Partitions,
}

impl Dispatch {
    pub(super) fn new(hsm: Arc<Hsm>, live: Arc<LiveLinks>, services: Arc<Services>) -> Self {
        let partitions = Partitions { hsm: hsm.clone(), services: services.clone() };
        Self { hsm, live, services, partitions }
    }

    /// The settings of the link's partition; an NTLS link that has none yet gets the defaults.
    fn stc_settings(&self, link: &ClientLink) -> StcSettings {
        let serial = link.session.get().map(LinkSession::serial);
        serial.map(|serial| self.hsm.stc_settings(serial)).unwrap_or_default()
    }

    fn act(&self, link: &ClientLink, request: Request) -> (Reply, bool) {
        match (link.session(), request) {
            (Some(session), request) => {
                let (reply, effects) = self.hsm.perform(session, request);
                self.live.apply(&effects);
                (reply, false)
            }
            (None, Request::Activate { client }) => self.activate(link, client),
            (None, Request::Assigned) => self.assigned(link),
            (None, Request::Open { serial }) => self.open_partition(link, serial),
            (None, _) => (Reply::Failed(Status::StcSessionInvalid), true),
        }
    }

    /// Reads a request, and answers it or says which threads are to. One that is charged already is
    /// not where it arrived.
    fn begin(
        self: &Arc<Self>,
        link: &Arc<ClientLink>,
        request: Zeroizing<Vec<u8>>,
        charge: Option<Charge>,
    ) -> Performed {
        let bytes = request.len();
        let decoded = decode::<Request>(&request);
        erase(request);
        let request = match decoded {
            Ok(request) => request,
            Err(error) => {
                tracing::warn!(channel = link.channel, %error, "request refused");
                // A link that is not up has one request to get there, and limits to pass with it.
                let end = link.session().is_none();
                return Performed::Now(link.answered(&Reply::Failed(Status::ArgumentsBad), end));
            }
        };
        if self.answers_at_once(link, &request) {
            return Performed::Now(self.answer(link, request));
        }
        let charge = match charge {
            Some(charge) => Some(charge),
            None => match link.charge(waiting_bytes(bytes)) {
                Ok(charge) => charge,
                Err(_) => return Performed::Now(self.no_room()),
            },
        };
        let kind = self.kind_of_work(link, &request);
        let (dispatch, link) = (self.clone(), link.clone());
        let work = move || {
            let _charge = charge;
            if is_quick(&request) {
                dispatch.prepare(&link);
            }
            Performed::Now(dispatch.answer(&link, request))
        };
        Performed::Later(kind, Box::new(work))
    }

    /// Answers a request of a client that has memory for the answer.
    fn answer(&self, link: &ClientLink, request: Request) -> Answered {
        let overdrawn = link.session().is_some_and(LinkSession::is_overdrawn);
        if overdrawn && !Hsm::gives_back(&request) {
            return self.no_room();
        }
        let (reply, end) = self.act(link, request);
        link.answered(&reply, end)
    }

    /// Whether a request is answered where it arrives.
    fn answers_at_once(&self, link: &ClientLink, request: &Request) -> bool {
        let Some(session) = link.session() else { return false };
        is_quick(request)
            && match request {
                Request::Cryptoki(request) => !self.hsm.waits_for_store(session, request),
                _ => true,
            }
    }

    /// Which threads a request that is not answered at once is for.
    fn kind_of_work(&self, link: &ClientLink, request: &Request) -> WorkKind {
        let guest = link.session().is_some_and(|session| self.hsm.is_guest(session));
        match (Hsm::work(request), guest && !Hsm::logs_in(request)) {
            (Work::Computing, false) => WorkKind::Computing,
            (Work::Lengthy, false) => WorkKind::Lengthy,
            (Work::Computing | Work::Lengthy, true) => WorkKind::Guest,
            (Work::Storing, false) => WorkKind::Storing,
            (Work::Storing, true) => WorkKind::GuestStoring,
        }
    }

    /// Does now what quick requests have to wait for, so that the next ones need not.
    fn prepare(&self, link: &ClientLink) {
        let prepared = link.session().map(|session| self.hsm.bring_objects_to_hand(session));
        // Whatever looks at the objects fails for the same reason, and says so.
        if let Some(Err(status)) = prepared {
            tracing::warn!(channel = link.channel, ?status, "objects cannot be read");
        }
    }

    fn activate(&self, link: &ClientLink, client: crate::model::ClientLabel) -> (Reply, bool) {
        let Some(session) = link.session.get() else {
            return (Reply::Failed(Status::FunctionRejected), true);
        };
        if let Err(too_many) = self.live.admit(link.channel) {
            tracing::warn!(channel = link.channel, %too_many, "link refused");
            return (Reply::Failed(Status::SessionCount), true);
        }
        if let Err(status) = self.hsm.activate(session, client) {
            return (Reply::Failed(status), true);
        }
        match self.hsm.perform(session, Request::Describe) {
            (Reply::Partition(partition), _) => {
                link.active.store(true, Ordering::Release);
                tracing::info!(channel = link.channel, serial = %partition.serial, "link is up");
                (Reply::Activated { channel: link.channel, partition }, false)
            }
            (Reply::Failed(status), _) => (Reply::Failed(status), true),
            _ => (Reply::Failed(Status::DeviceError), true),
        }
    }
}

impl Service for Dispatch {
    type Link = ClientLink;

    fn directory(&self) -> &(dyn Directory + Sync) {
        &self.partitions
    }

    fn open(&self, peer: Peer, closer: Closer) -> ClientLink {
        let (from, at) = (peer.address.ip().to_canonical(), peer.local.ip().to_canonical());
        let session = OnceLock::new();
        let (client, serial) = match peer.identity {
            PeerIdentity::Stc { serial, client } => {
                let serial = SerialNumber::new(serial);
                let link = || self.hsm.link(serial, client).from_address(from);
                let session = session.get_or_init(link);
                (session.client(), Some(serial))
            }
            PeerIdentity::Ntls { certificate } => {
                (LinkClient::Ntls(CertificateHash::of(&certificate)), None)
            }
        };
        let channel = self.live.enter(serial, client, closer);
        tracing::info!(channel, ?serial, address = %peer.address, "handshake complete");
        let (active, buffers) = (AtomicBool::new(false), Mutex::default());
        ClientLink { channel, client, from, at, session, active, buffers }
    }

    fn session_settings(&self, link: &ClientLink) -> SessionSettings {
        stc::session_settings(self.stc_settings(link))
    }

    fn keep_alive(&self) -> KeepAlive {
        self.services.keep_alive()
    }

    fn activation_patience(&self, link: &ClientLink) -> Duration {
        stc::activation_timeout(self.stc_settings(link))
    }

    fn perform(self: &Arc<Self>, link: &Arc<ClientLink>, request: Zeroizing<Vec<u8>>) -> Performed {
        let Some(session) = link.session().filter(|_| request.len() > SMALL_BYTES) else {
            return self.begin(link, request, None);
        };
        // To read it, and to erase it, takes longer than others are to wait for.
        let charge = session.charge(waiting_bytes(request.len()));
        let Some(charge) = charge.filter(|_| !session.is_overdrawn()) else {
            erase(request);
            return Performed::Now(self.no_room());
        };
        let guest = self.hsm.is_guest(session);
        let kind = if guest { WorkKind::GuestBulk } else { WorkKind::Bulk };
        let (dispatch, link) = (self.clone(), link.clone());
        let read = move || dispatch.begin(&link, request, Some(charge));
        Performed::Later(kind, Box::new(read))
    }

    fn is_wanted(&self, link: &ClientLink) -> bool {
        link.session.get().is_none_or(LinkSession::is_wanted)
    }

    fn peer_gone(&self, link: &ClientLink) {
        if let Some(session) = link.session.get() {
            session.peer_gone();
        }
    }

    fn is_up(&self, link: &ClientLink) -> bool {
        link.session().is_some()
    }

    fn no_room(&self) -> Answered {
        Answered::with(encode(&Reply::Failed(Status::DeviceMemory)).unwrap_or_default())
    }

    fn has_buffers(&self, link: &ClientLink, bytes: usize) {
        // Those of links without a partition are few, as such links are.
        let Some(session) = link.session.get() else { return };
        let mut buffers = link.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        buffers.get_or_insert_with(|| session.owe(0)).set(bytes);
    }

    fn close(&self, link: &ClientLink) {
        self.live.leave(link.channel);
        if let Some(session) = link.session() {
            self.hsm.note_link_end(session);
        }
        tracing::info!(channel = link.channel, "link ended");
    }
}

/// Whether a request is a matter of microseconds: no password is hashed, nothing is written, no
/// large number is raised to a power. The others go to threads of their own, so that they keep
/// nobody waiting; what is quick would spend more time on the way there than on its answer.
fn is_quick(request: &Request) -> bool {
    match request {
        Request::Ping => true,
        Request::Cryptoki(request) => Hsm::is_quick(request),
        _ => false,
    }
}

/// Memory that a request of so many bytes is charged while it waits and while it is worked on: its
/// values, and copies of them.
const fn waiting_bytes(bytes: usize) -> usize {
    bytes.saturating_mul(2).saturating_add(1024)
}

/// What the appliance keeps for one link.
pub(super) struct ClientLink {
    pub(super) channel: u64,
    pub(super) client: LinkClient,
    /// Where the client connects from.
    pub(super) from: IpAddr,
    /// The address of this machine that it connected to.
    pub(super) at: IpAddr,
    /// With its partition, which an NTLS link does not have from the start.
    pub(super) session: OnceLock<LinkSession>,
    pub(super) active: AtomicBool,
    /// What the link's own buffers are charged.
    buffers: Mutex<Option<Debt>>,
}

impl ClientLink {
    /// An answer, charged until the client has taken it if it is large.
    fn answered(&self, reply: &Reply, end: bool) -> Answered {
        let reply = encode(reply).or_else(|_| encode(&Reply::Failed(Status::DeviceError)));
        let (end, reply) = (end || reply.is_err(), reply.unwrap_or_default());
        let session = self.session().filter(|_| reply.len() > SMALL_REPLY_BYTES);
        let held = session
            .map(|session| -> Box<dyn Any + Send> { Box::new(session.owe(reply.capacity())) });
        Answered { reply, end, held }
    }

    /// Memory of the client; a failure if it has no more. Before the link is up it has one request,
    /// which takes none.
    fn charge(&self, bytes: usize) -> Result<Option<Charge>, Status> {
        let Some(session) = self.session() else { return Ok(None) };
        session.charge(bytes).map(Some).ok_or(Status::DeviceMemory)
    }

    /// The session, once the link is up.
    fn session(&self) -> Option<&LinkSession> {
        self.session.get().filter(|_| self.active.load(Ordering::Acquire))
    }
}

/// The partitions, as the handshake sees them.
struct Partitions {
    hsm: Arc<Hsm>,
    services: Arc<Services>,
}

impl Directory for Partitions {
    fn partition(&self, serial: u64) -> Option<PartitionKeys> {
        if !self.services.runs(LinkService::Stc) {
            return None;
        }
        let serial = SerialNumber::new(serial);
        // Before it is known whether the partition exists: that does not take longer.
        let suites = stc::suites(self.hsm.stc_settings(serial));
        let identity = self.hsm.identity(serial)?;
        Some(PartitionKeys { identity, suites })
    }

    fn admits(&self, serial: u64, client: &PublicKey) -> bool {
        !matches!(self.hsm.admission(SerialNumber::new(serial), client), Admission::Refused)
    }
}
