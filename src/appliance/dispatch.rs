//! Requests of clients, from decoded to answered.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use zeroize::Zeroizing;

use super::{links::LiveLinks, services::Services};
use crate::{
    channel::{Directory, PartitionKeys, SessionSettings, SuiteSet},
    crypto::PublicKey,
    hsm::{Admission, Hsm, LinkSession},
    model::{LinkService, Reply, Request, SerialNumber, Status},
    net::{Answered, Closer, Peer, Performed, Service},
    wire::{decode, encode},
};

/// How long a link may take to activate after its handshake (Luna's default).
const ACTIVATION_TIMEOUT: Duration = Duration::from_mins(2);

/// The service behind every link.
pub(super) struct Dispatch {
    live: Arc<LiveLinks>,
    partitions: Partitions,
}

impl Dispatch {
    pub(super) fn new(hsm: Arc<Hsm>, live: Arc<LiveLinks>, services: Arc<Services>) -> Self {
        Self { live, partitions: Partitions { hsm, services } }
    }

    fn act(&self, link: &ClientLink, request: Request) -> (Reply, bool) {
        let hsm = &self.partitions.hsm;
        if let Request::Activate { client } = request {
            return self.activate(link, client);
        }
        if !link.active.load(Ordering::Acquire) {
            return (Reply::Failed(Status::StcSessionInvalid), true);
        }
        let (reply, effects) = hsm.perform(&link.session, request);
        self.live.apply(&effects);
        (reply, false)
    }

    fn activate(&self, link: &ClientLink, client: crate::model::ClientLabel) -> (Reply, bool) {
        let hsm = &self.partitions.hsm;
        if link.active.load(Ordering::Acquire) {
            return (Reply::Failed(Status::FunctionRejected), false);
        }
        if let Err(too_many) = self.live.check_limits(link.channel) {
            tracing::warn!(channel = link.channel, %too_many, "link refused");
            return (Reply::Failed(Status::SessionCount), true);
        }
        if let Err(status) = hsm.activate(&link.session, client) {
            return (Reply::Failed(status), true);
        }
        match hsm.perform(&link.session, Request::Describe) {
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
        let serial = SerialNumber::new(peer.serial);
        let channel = self.live.enter(serial, peer.client.into(), closer);
        tracing::info!(channel, %serial, address = %peer.address, "handshake complete");
        let session = LinkSession::new(serial, peer.client);
        ClientLink { channel, session, active: AtomicBool::new(false) }
    }

    fn session_settings(&self, _: &ClientLink) -> SessionSettings {
        SessionSettings::default()
    }

    fn activation_patience(&self, _: &ClientLink) -> Duration {
        ACTIVATION_TIMEOUT
    }

    fn perform(self: &Arc<Self>, link: &Arc<ClientLink>, request: Zeroizing<Vec<u8>>) -> Performed {
        match decode::<Request>(&request) {
            Err(error) => {
                tracing::warn!(channel = link.channel, %error, "request refused");
                Performed::Now(answered(&Reply::Failed(Status::ArgumentsBad), false))
            }
            Ok(request) if link.active.load(Ordering::Acquire) && is_quick(&request) => {
                let (reply, end) = self.act(link, request);
                Performed::Now(answered(&reply, end))
            }
            Ok(request) => {
                let (dispatch, link) = (self.clone(), link.clone());
                Performed::Later(Box::new(move || {
                    let (reply, end) = dispatch.act(&link, request);
                    answered(&reply, end)
                }))
            }
        }
    }

    fn close(&self, link: &ClientLink) {
        self.live.leave(link.channel);
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

fn answered(reply: &Reply, end: bool) -> Answered {
    let reply = encode(reply).or_else(|_| encode(&Reply::Failed(Status::DeviceError)));
    Answered { end: end || reply.is_err(), reply: reply.unwrap_or_default() }
}

/// What the appliance keeps for one link.
pub(super) struct ClientLink {
    channel: u64,
    session: LinkSession,
    active: AtomicBool,
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
        let identity = self.hsm.identity(SerialNumber::new(serial))?;
        Some(PartitionKeys { identity, suites: SuiteSet::HYBRID })
    }

    fn admits(&self, serial: u64, client: &PublicKey) -> bool {
        !matches!(self.hsm.admission(SerialNumber::new(serial), client), Admission::Refused)
    }
}
