//! Many threads on one connection, without a thread of its own: whoever waits does the work.
//!
//! A caller puts its request behind those that are to be sent. If nobody is writing, it writes,
//! for all; if nobody is reading, it reads, for all, and hands the others their replies. Everybody
//! else sleeps. Who leaves while work is left calls another one to it.

use std::{
    io,
    time::{Duration, Instant},
};

use super::{
    codec::{Codec, Piece, Socket},
    inbox::Inbox,
    primitives::{Condvar, Mutex, MutexGuard, PoisonError, yield_now},
    seat::{LinkError, Outcome, Seat, Woken},
    traffic::{Ready, Traffic, tell},
};

/// A buffer that grew beyond this is given back after use.
const KEPT_BYTES: usize = 256 * 1024;

/// As long as something came within this time, nobody looks for the connection's end.
const WATCHED: Duration = Duration::from_millis(20);

/// A connection, and all who call over it.
#[derive(Debug)]
pub(super) struct Multiplexer<C, S> {
    socket: S,
    traffic: Mutex<Traffic<C>>,
    room: Condvar,
}

impl<C: Codec, S: Socket> Multiplexer<C, S> {
    /// `inbox` may hold what came behind the handshake.
    pub(super) fn new(codec: C, socket: S, inbox: Inbox) -> Self {
        Self { socket, traffic: Mutex::new(Traffic::new(codec, inbox)), room: Condvar::new() }
    }

    /// Sends a request and waits for its reply.
    pub(super) fn call(&self, request: &[u8], deadline: Option<Instant>) -> Outcome {
        let in_pieces = request.len() > C::PIECE_BYTES;
        let mut traffic = self.enter(in_pieces, deadline)?;
        traffic.in_pieces |= in_pieces;
        let id = traffic.number();
        let mut rest = request;
        loop {
            let (bytes, more) = rest.split_at_checked(C::PIECE_BYTES).unwrap_or((rest, &[]));
            let before = request.len() - rest.len();
            match traffic.send(Piece { id, before, bytes, is_last: more.is_empty() }) {
                Ok(Some(seat)) => {
                    if in_pieces {
                        self.through(&mut traffic);
                    }
                    return self.attend(traffic, id, &seat, deadline);
                }
                Ok(None) => rest = more,
                Err(error) => {
                    tracing::debug!(%error, "link cannot send");
                    self.end(traffic);
                    return Err(LinkError::NotSent);
                }
            }
            traffic = self.make_way(traffic);
            // What is not whole is not performed.
            if traffic.over {
                return Err(LinkError::NotSent);
            }
        }
    }

    /// Whether the connection has ended. If nobody has called for a while, what came meanwhile is
    /// taken in first: the end, above all.
    pub(super) fn is_over(&self) -> bool {
        let mut traffic = self.lock();
        let unwatched =
            !traffic.over && traffic.waiting.is_empty() && traffic.heard.elapsed() > WATCHED;
        if unwatched
            && self.socket.has_news(Duration::ZERO)
            && let Some(inbox) = traffic.inbox.take()
        {
            traffic = self.read(traffic, inbox);
            let over = traffic.over;
            self.leave(traffic);
            return over;
        }
        traffic.over
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
        let mut traffic = self.lock();
        if traffic.over {
            return;
        }
        let Traffic { codec, out, .. } = &mut *traffic;
        match act(codec, out) {
            Ok(()) => self.leave(traffic),
            Err(error) => {
                tracing::debug!(%error, "link cannot send");
                self.end(traffic);
            }
        }
    }

    /// Ends it for everybody: what was not handed to the socket yet is never sent.
    pub(super) fn close(&self) {
        let traffic = self.lock();
        if !traffic.over {
            self.end(traffic);
        }
    }

    pub(super) const fn socket(&self) -> &S {
        &self.socket
    }

    /// The codec, once nobody can call any more; none if the connection is over.
    pub(super) fn codec_mut(&mut self) -> Option<&mut C> {
        let traffic = self.traffic.get_mut().unwrap_or_else(PoisonError::into_inner);
        (!traffic.over).then_some(&mut traffic.codec)
    }

    /// Waits until there is room for one more request.
    fn enter(
        &self,
        in_pieces: bool,
        deadline: Option<Instant>,
    ) -> Result<MutexGuard<'_, Traffic<C>>, LinkError> {
        let mut traffic = self.lock();
        loop {
            if traffic.over {
                return Err(LinkError::NotSent);
            }
            if traffic.has_room(in_pieces) {
                return Ok(traffic);
            }
            if traffic.wants_writer() {
                traffic = self.write(traffic, None);
                continue;
            }
            traffic.queueing += 1;
            traffic = match deadline.map(|at| at.saturating_duration_since(Instant::now())) {
                None => self.room.wait(traffic).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => {
                    traffic.queueing -= 1;
                    return Err(LinkError::NotSent);
                }
                Some(left) => {
                    let waited = self.room.wait_timeout(traffic, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            traffic.queueing -= 1;
        }
    }

    /// Has the piece that was sent last written, or waits until there is room for the next one.
    /// Who has begun a request goes through with it: half of one would stay at the other end.
    fn make_way<'m>(
        &'m self,
        mut traffic: MutexGuard<'m, Traffic<C>>,
    ) -> MutexGuard<'m, Traffic<C>> {
        while !traffic.over {
            if traffic.wants_writer() {
                return self.write(traffic, None);
            }
            if traffic.out.len() < C::PIECE_BYTES {
                break;
            }
            traffic.queueing += 1;
            traffic = self.room.wait(traffic).unwrap_or_else(PoisonError::into_inner);
            traffic.queueing -= 1;
        }
        traffic
    }

