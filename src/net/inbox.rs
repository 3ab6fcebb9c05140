//! Bytes that have come from a socket and are not taken yet.

use crate::wire::{FRAME_HEADER_BYTES, MAXIMUM_FRAME_BYTES};

/// Holds any frame whole, and several of TLS's records: one read takes them together.
const CAPACITY: usize = MAXIMUM_FRAME_BYTES + FRAME_HEADER_BYTES;

/// What it begins with: enough for a handshake's messages, and for requests that are small.
const FIRST_CAPACITY: usize = 4 * 1024;

/// A buffer between a socket and whoever takes records out of it. It has no memory before it is
/// first read into, more once a read has filled it, and gives it back when told.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Whether the last read took all the room there was.
    full: bool,
}

impl Inbox {
    /// Where the next read goes; never empty as long as whole records are taken out.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.bytes.is_empty() {
            self.bytes = vec![0; FIRST_CAPACITY];
        } else if self.full && self.bytes.len() < CAPACITY {
            self.bytes.resize(CAPACITY, 0);
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// Tells that the next read put this many bytes into the room.
    pub(super) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
        self.full = self.end == self.bytes.len();
    }

    /// What has come and is not taken.
    pub(super) fn pending(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..self.end).unwrap_or_default()
    }

    /// Takes the first bytes out.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Takes everything out.
    pub(super) const fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Bytes of memory that it holds.
    pub(super) const fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether it holds no memory.
    pub(super) const fn is_released(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Gives the memory back if nothing is pending.
    pub(super) fn release(&mut self) {
        if self.start == self.end {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_moves_to_the_front() {
        let mut inbox = Inbox::default();
        inbox.room()[..5].copy_from_slice(b"abcde");
        inbox.filled(5);
        inbox.consume(3);
        assert_eq!(inbox.room().len(), FIRST_CAPACITY - 2);
        assert_eq!(inbox.pending(), b"de");
        inbox.release();
        assert_eq!(inbox.pending(), b"de", "nothing that is pending is given back");
        inbox.consume(9);
        assert_eq!(inbox.pending(), b"");
        inbox.release();
        assert_eq!(inbox.bytes.capacity(), 0);
    }

    #[test]
    fn it_grows_once_a_read_has_filled_it() {
        let mut inbox = Inbox::default();
        let room = inbox.room().len();
        inbox.room().fill(7);
        inbox.filled(room);
        inbox.consume(room - 1);
        assert_eq!(inbox.room().len(), CAPACITY - 1);
        assert_eq!(inbox.pending(), [7]);
        inbox.filled(CAPACITY - 1);
        assert!(inbox.room().is_empty(), "it grows no further");
    }
}
