//! The keys of one epoch at work: records sealed and opened where they lie.

use crate::crypto::TAG_BYTES;

use super::{
    SessionError,
    limits::{MAXIMUM_RECORDS, Used},
    message::{TYPE_CONTROL, TYPE_RECORD},
    noise::CipherKey,
    window::{ReplayWindow, WindowSize},
};

/// The greatest size in bytes of a record's plaintext.
pub const MAXIMUM_PLAINTEXT_BYTES: usize = 64 * 1024;

/// The size in bytes of a record's header: type, epoch, counter.
pub const RECORD_HEADER_BYTES: usize = 13;

/// Who reads a record's plaintext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The engine's user.
    Data,
    /// The engine itself.
    Control,
}

/// A record's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub(super) kind: Kind,
    pub(super) epoch: u32,
    pub(super) counter: u64,
}

impl RecordHeader {
    fn encode(self) -> [u8; RECORD_HEADER_BYTES] {
        let mut header = [0; RECORD_HEADER_BYTES];
        let (kind, numbers) = header.split_at_mut(1);
        let (epoch, counter) = numbers.split_at_mut(4);
        kind.fill(match self.kind {
            Kind::Data => TYPE_RECORD,
            Kind::Control => TYPE_CONTROL,
        });
        epoch.copy_from_slice(&self.epoch.to_be_bytes());
        counter.copy_from_slice(&self.counter.to_be_bytes());
        header
    }

    /// Takes a record apart; the sizes of what follows the header are checked as well.
    pub(super) fn split(
        record: &mut [u8],
    ) -> Option<(Self, &[u8; RECORD_HEADER_BYTES], &mut [u8])> {
        let (header, ciphertext) = record.split_first_chunk_mut::<RECORD_HEADER_BYTES>()?;
        let sizes = TAG_BYTES..=MAXIMUM_PLAINTEXT_BYTES + TAG_BYTES;
        if !sizes.contains(&ciphertext.len()) {
            return None;
        }
        let (kind, numbers) = header.split_first()?;
        let (epoch, counter) = numbers.split_first_chunk()?;
        let kind = match *kind {
            TYPE_RECORD => Kind::Data,
            TYPE_CONTROL => Kind::Control,
            _ => return None,
        };
        let (epoch, counter) =
            (u32::from_be_bytes(*epoch), u64::from_be_bytes(counter.try_into().ok()?));
        Some((Self { kind, epoch, counter }, header, ciphertext))
    }
}

/// One direction's key at the end that seals.
#[derive(Debug)]
pub(super) struct Sending {
    key: CipherKey,
    epoch: u32,
    pub(super) used: Used,
}

impl Sending {
    pub(super) const fn new(epoch: u32, key: CipherKey) -> Self {
        Self { key, epoch, used: Used::new(0, 0) }
    }

    /// Appends a record that holds the pieces, one behind the other. On an error `out` is as it was.
    pub(super) fn seal(
        &mut self,
        kind: Kind,
        pieces: &[&[u8]],
        out: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        let size = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        if size > MAXIMUM_PLAINTEXT_BYTES {
            return Err(SessionError::TooLong);
        }
        if self.used.is_exhausted() {
            return Err(SessionError::Exhausted);
        }
        let counter = self.used.records;
        let header = RecordHeader { kind, epoch: self.epoch, counter }.encode();
        // All at once: a buffer that moved half-way would leave plaintext behind.
        out.reserve(RECORD_HEADER_BYTES + size + TAG_BYTES);
        let from = out.len();
        out.extend_from_slice(&header);
        for piece in pieces {
            out.extend_from_slice(piece);
        }
        if self.key.seal(counter, &header, out, from + RECORD_HEADER_BYTES).is_err() {
            out.truncate(from);
            return Err(SessionError::Exhausted);
        }
        self.used.count(bytes(size));
        Ok(())
    }
}

/// One direction's key at the end that opens.
#[derive(Debug)]
pub(super) struct Receiving {
    key: CipherKey,
    window: ReplayWindow,
    pub(super) used: Used,
}

impl Receiving {
    pub(super) const fn new(key: CipherKey, window: WindowSize) -> Self {
        Self { key, window: ReplayWindow::new(window), used: Used::new(0, 0) }
    }

    /// Decrypts a record's ciphertext where it lies; `None` if its counter is stale.
    ///
    /// The window is asked, the tag is checked, and only then is the counter marked as seen.
    pub(super) fn open<'r>(
        &mut self,
        counter: u64,
        header: &[u8; RECORD_HEADER_BYTES],
        ciphertext: &'r mut [u8],
    ) -> Result<Option<&'r mut [u8]>, SessionError> {
        if counter >= MAXIMUM_RECORDS {
            return Err(SessionError::Exhausted);
        }
        if !self.window.is_fresh(counter) {
            return Ok(None);
        }
        let plaintext = self
            .key
            .open_in_place(counter, header, ciphertext)
            .map_err(|_| SessionError::NotAuthentic)?;
        self.window.mark(counter);
        self.used.count(bytes(plaintext.len()));
        Ok(Some(plaintext))
    }

    pub(super) const fn resize_window(&mut self, size: WindowSize) {
        self.window.resize(size);
    }
}

/// A size as the number that is counted with.
fn bytes(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}
