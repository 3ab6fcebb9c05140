//! Messages larger than a record, cut into parts; an [`super::Assembler`] puts them together again.
//!
//! The records of a message authenticate one by one, and whoever carries them can hold one back or let
//! another one overtake it. So each part has its number in the message, and one that is not the next
//! is refused: a message comes out as it was cut, or not at all.

use std::fmt;

use super::MAXIMUM_PLAINTEXT_BYTES;

/// The greatest size in bytes of the piece of a message that one part carries.
pub const MAXIMUM_CHUNK_BYTES: usize = MAXIMUM_PLAINTEXT_BYTES - HEADER_BYTES;

/// Identifier and flags.
const HEADER_BYTES: usize = 5;

pub(super) const FLAG_LAST: u8 = 0x01;

/// Parts are numbered in the seven bits beside the flag. That many can be numbered, which also
/// bounds what is kept of a message in small parts.
pub(super) const MAXIMUM_PARTS: usize = 128;

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
    pub(super) fn new(id: u32, flags: u8, chunk: &'m [u8]) -> Self {
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

/// The identifier, the flags, the chunk. A part that is not the last must carry something.
pub(super) fn decode(plaintext: &[u8]) -> Option<(u32, u8, &[u8])> {
    let (id, rest) = plaintext.split_first_chunk()?;
    let (flags, chunk) = rest.split_first()?;
    let says_something = flags & FLAG_LAST != 0 || !chunk.is_empty();
    says_something.then_some((u32::from_be_bytes(*id), *flags, chunk))
}
