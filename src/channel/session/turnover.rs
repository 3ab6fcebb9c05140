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
