//! Changes of keys on a living channel.

#![allow(clippy::unwrap_used, reason = "a test")]

mod channel_support;

use std::time::Duration;

use channel_support::{
    NoRandom, Received, SeededRandom, connect, controls, data, open, seal, settle,
};
use lunacm::channel::{
    GRACE_RECORDS, KeyLimits, RETIRED_KEY_LIFETIME, Session, SessionError, SessionSettings, Suite,
    WindowSize,
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

/// A window that is set while the next keys wait for the client to use them is theirs as well.
#[test]
fn settings_in_the_middle_of_a_change_hold_after_it() {
    let random = &mut SeededRandom::new(1);
    let (mut ours, mut theirs) = connect(SUITES[1]);
    ours.rekey();
    let init = controls(&mut ours, random);
    assert_eq!(open(&mut theirs, &init[0]), Ok(Received::Control));
    let answer = controls(&mut theirs, random);
    let settings = SessionSettings { window: WindowSize::MAXIMUM, ..after(1_000_000) };
    theirs.set(settings);
    assert_eq!(open(&mut ours, &answer[0]), Ok(Received::Control));
    settle(&mut ours, &mut theirs, random);
    assert_eq!(epochs(&ours, &theirs), (1, 1));
    let records: Vec<_> = (0..1000).map(|_| seal(&mut ours, b"")).collect();
    assert_eq!(data(&mut theirs, &records[999]), b"");
    assert_eq!(data(&mut theirs, &records[0]), b"", "the window is as it was before the change");
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
