//! Two ends of a channel under fixed keys, and a way to alter what they say.
//!
//! Random bytes never authenticate, so the targets read their input twice: as it is, and as what
//! is to be flipped in a message that was good.

use lunacm::{
    channel::{
        Accepted, Answer, AwaitAnswer, Directory, Initiator, InitiatorConfig, PartitionKeys,
        Refused, Responder, Session, Suite, SuiteSet,
    },
    crypto::{KeyPair, PublicKey, Random, RandomError},
};

/// The same bytes every time.
pub struct FixedRandom(pub u8);

impl Random for FixedRandom {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        buffer.fill(self.0);
        Ok(())
    }
}

fn client() -> KeyPair {
    KeyPair::from_secret(&[0x11; 32])
}

fn partition() -> KeyPair {
    KeyPair::from_secret(&[0x22; 32])
}

/// One partition, number 7, with one client.
pub struct Shelf(pub SuiteSet);

impl Directory for Shelf {
    fn partition(&self, serial: u64) -> Option<PartitionKeys> {
        (serial == 7).then(|| PartitionKeys { identity: partition(), suites: self.0 })
    }

    fn admits(&self, serial: u64, key: &PublicKey) -> bool {
        serial == 7 && key == client().public()
    }
}

/// A client that has sent its first message under the first of these suites, and the message.
pub fn start_with(suites: &[Suite]) -> (AwaitAnswer, Vec<u8>) {
    let initiator = Initiator::new(InitiatorConfig {
        identity: client(),
        partition: *partition().public(),
        serial: 7,
        suites: suites.to_vec(),
    });
    let mut message = Vec::new();
    let waiting = initiator.start(&mut FixedRandom(0x44), &mut message).expect("started");
    (waiting, message)
}

/// A client that offers every suite and has sent its first message, and the message.
pub fn start() -> (AwaitAnswer, Vec<u8>) {
    start_with(&Suite::ALL)
}

/// What the partition's side makes of a first message, and its answer.
pub fn respond(message: &[u8], permitted: SuiteSet) -> (Result<Accepted, Refused>, Vec<u8>) {
    let mut answer = Vec::new();
    let responder = Responder::new(KeyPair::from_secret(&[0x33; 32]));
    let outcome =
        responder.receive(message, &Shelf(permitted), &mut FixedRandom(0x55), &mut answer);
    (outcome, answer)
}

/// Both ends of a channel under this suite: the client's, the partition's.
pub fn connect(suite: Suite) -> (Session, Session) {
    let (waiting, message) = start_with(&[suite]);
    let (accepted, answer) = respond(&message, SuiteSet::ALL);
    let Ok(Answer::Established(session)) = waiting.receive(&answer) else {
        unreachable!("all suites are permitted")
    };
    (session, accepted.expect("accepted").session)
}

/// The next control record of a session.
pub fn control(session: &mut Session) -> Vec<u8> {
    let mut record = Vec::new();
    let due = session.next_control(&mut FixedRandom(0x66), &mut record);
    assert_eq!(due, Ok(true));
    record
}

/// `message` with the bits of `flips` flipped, if that changes it and nothing hangs over.
pub fn altered(message: &[u8], flips: &[u8]) -> Option<Vec<u8>> {
    if flips.len() > message.len() || flips.iter().all(|byte| *byte == 0) {
        return None;
    }
    let mut altered = message.to_vec();
    altered.iter_mut().zip(flips).for_each(|(byte, flip)| *byte ^= flip);
    Some(altered)
}
