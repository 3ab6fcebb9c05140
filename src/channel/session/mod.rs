//! A channel after the handshake: sealing, opening, changes of keys.

#[cfg(test)]
mod flips;
#[cfg(fuzzing)]
mod forged;
mod turnover;

use std::{fmt, time::Duration};

use zeroize::Zeroize;

use crate::crypto::Random;

use super::{
    SessionError, Suite,
    control::Control,
    keys::{Kind, Receiving, RecordHeader, Sending},
    limits::KeyLimits,
    noise::{Chain, TransportKeys},
    rekey::{Exchange, NextKeys, Retired},
    window::WindowSize,
};

/// A channel between a client and a partition.
///
/// A record that does not authenticate ends the session: it says no more, in either direction. A
/// record that comes a second time is counted and otherwise ignored.
///
/// Its driver does three things. It seals what its user sends; it opens what arrives; and after
/// either, while [`Self::has_control`] says so, it calls [`Self::next_control`] and sends what that
/// wrote, best before more data. If it has a clock, it calls [`Self::tick`] now and then.
#[derive(Debug)]
pub struct Session {
    end: End,
    suite: Suite,
    epoch: u32,
    send: Sending,
    receive: Receiving,
    retired: Option<Retired>,
    chain: Chain,
    exchange: Exchange,
    pending: Pending,
    settings: SessionSettings,
    totals: Totals,
    over: Option<SessionError>,
}

/// Which end of the channel this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Client,
    Partition,
}

/// What may be set on a session. The partition's end tells the client's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionSettings {
    /// When the keys are changed.
    pub limits: KeyLimits,
    /// The size of the replay windows, for records still to come.
    pub window: WindowSize,
}

/// Control records that are due.
#[derive(Debug, Default)]
struct Pending {
    /// The keys are to be changed.
    rekey: bool,
    /// The epoch is new: how many records were sealed in the one before.
    keys_changed: Option<u64>,
    /// The client has to hear of the settings.
    settings: bool,
    /// The client has to hear of replays. Only a fresh record makes this due: whoever replays
    /// records does not make the partition's end talk.
    replays: bool,
}

#[derive(Debug, Default)]
struct Totals {
    sent: u64,
    received: u64,
    replayed: u64,
    /// Replays at the partition's end: those it has told of, those the client's end was told of.
    told: u64,
}

impl Session {
    /// The session of a handshake that stands.
    pub(super) fn new(end: End, suite: Suite, keys: TransportKeys) -> Self {
        let settings = SessionSettings::default();
        let NextKeys { send, receive, chain } = NextKeys::new(end, 0, settings.window, keys);
        Self {
            end,
            suite,
            epoch: 0,
            send,
            receive,
            retired: None,
            chain,
            exchange: Exchange::Idle,
            pending: Pending::default(),
            settings,
            totals: Totals::default(),
            over: None,
        }
    }

    /// Appends a record that holds `plaintext` to `out`.
    ///
    /// # Errors
    /// [`SessionError::TooLong`] for more than [`super::MAXIMUM_PLAINTEXT_BYTES`], which harms
    /// nothing; [`SessionError::Exhausted`] or whatever ended the session before. `out` is then as
    /// it was.
    pub fn seal(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), SessionError> {
        self.seal_pieces(&[plaintext], out)
    }

