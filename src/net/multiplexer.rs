//! Many threads on one connection, without a thread of its own: whoever waits does the work.
//!
//! A caller puts its request behind those that are to be sent. If nobody is writing, it writes,
//! for all; if nobody is reading, it reads, for all, and hands the others their replies. Everybody
//! else sleeps. Who leaves while work is left calls another one to it.

use std::{
    collections::BTreeMap,
    io, mem,
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use super::{
    inbox::Inbox,
    primitives::{Arc, Condvar, Mutex, MutexGuard, PoisonError, yield_now},
    seat::{LinkError, Outcome, Seat, Woken},
};

/// Requests that may wait for their replies; further callers wait before they send.
const CALLERS: usize = 1024;

/// Bytes that may wait to be written; further callers wait before they send.
const QUEUED_BYTES: usize = 1 << 20;

/// A buffer that grew beyond this is given back after use.
const KEPT_BYTES: usize = 256 * 1024;

/// As long as something came within this time, nobody looks for the connection's end.
const WATCHED: Duration = Duration::from_millis(20);

/// How often the codec hears what time it is, as long as something comes.
const TICK: Duration = Duration::from_secs(1);

/// Turns messages into a connection's bytes and back.
pub(super) trait Codec {
    /// Why it cannot go on; the connection is then over.
    type Error: std::fmt::Display;

    /// Puts a request to the end of `out`.
    fn send(&mut self, id: u32, request: &[u8], out: &mut Vec<u8>) -> Result<(), Self::Error>;

    /// Takes in what has come and hands over the replies that are complete; what it has to say
    /// itself goes to the end of `out`.
    fn receive(
        &mut self,
        inbox: &mut Inbox,
        out: &mut Vec<u8>,
        hand_over: &mut dyn FnMut(u32, Zeroizing<Vec<u8>>),
    ) -> Result<(), Self::Error>;

    /// Lets time pass: `now` is the time since any fixed moment.
    fn tick(&mut self, now: Duration);
}

/// A connection that one thread reads while another one writes.
pub(super) trait Socket {
    /// Reads what is there; waits for it, but not for long: `WouldBlock` or `TimedOut` is no end.
    fn read(&self, room: &mut [u8]) -> io::Result<usize>;

    /// Writes all of it.
    fn write_all(&self, bytes: &[u8]) -> io::Result<()>;

    /// Whether a read would not wait.
    fn has_news(&self) -> bool;
}

/// A connection, and all who call over it.
#[derive(Debug)]
pub(super) struct Multiplexer<C, S> {
    socket: S,
    core: Mutex<Core<C>>,
    room: Condvar,
}

#[derive(Debug)]
struct Core<C> {
    codec: C,
    last: u32,
    waiting: BTreeMap<u32, Arc<Seat>>,
    /// Callers that wait for room.
    queueing: usize,
    out: Vec<u8>,
    spare: Vec<u8>,
    /// Bytes handed to the socket so far.
    handed: u64,
    writing: bool,
    /// Absent while somebody reads.
    inbox: Option<Inbox>,
    /// Who reads, if it waits for a reply itself: it hears no call before something comes.
    reader: Option<u32>,
    /// When something last came.
    heard: Instant,
    start: Instant,
    /// When the codec last heard what time it is.
    ticked: Instant,
    over: bool,
}

/// Seats, and what is to be told there.
type Ready = Vec<(Arc<Seat>, Outcome)>;

impl<C: Codec, S: Socket> Multiplexer<C, S> {
    /// `inbox` may hold what came behind the handshake.
    pub(super) fn new(codec: C, socket: S, inbox: Inbox) -> Self {
        let now = Instant::now();
        let core = Core {
            codec,
            last: 0,
            waiting: BTreeMap::new(),
            queueing: 0,
            out: Vec::new(),
            spare: Vec::new(),
            handed: 0,
            writing: false,
            inbox: Some(inbox),
            reader: None,
            heard: now,
            start: now,
            ticked: now,
            over: false,
        };
        Self { socket, core: Mutex::new(core), room: Condvar::new() }
    }

    /// Sends a request and waits for its reply.
    pub(super) fn call(&self, request: &[u8], deadline: Option<Instant>) -> Outcome {
        let mut core = self.enter(deadline)?;
        let (id, seat) = core.seat();
        let Core { codec, out, .. } = &mut *core;
        if let Err(error) = codec.send(id, request, out) {
            tracing::debug!(%error, "link cannot send");
            core.waiting.remove(&id);
            self.end(core);
            return Err(LinkError::NotSent);
        }
        self.attend(core, id, &seat, deadline)
    }

    /// Whether the connection has ended. If nobody has called for a while, what came meanwhile is
    /// taken in first: the end, above all.
    pub(super) fn is_over(&self) -> bool {
        let mut core = self.lock();
        let unwatched = !core.over && core.waiting.is_empty() && core.heard.elapsed() > WATCHED;
        if unwatched
            && self.socket.has_news()
            && let Some(inbox) = core.inbox.take()
        {
            core = self.read(core, inbox);
            let over = core.over;
            self.leave(core);
            return over;
        }
        core.over
    }

    /// How long nothing has come.
    pub(super) fn silence(&self) -> Duration {
        self.lock().heard.elapsed()
    }

    /// Lets `act` look at the codec.
    pub(super) fn with_codec<T>(&self, act: impl FnOnce(&C) -> T) -> T {
        act(&self.lock().codec)
    }

    /// Has the codec do something; what it then has to say is sent.
    pub(super) fn change(&self, act: impl FnOnce(&mut C, &mut Vec<u8>) -> Result<(), C::Error>) {
        let mut core = self.lock();
        if core.over {
            return;
        }
        let Core { codec, out, .. } = &mut *core;
        match act(codec, out) {
            Ok(()) => self.leave(core),
            Err(error) => {
                tracing::debug!(%error, "link cannot send");
                self.end(core);
            }
        }
    }

    pub(super) const fn socket(&self) -> &S {
        &self.socket
    }

    /// The codec, once nobody can call any more; none if the connection is over.
    pub(super) fn codec_mut(&mut self) -> Option<&mut C> {
        let core = self.core.get_mut().unwrap_or_else(PoisonError::into_inner);
        (!core.over).then_some(&mut core.codec)
    }

    /// Waits until there is room for one more request.
    fn enter(&self, deadline: Option<Instant>) -> Result<MutexGuard<'_, Core<C>>, LinkError> {
        let mut core = self.lock();
        loop {
            if core.over {
                return Err(LinkError::NotSent);
            }
            if core.waiting.len() < CALLERS && core.out.len() < QUEUED_BYTES {
                return Ok(core);
            }
            if core.wants_writer() {
                core = self.write(core);
                continue;
            }
            core.queueing += 1;
            core = match deadline.map(|at| at.saturating_duration_since(Instant::now())) {
                None => self.room.wait(core).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => {
                    core.queueing -= 1;
                    return Err(LinkError::NotSent);
                }
                Some(left) => {
                    let waited = self.room.wait_timeout(core, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            core.queueing -= 1;
        }
    }

    /// Does what nobody else does until the seat has its outcome.
    fn attend<'m>(
        &'m self,
        mut core: MutexGuard<'m, Core<C>>,
        id: u32,
        seat: &Seat,
        deadline: Option<Instant>,
    ) -> Outcome {
        loop {
            if let Some(outcome) = seat.take() {
                self.leave(core);
                return outcome;
            }
            if core.wants_writer() {
                core = self.write(core);
                continue;
            }
            // Who is not among the waiting any more is about to be told.
            if core.waiting.contains_key(&id)
                && let Some(inbox) = core.inbox.take()
            {
                core.reader = Some(id);
                core = self.read(core, inbox);
                let late = deadline.is_some_and(|at| Instant::now() >= at);
                if late && core.waiting.remove(&id).is_some() {
                    self.leave(core);
                    return Err(LinkError::Timeout);
                }
                continue;
            }
            drop(core);
            core = match seat.wait(deadline) {
                Woken::Done { outcome, called: false } => return outcome,
                Woken::Done { outcome, called: true } => {
                    self.leave(self.lock());
                    return outcome;
                }
                Woken::Called => self.lock(),
                Woken::Late => {
                    let mut core = self.lock();
                    if core.waiting.remove(&id).is_some() {
                        self.leave(core);
                        return Err(LinkError::Timeout);
                    }
                    // Somebody is about to hand over the outcome.
                    drop(core);
                    return self.last_moment(seat);
                }
            };
        }
    }

    fn last_moment(&self, seat: &Seat) -> Outcome {
        loop {
            if let Woken::Done { outcome, .. } = seat.wait(None) {
                self.leave(self.lock());
                return outcome;
            }
        }
    }

    /// Writes what is to be written.
    fn write<'m>(&'m self, mut core: MutexGuard<'m, Core<C>>) -> MutexGuard<'m, Core<C>> {
        core.writing = true;
        // Others who were just told their replies are about to send again: one write for all of
        // them costs little more than one for each.
        if core.waiting.len() > 1 {
            drop(core);
            yield_now();
            core = self.lock();
        }
        let spare = mem::take(&mut core.spare);
        let mut bytes = mem::replace(&mut core.out, spare);
        core.handed += u64::try_from(bytes.len()).unwrap_or_default();
        drop(core);
        let written = self.socket.write_all(&bytes);
        bytes.clear();
        let mut core = self.lock();
        core.writing = false;
        if bytes.capacity() <= KEPT_BYTES {
            core.spare = bytes;
        }
        if core.queueing > 0 {
            self.room.notify_all();
        }
        if let Err(error) = written {
            tracing::debug!(%error, "link stopped sending");
            self.end(core);
            core = self.lock();
        }
        core
    }

    /// Reads once and hands over the replies that came.
    fn read<'m>(
        &'m self,
        core: MutexGuard<'m, Core<C>>,
        mut inbox: Inbox,
    ) -> MutexGuard<'m, Core<C>> {
        drop(core);
        let count = self.socket.read(inbox.room());
        let mut core = self.lock();
        let mut ready = Ready::new();
        let ended = match count {
            Ok(0) => Some("the peer closed the connection".to_owned()),
            Ok(count) => {
                inbox.filled(count);
                core.hear(Instant::now());
                core.receive(&mut inbox, &mut ready).err().map(|error| error.to_string())
            }
            Err(error) if is_no_end(&error) => None,
            Err(error) => Some(error.to_string()),
        };
        core.inbox = Some(inbox);
        core.reader = None;
        if core.queueing > 0 && !ready.is_empty() {
            self.room.notify_all();
        }
        if !ready.is_empty() {
            drop(core);
            tell(ready);
            core = self.lock();
        }
        if let Some(reason) = ended {
            tracing::debug!(reason, "link stopped receiving");
            self.end(core);
            core = self.lock();
        }
        core
    }

    /// Leaves the work that is left to somebody who stays; does it if nobody can.
    fn leave<'m>(&'m self, mut core: MutexGuard<'m, Core<C>>) {
        let next = loop {
            let next = core.next();
            if next.is_some() || !core.wants_writer() {
                break next;
            }
            core = self.write(core);
        };
        drop(core);
        if let Some(next) = next {
            next.call();
        }
    }

    /// Ends the link for everybody.
    fn end(&self, mut core: MutexGuard<'_, Core<C>>) {
        core.over = true;
        core.out = Vec::new();
        core.spare = Vec::new();
        let handed = core.handed;
        let ready = mem::take(&mut core.waiting).into_values().map(|seat| {
            let sent = handed > seat.from;
            (seat, Err(if sent { LinkError::Closed } else { LinkError::NotSent }))
        });
        let ready = ready.collect();
        self.room.notify_all();
        drop(core);
        tell(ready);
    }

    fn lock(&self) -> MutexGuard<'_, Core<C>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Codec> Core<C> {
    /// A seat under a number that nobody else has: numbers come round after 2^32 requests.
    fn seat(&mut self) -> (u32, Arc<Seat>) {
        loop {
            self.last = self.last.wrapping_add(1);
            if !self.waiting.contains_key(&self.last) {
                break;
            }
        }
        let queued = u64::try_from(self.out.len()).unwrap_or_default();
        let seat = Arc::new(Seat::new(self.handed + queued));
        self.waiting.insert(self.last, seat.clone());
        (self.last, seat)
    }

    fn receive(&mut self, inbox: &mut Inbox, ready: &mut Ready) -> Result<(), C::Error> {
        let Self { codec, waiting, out, .. } = self;
        // A caller that gave up has taken its number with it; its reply is dropped here.
        codec.receive(inbox, out, &mut |id, reply| {
            ready.extend(waiting.remove(&id).map(|seat| (seat, Ok(reply))));
        })
    }

    fn hear(&mut self, now: Instant) {
        self.heard = now;
        if now - self.ticked >= TICK {
            self.ticked = now;
            self.codec.tick(now - self.start);
        }
    }

    const fn wants_writer(&self) -> bool {
        !self.over && !self.writing && !self.out.is_empty()
    }

    /// Whom to call if there is work that nobody does: who waits longest will go on waiting most
    /// likely.
    fn next(&self) -> Option<Arc<Seat>> {
        let idle = !self.over && self.inbox.is_some() || self.wants_writer();
        let mut able = self.waiting.iter().filter(|(id, _)| Some(**id) != self.reader);
        idle.then(|| able.next().map(|(_, seat)| seat.clone())).flatten()
    }
}

fn tell(ready: Ready) {
    for (seat, outcome) in ready {
        seat.finish(outcome);
    }
}

fn is_no_end(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}
