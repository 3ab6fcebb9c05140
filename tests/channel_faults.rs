//! Records on a network that loses, repeats, reorders, cuts and alters them.

#![allow(clippy::unwrap_used, reason = "a test")]

mod channel_support;

use std::collections::BTreeSet;

use channel_support::{
    Received, SeededRandom, connect, controls, data, flipped, open, seal, seal_part,
};
use lunacm::channel::{
    Arrival, Assembler, AssemblerLimits, MAXIMUM_CHUNK_BYTES, MAXIMUM_PLAINTEXT_BYTES,
    MAXIMUM_RECORDS, RECORD_HEADER_BYTES, SessionError, SessionSettings, Suite, WindowSize, split,
};

const SUITE: Suite = Suite::HYBRID[3];

/// What is on its way: records, each with its counter.
struct Queue {
    random: SeededRandom,
    records: Vec<(u64, Vec<u8>)>,
}

impl Queue {
    /// Takes a record from somewhere near the front; some are lost, some stay to come again.
    fn next(&mut self) -> Option<(u64, Vec<u8>)> {
        if self.records.is_empty() {
            return None;
        }
        let reach = if self.random.below(50) == 0 { 300 } else { 5 };
        let at = self.random.below(reach.min(self.records.len()));
        match self.random.below(10) {
            0 => Some(self.records[at].clone()),
            1 => {
                self.records.remove(at);
                self.next()
            }
            _ => Some(self.records.remove(at)),
        }
    }
}

#[test]
fn every_record_is_executed_at_most_once() {
    let mut totals = (0, 0);
    for seed in 0..20 {
        let (mut ours, mut theirs) = connect(SUITE);
        let size = 100 + u16::try_from(seed).unwrap() * 40;
        let window = WindowSize::try_from(size).unwrap();
        theirs.set(SessionSettings { window, ..SessionSettings::default() });
        let records: Vec<_> = (0..1500)
            .map(|counter: u64| (counter, seal(&mut ours, &counter.to_be_bytes())))
            .collect();
        let mut queue = Queue { random: SeededRandom::new(seed), records };

        let (mut executed, mut replayed) = (BTreeSet::<u64>::new(), 0);
        while let Some((counter, record)) = queue.next() {
            let newest = executed.last().copied();
            let too_old = newest.is_some_and(|newest| counter + u64::from(size) <= newest);
            if too_old || executed.contains(&counter) {
                replayed += 1;
                assert_eq!(open(&mut theirs, &record), Ok(Received::Replayed));
            } else {
                assert_eq!(data(&mut theirs, &record), counter.to_be_bytes());
                assert!(executed.insert(counter));
            }
        }
        let status = theirs.status();
        assert_eq!(status.received, u64::try_from(executed.len()).unwrap());
        assert_eq!(status.replayed, replayed);
        totals = (totals.0 + executed.len(), totals.1 + replayed);
        assert_eq!(ours.status().sent, 1500);
    }
    assert!(totals.0 > 10_000 && totals.1 > 1000, "the network was no trial: {totals:?}");
}

/// Whole messages over an orderly network that repeats.
#[test]
fn messages_larger_than_a_record_arrive_whole() {
    let limits = AssemblerLimits { message_bytes: 1 << 20, total_bytes: 1 << 21, messages: 4 };
    let (mut ours, mut theirs) = connect(Suite::CLASSIC[0]);
    let mut assembler = Assembler::new(limits);
    let mut random = SeededRandom::new(5);
    for id in 0..20 {
        let size = random.below(4 * MAXIMUM_CHUNK_BYTES);
        let message: Vec<u8> = (0..=250).cycle().take(size).collect();
        let mut arrived = Vec::new();
        for part in split(id, &message) {
            let record = seal_part(&mut ours, &part);
            assert!(record.len() <= lunacm::wire::MAXIMUM_FRAME_BYTES);
            let arrival = assembler.push(&data(&mut theirs, &record)).unwrap();
            arrived.extend(arrival.and_then(Arrival::whole));
            assert_eq!(open(&mut theirs, &record), Ok(Received::Replayed));
        }
        assert_eq!(arrived.len(), 1);
        assert_eq!((arrived[0].id, &arrived[0].content[..]), (id, &message[..]));
    }
    let reply = seal(&mut theirs, b"reply");
    assert_eq!(data(&mut ours, &reply), b"reply");
}

/// Counters 0 to 9 were seen, 10 is altered: whatever bit it is, nothing comes out, and what was
/// said before stays said.
#[test]
fn no_altered_record_is_opened() {
    for suite in Suite::ALL {
        for (bit, altered) in flipped(&eleventh(suite).1) {
            let (mut theirs, record) = eleventh(suite);
            let outcome = open(&mut theirs, &altered);
            let status = theirs.status();
            assert_eq!(status.received, 10);
            if outcome == Ok(Received::Replayed) {
                // Only where the counter became one that was seen: 10 without its bit 1 or 3.
                assert_eq!(&altered[1..12], &[0; 11]);
                assert!([8, 2].contains(&altered[12]), "bit {bit}");
                assert_eq!(status.replayed, 1);
                assert_eq!(data(&mut theirs, &record), b"the eleventh");
                continue;
            }
            let error = outcome.unwrap_err();
            let expected = match bit / 8 {
                // The other type is one that exists, and the tag tells.
                0 if altered[0] == 0x11 => SessionError::NotAuthentic,
                0 => SessionError::Malformed,
                1..=4 => SessionError::UnknownEpoch(u32::from_be_bytes(
                    altered[1..5].try_into().unwrap(),
                )),
                5..=8 => SessionError::Exhausted,
                _ => SessionError::NotAuthentic,
            };
            assert_eq!(error, expected, "{suite:?}: bit {bit}");
            // Sticky, both ways, even for what is in order.
            assert_eq!(open(&mut theirs, &record), Err(error));
            assert_eq!(theirs.seal(b"x", &mut Vec::new()), Err(error));
            assert_eq!((theirs.status().received, theirs.status().sent), (10, 0));
        }
    }
}