    /// Appends a record that holds the pieces, one behind the other, to `out`.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn seal_pieces(&mut self, pieces: &[&[u8]], out: &mut Vec<u8>) -> Result<(), SessionError> {
        self.seal_record(Kind::Data, pieces, out)
    }

    /// Opens one record, which has to fill all of `record`, where it lies.
    ///
    /// # Errors
    /// Every error but [`SessionError::TooLong`]. The session is over.
    pub fn open<'r>(&mut self, record: &'r mut [u8]) -> Result<Opened<'r>, SessionError> {
        self.check_alive()?;
        let opened = self.open_record(record);
        opened.map_err(|error| self.end(error))
    }

    /// Lets time pass: `now` is the time since any fixed moment. An old key goes when its time is
    /// over, should a record under it never come.
    pub fn tick(&mut self, now: Duration) {
        // Until the peer is seen to use the new key it may still be using the old one.
        let in_use = self.receive.used.records > 0;
        if in_use && self.retired.as_mut().is_some_and(|retired| retired.is_overdue(now)) {
            self.retired = None;
        }
    }

    /// Whether a change of keys has begun and is not complete: the peer owes an answer, or an old
    /// key waits for what the peer has sent.
    pub const fn is_changing_keys(&self) -> bool {
        self.over.is_none() && (!matches!(self.exchange, Exchange::Idle) || self.retired.is_some())
    }

    /// Changes the keys as soon as may be, whatever they have done. A change that is under way
    /// already is as good.
    pub const fn rekey(&mut self) {
        self.pending.rekey = true;
    }

    /// Whether a control record is due.
    pub fn has_control(&self) -> bool {
        let exchange = match self.exchange {
            Exchange::Idle => {
                let due = self.pending.rekey || self.is_due();
                due && (self.retired.is_none() || self.end == End::Partition)
            }
            Exchange::Answer(_) => true,
            Exchange::Asked | Exchange::AwaitAnswer(_) | Exchange::Confirm(_) => false,
        };
        let other =
            self.pending.keys_changed.is_some() || self.pending.settings || self.pending.replays;
        self.over.is_none() && (exchange || other)
    }

    /// Appends the next control record to `out`; `false` if none is due.
    ///
    /// # Errors
    /// [`SessionError::Random`], or as [`Self::seal`]. The session is over.
    pub fn next_control(
        &mut self,
        random: &mut dyn Random,
        out: &mut Vec<u8>,
    ) -> Result<bool, SessionError> {
        self.check_alive()?;
        if !self.has_control() {
            return Ok(false);
        }
        let control = self.make_control(random).map_err(|error| self.end(error))?;
        self.seal_record(Kind::Control, &[&control.encode()], out)?;
        Ok(true)
    }

    /// Sets what holds from now on. At the partition's end the client is told as well.
    ///
    /// A key that has done more already than it now may is changed; until then it goes on as one
    /// that has come to its limit now.
    pub fn set(&mut self, settings: SessionSettings) {
        if settings.limits != self.settings.limits {
            self.send.used.measure_anew();
            self.receive.used.measure_anew();
        }
        self.settings = settings;
        self.resize_windows(settings.window);
        self.pending.settings = matches!(self.end, End::Partition);
    }

    /// What the session has done so far.
    pub fn status(&self) -> SessionStatus {
        let limits = self.settings.limits;
        SessionStatus {
            suite: self.suite,
            epoch: self.epoch,
            left: limits.left(self.send.used).min(limits.left(self.receive.used)),
            sent: self.totals.sent,
            received: self.totals.received,
            replayed: self.totals.replayed,
            replayed_there: match self.end {
                End::Client => self.totals.told,
                End::Partition => 0,
            },
            settings: self.settings,
            old_keys: self.retired.is_some(),
        }
    }

    fn seal_record(
        &mut self,
        kind: Kind,
        pieces: &[&[u8]],
        out: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        self.check_alive()?;
        if self.is_overdue() {
            return Err(self.end(SessionError::RekeyUnanswered));
        }
        match self.send.seal(kind, pieces, out) {
            Ok(()) => {
                self.totals.sent += 1;
                Ok(())
            }
            Err(SessionError::TooLong) => Err(SessionError::TooLong),
            Err(error) => Err(self.end(error)),
        }
    }

    /// Size and type, epoch, counter, window, tag; what a record changes comes after all of them.
    fn open_record<'r>(&mut self, record: &'r mut [u8]) -> Result<Opened<'r>, SessionError> {
        let (header, header_bytes, ciphertext) =
            RecordHeader::split(record).ok_or(SessionError::Malformed)?;
        if self.is_overdue() {
            return Err(SessionError::RekeyUnanswered);
        }
        let opened = match self.keys_of(header.epoch)? {
            Some(keys) => keys.open(header.counter, header_bytes, ciphertext)?,
            // Its key is gone, with all that was under way: a record of the past.
            None => None,
        };
        let Some(plaintext) = opened else {
            self.totals.replayed += 1;
            return Ok(Opened::Replayed);
        };
        self.totals.received += 1;
        self.pending.replays =
            self.end == End::Partition && self.totals.replayed > self.totals.told;
        self.turn_over(header.epoch);
        match header.kind {
            Kind::Data => Ok(Opened::Data(plaintext)),
            Kind::Control => {
                let control = Control::parse(plaintext, self.suite);
                plaintext.zeroize();
                self.obey(header.epoch, control.ok_or(SessionError::Malformed)?)?;
                Ok(Opened::Control)
            }
        }
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
#[derive(PartialEq, Eq)]
pub enum Opened<'r> {
    /// Its plaintext, for the first time, where the ciphertext was. Whoever has read it erases it.
    Data(&'r mut [u8]),
    /// It was for the engine, which may now have something to say: see [`Session::has_control`].
    Control,
    /// Its counter was used before or is too old. It was counted and dropped.
    Replayed,
}

impl fmt::Debug for Opened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(plaintext) => write!(f, "Data({} bytes)", plaintext.len()),
            Self::Control => f.write_str("Control"),
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
    pub epoch: u32,
    /// Records that the busier direction has left before the keys are changed, by number or by
    /// volume: as many as there will be if they stay as large as they were so far.
    pub left: u64,
    /// Records sealed.
    pub sent: u64,
    /// Records opened.
    pub received: u64,
    /// Records dropped as replays at this end.
    pub replayed: u64,
    /// At the client's end: records dropped as replays at the partition's, as it has told.
    pub replayed_there: u64,
    /// What holds for the session; at the client's end, as the partition has told it.
    pub settings: SessionSettings,
    /// Whether a key of the epoch before still waits for records under way.
    pub old_keys: bool,
}
