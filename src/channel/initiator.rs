//! The client's side of the handshake.

use crate::crypto::{KeyPair, PublicKey, Random};

use super::{
    HandshakeError, Session, Suite, SuiteSet,
    message::{
        ANSWER_BYTES, Header, PROTOCOL_VERSION, TYPE_ANSWER, TYPE_REFUSAL, TYPE_VERSION, Verdict,
        prologue,
    },
    noise,
};

/// What a client needs to connect.
#[derive(Clone, Debug)]
pub struct InitiatorConfig {
    /// The client's identity.
    pub identity: KeyPair,
    /// The partition's public identity, as registered beforehand.
    pub partition: PublicKey,
    /// The partition's serial number.
    pub serial: u64,
    /// The suites that the client would run, most wanted first. Repetitions are ignored.
    pub suites: Vec<Suite>,
}

/// A client about to start a handshake.
#[derive(Debug)]
pub struct Initiator {
    identity: KeyPair,
    partition: PublicKey,
    header: Header,
}

impl Initiator {
    /// A first attempt.
    pub fn new(config: InitiatorConfig) -> Self {
        let InitiatorConfig { identity, partition, serial, suites } = config;
        let mut offer = Vec::new();
        for suite in suites {
            if !offer.contains(&suite) {
                offer.push(suite);
            }
        }
        Self { identity, partition, header: Header { serial, offer, obeyed: SuiteSet::EMPTY } }
    }

    /// Appends the handshake's first message to `out`.
    ///
    /// # Errors
    /// [`HandshakeError::NoSuiteOffered`], [`HandshakeError::UnusableKey`] or
    /// [`HandshakeError::Random`]; `out` is then as it was.
    pub fn start(
        self,
        random: &mut dyn Random,
        out: &mut Vec<u8>,
    ) -> Result<AwaitAnswer, HandshakeError> {
        let Self { identity, partition, header } = self;
        let suite = header.suite().ok_or(HandshakeError::NoSuiteOffered)?;
        let mut message = header.encode(suite);
        let ephemeral = KeyPair::generate(random)?;
        let noise = noise::Initiator::new(suite, &prologue(&message), identity.clone(), partition)
            .write_message(ephemeral, &[], &mut message)
            .map_err(|_| HandshakeError::UnusableKey)?;
        out.append(&mut message);
        Ok(AwaitAnswer { noise, suite, again: Self { identity, partition, header } })
    }
}

/// A client waiting for the answer to its first message.
pub struct AwaitAnswer {
    noise: noise::AwaitResponse,
    suite: Suite,
    again: Initiator,
}

impl AwaitAnswer {
    /// The suite that this attempt runs.
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// Any [`HandshakeError`] but those of [`Initiator::start`]. The attempt is over.
    pub fn receive(self, message: &[u8]) -> Result<Answer, HandshakeError> {
        let noise = match message {
            [TYPE_ANSWER, noise @ ..] if message.len() == ANSWER_BYTES => noise,
            [TYPE_REFUSAL, ..] if message.len() == ANSWER_BYTES => {
                return Err(HandshakeError::Refused);
            }
            [TYPE_VERSION, theirs] if *theirs != PROTOCOL_VERSION => {
                return Err(HandshakeError::VersionUnsupported { theirs: *theirs });
            }
            _ => return Err(HandshakeError::Malformed),
        };
        let (payload, keys) =
            self.noise.read_message(noise).map_err(|_| HandshakeError::NotAuthentic)?;
        match Verdict::parse(&payload).ok_or(HandshakeError::Malformed)? {
            Verdict::Accepted => {
                Ok(Answer::Established(Session::new(self.suite, keys.initiator, keys.responder)))
            }
            Verdict::SuiteRefused(permitted) => obey(self.again, permitted).map(Answer::Retry),
        }
    }
}

/// What a good answer leads to.
#[derive(Debug)]
pub enum Answer {
    /// The channel stands.
    Established(Session),
    /// The partition permits other suites: start again with this, over the same connection.
    Retry(Initiator),
}

/// The second attempt, under a policy answer that the partition's key has authenticated.
fn obey(refused: Initiator, permitted: SuiteSet) -> Result<Initiator, HandshakeError> {
    // A partition tells its policy once, and only to refuse what the client wanted most.
    let first_permitted =
        refused.header.offer.first().is_some_and(|suite| permitted.contains(*suite));
    if !refused.header.obeyed.is_empty() || first_permitted {
        return Err(HandshakeError::Malformed);
    }
    let header = Header { obeyed: permitted, ..refused.header };
    // Covers the empty policy as well, which would read as none at all.
    if !header.offer.iter().any(|suite| permitted.contains(*suite)) {
        return Err(HandshakeError::SuiteRejected { permitted });
    }
    Ok(Initiator { header, ..refused })
}
