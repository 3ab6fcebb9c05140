//! Two ends of a channel with fixed keys and repeatable randomness.

#![allow(dead_code, reason = "each test program uses a part of it")]

use lunacm::{
    channel::{
        Accepted, Answer, AwaitAnswer, Directory, HandshakeError, Initiator, InitiatorConfig,
        Opened, PartitionKeys, Refused, Responder, Session, Suite, SuiteSet,
    },
    crypto::{Digest, KeyPair, PublicKey, Random, RandomError},
};

/// The partition that exists.
pub const SERIAL: u64 = 1_238_700_701_509;

/// Bytes that look random and are the same for the same seed.
pub struct SeededRandom {
    seed: u64,
    drawn: u64,
}

impl SeededRandom {
    pub const fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        let mut bytes = [0; 4];
        self.fill(&mut bytes).unwrap();
        usize::try_from(u32::from_be_bytes(bytes)).unwrap() % bound
    }
}

impl Random for SeededRandom {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        for chunk in buffer.chunks_mut(32) {
            let hash = Digest::Sha256
                .start()
                .update(&self.seed.to_be_bytes())
                .update(&self.drawn.to_be_bytes())
                .finish();
            self.drawn += 1;
            chunk.copy_from_slice(&hash[..chunk.len()]);
        }
        Ok(())
    }
}

/// A source that gives nothing.
pub struct NoRandom;

impl Random for NoRandom {
    fn fill(&mut self, _buffer: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError)
    }
}

/// A source that gives this once.
pub struct FixedRandom(pub [u8; 32]);

impl Random for FixedRandom {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        buffer.copy_from_slice(&self.0);
        Ok(())
    }
}

pub fn client() -> KeyPair {
    KeyPair::from_secret(&[0x11; 32])
}

pub fn partition() -> KeyPair {
    KeyPair::from_secret(&[0x22; 32])
}

pub fn decoy() -> KeyPair {
    KeyPair::from_secret(&[0x33; 32])
}

/// One partition with one client.
pub struct Shelf {
    pub permitted: SuiteSet,
    pub client: PublicKey,
}

impl Shelf {
    pub fn permitting(permitted: SuiteSet) -> Self {
        Self { permitted, client: *client().public() }
    }
}

impl Directory for Shelf {
    fn partition(&self, serial: u64) -> Option<PartitionKeys> {
        (serial == SERIAL).then(|| PartitionKeys { identity: partition(), suites: self.permitted })
    }

    fn admits(&self, serial: u64, client: &PublicKey) -> bool {
        serial == SERIAL && *client == self.client
    }
}

pub fn config(suites: &[Suite]) -> InitiatorConfig {
    InitiatorConfig {
        identity: client(),
        partition: *partition().public(),
        serial: SERIAL,
        suites: suites.to_vec(),
    }
}

pub fn start(initiator: Initiator, random: &mut dyn Random) -> (AwaitAnswer, Vec<u8>) {
    let mut message = Vec::new();
    let waiting = initiator.start(random, &mut message).unwrap();
    (waiting, message)
}

pub fn respond(
    message: &[u8],
    shelf: &Shelf,
    random: &mut dyn Random,
) -> (Result<Accepted, Refused>, Vec<u8>) {
    let mut answer = Vec::new();
    let outcome = Responder::new(decoy()).receive(message, shelf, random, &mut answer);
    (outcome, answer)
}

/// Both ends of a channel under this suite: the client's, the partition's.
pub fn connect(suite: Suite) -> (Session, Session) {
    let mut random = SeededRandom::new(suite.id().into());
    let (waiting, message) = start(Initiator::new(config(&[suite])), &mut random);
    let (accepted, answer) = respond(&message, &Shelf::permitting(SuiteSet::ALL), &mut random);
    (established(waiting.receive(&answer)), accepted.unwrap().session)
}

pub fn established(answer: Result<Answer, HandshakeError>) -> Session {
    match answer.unwrap() {
        Answer::Established(session) => session,
        Answer::Retry(_) => panic!("sent back to try again"),
    }
}

pub fn retry(answer: Result<Answer, HandshakeError>) -> Initiator {
    match answer.unwrap() {
        Answer::Established(_) => panic!("not sent back to try again"),
        Answer::Retry(initiator) => initiator,
    }
}

pub fn seal(session: &mut Session, plaintext: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    session.seal(plaintext, &mut record).unwrap();
    record
}

pub fn data(opened: Opened) -> Vec<u8> {
    match opened {
        Opened::Data(plaintext) => plaintext.to_vec(),
        Opened::Replayed => panic!("dropped as a replay"),
    }
}

/// The message with each of its bits flipped in turn, and the bit's number.
pub fn flipped(message: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..message.len() * 8).map(|bit| {
        let mut altered = message.to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        (bit, altered)
    })
}
