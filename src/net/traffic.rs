//! What is under way on a connection: who waits, what is to be written, who works.

use std::{
    collections::BTreeMap,
    mem,
    time::{Duration, Instant},
};

use super::{
    codec::{Codec, Piece},
    inbox::Inbox,
    primitives::Arc,
    seat::{LinkError, Outcome, Seat},
};

/// Requests that may wait for their replies; further callers wait before they send.
const CALLERS: usize = 1024;

/// Bytes that may wait to be written; further callers wait before they send.
const QUEUED_BYTES: usize = 1 << 20;

/// How often the codec hears what time it is, as long as something comes.
const TICK: Duration = Duration::from_secs(1);

/// What a multiplexer guards with its lock.
#[derive(Debug)]
pub(super) struct Traffic<C> {
    pub(super) codec: C,
    last: u32,
    pub(super) waiting: BTreeMap<u32, Arc<Seat>>,
    /// Callers that wait for room.
    pub(super) queueing: usize,
    /// Whether a request is being sent piece by piece: one at a time, as the other end keeps but
    /// few incomplete ones.
    pub(super) in_pieces: bool,
    pub(super) out: Vec<u8>,
    pub(super) spare: Vec<u8>,
    /// Bytes handed to the socket so far.
    handed: u64,
    pub(super) writing: bool,
    /// Absent while somebody reads.
    pub(super) inbox: Option<Inbox>,
    /// Who reads or writes, if they wait for replies themselves: they hear no call meanwhile.
    pub(super) reader: Option<u32>,
    pub(super) writer: Option<u32>,
    /// When something last came.
    pub(super) heard: Instant,
    start: Instant,
    /// When the codec last heard what time it is.
    ticked: Instant,
    /// How long somebody may wait for what the codec expects.
    lingers_until: Option<Instant>,
    pub(super) over: bool,
}

/// How long, in all, calls are held up for one thing that the codec expects: many round trips.
const LINGER: Duration = Duration::from_secs(1);

/// Seats, and what is to be told there.
pub(super) type Ready = Vec<(Arc<Seat>, Outcome)>;

impl<C: Codec> Traffic<C> {
    /// None yet; `inbox` may hold what came behind the handshake.
    pub(super) fn new(codec: C, inbox: Inbox) -> Self {
        let now = Instant::now();
        Self {
            codec,
            last: 0,
            waiting: BTreeMap::new(),
            queueing: 0,
            in_pieces: false,
            out: Vec::new(),
            spare: Vec::new(),
            handed: 0,
            writing: false,
            inbox: Some(inbox),
            reader: None,
            writer: None,
            heard: now,
            start: now,
            ticked: now,
            lingers_until: None,
            over: false,
        }
    }

    /// Whether there is room for one more request, which may be one that goes in pieces.
    pub(super) fn has_room(&self, in_pieces: bool) -> bool {
        let queue = self.waiting.len() < CALLERS && self.out.len() < QUEUED_BYTES;
        queue && !(in_pieces && self.in_pieces)
    }

    /// A number that nobody else has: they come round after 2^32 requests.
    pub(super) fn number(&mut self) -> u32 {
        loop {
            self.last = self.last.wrapping_add(1);
            if !self.waiting.contains_key(&self.last) {
                return self.last;
            }
        }
    }

    /// Has the codec send a piece, the last or the only one of which gets a seat.
    pub(super) fn send(&mut self, piece: Piece<'_>) -> Result<Option<Arc<Seat>>, C::Error> {
        let from = self.handed + u64::try_from(self.out.len()).unwrap_or_default();
        self.codec.send(piece, &mut self.out)?;
        if !piece.is_last {
            return Ok(None);
        }
        let seat = Arc::new(Seat::new(from));
        self.waiting.insert(piece.id, seat.clone());
        Ok(Some(seat))
    }

    /// The bytes that are to be written now.
    pub(super) fn take_out(&mut self) -> Vec<u8> {
        let spare = mem::take(&mut self.spare);
        let bytes = mem::replace(&mut self.out, spare);
        self.handed += u64::try_from(bytes.len()).unwrap_or_default();
        bytes
    }

    /// Takes in what has come.
    pub(super) fn receive(&mut self, inbox: &mut Inbox, ready: &mut Ready) -> Result<(), C::Error> {
        let Self { codec, waiting, out, .. } = self;
        // A caller that gave up has taken its number with it; its reply is dropped here.
        codec.receive(inbox, out, &mut |id, reply| {
            ready.extend(waiting.remove(&id).map(|seat| (seat, Ok(reply))));
        })
    }

    /// Something has come.
    pub(super) fn hear(&mut self, now: Instant) {
        self.heard = now;
        if now - self.ticked >= TICK {
            self.ticked = now;
            self.codec.tick(now - self.start);
        }
    }

    pub(super) const fn wants_writer(&self) -> bool {
        !self.over && !self.writing && !self.out.is_empty()
    }

    /// Whom to call if there is work that nobody does: who waits longest will go on waiting most
    /// likely.
    pub(super) fn next(&self) -> Option<Arc<Seat>> {
        let idle = !self.over && self.inbox.is_some() || self.wants_writer();
        let is_busy = |id| [self.reader, self.writer].contains(&Some(id));
        let mut able = self.waiting.iter().filter(|(id, _)| !is_busy(**id));
        idle.then(|| able.next().map(|(_, seat)| seat.clone())).flatten()
    }

    /// How long whoever leaves last goes on reading, so that what the codec expects need not wait
    /// for the next call.
    pub(super) fn lingers(&mut self) -> Option<Duration> {
        if self.over || !self.codec.expects_more() {
            self.lingers_until = None;
            return None;
        }
        let now = Instant::now();
        let until = *self.lingers_until.get_or_insert(now + LINGER);
        let left = until.saturating_duration_since(now);
        (self.waiting.is_empty() && self.inbox.is_some() && !left.is_zero()).then_some(left)
    }

    /// What the codec expects has not come in time: nobody waits for it any more.
    pub(super) fn lingered(&mut self) {
        self.lingers_until = Some(Instant::now());
    }

    /// Ends it for everybody.
    pub(super) fn end(&mut self) -> Ready {
        self.over = true;
        self.out = Vec::new();
        self.spare = Vec::new();
        let handed = self.handed;
        let end = |seat: Arc<Seat>| {
            let sent = handed > seat.from;
            (seat, Err(if sent { LinkError::Closed } else { LinkError::NotSent }))
        };
        mem::take(&mut self.waiting).into_values().map(end).collect()
    }
}

/// Tells everybody what they wait for.
pub(super) fn tell(ready: Ready) {
    for (seat, outcome) in ready {
        seat.finish(outcome);
    }
}
