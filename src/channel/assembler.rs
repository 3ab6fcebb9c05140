//! The parts of messages put together again, within limits.

use std::{collections::HashMap, fmt, time::Duration};

use zeroize::Zeroizing;

use super::{
    Arrival, Held, Message, PartError, Room, Shortage,
    parts::{FLAG_LAST, decode},
};
use crate::crypto::erase;

/// How much of a peer's unfinished business an [`Assembler`] keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssemblerLimits {
    /// Bytes of one message.
    pub message_bytes: usize,
    /// Bytes that are kept of all incomplete messages together.
    pub total_bytes: usize,
    /// Incomplete messages.
    pub messages: usize,
}

/// Puts the parts of messages together.
pub struct Assembler {
    limits: AssemblerLimits,
    room: Room,
    incomplete: HashMap<u32, Incomplete>,
    total: usize,
    now: Duration,
}

/// Chunks are kept as they came: a buffer that grew would leave copies of its content behind.
struct Incomplete {
    since: Duration,
    parts: usize,
    bytes: usize,
    kept: Result<Kept, Shortage>,
}

#[derive(Default)]
struct Kept {
    chunks: Vec<Zeroizing<Vec<u8>>>,
    held: Held,
}

impl Assembler {
    /// An assembler with nothing in it, and with room of its own.
    pub fn new(limits: AssemblerLimits) -> Self {
        Self::sharing(limits, Room::unlimited())
    }

    /// An assembler with nothing in it that shares this room with others.
    pub fn sharing(limits: AssemblerLimits, room: Room) -> Self {
        Self { limits, room, incomplete: HashMap::new(), total: 0, now: Duration::ZERO }
    }

    /// Sets other limits for what comes from now on.
    pub const fn set_limits(&mut self, limits: AssemblerLimits) {
        self.limits = limits;
    }

    /// Takes the plaintext of a record; gives what it completes. A message that there is no room
    /// for costs nobody anything else: its parts are dropped, and the last one says so.
    ///
    /// # Errors
    /// The part breaks a rule or a limit. Nothing was taken in; the link should be ended.
    pub fn push(&mut self, plaintext: &[u8]) -> Result<Option<Arrival>, PartError> {
        let (id, flags, chunk) = decode(plaintext).ok_or(PartError::Malformed)?;
        let last = flags & FLAG_LAST != 0;
        self.check(id, (usize::from(flags >> 1), last), chunk.len())?;
        let before = self.incomplete.remove(&id);
        self.total -= before.as_ref().map_or(0, Incomplete::kept);
        let message = before.unwrap_or_else(|| Incomplete::new(self.now));
        if last {
            return Ok(Some(message.end(id, chunk)));
        }
        let left = self.limits.total_bytes.saturating_sub(self.total);
        let message = message.with(chunk, left, &self.room);
        self.total += message.kept();
        self.incomplete.insert(id, message);
        Ok(None)
    }

    /// Messages of which the last part has not come yet.
    pub fn incomplete(&self) -> usize {
        self.incomplete.len()
    }

    /// Lets time pass: `now` is the time since any fixed moment.
    pub const fn tick(&mut self, now: Duration) {
        self.now = now;
    }

    /// When the oldest incomplete message began, as far as [`Self::tick`] has told the time.
    pub fn oldest(&self) -> Option<Duration> {
        self.incomplete.values().map(|message| message.since).min()
    }

    /// A part is the next of its message. Behind the part with the last number there is no next.
    fn check(&self, id: u32, (number, last): (usize, bool), chunk: usize) -> Result<(), PartError> {
        let before = self.incomplete.get(&id);
        if number != before.map_or(0, |message| message.parts) {
            return Err(PartError::OutOfPlace);
        }
        if before.map_or(0, |message| message.bytes) + chunk > self.limits.message_bytes {
            return Err(PartError::TooManyBytes);
        }
        if before.is_none() && !last && self.incomplete.len() >= self.limits.messages {
            return Err(PartError::TooManyMessages);
        }
        Ok(())
    }
}

