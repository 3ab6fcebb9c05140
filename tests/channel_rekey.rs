//! Changes of keys on a living channel.

#![allow(clippy::unwrap_used, reason = "a test")]

mod channel_support;

use std::time::Duration;

use channel_support::{
    NoRandom, Received, SeededRandom, connect, controls, data, open, seal, settle,
};
use lunacm::channel::{
    GRACE_RECORDS, KeyLimits, Opened, RETIRED_KEY_LIFETIME, Session, SessionError, SessionSettings,
    Suite, WindowSize,
};

const SUITES: [Suite; 2] = [Suite::HYBRID[0], Suite::CLASSIC[3]];

fn after(messages: u64) -> SessionSettings {
    let limits = KeyLimits { messages, ..KeyLimits::DEFAULT };
    SessionSettings { limits, ..SessionSettings::default() }
}

/// The epoch of a record's key.
fn epoch(record: &[u8]) -> u32 {
    u32::from_be_bytes(record[1..5].try_into().unwrap())
}

fn epochs(ours: &Session, theirs: &Session) -> (u32, u32) {
    (ours.status().epoch, theirs.status().epoch)
}

fn second(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What a vector leaves behind when it grows is not erased.
#[test]
fn a_record_takes_all_its_room_at_once() {
    let (mut ours, mut theirs) = connect(Suite::HYBRID[0]);
    for size in [0, 1, 40, 64 * 1024] {
        let plaintext = vec![7; size];
        for before in [0, 13, 13 + size] {
            let mut record = Vec::with_capacity(before);
            ours.seal_pieces(&[&plaintext[..size / 2], &plaintext[size / 2..]], &mut record)
                .unwrap();
            // One that had grown with each piece would have taken more than is needed.
            let most = record.len().max(2 * before).max(8);
            assert!(record.capacity() <= most, "{size}, {before}: {}", record.capacity());
            assert_eq!(data(&mut theirs, &record), plaintext);
        }
    }
}

#[test]
fn either_end_can_have_the_keys_changed() {
    let random = &mut SeededRandom::new(1);
    for suite in SUITES {
        let (mut ours, mut theirs) = connect(suite);
        ours.rekey();
        assert_eq!(settle(&mut ours, &mut theirs, random).len(), 4);
        assert_eq!(epochs(&ours, &theirs), (1, 1));
        theirs.rekey();
        assert_eq!(settle(&mut ours, &mut theirs, random).len(), 5);
        assert_eq!(epochs(&ours, &theirs), (2, 2));
        // Both at once are one.
        ours.rekey();
        theirs.rekey();
        settle(&mut ours, &mut theirs, random);
        assert_eq!(epochs(&ours, &theirs), (3, 3));

        let record = seal(&mut ours, b"request");
        assert_eq!(epoch(&record), 3);
        assert_eq!(data(&mut theirs, &record), b"request");
        let record = seal(&mut theirs, b"reply");
        assert_eq!(data(&mut ours, &record), b"reply");
        assert!(!ours.status().old_keys && !theirs.status().old_keys);
    }
}

#[test]
fn records_under_way_survive_a_change() {
    let random = &mut SeededRandom::new(1);
    for suite in SUITES {
        let (mut ours, mut theirs) = connect(suite);
        let requests: Vec<_> = (0..50_u8).map(|n| seal(&mut ours, &[n])).collect();
        let replies: Vec<_> = (0..50_u8).map(|n| seal(&mut theirs, &[n])).collect();
        ours.rekey();
        settle(&mut ours, &mut theirs, random);
        assert_eq!(epochs(&ours, &theirs), (1, 1));
        assert!(ours.status().old_keys && theirs.status().old_keys);
        for (n, (request, reply)) in (0..).zip(requests.iter().zip(&replies)) {
            assert!(ours.status().old_keys && theirs.status().old_keys, "{n}");
            assert_eq!(data(&mut theirs, request), [n]);
            assert_eq!(data(&mut ours, reply), [n]);
            assert_eq!(open(&mut theirs, request), Ok(Received::Replayed));
        }
        // The last one took the old keys with it; what comes again is of the past.
        assert!(!ours.status().old_keys && !theirs.status().old_keys);
        for (request, reply) in requests.iter().zip(&replies) {
            assert_eq!(open(&mut theirs, request), Ok(Received::Replayed));
            assert_eq!(open(&mut ours, reply), Ok(Received::Replayed));
        }
        assert_eq!((theirs.status().replayed, ours.status().replayed), (100, 50));
    }
}

#[test]
fn old_keys_do_not_outlive_their_time() {
    let random = &mut SeededRandom::new(1);
    let (mut ours, mut theirs) = connect(SUITES[0]);
    let late = seal(&mut ours, b"late");
    theirs.tick(second(100));
    ours.rekey();
    settle(&mut ours, &mut theirs, random);
    theirs.tick(second(101));
    assert!(theirs.status().old_keys);
    theirs.tick(second(101) + RETIRED_KEY_LIFETIME);
    assert!(!theirs.status().old_keys);
    assert_eq!(open(&mut theirs, &late), Ok(Received::Replayed));
    // While an old key waits there is no other change; then there is.
    let _lost = seal(&mut ours, b"lost");
    ours.rekey();
    settle(&mut ours, &mut theirs, random);
    ours.rekey();
    assert_eq!(epochs(&ours, &theirs), (2, 2));
    let _lost = seal(&mut theirs, b"lost");
    settle(&mut ours, &mut theirs, random);
    assert_eq!(epochs(&ours, &theirs), (3, 3));
    ours.rekey();
    assert!(ours.status().old_keys && !ours.has_control());
    ours.tick(second(200));
    ours.tick(second(205));
    settle(&mut ours, &mut theirs, random);
    assert_eq!(epochs(&ours, &theirs), (4, 4));
}

#[test]
fn keys_are_changed_by_count_and_by_volume() {
    let random = &mut SeededRandom::new(1);
    let limits = KeyLimits { messages: 0, bytes: 10_000 };
    for settings in [after(10), SessionSettings { limits, ..SessionSettings::default() }] {
        for from_client in [true, false] {
            let (mut ours, mut theirs) = connect(SUITES[0]);
            theirs.set(settings);
            settle(&mut ours, &mut theirs, random);
            let mut before = 0;
            for n in 0..100_u32 {
                let (from, to) =
                    if from_client { (&mut ours, &mut theirs) } else { (&mut theirs, &mut ours) };
                let record = seal(from, &[7; 1000]);
                assert_eq!(data(to, &record), [7; 1000]);
                settle(&mut ours, &mut theirs, random);
                assert_eq!(ours.status().epoch, theirs.status().epoch);
                assert!(ours.status().epoch <= before + 1, "{n}");
                // Whichever limit it is that ends the key, what is left shows that.
                let left = ours.status().left.min(theirs.status().left);
                assert!(ours.status().epoch > before || left <= 30, "{n}: {left}");
                before = ours.status().epoch;
            }
            assert!((9..=12).contains(&before), "{before} changes, {settings:?}");
        }
    }
}

#[test]
fn the_client_hears_of_the_settings() {
    let random = &mut SeededRandom::new(1);
    let (mut ours, mut theirs) = connect(SUITES[0]);
    assert_eq!(ours.status().settings, SessionSettings::default());
    let settings =
        SessionSettings { window: WindowSize::try_from(500).unwrap(), ..after(1_000_000) };
    theirs.set(settings);
    assert_eq!(settle(&mut ours, &mut theirs, random).len(), 1);
    assert_eq!(ours.status().settings, settings);
    assert_eq!((ours.status().left, theirs.status().left), (999_999, 999_999));
    seal(&mut ours, b"one");
    seal(&mut ours, b"two");
    assert_eq!(ours.status().left, 999_998);
}

#[test]
fn a_peer_that_does_not_change_keys_is_left() {
    let random = &mut SeededRandom::new(1);
    for from_client in [true, false] {
        let (mut ours, mut theirs) = connect(SUITES[1]);
        theirs.set(after(10));
        settle(&mut ours, &mut theirs, random);
        // Whatever is said about keys is lost.
        let mut outcome = Ok(());
        let (from, to) =
            if from_client { (&mut ours, &mut theirs) } else { (&mut theirs, &mut ours) };
        let mut sent = 0;
        while outcome.is_ok() {
            controls(from, random);
            let mut record = Vec::new();
            outcome = from.seal(b"", &mut record);
            sent += 1;
            let opened = open(to, &record);
            assert!(outcome.is_err() || opened == Ok(Received::Data(Vec::new())));
        }
        assert_eq!(outcome, Err(SessionError::RekeyUnanswered));
        assert!((GRACE_RECORDS..GRACE_RECORDS + 20).contains(&sent), "{sent}");
    }
}

/// Records with which a key is not only beyond a threshold of 1000 but past its grace.
const FAR: u64 = GRACE_RECORDS + 1100;

/// Records from one end to the other.
fn flow(from: &mut Session, to: &mut Session, count: u64) {
    let mut record = Vec::new();
    for _ in 0..count {
        record.clear();
        from.seal(b"", &mut record).unwrap();
        assert!(matches!(to.open(&mut record), Ok(Opened::Data(_))));
    }
}

/// Records in both directions.
fn talk(ours: &mut Session, theirs: &mut Session, count: u64) {
    flow(ours, theirs, count);
    flow(theirs, ours, count);
}

/// The first steps of a change of keys that the client begins.
fn steps(ours: &mut Session, theirs: &mut Session, count: usize) {
    let random = &mut SeededRandom::new(1);
    ours.rekey();
    for step in 0..count {
        let (from, to) =
            if step % 2 == 0 { (&mut *ours, &mut *theirs) } else { (&mut *theirs, &mut *ours) };
        for record in controls(from, random) {
            assert_eq!(open(to, &record), Ok(Received::Control));
        }
    }
}

#[test]
fn a_lower_threshold_changes_keys_that_are_far_beyond_it() {
    let random = &mut SeededRandom::new(1);
    for (requests, replies) in [(FAR, FAR), (FAR, 5), (5, FAR)] {
        let (mut ours, mut theirs) = connect(SUITES[1]);
        flow(&mut ours, &mut theirs, requests);
        flow(&mut theirs, &mut ours, replies);
        theirs.set(after(1000));
        // Requests and replies were under way, and more are made before either end says a word.
        talk(&mut ours, &mut theirs, 100);
        settle(&mut ours, &mut theirs, random);
        assert_eq!(epochs(&ours, &theirs), (1, 1), "{requests}, {replies}");
        talk(&mut ours, &mut theirs, 100);
        assert!(ours.status().left > 0 && theirs.status().left > 0);
    }
}

#[test]
fn either_end_may_hear_of_a_lower_threshold_before_the_other() {
    let random = &mut SeededRandom::new(1);
    for client_first in [true, false] {
        let (mut ours, mut theirs) = connect(SUITES[1]);
        flow(&mut ours, &mut theirs, FAR);
        flow(&mut theirs, &mut ours, 2000);
        let (first, second) =
            if client_first { (&mut ours, &mut theirs) } else { (&mut theirs, &mut ours) };
        first.set(after(1000));
        // Half of what an end bears with was under way when it heard.
        flow(second, first, GRACE_RECORDS / 2);
        settle(&mut ours, &mut theirs, random);
        assert_eq!(epochs(&ours, &theirs), (1, 1));
        talk(&mut ours, &mut theirs, 500);
        theirs.set(after(1000));
        ours.set(after(1000));
        settle(&mut ours, &mut theirs, random);
        assert_eq!(epochs(&ours, &theirs), (1, 1));
        talk(&mut ours, &mut theirs, 1000);
        settle(&mut ours, &mut theirs, random);
        assert_eq!(epochs(&ours, &theirs), (2, 2));
    }
}

#[test]
fn settings_may_arrive_at_every_step_of_a_change() {
    let random = &mut SeededRandom::new(1);
    for step in 1..4 {
        let (mut ours, mut theirs) = connect(SUITES[1]);
        flow(&mut ours, &mut theirs, FAR);
        steps(&mut ours, &mut theirs, step);
        theirs.set(after(10));
        talk(&mut ours, &mut theirs, 50);
        settle(&mut ours, &mut theirs, random);
        let epoch = ours.status().epoch;
        assert!((1..=2).contains(&epoch), "step {step}: {epoch}");
        assert_eq!(theirs.status().epoch, epoch);
        talk(&mut ours, &mut theirs, 50);
        settle(&mut ours, &mut theirs, random);
        assert_eq!(epochs(&ours, &theirs), (epoch + 1, epoch + 1), "step {step}");
        assert_eq!(ours.status().settings, after(10));
    }
}

#[test]
fn a_peer_that_ignores_a_lower_threshold_is_left() {
    let random = &mut SeededRandom::new(1);
    for from_client in [true, false] {
        let (mut ours, mut theirs) = connect(SUITES[1]);
        let (from, to) =
            if from_client { (&mut ours, &mut theirs) } else { (&mut theirs, &mut ours) };
        flow(from, to, FAR);
        from.set(after(10));
        let mut sent = 0;
        let mut record = Vec::new();
        let outcome = loop {
            // Whatever is said about keys is lost.
            controls(from, random);
            record.clear();
            if let Err(error) = from.seal(b"", &mut record) {
                break error;
            }
            sent += 1;
            assert!(sent < 2 * GRACE_RECORDS, "it goes on for ever");
            // To be told the same again is no reason for more patience.
            if sent % 1000 == 0 {
                from.set(after(10));
            }
        };
        assert_eq!(outcome, SessionError::RekeyUnanswered);
        assert!((GRACE_RECORDS - 100..=GRACE_RECORDS).contains(&sent), "{sent}");
    }
}

/// Whether the partition's end opens a record that `behind` others overtook.
fn opens_behind(ours: &mut Session, theirs: &mut Session, behind: u64) -> bool {
    let late = seal(ours, b"late");
    for _ in 0..behind {
        let record = seal(ours, b"");
        assert_eq!(data(theirs, &record), b"");
    }
    open(theirs, &late).unwrap() == Received::Data(b"late".to_vec())
}

#[test]
fn a_window_set_during_a_change_holds_after_it() {
    let random = &mut SeededRandom::new(1);
    for step in 0..5 {
        for (records, behind, opens) in [(1000, 900, true), (1000, 1000, false)] {
            let (mut ours, mut theirs) = connect(SUITES[0]);
            steps(&mut ours, &mut theirs, step);
            let window = WindowSize::try_from(records).unwrap();
            theirs.set(SessionSettings { window, ..theirs.status().settings });
            settle(&mut ours, &mut theirs, random);
            assert_eq!(epochs(&ours, &theirs), (1, 1));
            assert_eq!(ours.status().settings.window, window);
            assert_eq!(opens_behind(&mut ours, &mut theirs, behind), opens, "partition, {step}");
            assert_eq!(opens_behind(&mut theirs, &mut ours, behind), opens, "client, {step}");
        }
    }
}

#[test]
fn a_change_without_randomness_ends_the_session() {
    let (mut ours, _) = connect(SUITES[0]);
    ours.rekey();
    let mut out = b"before".to_vec();
    let error = ours.next_control(&mut NoRandom, &mut out).unwrap_err();
    assert!(matches!(error, SessionError::Random(_)));
    assert_eq!(out, b"before");
    assert_eq!(ours.seal(b"x", &mut out), Err(error));
}

#[test]
fn every_epoch_has_keys_of_its_own() {
    let random = &mut SeededRandom::new(1);
    for suite in SUITES {
        let (mut ours, mut theirs) = connect(suite);
        let mut seen = Vec::new();
        for _ in 0..5 {
            // Counter and plaintext repeat; a key that did would show.
            for session in [&mut ours, &mut theirs] {
                let record = loop {
                    let record = seal(session, &[0; 32]);
                    if u64::from_be_bytes(record[5..13].try_into().unwrap()) == 9 {
                        break record[13..].to_vec();
                    }
                };
                assert!(!seen.contains(&record));
                seen.push(record);
            }
            ours.tick(second(0));
            ours.tick(second(10));
            theirs.tick(second(0));
            theirs.tick(second(10));
            ours.rekey();
            settle(&mut ours, &mut theirs, random);
        }
    }
}
