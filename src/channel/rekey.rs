//! A change of keys: the exchange of two messages, and the order in which old keys go.
//!
//! The client starts, always: two changes at once cannot meet. The partition can ask it to.
//!
//! ```text
//! client, sealing under                      partition, sealing under
//!   n     RekeyInit   ------------------->     n
//!   n                 <-------------------     n     RekeyAnswer
//!   n+1   KeysChanged ------------------->     n
//!   n+1               <-------------------     n+1   KeysChanged
//! ```
//!
//! The partition seals under the new key once it has opened a record under it, so neither end is
//! ever sent a record under a key that it does not have yet, however the network reorders.

use std::time::Duration;

use crate::crypto::Random;

use super::{
    SessionError, Suite,
    keys::{Receiving, Sending},
    noise::{
        Chain, InitiatorEphemeral, RekeyAwaitResponse, RekeyInitiator, RekeyRespond,
        RekeyResponder, ResponderEphemeral, TransportKeys,
    },
};

/// How long an old key may wait for records under way once the peer is seen to use its successor.
pub const RETIRED_KEY_LIFETIME: Duration = Duration::from_secs(5);

/// What sets changes of keys apart from any other use of Noise.
const DOMAIN: &[u8] = b"lunacm STC rekey\0";

/// Where an exchange stands.
pub(super) enum Exchange {
    /// There is none.
    Idle,
    /// Client: message 1 is sent.
    AwaitAnswer(Box<RekeyAwaitResponse>),
    /// Partition: the client is asked to start.
    Asked,
    /// Partition: message 1 has come, message 2 is due.
    Answer(Box<RekeyRespond>),
    /// Partition: message 2 is sent; the keys come into use with the client's first record.
    Confirm(Box<NextKeys>),
}

/// The keys of the epoch to come.
pub(super) struct NextKeys {
    pub(super) send: Sending,
    pub(super) receive: Receiving,
    pub(super) chain: Chain,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Idle => "Idle",
            Self::AwaitAnswer(_) => "AwaitAnswer",
            Self::Asked => "Asked",
            Self::Answer(_) => "Answer",
            Self::Confirm(_) => "Confirm",
        })
    }
}

impl Exchange {
    /// The client's first step: its state, and message 1.
    pub(super) fn start(
        suite: Suite,
        epoch: u32,
        chain: &Chain,
        random: &mut dyn Random,
    ) -> Result<(Self, Vec<u8>), SessionError> {
        let ephemeral = InitiatorEphemeral::generate(suite, random)?;
        let mut message = Vec::new();
        let waiting = RekeyInitiator::new(suite, &prologue(epoch, chain), chain)
            .write_message(ephemeral, &mut message)
            .map_err(|_| SessionError::NotAuthentic)?;
        Ok((Self::AwaitAnswer(Box::new(waiting)), message))
    }

    /// The partition's first step: message 1 is read.
    pub(super) fn receive(
        suite: Suite,
        epoch: u32,
        chain: &Chain,
        message: &[u8],
    ) -> Result<Self, SessionError> {
        let respond = RekeyResponder::new(suite, &prologue(epoch, chain), chain)
            .read_message(message)
            .map_err(|_| SessionError::NotAuthentic)?;
        Ok(Self::Answer(Box::new(respond)))
    }
}

/// The partition's second step: the new keys, and message 2.
pub(super) fn answer(
    suite: Suite,
    respond: RekeyRespond,
    random: &mut dyn Random,
) -> Result<(TransportKeys, Vec<u8>), SessionError> {
    let ephemeral = ResponderEphemeral::generate(suite, random)?;
    let mut message = Vec::new();
    let keys =
        respond.write_message(ephemeral, &mut message).map_err(|_| SessionError::NotAuthentic)?;
    Ok((keys, message))
}

/// Binds a change to all that was said before it, and to the epoch that it leads to.
fn prologue(epoch: u32, chain: &Chain) -> Vec<u8> {
    [DOMAIN, &epoch.to_be_bytes(), chain.hash()].concat()
}

/// The receive key of the epoch before, kept for records under way.
#[derive(Debug)]
pub(super) struct Retired {
    pub(super) keys: Receiving,
    /// Records that the peer has sealed under it, once it has said so.
    pub(super) sealed: Option<u64>,
    /// When it goes in any case; set by the first tick after the peer has used the new key.
    deadline: Option<Duration>,
}

impl Retired {
    pub(super) const fn new(keys: Receiving) -> Self {
        Self { keys, sealed: None, deadline: None }
    }

    /// Whether every record sealed under it has come.
    pub(super) fn is_complete(&self) -> bool {
        self.sealed.is_some_and(|sealed| self.keys.used.records >= sealed)
    }

    /// Whether it has waited long enough.
    pub(super) fn is_overdue(&mut self, now: Duration) -> bool {
        now >= *self.deadline.get_or_insert(now + RETIRED_KEY_LIFETIME)
    }
}
