//! A session's part in changes of keys.

use std::mem;

use crate::crypto::Random;

use super::{
    super::{
        SessionError,
        control::Control,
        keys::{Receiving, Sending},
        noise::TransportKeys,
        rekey::{self, Exchange, NextKeys, Retired},
        window::WindowSize,
    },
    End, Session, SessionSettings,
};

impl NextKeys {
    /// The keys of an epoch as this end uses them.
    pub(super) fn new(end: End, epoch: u32, window: WindowSize, keys: TransportKeys) -> Self {
        let TransportKeys { initiator, responder, chain } = keys;
        let (send, receive) = match end {
            End::Client => (initiator, responder),
            End::Partition => (responder, initiator),
        };
        Self { send: Sending::new(epoch, send), receive: Receiving::new(receive, window), chain }
    }
}

impl Session {
    /// Whether a key has done enough to be changed.
    pub(super) const fn is_due(&self) -> bool {
        let limits = self.settings.limits;
        limits.reached(self.send.used) || limits.reached(self.receive.used)
    }

    /// Whether a key has done so much after it was due that the peer cannot mean to change it.
    pub(super) const fn is_overdue(&self) -> bool {
        let limits = self.settings.limits;
        limits.overrun(self.send.used) || limits.overrun(self.receive.used)
    }

    /// Resizes the windows of all keys that open records, or will.
    pub(super) fn resize_windows(&mut self, window: WindowSize) {
        self.receive.resize_window(window);
        if let Some(retired) = &mut self.retired {
            retired.keys.resize_window(window);
        }
        if let Exchange::Confirm(next) = &mut self.exchange {
            next.receive.resize_window(window);
        }
    }

    /// The key for records of this epoch; `None` if it is gone.
    pub(super) fn keys_of(&mut self, epoch: u32) -> Result<Option<&mut Receiving>, SessionError> {
        if epoch == self.epoch {
            return Ok(Some(&mut self.receive));
        }
        match &mut self.exchange {
            Exchange::Confirm(next) if Some(epoch) == self.epoch.checked_add(1) => {
                Ok(Some(&mut next.receive))
            }
            _ if epoch > self.epoch => Err(SessionError::UnknownEpoch(epoch)),
            _ if Some(epoch) == self.epoch.checked_sub(1) => {
                Ok(self.retired.as_mut().map(|retired| &mut retired.keys))
            }
            _ => Ok(None),
        }
    }

    /// A record of this epoch has authenticated: the partition's end takes the new keys into use
    /// with the first of the next epoch, and an old key goes with its last.
    pub(super) fn turn_over(&mut self, epoch: u32) {
        if epoch > self.epoch
            && let Exchange::Confirm(next) = mem::replace(&mut self.exchange, Exchange::Idle)
        {
            self.take_into_use(*next);
        }
        self.retire();
    }

    /// The control record that is due.
    pub(super) fn make_control(
        &mut self,
        random: &mut dyn Random,
    ) -> Result<Control, SessionError> {
        if let Some(sealed) = self.pending.keys_changed.take() {
            return Ok(Control::KeysChanged { sealed });
        }
        if mem::take(&mut self.pending.settings) {
            let SessionSettings { limits, window } = self.settings;
            return Ok(Control::Settings { messages: limits.messages, window });
        }
        if mem::take(&mut self.pending.replays) {
            self.totals.told = self.totals.replayed;
            return Ok(Control::Replays { refused: self.totals.told });
        }
        if let Exchange::Answer(respond) = mem::replace(&mut self.exchange, Exchange::Idle) {
            let (keys, message) = rekey::answer(self.suite, *respond, random)?;
            let next = NextKeys::new(self.end, self.next_epoch()?, self.settings.window, keys);
            self.exchange = Exchange::Confirm(Box::new(next));
            return Ok(Control::RekeyAnswer(message));
        }
        self.pending.rekey = false;
        if self.end == End::Partition {
            self.exchange = Exchange::Asked;
            return Ok(Control::RekeyWanted);
        }
        let epoch = self.next_epoch()?;
        let (exchange, message) = Exchange::start(self.suite, epoch, &self.chain, random)?;
        self.exchange = exchange;
        Ok(Control::RekeyInit(message))
    }