/// The receiving end after ten records, and the one that comes next.
fn eleventh(suite: Suite) -> (lunacm::channel::Session, Vec<u8>) {
    let (mut ours, mut theirs) = connect(suite);
    for _ in 0..10 {
        let record = seal(&mut ours, b"before");
        open(&mut theirs, &record).unwrap();
    }
    let record = seal(&mut ours, b"the eleventh");
    (theirs, record)
}

#[test]
fn no_record_that_was_cut_or_grew_is_opened() {
    let (_, record) = eleventh(SUITE);
    for size in 0..record.len() {
        let (mut theirs, record) = eleventh(SUITE);
        let error = open(&mut theirs, &record[..size]).unwrap_err();
        let expected = if size < RECORD_HEADER_BYTES + 16 {
            SessionError::Malformed
        } else {
            SessionError::NotAuthentic
        };
        assert_eq!(error, expected, "{size}");
        assert_eq!(open(&mut theirs, &record), Err(error));
    }
    for size in [record.len() + 1, MAXIMUM_PLAINTEXT_BYTES + 1000] {
        let (mut theirs, mut record) = eleventh(SUITE);
        record.resize(size, 0);
        assert!(open(&mut theirs, &record).is_err());
    }
}

#[test]
fn a_forged_old_record_is_counted_and_moves_nothing() {
    let (mut theirs, record) = eleventh(SUITE);
    let mut forged = record.clone();
    forged[12] = 3;
    assert_eq!(open(&mut theirs, &forged), Ok(Received::Replayed));
    assert_eq!((theirs.status().received, theirs.status().replayed), (10, 1));
    assert_eq!(data(&mut theirs, &record), b"the eleventh");
}

/// The client learns of replays at the other end, but only when it says something itself.
#[test]
fn replays_are_told_to_the_client_with_its_next_record() {
    let (mut ours, mut theirs) = connect(SUITE);
    let mut random = SeededRandom::new(1);
    let record = seal(&mut ours, b"once");
    open(&mut theirs, &record).unwrap();
    for _ in 0..3 {
        assert_eq!(open(&mut theirs, &record), Ok(Received::Replayed));
        assert!(!theirs.has_control(), "who replays makes nobody talk");
    }
    let record = seal(&mut ours, b"twice");
    open(&mut theirs, &record).unwrap();
    for control in controls(&mut theirs, &mut random) {
        assert_eq!(open(&mut ours, &control), Ok(Received::Control));
    }
    assert_eq!((ours.status().replayed, ours.status().replayed_there), (0, 3));
    let record = seal(&mut ours, b"thrice");
    open(&mut theirs, &record).unwrap();
    assert!(!theirs.has_control(), "it was told");
}

#[test]
fn a_counter_beyond_the_limit_is_never_opened() {
    let (mut theirs, mut record) = eleventh(SUITE);
    record[5..13].copy_from_slice(&MAXIMUM_RECORDS.to_be_bytes());
    assert_eq!(open(&mut theirs, &record), Err(SessionError::Exhausted));
}

#[test]
fn records_have_a_largest_and_a_smallest_plaintext() {
    let (mut ours, mut theirs) = connect(SUITE);
    let largest = vec![7; MAXIMUM_PLAINTEXT_BYTES];
    let record = seal(&mut ours, &largest);
    assert!(record.len() <= lunacm::wire::MAXIMUM_FRAME_BYTES);
    assert_eq!(data(&mut theirs, &record), largest);
    let record = seal(&mut ours, b"");
    assert_eq!(data(&mut theirs, &record), b"");

    let mut out = b"before".to_vec();
    let longer = vec![7; MAXIMUM_PLAINTEXT_BYTES + 1];
    assert_eq!(ours.seal(&longer, &mut out), Err(SessionError::TooLong));
    assert_eq!(out, b"before");
    // The caller's mistake harms nothing.
    let record = seal(&mut ours, b"after");
    assert_eq!(data(&mut theirs, &record), b"after");
}

#[test]
fn records_are_appended() {
    let (mut ours, mut theirs) = connect(SUITE);
    let mut out = b"frame".to_vec();
    ours.seal(b"text", &mut out).unwrap();
    assert_eq!(out[..5], *b"frame");
    assert_eq!(data(&mut theirs, &out[5..]), b"text");
}

#[test]
fn plaintexts_stay_out_of_debug_output() {
    let (mut ours, mut theirs) = connect(SUITE);
    let record = seal(&mut ours, b"userpin1");
    let mut record = record.clone();
    let opened = theirs.open(&mut record).unwrap();
    assert_eq!(format!("{opened:?}"), "Data(8 bytes)");
}