    /// A request in pieces is sent: the next one may begin.
    fn through(&self, traffic: &mut Traffic<C>) {
        traffic.in_pieces = false;
        if traffic.queueing > 0 {
            self.room.notify_all();
        }
    }

    /// Does what nobody else does until the seat has its outcome.
    fn attend<'m>(
        &'m self,
        mut traffic: MutexGuard<'m, Traffic<C>>,
        id: u32,
        seat: &Seat,
        deadline: Option<Instant>,
    ) -> Outcome {
        loop {
            if let Some(outcome) = seat.take() {
                self.leave(traffic);
                return outcome;
            }
            if traffic.wants_writer() {
                traffic = self.write(traffic, Some(id));
                continue;
            }
            // Who is not among the waiting any more is about to be told.
            if traffic.waiting.contains_key(&id)
                && let Some(inbox) = traffic.inbox.take()
            {
                traffic.reader = Some(id);
                traffic = self.read(traffic, inbox);
                let late = deadline.is_some_and(|at| Instant::now() >= at);
                if late && traffic.waiting.remove(&id).is_some() {
                    self.leave(traffic);
                    return Err(LinkError::Timeout);
                }
                continue;
            }
            drop(traffic);
            traffic = match seat.wait(deadline) {
                Woken::Done { outcome, called: false } => return outcome,
                Woken::Done { outcome, called: true } => {
                    self.leave(self.lock());
                    return outcome;
                }
                Woken::Called => self.lock(),
                Woken::Late => {
                    let mut traffic = self.lock();
                    if traffic.waiting.remove(&id).is_some() {
                        self.leave(traffic);
                        return Err(LinkError::Timeout);
                    }
                    // Somebody is about to hand over the outcome.
                    drop(traffic);
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

    /// Writes what is to be written; `id` is the writer's own request, if it waits for a reply.
    fn write<'m>(
        &'m self,
        mut traffic: MutexGuard<'m, Traffic<C>>,
        id: Option<u32>,
    ) -> MutexGuard<'m, Traffic<C>> {
        traffic.writing = true;
        traffic.writer = id;
        // Others who were just told their replies are about to send again: one write for all of
        // them costs little more than one for each.
        if traffic.waiting.len() > 1 {
            drop(traffic);
            yield_now();
            traffic = self.lock();
        }
        let mut bytes = traffic.take_out();
        drop(traffic);
        let written = self.socket.write_all(&bytes);
        bytes.clear();
        let mut traffic = self.lock();
        traffic.writing = false;
        traffic.writer = None;
        if bytes.capacity() <= KEPT_BYTES {
            traffic.spare = bytes;
        }
        if traffic.queueing > 0 {
            self.room.notify_all();
        }
        if let Err(error) = written {
            tracing::debug!(%error, "link stopped sending");
            self.end(traffic);
            traffic = self.lock();
        }
        traffic
    }

    /// Reads once and hands over the replies that came.
    fn read<'m>(
        &'m self,
        traffic: MutexGuard<'m, Traffic<C>>,
        mut inbox: Inbox,
    ) -> MutexGuard<'m, Traffic<C>> {
        drop(traffic);
        let count = self.socket.read(inbox.room());
        let mut traffic = self.lock();
        let mut ready = Ready::new();
        let ended = match count {
            Ok(0) => Some("the peer closed the connection".to_owned()),
            Ok(count) => {
                inbox.filled(count);
                traffic.hear(Instant::now());
                traffic.receive(&mut inbox, &mut ready).err().map(|error| error.to_string())
            }
            Err(error) if is_no_end(&error) => None,
            Err(error) => Some(error.to_string()),
        };
        traffic.inbox = Some(inbox);
        traffic.reader = None;
        if traffic.queueing > 0 && !ready.is_empty() {
            self.room.notify_all();
        }
        if !ready.is_empty() {
            drop(traffic);
            tell(ready);
            traffic = self.lock();
        }
        if let Some(reason) = ended {
            tracing::debug!(reason, "link stopped receiving");
            self.end(traffic);
            traffic = self.lock();
        }
        traffic
    }

    /// Leaves the work that is left to somebody who stays; does it if nobody can.
    fn leave<'m>(&'m self, mut traffic: MutexGuard<'m, Traffic<C>>) {
        let next = loop {
            let next = traffic.next();
            if next.is_some() {
                break next;
            }
            traffic = if traffic.wants_writer() {
                self.write(traffic, None)
            } else if let Some(within) = traffic.lingers()
                && let Some(inbox) = traffic.inbox.take()
            {
                self.linger(traffic, inbox, within)
            } else {
                break None;
            };
        };
        drop(traffic);
        if let Some(next) = next {
            next.call();
        }
    }

    /// Reads once if something comes within this time.
    fn linger<'m>(
        &'m self,
        traffic: MutexGuard<'m, Traffic<C>>,
        inbox: Inbox,
        within: Duration,
    ) -> MutexGuard<'m, Traffic<C>> {
        drop(traffic);
        let has_news = self.socket.has_news(within);
        let mut traffic = self.lock();
        if has_news {
            return self.read(traffic, inbox);
        }
        traffic.inbox = Some(inbox);
        traffic.lingered();
        traffic
    }

    /// Ends the link for everybody.
    fn end(&self, mut traffic: MutexGuard<'_, Traffic<C>>) {
        let ready = traffic.end();
        self.room.notify_all();
        drop(traffic);
        tell(ready);
    }

    fn lock(&self) -> MutexGuard<'_, Traffic<C>> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_no_end(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}
