//! Whole sessions under every suite, and every single bit of every record in them flipped before the
//! record itself is heard. (`tests/channel_flips.rs` does the same to the handshake's messages.)
//!
//! An altered record ends a session. The test undoes that, and that only, and goes on with the
//! same session: so it also shows that a record that does not authenticate leaves no other trace.

use std::collections::BTreeSet;

use Act::{Again, Engine, Rekey, Say, Set};
use End::{Client, Partition};

use super::{End, Kind, Opened, Session, SessionSettings};
use crate::{
    channel::{
        Answer, Directory, Initiator, InitiatorConfig, KeyLimits, PartitionKeys, Responder, Suite,
        SuiteSet, WindowSize,
    },
    crypto::{KeyPair, PublicKey, Random, RandomError},
};

/// What makes the next record.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Data.
    Say(&'static [u8]),
    /// The engine has something to say: a plaintext that begins so.
    Engine(u8),
    /// The engine is told to change the keys, and says this.
    Rekey(u8),
    /// The partition's engine gets settings with this window, and tells.
    Set(u16),
    /// The network: this record once more.
    Again(usize),
}

const WANTED: u8 = 1;
const INIT: u8 = 2;
const ANSWER: u8 = 3;
const CHANGED: u8 = 4;
const SETTINGS: u8 = 5;
const REPLAYS: u8 = 6;

/// Every kind of record, and each also under the keys of an epoch that is not the first.
const SCRIPT: [(End, Act); 25] = [
    (Client, Say(b"a request")),
    (Partition, Say(b"a reply")),
    (Partition, Set(100)),
    (Client, Again(0)),
    (Client, Say(b"a request")),
    (Partition, Engine(REPLAYS)),
    (Partition, Rekey(WANTED)),
    (Client, Engine(INIT)),
    (Partition, Engine(ANSWER)),
    (Partition, Say(b"under way")),
    (Client, Engine(CHANGED)),
    (Partition, Engine(CHANGED)),
    (Client, Say(b"a request")),
    (Partition, Say(b"a reply")),
    (Client, Again(12)),
    (Client, Say(b"")),
    (Partition, Engine(REPLAYS)),
    (Partition, Set(1000)),
    (Partition, Rekey(WANTED)),
    (Client, Engine(INIT)),
    (Partition, Engine(ANSWER)),
    (Client, Engine(CHANGED)),
    (Partition, Engine(CHANGED)),
    (Client, Say(b"a request")),
    (Partition, Say(b"a reply")),
];

/// A source that counts.
struct Counting(u8);

impl Random for Counting {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        self.0 += 1;
        buffer.fill(self.0);
        Ok(())
    }
}

struct One;

impl Directory for One {
    fn partition(&self, _: u64) -> Option<PartitionKeys> {
        Some(PartitionKeys { identity: KeyPair::from_secret(&[2; 32]), suites: SuiteSet::ALL })
    }

    fn admits(&self, _: u64, _: &PublicKey) -> bool {
        true
    }
}

fn connect(suite: Suite, random: &mut dyn Random) -> [Session; 2] {
    let config = InitiatorConfig {
        identity: KeyPair::from_secret(&[1; 32]),
        partition: *KeyPair::from_secret(&[2; 32]).public(),
        serial: 7,
        suites: vec![suite],
    };
    let (mut message, mut answer) = (Vec::new(), Vec::new());
    let waiting = Initiator::new(config).start(random, &mut message).unwrap();
    let responder = Responder::new(KeyPair::from_secret(&[3; 32]));
    let accepted = responder.receive(&message, &One, random, &mut answer).unwrap();
    let Answer::Established(ours) = waiting.receive(&answer).unwrap() else { panic!("no session") };
    [ours, accepted.session]
}

/// The next record.
fn act(session: &mut Session, act: Act, said: &[Vec<u8>], random: &mut dyn Random) -> Vec<u8> {
    let mut record = Vec::new();
    let kind = match act {
        Say(text) => {
            session.seal(text, &mut record).unwrap();
            return record;
        }
        Again(at) => return said[at].clone(),
        Engine(kind) => kind,
        Rekey(kind) => {
            session.rekey();
            kind
        }
        Set(window) => {
            let limits = KeyLimits { messages: 1_000_000, ..KeyLimits::DEFAULT };
            let window = WindowSize::try_from(window).unwrap();
            session.set(SessionSettings { limits, window });
            SETTINGS
        }
    };
    assert!(session.has_control(), "{act:?}");
    let control = session.make_control(random).unwrap().encode();
    assert_eq!(control[0], kind, "{act:?}");
    session.seal_record(Kind::Control, &[&control], &mut record).unwrap();
    record
}

/// The record is heard as it was said.
fn hear(session: &mut Session, act: Act, record: &[u8]) {
    let mut record = record.to_vec();
    match (session.open(&mut record).unwrap(), act) {
        (Opened::Data(heard), Say(said)) => assert_eq!(heard, said),
        (Opened::Control, Engine(_) | Rekey(_) | Set(_)) | (Opened::Replayed, Again(_)) => {}
        (heard, _) => panic!("{act:?} was heard as {heard:?}"),
    }
}

/// Epoch and counter.
fn place(record: &[u8]) -> (u32, u64) {
    let (epoch, counter) = record[1..13].split_at(4);
    let (epoch, counter) = (epoch.try_into().unwrap(), counter.try_into().unwrap());
    (u32::from_be_bytes(epoch), u64::from_be_bytes(counter))
}

/// Every bit of the record is flipped; `heard` is what the end has heard before.
fn flip(end: &mut Session, record: &[u8], heard: &BTreeSet<(u32, u64)>) {
    let before = end.status();
    for bit in 0..record.len() * 8 {
        let mut altered = record.to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        let place = place(&altered);
        match end.open(&mut altered.clone()) {
            Ok(Opened::Replayed) => {
                let is_stale = heard.contains(&place) || place.0 < before.epoch;
                assert!(is_stale, "bit {bit}: dropped without an end");
                assert_eq!(end.status().replayed, before.replayed + 1);
                end.totals.replayed = before.replayed;
            }
            Ok(outcome) => panic!("bit {bit}: {outcome:?}"),
            Err(error) => {
                // For good, in both directions, even for what is in order.
                assert_eq!(end.open(&mut record.to_vec()), Err(error));
                assert_eq!(end.seal(b"x", &mut Vec::new()), Err(error));
                assert!(!end.has_control());
                end.over = None;
            }
        }
        assert_eq!(end.status(), before, "bit {bit}");
    }
}

#[test]
fn no_bit_of_a_session_can_be_flipped() {
    for suite in Suite::ALL {
        let random = &mut Counting(0);
        let mut ends = connect(suite, random);
        let mut said: Vec<Vec<u8>> = Vec::new();
        let mut heard = [BTreeSet::new(), BTreeSet::new()];
        for (side, step) in SCRIPT {
            let [client, partition] = &mut ends;
            let (from, to, heard) = match side {
                Client => (client, partition, &mut heard[1]),
                Partition => (partition, client, &mut heard[0]),
            };
            let record = act(from, step, &said, random);
            flip(to, &record, heard);
            hear(to, step, &record);
            heard.insert(place(&record));
            said.push(record);
        }
        for end in ends {
            assert!(!end.has_control() && end.status().epoch == 2, "{suite:?}");
        }
    }
}