    /// Does what the peer's engine says. What it may not say now ends the session.
    pub(super) fn obey(&mut self, epoch: u32, control: Control) -> Result<(), SessionError> {
        let is_current = epoch == self.epoch;
        match (self.end, control) {
            (_, Control::KeysChanged { sealed }) => self.old_keys_end(epoch, sealed),
            (End::Client, Control::Settings { messages, window }) => {
                let mut settings = SessionSettings { window, ..self.settings };
                settings.limits.messages = messages;
                self.set(settings);
                Ok(())
            }
            // Records may overtake each other; the number only rises.
            (End::Client, Control::Replays { refused }) => {
                self.totals.told = self.totals.told.max(refused);
                Ok(())
            }
            // One of an epoch that is over has had its change.
            (End::Client, Control::RekeyWanted) => {
                self.pending.rekey |= is_current && matches!(self.exchange, Exchange::Idle);
                Ok(())
            }
            (End::Client, Control::RekeyAnswer(message)) if is_current => {
                let exchange = mem::replace(&mut self.exchange, Exchange::Idle);
                let Exchange::AwaitAnswer(waiting) = exchange else {
                    return Err(SessionError::Malformed);
                };
                let keys =
                    waiting.read_message(&message).map_err(|_| SessionError::NotAuthentic)?;
                let window = self.settings.window;
                self.take_into_use(NextKeys::new(self.end, self.next_epoch()?, window, keys));
                Ok(())
            }
            (End::Partition, Control::RekeyInit(message))
                if is_current && matches!(self.exchange, Exchange::Idle | Exchange::Asked) =>
            {
                let epoch = self.next_epoch()?;
                self.exchange = Exchange::receive(self.suite, epoch, &self.chain, &message)?;
                Ok(())
            }
            _ => Err(SessionError::Malformed),
        }
    }

    /// Seals and opens under the next epoch's keys from now on. The old sealing key is erased, the
    /// old opening key waits for what is under way.
    fn take_into_use(&mut self, next: NextKeys) {
        let NextKeys { send, receive, chain } = next;
        let old = mem::replace(&mut self.send, send);
        self.pending.keys_changed = Some(old.used.records);
        self.pending.rekey = false;
        self.retired = Some(Retired::new(mem::replace(&mut self.receive, receive)));
        self.chain = chain;
        // Checked when the change began.
        self.epoch = self.epoch.saturating_add(1);
    }

    /// The peer has said how many records it sealed in the epoch before this one.
    fn old_keys_end(&mut self, epoch: u32, sealed: u64) -> Result<(), SessionError> {
        if epoch == 0 {
            return Err(SessionError::Malformed);
        }
        // For an epoch that is over itself there is no key left to wait for.
        if epoch == self.epoch
            && let Some(retired) = &mut self.retired
        {
            if retired.sealed.replace(sealed).is_some() {
                return Err(SessionError::Malformed);
            }
            self.retire();
        }
        Ok(())
    }

    /// Erases the old key once every record under it has come.
    fn retire(&mut self) {
        if self.retired.as_ref().is_some_and(Retired::is_complete) {
            self.retired = None;
        }
    }

