//! Messages larger than a record, cut into parts and put together again.
//!
//! The records of a message authenticate one by one, and whoever carries them can hold one back or let
//! another one overtake it. So each part has its number in the message, and one that is not the next
//! is refused: a message comes out as it was cut, or not at all.

use std::{collections::HashMap, fmt};

use zeroize::Zeroizing;

use super::{MAXIMUM_PLAINTEXT_BYTES, PartError};
use crate::crypto::erase;

/// The greatest size in bytes of the piece of a message that one part carries.
pub const MAXIMUM_CHUNK_BYTES: usize = MAXIMUM_PLAINTEXT_BYTES - HEADER_BYTES;

/// Identifier and flags.
const HEADER_BYTES: usize = 5;

const FLAG_LAST: u8 = 0x01;

/// Parts are numbered in the seven bits beside the flag. That many can be numbered, which also
/// bounds what is kept of a message in small parts.
const MAXIMUM_PARTS: usize = 128;

/// Cuts a message into the plaintexts of records, in their order; an empty one makes one part.
///
/// Parts of messages with different identifiers may be mixed; those of one keep their order. There
/// are numbers for 128 parts: no receiver takes more of one message.
pub fn split(id: u32, message: &[u8]) -> impl Iterator<Item = Part<'_>> {
    split_piece(id, 0, message, true)
}

/// As [`split`], for the next bytes of a message, of which `before` parts were made already; only the
/// last piece of one may be empty.
pub fn split_piece(
    id: u32,
    before: usize,
    piece: &[u8],
    is_last: bool,
) -> impl Iterator<Item = Part<'_>> {
    let mut rest = Some(piece);
    let mut number = before;
    std::iter::from_fn(move || {
        let message = rest?;
        let (chunk, last) = match message.split_at_checked(MAXIMUM_CHUNK_BYTES) {
            Some((chunk, more)) if !more.is_empty() => {
                rest = Some(more);
                (chunk, false)
            }
            _ => {
                rest = None;
                (message, is_last)
            }
        };
        let part = Part::new(id, flags(number, last), chunk);
        number += 1;
        Some(part)
    })
}

/// A part's number and whether it is the last. The greatest number stands for those that there are
/// none for.
fn flags(number: usize, last: bool) -> u8 {
    let number = u8::try_from(number.min(MAXIMUM_PARTS - 1)).unwrap_or_default();
    number << 1 | if last { FLAG_LAST } else { 0 }
}

/// A piece of a message, still where the message lies: for [`super::Session::seal_pieces`].
#[derive(Clone, Copy)]
pub struct Part<'m> {
    header: [u8; HEADER_BYTES],
    chunk: &'m [u8],
}

impl<'m> Part<'m> {
    fn new(id: u32, flags: u8, chunk: &'m [u8]) -> Self {
        let [a, b, c, d] = id.to_be_bytes();
        Self { header: [a, b, c, d, flags], chunk }
    }

    /// The record's plaintext, in two pieces.
    pub const fn pieces(&self) -> [&[u8]; 2] {
        [&self.header, self.chunk]
    }
}

impl fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({} bytes)", self.chunk.len())
    }
}

/// A message that has come in full.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The identifier that its sender gave it.
    pub id: u32,
    /// What it says.
    pub content: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({}, {} bytes)", self.id, self.content.len())
    }
}

/// How much of a peer's unfinished business an [`Assembler`] keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssemblerLimits {
    /// Bytes of one message.
    pub message_bytes: usize,
    /// Bytes of all incomplete messages together.
    pub total_bytes: usize,
    /// Incomplete messages.
    pub messages: usize,
}

/// Puts the parts of messages together.
pub struct Assembler {
    limits: AssemblerLimits,
    incomplete: HashMap<u32, Incomplete>,
    total: usize,
}

/// Chunks are kept as they came: a buffer that grew would leave copies of its content behind.
#[derive(Default)]
struct Incomplete {
    chunks: Vec<Zeroizing<Vec<u8>>>,
    bytes: usize,
}

impl Assembler {
    /// An assembler with nothing in it.
    pub fn new(limits: AssemblerLimits) -> Self {
        Self { limits, incomplete: HashMap::new(), total: 0 }
    }

