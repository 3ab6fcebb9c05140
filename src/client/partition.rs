//! One partition, for many threads: its link comes back by itself, and nothing is done twice.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    backoff::Backoff,
    establish::{Established, check_serial, establish},
    failure::{AskError, ConnectFailure},
    repeatable::repeatable,
    target::Target,
};
use crate::{
    channel::SessionStatus,
    model::{PartitionInfo, Reply, Request, SerialNumber},
    net::{ConnectError, GiveUp, Link, LinkError},
    wire::{decode, encode},
};

/// A link over which nothing has come for this long is asked for a sign of life before use.
const TRUSTED_SILENCE: Duration = Duration::from_mins(1);

/// How long that sign of life may take.
const PING_PATIENCE: Duration = Duration::from_secs(5);

/// A partition and the link to it, shared by any number of threads without a runtime.
///
/// A lost link is made anew by the next call; the appliance then knows of no login any more.
/// [`Self::connection`] tells one link from the next.
#[derive(Debug)]
pub struct Partition {
    target: Target,
    live: Mutex<Arc<Live>>,
    backoff: Mutex<Backoff<ConnectFailure>>,
    /// Ends the connections that are under way now.
    give_up: Mutex<GiveUp>,
    /// Why no link is made, if none is to be made.
    barred: Mutex<Option<ConnectFailure>>,
    /// Links beside this one, which end with it.
    beside: Mutex<Vec<Weak<Self>>>,
}