    fn next_epoch(&self) -> Result<u32, SessionError> {
        self.epoch.checked_add(1).ok_or(SessionError::Exhausted)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            super::{
                MAXIMUM_BYTES, MAXIMUM_RECORDS, Opened, Suite,
                limits::Used,
                noise::{self, InitiatorEphemeral, ResponderEphemeral},
            },
            *,
        },
        *,
    };
    use crate::crypto::{KeyPair, RandomError};

    /// The same bytes every time.
    struct Fixed(u8);

    impl Random for Fixed {
        fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
            buffer.fill(self.0);
            Ok(())
        }
    }

    fn connected() -> (Session, Session) {
        let suite = Suite::CLASSIC[0];
        let pair = |seed: u8| KeyPair::from_secret(&[seed; 32]);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let ephemeral = InitiatorEphemeral::generate(suite, &mut Fixed(3)).unwrap();
        let initiator = noise::Initiator::new(suite, b"", pair(1), *pair(2).public());
        let initiator = initiator.write_message(ephemeral, b"", &mut first).unwrap();
        let responder = noise::Responder::new(suite, b"", pair(2)).read_message(&first).unwrap();
        let ephemeral = ResponderEphemeral::generate(suite, &mut Fixed(4)).unwrap();
        let theirs = responder.next.write_message(ephemeral, b"", &mut second).unwrap();
        let (_, ours) = initiator.read_message(&second).unwrap();
        (Session::new(End::Client, suite, ours), Session::new(End::Partition, suite, theirs))
    }

    /// A session under a key that has done this much, and whose threshold is not in the way.
    fn at(used: Used) -> (Session, Session) {
        let (mut ours, mut theirs) = connected();
        for session in [&mut ours, &mut theirs] {
            session.settings.limits.messages = 0;
        }
        ours.send.used = used;
        theirs.receive.used = used;
        (ours, theirs)
    }

    #[test]
    fn the_last_record_of_a_key_is_the_last() {
        let (mut ours, mut theirs) = at(Used::new(MAXIMUM_RECORDS - 1, 0));
        let mut record = Vec::new();
        ours.seal(b"the last", &mut record).unwrap();
        assert!(matches!(theirs.open(&mut record), Ok(Opened::Data(_))));
        record.clear();
        assert_eq!(ours.seal(b"one more", &mut record), Err(SessionError::Exhausted));
        assert_eq!(record, b"");
        // The end is the end of both directions.
        theirs.seal(b"a reply", &mut record).unwrap();
        assert_eq!(ours.open(&mut record), Err(SessionError::Exhausted));
    }

    #[test]
    fn the_last_byte_of_a_key_is_the_last() {
        let (mut ours, _) = at(Used::new(5, MAXIMUM_BYTES - 1));
        let mut record = Vec::new();
        ours.seal(b"x", &mut record).unwrap();
        record.clear();
        assert_eq!(ours.seal(b"x", &mut record), Err(SessionError::Exhausted));
    }

    #[test]
    fn changes_out_of_turn_end_the_session() {
        let suite = Suite::CLASSIC[0];
        let init = || Control::RekeyInit(vec![7; noise::rekey_message_1_bytes(suite)]);
        let answer = || Control::RekeyAnswer(vec![7; noise::rekey_message_2_bytes(suite)]);
        let settings = || Control::Settings { messages: 1, window: WindowSize::DEFAULT };
        let changed = || Control::KeysChanged { sealed: 0 };
        let replays = || Control::Replays { refused: 1 };
        for (control, client, partition) in [
            (init(), false, true),
            (answer(), true, false),
            (settings(), true, false),
            (replays(), true, false),
            (Control::RekeyWanted, true, false),
            (changed(), false, false),
        ] {
            let (mut ours, mut theirs) = connected();
            for (session, permitted) in [(&mut ours, client), (&mut theirs, partition)] {
                let outcome = session.obey(0, control_again(&control));
                let expected = match &control {
                    // Permitted, but not made by anybody who has the keys, or not asked for.
                    Control::RekeyInit(_) if permitted => Err(SessionError::NotAuthentic),
                    Control::RekeyAnswer(_) => Err(SessionError::Malformed),
                    _ if permitted => Ok(()),
                    _ => Err(SessionError::Malformed),
                };
                assert_eq!(outcome, expected);
            }
        }
    }

    fn control_again(control: &Control) -> Control {
        Control::parse(&control.encode(), Suite::CLASSIC[0]).unwrap()
    }
}
