//! Two ends of a channel with fixed keys and repeatable randomness.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::thread;

use lunacm::{
    channel::{
        Accepted, Answer, AwaitAnswer, Directory, HandshakeError, Initiator, InitiatorConfig,
        Opened, Part, PartitionKeys, Refused, Responder, Session, SessionError, Suite, SuiteSet,
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

/// A source that gives this every time.
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
    connect_with(suite, &mut SeededRandom::new(suite.id().into()))
}

/// Both ends of a channel under this suite, with this randomness.
pub fn connect_with(suite: Suite, random: &mut SeededRandom) -> (Session, Session) {
    let (waiting, message) = start(Initiator::new(config(&[suite])), random);
    let (accepted, answer) = respond(&message, &Shelf::permitting(SuiteSet::ALL), random);
    (established(waiting.receive(&answer)), accepted.unwrap().session)
}

pub fn established(answer: Result<Answer, HandshakeError>) -> Session {
    match answer.unwrap() {
        Answer::Established(session) => session,
        Answer::Retry(_) => panic!("sent back to try again"),
        Answer::CookieDemanded(_) => panic!("asked for a cookie"),
    }
}

pub fn retry(answer: Result<Answer, HandshakeError>) -> Initiator {
    match answer.unwrap() {
        Answer::Retry(initiator) => initiator,
        Answer::Established(_) | Answer::CookieDemanded(_) => panic!("not sent back to try again"),
    }
}

pub fn seal(session: &mut Session, plaintext: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    session.seal(plaintext, &mut record).unwrap();
    record
}

/// A record of all that is to be said in one.
pub fn seal_part(session: &mut Session, part: &Part<'_>) -> Vec<u8> {
    let mut record = Vec::new();
    session.seal_pieces(&part.pieces(), &mut record).unwrap();
    record
}

/// What is in a record.
pub fn open(session: &mut Session, record: &[u8]) -> Result<Received, SessionError> {
    let mut record = record.to_vec();
    Ok(match session.open(&mut record)? {
        Opened::Data(plaintext) => Received::Data(plaintext.to_vec()),
        Opened::Control => Received::Control,
        Opened::Replayed => Received::Replayed,
    })
}

/// [`Opened`] with a buffer of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    Data(Vec<u8>),
    Control,
    Replayed,
}

/// What is in a record that holds data.
pub fn data(session: &mut Session, record: &[u8]) -> Vec<u8> {
    match open(session, record).unwrap() {
        Received::Data(plaintext) => plaintext,
        other => panic!("no data: {other:?}"),
    }
}

/// The control records that are due.
pub fn controls(session: &mut Session, random: &mut dyn Random) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    loop {
        let mut record = Vec::new();
        if !session.next_control(random, &mut record).unwrap() {
            return records;
        }
        records.push(record);
    }
}

/// Exchanges control records until neither end has more; gives all of them.
pub fn settle(ours: &mut Session, theirs: &mut Session, random: &mut dyn Random) -> Vec<Vec<u8>> {
    let mut said = Vec::new();
    while ours.has_control() || theirs.has_control() {
        for record in controls(ours, random) {
            assert_eq!(open(theirs, &record), Ok(Received::Control));
            said.push(record);
        }
        for record in controls(theirs, random) {
            assert_eq!(open(ours, &record), Ok(Received::Control));
            said.push(record);
        }
    }
    said
}

/// Checks the message with each of its bits flipped in turn, on all processors.
pub fn each_flip(message: &[u8], check: impl Fn(usize, &[u8]) + Sync) {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let check = &check;
    thread::scope(|scope| {
        for first in 0..threads {
            scope.spawn(move || {
                for (bit, altered) in flipped(message).skip(first).step_by(threads) {
                    check(bit, &altered);
                }
            });
        }
    });
}

/// The message with each of its bits flipped in turn, and the bit's number.
pub fn flipped(message: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..message.len() * 8).map(|bit| {
        let mut altered = message.to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        (bit, altered)
    })
}