    /// Takes the plaintext of a record; gives a message if this completes one.
    ///
    /// # Errors
    /// The part breaks a rule or a limit. Nothing was taken in; the link should be ended.
    pub fn push(&mut self, plaintext: &[u8]) -> Result<Option<Message>, PartError> {
        let (id, flags, chunk) = decode(plaintext).ok_or(PartError::Malformed)?;
        let last = flags & FLAG_LAST != 0;
        self.check_place(id, usize::from(flags >> 1))?;
        self.check_limits(id, last, chunk.len())?;
        let message = self.incomplete.remove(&id).unwrap_or_default();
        self.total -= message.bytes;
        if last {
            return Ok(Some(Message { id, content: message.join(chunk) }));
        }
        let message = message.with(chunk);
        self.total += message.bytes;
        self.incomplete.insert(id, message);
        Ok(None)
    }

    /// Messages of which the last part has not come yet.
    pub fn incomplete(&self) -> usize {
        self.incomplete.len()
    }

    /// A part is the next of its message. Behind the part with the last number there is no next.
    fn check_place(&self, id: u32, number: usize) -> Result<(), PartError> {
        let before = self.incomplete.get(&id).map_or(0, |message| message.chunks.len());
        if number == before { Ok(()) } else { Err(PartError::OutOfPlace) }
    }

    fn check_limits(&self, id: u32, last: bool, chunk: usize) -> Result<(), PartError> {
        let before = self.incomplete.get(&id);
        let bytes = before.map_or(0, |message| message.bytes) + chunk;
        if bytes > self.limits.message_bytes || self.total + chunk > self.limits.total_bytes {
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
    fn with(mut self, chunk: &[u8]) -> Self {
        self.chunks.push(Zeroizing::new(chunk.to_vec()));
        self.bytes += chunk.len();
        self
    }

    fn join(self, last: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut message = Zeroizing::new(Vec::with_capacity(self.bytes + last.len()));
        for chunk in self.chunks {
            message.extend_from_slice(&chunk);
            erase(chunk);
        }
        message.extend_from_slice(last);
        message
    }
}

/// The identifier, the flags, the chunk. A part that is not the last must carry something.
fn decode(plaintext: &[u8]) -> Option<(u32, u8, &[u8])> {
    let (id, rest) = plaintext.split_first_chunk()?;
    let (flags, chunk) = rest.split_first()?;
    let says_something = flags & FLAG_LAST != 0 || !chunk.is_empty();
    says_something.then_some((u32::from_be_bytes(*id), *flags, chunk))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: AssemblerLimits =
        AssemblerLimits { message_bytes: 300_000, total_bytes: 400_000, messages: 3 };

    fn part(id: u32, flags: u8, chunk: &[u8]) -> Vec<u8> {
        Part::new(id, flags, chunk).pieces().concat()
    }

    fn message(id: u32, content: &[u8]) -> Message {
        Message { id, content: Zeroizing::new(content.to_vec()) }
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

    #[test]
    fn the_limits_hold_over_all_messages() {
        let limits = AssemblerLimits { message_bytes: 6, total_bytes: 10, messages: 2 };
        let mut assembler = Assembler::new(limits);
        assert_eq!(assembler.push(&part(1, 0, b"abcde")), Ok(None));
        assert_eq!(assembler.push(&part(2, 0, b"abcd")), Ok(None));
        assert_eq!(assembler.push(&part(3, 0, b"a")), Err(PartError::TooManyMessages));
        assert_eq!(assembler.push(&part(2, 2, b"ab")), Err(PartError::TooManyBytes));
        // One that comes whole takes no place among the incomplete.
        assert_eq!(assembler.push(&part(3, FLAG_LAST, b"a")), Ok(Some(message(3, b"a"))));
        assert_eq!(assembler.push(&part(1, 2 | FLAG_LAST, b"f")), Ok(Some(message(1, b"abcdef"))));
        // Completed ones give their bytes back.
        assert_eq!(assembler.push(&part(2, 2, b"ef")), Ok(None));
        assert_eq!(assembler.push(&part(3, 0, b"abc")), Ok(None));
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
            done.sort_by_key(|message| message.id);
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
            let mut assembler = Assembler::new(limits);
            for (id, flags, chunk) in parts {
                if let Ok(Some(message)) = assembler.push(&part(id, flags, &chunk)) {
                    prop_assert!(message.content.len() <= 20);
                }
                let held: usize = assembler.incomplete.values().map(|held| held.bytes).sum();
                prop_assert_eq!(held, assembler.total);
                prop_assert!(held <= 40 && assembler.incomplete() <= 4);
            }
        }
    }
}