/// One link of a partition.
#[derive(Debug)]
struct Live {
    link: Link,
    serial: SerialNumber,
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
        Self::connect_unless(target, &GiveUp::default())
    }

    /// As [`Self::connect`], unless `give_up` is raised before.
    pub(super) fn connect_unless(
        target: Target,
        give_up: &GiveUp,
    ) -> Result<(Self, PartitionInfo), ConnectFailure> {
        let (live, info) = Live::establish(&target, (0, give_up))?;
        let partition = Self {
            target,
            live: Mutex::new(Arc::new(live)),
            backoff: Mutex::default(),
            give_up: Mutex::default(),
            barred: Mutex::default(),
            beside: Mutex::default(),
        };
        Ok((partition, info))
    }

    /// Connects to the same partition once more: another link, on which nobody is logged in.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn another(&self) -> Result<(Self, PartitionInfo), ConnectFailure> {
        Self::connect_unless(self.target.clone(), &self.wanted()?)
    }

    /// As [`Self::another`], for a login that nobody shares, with whatever application; the link
    /// ends with this one at the latest.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn beside(&self) -> Result<Arc<Self>, ConnectFailure> {
        let target = Target { application: None, ..self.target.clone() };
        let give_up = self.wanted()?;
        let (other, _) = Self::connect_unless(target, &give_up)?;
        let other = Arc::new(other);
        let mut beside = locked(&self.beside);
        beside.retain(|known| known.strong_count() > 0);
        beside.push(Arc::downgrade(&other));
        drop(beside);
        // Whoever ended this one meanwhile did not find the other.
        if give_up.is_raised() {
            other.close();
            return Err(ConnectFailure::Connect(ConnectError::GivenUp));
        }
        Ok(other)
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

    /// Ends the link, and one that is being made: whoever waits for it or for a reply hears so at
    /// once. The next call makes a new one.
    pub fn close(&self) {
        std::mem::take(&mut *locked(&self.give_up)).raise();
        self.live().link.close();
        let beside: Vec<_> = locked(&self.beside).iter().filter_map(Weak::upgrade).collect();
        for other in beside {
            other.close();
        }
    }

    /// As [`Self::close`], for good: no call makes a new one.
    pub fn end(&self) {
        self.bar(ConnectFailure::Connect(ConnectError::GivenUp));
    }

    /// Ends the link and makes none until [`Self::permit`]: calls fail for this reason.
    pub(super) fn bar(&self, reason: ConnectFailure) {
        *locked(&self.barred) = Some(reason);
        self.close();
    }

    /// Has links made again.
    pub(super) fn permit(&self) {
        *locked(&self.barred) = None;
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

    /// What the partition is now: asked, or as it told when its link was made anew for that.
    pub(super) fn describe(&self, attempts: Attempts) -> Result<PartitionInfo, AskError> {
        if let (_, Some(told)) = self.usable_or_new(attempts)? {
            return Ok(told);
        }
        match self.ask(&Request::Describe, attempts)? {
            Reply::Partition(partition) => Ok(partition),
            _ => Err(AskError::Malformed),
        }
    }

    /// The link, made anew if it was lost.
    fn usable(&self, attempts: Attempts) -> Result<Arc<Live>, AskError> {
        Ok(self.usable_or_new(attempts)?.0)
    }

    /// As [`Self::usable`], and what the partition told of itself if the link is new.
    fn usable_or_new(
        &self,
        attempts: Attempts,
    ) -> Result<(Arc<Live>, Option<PartitionInfo>), AskError> {
        let live = self.live();
        if live.is_usable(self.target.patience()) {
            return Ok((live, None));
        }
        // One thread connects; the others wait for what it finds.
        let mut backoff = self.backoff.lock().unwrap_or_else(PoisonError::into_inner);
        let live = self.live();
        if live.is_usable(self.target.patience()) {
            return Ok((live, None));
        }
        if attempts == Attempts::Spaced
            && let Some(failure) = backoff.fresh_failure(Instant::now())
        {
            return Err(AskError::Lost(failure.clone()));
        }
        let give_up = self.wanted().map_err(AskError::Lost)?;
        match Live::establish(&self.target, (live.connection + 1, &give_up)) {
            Ok((live, told)) => {
                backoff.succeeded();
                let live = Arc::new(live);
                *self.lock() = live.clone();
                // Whoever ended the link meanwhile did not find this one.
                if give_up.is_raised() {
                    live.link.close();
                    return Err(AskError::Lost(ConnectFailure::Connect(ConnectError::GivenUp)));
                }
                Ok((live, Some(told)))
            }
            Err(failure) => {
                backoff.failed(Instant::now(), failure.clone());
                Err(AskError::Lost(failure))
            }
        }
    }

    /// What ends a connection that is begun now, if one is to be made.
    fn wanted(&self) -> Result<GiveUp, ConnectFailure> {
        let give_up = locked(&self.give_up).clone();
        match &*locked(&self.barred) {
            Some(reason) => Err(reason.clone()),
            None => Ok(give_up),
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
    fn establish(
        target: &Target,
        (connection, give_up): (u64, &GiveUp),
    ) -> Result<(Self, PartitionInfo), ConnectFailure> {
        let Established { link, channel, partition } = establish(target, give_up)?;
        let (serial, suspect) = (target.serial, AtomicBool::new(false));
        Ok((Self { link, serial, channel, connection, suspect }, partition))
    }

    fn exchange(&self, request: &Request) -> Result<Reply, AskError> {
        let request = encode(request).map_err(|_| AskError::Malformed)?;
        let reply = self.link.call(&request).map_err(|error| {
            self.suspect.fetch_or(error == LinkError::Timeout, Ordering::Relaxed);
            AskError::Unanswered(error)
        })?;
        let reply = decode(&reply).map_err(|_| AskError::Malformed)?;
        if let Some(told) = told_serial(&reply) {
            check_serial(self.serial, told).map_err(|other| {
                self.link.close();
                AskError::OtherPartition(other)
            })?;
        }
        Ok(reply)
    }

    /// Whether the link is up; one that is not to be trusted has to answer a ping.
    fn is_usable(&self, patience: Duration) -> bool {
        if self.link.is_closed() {
            return false;
        }
        if !self.suspect.load(Ordering::Relaxed) && self.link.silence() < TRUSTED_SILENCE {
            return true;
        }
        let alive = encode(&Request::Ping)
            .is_ok_and(|ping| self.link.call_within(&ping, patience.min(PING_PATIENCE)).is_ok());
        self.suspect.store(!alive, Ordering::Relaxed);
        if !alive {
            self.link.close();
        }
        alive
    }
}

/// The serial number that a reply tells of the partition that it comes from.
const fn told_serial(reply: &Reply) -> Option<SerialNumber> {
    match reply {
        Reply::Activated { partition, .. } | Reply::Partition(partition) => Some(partition.serial),
        Reply::Identity(identity) => Some(identity.serial),
        Reply::Done
        | Reply::Failed(_)
        | Reply::Role(_)
        | Reply::Clients(_)
        | Reply::Objects(_)
        | Reply::Cryptoki(_)
        | Reply::Policies { .. }
        | Reply::Domains(_)
        | Reply::DomainProof(_)
        | Reply::Serials(_)
        | Reply::StcSettings(_)
        | Reply::Left(_)
        | Reply::Sealed(_)
        | Reply::Imported(_) => None,
    }
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