impl fmt::Debug for Assembler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Assembler({} messages, {} bytes)", self.incomplete.len(), self.total)
    }
}

impl Incomplete {
    fn new(since: Duration) -> Self {
        Self { since, parts: 0, bytes: 0, kept: Ok(Kept::default()) }
    }

    fn kept(&self) -> usize {
        if self.kept.is_ok() { self.bytes } else { 0 }
    }

    /// With one more chunk, if it and those before it fit into what is left.
    fn with(mut self, chunk: &[u8], left: usize, room: &Room) -> Self {
        self.parts += 1;
        self.bytes += chunk.len();
        if let Ok(kept) = &mut self.kept {
            if self.bytes > left {
                self.kept = Err(Shortage::OfLink);
            } else if kept.held.grow(room, chunk.len()) {
                kept.chunks.push(Zeroizing::new(chunk.to_vec()));
            } else {
                self.kept = Err(Shortage::InAll);
            }
        }
        self
    }

    fn end(self, id: u32, last: &[u8]) -> Arrival {
        let bytes = self.bytes + last.len();
        match self.kept {
            Ok(Kept { chunks, held }) => {
                let mut content = Zeroizing::new(Vec::with_capacity(bytes));
                for chunk in chunks {
                    content.extend_from_slice(&chunk);
                    erase(chunk);
                }
                content.extend_from_slice(last);
                Arrival::Whole(Message { id, content, held })
            }
            Err(shortage) => Arrival::Refused { id, shortage },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{
            MAXIMUM_CHUNK_BYTES, MAXIMUM_PLAINTEXT_BYTES, Part,
            parts::{MAXIMUM_PARTS, split, split_piece},
        },
        *,
    };

    const LIMITS: AssemblerLimits =
        AssemblerLimits { message_bytes: 300_000, total_bytes: 400_000, messages: 3 };

    fn part(id: u32, flags: u8, chunk: &[u8]) -> Vec<u8> {
        Part::new(id, flags, chunk).pieces().concat()
    }

    fn message(id: u32, content: &[u8]) -> Arrival {
        let content = Zeroizing::new(content.to_vec());
        Arrival::Whole(Message { id, content, held: Held::default() })
    }

    #[test]
    fn sizes_around_the_edges_survive_the_trip() {
        for size in [0, 1, MAXIMUM_CHUNK_BYTES - 1, MAXIMUM_CHUNK_BYTES, MAXIMUM_CHUNK_BYTES + 1] {
            let content: Vec<u8> = (0..=255).cycle().take(size).collect();
            let parts: Vec<_> = split(7, &content).collect();
            assert_eq!(parts.len(), size.div_ceil(MAXIMUM_CHUNK_BYTES).max(1));
            let mut assembler = Assembler::new(LIMITS);
            let (last, before) = parts.split_last().unwrap();
            for part in before {
                assert!(part.pieces().concat().len() <= MAXIMUM_PLAINTEXT_BYTES);
                assert_eq!(assembler.push(&part.pieces().concat()), Ok(None));
            }
            assert_eq!(assembler.push(&last.pieces().concat()), Ok(Some(message(7, &content))));
            assert_eq!(assembler.incomplete(), 0);
        }
    }

    #[test]
    fn malformed_parts_are_refused() {
        let mut assembler = Assembler::new(LIMITS);
        for bytes in [&[][..], &[0, 0, 0, 1], &part(1, 0, b"")] {
            assert_eq!(assembler.push(bytes), Err(PartError::Malformed), "{bytes:?}");
        }
    }

    #[test]
    fn a_message_without_one_of_its_parts_is_none() {
        let parts =
            [part(7, 0, b"do"), part(7, 2, b" not"), part(7, 4, b" sign"), part(7, 7, b"!")];
        let given = |order: &[usize]| {
            let mut assembler = Assembler::new(LIMITS);
            order.iter().map(|at| assembler.push(&parts[*at])).collect::<Result<Vec<_>, _>>()
        };
        let whole = given(&[0, 1, 2, 3]).unwrap();
        assert_eq!(whole, [None, None, None, Some(message(7, b"do not sign!"))]);
        for order in [&[0, 2][..], &[0, 3], &[1], &[3], &[0, 0], &[0, 1, 1], &[1, 0], &[0, 2, 1, 3]]
        {
            assert_eq!(given(order), Err(PartError::OutOfPlace), "{order:?}");
        }
    }

    #[test]
    fn a_message_has_as_many_parts_as_there_are_numbers() {
        let mut assembler = Assembler::new(LIMITS);
        let pieces = || (0..).flat_map(|before| split_piece(7, before, b"x", false));
        for part in pieces().take(MAXIMUM_PARTS) {
            assert_eq!(assembler.push(&part.pieces().concat()), Ok(None));
        }
        let next = pieces().nth(MAXIMUM_PARTS).unwrap().pieces().concat();
        assert_eq!(assembler.push(&next), Err(PartError::OutOfPlace));
        assert_eq!(assembler.push(&part(7, FLAG_LAST, b"")), Err(PartError::OutOfPlace));
    }

    #[test]
    fn a_refused_part_leaves_everything_as_it_was() {
        let mut assembler = Assembler::new(AssemblerLimits { message_bytes: 4, ..LIMITS });
        assert_eq!(assembler.push(&part(1, 0, b"abc")), Ok(None));
        assert_eq!(assembler.push(&part(1, 2, b"de")), Err(PartError::TooManyBytes));
        assert_eq!(assembler.push(&part(1, 2 | FLAG_LAST, b"de")), Err(PartError::TooManyBytes));
        assert_eq!(assembler.push(&part(1, 2 | FLAG_LAST, b"d")), Ok(Some(message(1, b"abcd"))));
    }

    const fn refused(id: u32, shortage: Shortage) -> Arrival {
        Arrival::Refused { id, shortage }
    }

    #[test]
    fn the_limits_hold_over_all_messages() {
        let limits = AssemblerLimits { message_bytes: 6, total_bytes: 10, messages: 2 };
        let mut assembler = Assembler::new(limits);
        assert_eq!(assembler.push(&part(1, 0, b"abcde")), Ok(None));
        assert_eq!(assembler.push(&part(2, 0, b"abcde")), Ok(None));
        assert_eq!(assembler.push(&part(3, 0, b"a")), Err(PartError::TooManyMessages));
        // One that comes whole takes no place among the incomplete, and no bytes.
        assert_eq!(assembler.push(&part(3, FLAG_LAST, b"abc")), Ok(Some(message(3, b"abc"))));
        // One that there is no room for is dropped and keeps its place; the other one is kept.
        assert_eq!(assembler.push(&part(2, 2, b"f")), Ok(None));
        assert_eq!((assembler.total, assembler.incomplete()), (5, 2));
        assert_eq!(assembler.push(&part(3, 0, b"a")), Err(PartError::TooManyMessages));
        assert_eq!(assembler.push(&part(2, 4, b"g")), Err(PartError::TooManyBytes));
        assert_eq!(assembler.push(&part(2, 6, b"")), Err(PartError::Malformed));
        assert_eq!(
            assembler.push(&part(2, 4 | FLAG_LAST, b"")),
            Ok(Some(refused(2, Shortage::OfLink)))
        );
        assert_eq!(assembler.push(&part(1, 2 | FLAG_LAST, b"f")), Ok(Some(message(1, b"abcdef"))));
        // Completed ones give their bytes back.
        assert_eq!((assembler.total, assembler.incomplete()), (0, 0));
    }

    #[test]
    fn the_room_is_everybodys() {
        let room = Room::new(10);
        let mut one = Assembler::sharing(LIMITS, room.clone());
        let mut other = Assembler::sharing(LIMITS, room.clone());
        assert_eq!(one.push(&part(1, 0, b"abcdef")), Ok(None));
        assert_eq!(other.push(&part(1, 0, b"abc")), Ok(None));
        assert_eq!(other.push(&part(1, 2, b"de")), Ok(None));
        assert_eq!(room.taken(), 6, "what was dropped has given its room back");
        assert_eq!(other.push(&part(2, FLAG_LAST, b"abcdefgh")), Ok(Some(message(2, b"abcdefgh"))));
        assert_eq!(
            other.push(&part(1, 4 | FLAG_LAST, b"f")),
            Ok(Some(refused(1, Shortage::InAll)))
        );
        // A message keeps its room until whoever has it is through with it.
        let whole = one.push(&part(1, 2 | FLAG_LAST, b"g")).unwrap();
        assert_eq!(room.taken(), 6);
        drop(whole);
        assert_eq!(room.taken(), 0);
        assert_eq!(other.push(&part(3, 0, b"abcdefghij")), Ok(None));
        drop(other);
        assert_eq!(room.taken(), 0);
    }

    #[test]
    fn the_oldest_is_known() {
        let mut assembler = Assembler::new(LIMITS);
        assert_eq!(assembler.oldest(), None);
        for (id, now) in [(1, 3), (2, 5)] {
            assembler.tick(Duration::from_secs(now));
            assert_eq!(assembler.push(&part(id, 0, b"a")), Ok(None));
        }
        assert_eq!(assembler.push(&part(1, 2, b"b")), Ok(None));
        assert_eq!(assembler.oldest(), Some(Duration::from_secs(3)));
        assert!(assembler.push(&part(1, 4 | FLAG_LAST, b"")).unwrap().is_some());
        assert_eq!(assembler.oldest(), Some(Duration::from_secs(5)));
    }

    proptest! {
        #[test]
        fn mixed_messages_come_out_whole(
            sizes in prop::collection::vec(0_usize..130_000, 1..=3),
            order in prop::collection::vec(0_usize..3, 12),
        ) {
            let contents: Vec<Vec<u8>> =
                sizes.iter().map(|size| (0..=250).cycle().take(*size).collect()).collect();
            let mut queues: Vec<_> =
                (0..).zip(&contents).map(|(id, content)| split(id, content)).collect();
            let mut assembler = Assembler::new(LIMITS);
            let mut done = Vec::new();
            for at in order.into_iter().chain([0, 0, 0, 1, 1, 1, 2, 2, 2]) {
                let part = queues.get_mut(at).and_then(Iterator::next);
                done.extend(part.and_then(|part| assembler.push(&part.pieces().concat()).unwrap()));
            }
            done.sort_by_key(|arrival| match arrival {
                Arrival::Whole(message) => message.id,
                Arrival::Refused { id, .. } => *id,
            });
            let expected: Vec<_> =
                (0..).zip(&contents).map(|(id, content)| message(id, content)).collect();
            prop_assert_eq!(done, expected);
        }

        #[test]
        fn no_input_goes_over_the_limits(
            parts in prop::collection::vec(
                (0_u32..8, 0_u8..3, prop::collection::vec(any::<u8>(), 0..8)), 0..200),
        ) {
            let limits = AssemblerLimits { message_bytes: 20, total_bytes: 40, messages: 4 };
            let room = Room::new(30);
            let mut assembler = Assembler::sharing(limits, room.clone());
            for (id, flags, chunk) in parts {
                let arrival = assembler.push(&part(id, flags, &chunk));
                if let Ok(Some(Arrival::Whole(message))) = arrival {
                    prop_assert!(message.content.len() <= 20);
                }
                let held: usize = assembler.incomplete.values().map(Incomplete::kept).sum();
                prop_assert_eq!(held, assembler.total);
                prop_assert_eq!(held, room.taken());
                prop_assert!(held <= 30 && assembler.incomplete() <= 4);
            }
        }
    }
}
