//! The client's side of the handshake.

use crate::crypto::{KeyPair, PublicKey, Random};

use super::{
    HandshakeError, Session, Suite, SuiteSet,
    cookie::{COOKIE_BYTES, with_cookie},
    message::{
        Header, PROTOCOL_VERSION, TYPE_ANSWER, TYPE_COOKIE, TYPE_REFUSAL, TYPE_VERSION, Verdict,
        answer_bytes, prologue,
    },
    noise,
    session::End,
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
        let ephemeral = noise::InitiatorEphemeral::generate(suite, random)?;
        let noise = noise::Initiator::new(suite, &prologue(&message), identity.clone(), partition)
            .write_message(ephemeral, &[], &mut message)
            .map_err(|_| HandshakeError::UnusableKey)?;
        out.extend_from_slice(&message);
        Ok(AwaitAnswer {
            noise,
            suite,
            message,
            repeated: false,
            again: Self { identity, partition, header },
        })
    }
}

/// A client waiting for the answer to its first message.
pub struct AwaitAnswer {
    noise: noise::AwaitResponse,
    suite: Suite,
    message: Vec<u8>,
    repeated: bool,
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
        let size = answer_bytes(self.suite);
        let noise = match message {
            [TYPE_ANSWER, noise @ ..] if message.len() == size => noise,
            [TYPE_REFUSAL, ..] if message.len() == size => return Err(HandshakeError::Refused),
            [TYPE_VERSION, theirs] if *theirs != PROTOCOL_VERSION => {
                return Err(HandshakeError::VersionUnsupported { theirs: *theirs });
            }
            [TYPE_COOKIE, cookie @ ..] => return self.demanded(cookie),
            _ => return Err(HandshakeError::Malformed),
        };
        let (payload, keys) =
            self.noise.read_message(noise).map_err(|_| HandshakeError::NotAuthentic)?;
        match Verdict::parse(&payload).ok_or(HandshakeError::Malformed)? {
            Verdict::Accepted => {
                Ok(Answer::Established(Session::new(End::Client, self.suite, keys)))
            }
            Verdict::SuiteRefused(permitted) => obey(self.again, permitted).map(Answer::Retry),
        }
    }

    /// A cookie costs a round trip, so it is given once for each message, whoever demands it.
    fn demanded(self, cookie: &[u8]) -> Result<Answer, HandshakeError> {
        let cookie = cookie.try_into().map_err(|_| HandshakeError::Malformed)?;
        if self.repeated {
            return Err(HandshakeError::Malformed);
        }
        Ok(Answer::CookieDemanded(Demanded { waiting: self, cookie }))
    }
}

/// A client that has to repeat its first message with a cookie, over the same connection or another
/// one from the same address.
pub struct Demanded {
    waiting: AwaitAnswer,
    cookie: [u8; COOKIE_BYTES],
}

impl Demanded {
    /// Appends the first message with the cookie to `out`.
    pub fn repeat(self, out: &mut Vec<u8>) -> AwaitAnswer {
        with_cookie(&self.cookie, &self.waiting.message, out);
        AwaitAnswer { repeated: true, ..self.waiting }
    }
}

impl std::fmt::Debug for Demanded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Demanded(..)")
    }
}

/// What a good answer leads to.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "it is taken apart where it is returned")]
pub enum Answer {
    /// The channel stands.
    Established(Session),
    /// The partition permits other suites: start again with this, over the same connection.
    Retry(Initiator),
    /// The appliance is under pressure: the first message has to be repeated with a cookie.
    CookieDemanded(Demanded),
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
