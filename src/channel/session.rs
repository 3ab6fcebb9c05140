//! Records: sealing and opening after the handshake.

use std::fmt;

use zeroize::Zeroizing;

use crate::crypto::TAG_BYTES;

use super::{
    SessionError, Suite,
    message::TYPE_RECORD,
    noise::CipherKey,
    window::{ReplayWindow, WindowSize},
};

/// The greatest size in bytes of a record's plaintext.
pub const MAXIMUM_PLAINTEXT_BYTES: usize = 64 * 1024;

/// The size in bytes of a record's header: type, epoch, counter.
pub const RECORD_HEADER_BYTES: usize = 10;

/// Records that one direction's key seals before the session is over.
///
/// Far below the 2^64 - 1 that Noise permits, and above any threshold for a change of keys
/// (4000 million), so that the limit is met only when that change has failed.
pub const MAXIMUM_RECORDS: u64 = 1 << 32;

/// A channel between a client and a partition.
///
/// A record that does not authenticate ends the session: it says no more, in either direction. A
/// record that comes a second time is counted and otherwise ignored.
#[derive(Debug)]
pub struct Session {
    suite: Suite,
    epoch: u8,
    send: Sending,
    receive: Receiving,
    over: Option<SessionError>,
}

#[derive(Debug)]
struct Sending {
    key: CipherKey,
    next: u64,
}

#[derive(Debug)]
struct Receiving {
    key: CipherKey,
    window: ReplayWindow,
    received: u64,
    replayed: u64,
}

impl Session {
    pub(super) const fn new(suite: Suite, send: CipherKey, receive: CipherKey) -> Self {
        let window = ReplayWindow::new(WindowSize::DEFAULT);
        Self {
            suite,
            epoch: 0,
            send: Sending { key: send, next: 0 },
            receive: Receiving { key: receive, window, received: 0, replayed: 0 },
            over: None,
        }
    }

    /// Appends a record that holds `plaintext` to `out`.
    ///
    /// # Errors
    /// [`SessionError::TooLong`] for more than [`MAXIMUM_PLAINTEXT_BYTES`], which harms nothing;
    /// [`SessionError::Exhausted`] or whatever ended the session before. `out` is then as it was.
    pub fn seal(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), SessionError> {
        self.check_alive()?;
        if plaintext.len() > MAXIMUM_PLAINTEXT_BYTES {
            return Err(SessionError::TooLong);
        }
        let counter = self.send.next;
        if counter >= MAXIMUM_RECORDS {
            return Err(self.end(SessionError::Exhausted));
        }
        let header = encode_header(self.epoch, counter);
        // All at once: a buffer that moved half-way would leave plaintext behind.
        out.reserve(RECORD_HEADER_BYTES + plaintext.len() + TAG_BYTES);
        let from = out.len();
        out.extend_from_slice(&header);
        out.extend_from_slice(plaintext);
        if self.send.key.seal(counter, &header, out, from + RECORD_HEADER_BYTES).is_err() {
            out.truncate(from);
            return Err(self.end(SessionError::Exhausted));
        }
        self.send.next += 1;
        Ok(())
    }

    /// Opens one record, which has to fill all of `record`.
    ///
    /// The window is asked, the tag is checked, and only then is the counter marked as seen.
    ///
    /// # Errors
    /// Every error but [`SessionError::TooLong`]. The session is over.
    pub fn open(&mut self, record: &[u8]) -> Result<Opened, SessionError> {
        self.check_alive()?;
        let opened = self.receive.open(self.epoch, record);
        opened.map_err(|error| self.end(error))
    }

    /// What the session has done so far.
    pub const fn status(&self) -> SessionStatus {
        SessionStatus {
            suite: self.suite,
            epoch: self.epoch,
            sent: self.send.next,
            received: self.receive.received,
            replayed: self.receive.replayed,
            window: self.receive.window.size(),
        }
    }

    /// Changes the size of the replay window for records still to come.
    pub const fn set_replay_window(&mut self, size: WindowSize) {
        self.receive.window.resize(size);
    }

    fn check_alive(&self) -> Result<(), SessionError> {
        self.over.map_or(Ok(()), Err)
    }

    fn end(&mut self, error: SessionError) -> SessionError {
        self.over = Some(error);
        error
    }
}

/// What became of a record.
#[derive(Clone, PartialEq, Eq)]
pub enum Opened {
    /// Its plaintext, for the first time.
    Data(Zeroizing<Vec<u8>>),
    /// Its counter was used before or is too old. It was counted and dropped.
    Replayed,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(plaintext) => write!(f, "Data({} bytes)", plaintext.len()),
            Self::Replayed => f.write_str("Replayed"),
        }
    }
}

/// Figures of a session, for screens and logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionStatus {
    /// The suite that the handshake agreed on.
    pub suite: Suite,
    /// How often the keys were changed.
    pub epoch: u8,
    /// Records sealed.
    pub sent: u64,
    /// Records opened.
    pub received: u64,
    /// Records dropped as replays.
    pub replayed: u64,
    /// The size of the replay window.
    pub window: WindowSize,
}

impl Receiving {
    fn open(&mut self, expected: u8, record: &[u8]) -> Result<Opened, SessionError> {
        let (header, ciphertext) =
            record.split_first_chunk::<RECORD_HEADER_BYTES>().ok_or(SessionError::Malformed)?;
        let (epoch, counter) = decode_header(*header).ok_or(SessionError::Malformed)?;
        let sizes = TAG_BYTES..=MAXIMUM_PLAINTEXT_BYTES + TAG_BYTES;
        if !sizes.contains(&ciphertext.len()) {
            return Err(SessionError::Malformed);
        }
        if epoch != expected {
            return Err(SessionError::UnknownEpoch(epoch));
        }
        if counter >= MAXIMUM_RECORDS {
            return Err(SessionError::Exhausted);
        }
        if !self.window.is_fresh(counter) {
            self.replayed += 1;
            return Ok(Opened::Replayed);
        }
        let plaintext =
            self.key.open(counter, header, ciphertext).map_err(|_| SessionError::NotAuthentic)?;
        self.window.mark(counter);
        self.received += 1;
        Ok(Opened::Data(plaintext))
    }
}

fn encode_header(epoch: u8, counter: u64) -> [u8; RECORD_HEADER_BYTES] {
    let mut header = [0; RECORD_HEADER_BYTES];
    let (kind, counter_bytes) = header.split_at_mut(2);
    kind.copy_from_slice(&[TYPE_RECORD, epoch]);
    counter_bytes.copy_from_slice(&counter.to_be_bytes());
    header
}

fn decode_header(header: [u8; RECORD_HEADER_BYTES]) -> Option<(u8, u64)> {
    let [TYPE_RECORD, epoch, counter @ ..] = header else { return None };
    Some((epoch, u64::from_be_bytes(counter)))
}
