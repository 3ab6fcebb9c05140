//! The handshake: negotiation, refusals, and every way to alter its messages.

#![allow(clippy::unwrap_used, reason = "a test")]

mod channel_support;

use std::cell::Cell;

use channel_support::{
    NoRandom, SERIAL, SeededRandom, Shelf, client, config, data, decoy, established, open,
    partition, respond, retry, seal, start,
};
use lunacm::{
    channel::{
        AwaitAnswer, Directory, HandshakeError, Initiator, InitiatorConfig, PROTOCOL_VERSION,
        PartitionKeys, Refused, Responder, SessionError, Suite, SuiteSet, answer_bytes, noise,
    },
    crypto::{KeyPair, PublicKey},
};

/// Suites that differ in what they say in a handshake, or in how it is encrypted.
const DIFFERENT: [Suite; 5] = {
    let [a, b, c, d] = Suite::CLASSIC;
    [a, b, c, d, HYBRID]
};

const AES: Suite = Suite::CLASSIC[0];
const AES_512: Suite = Suite::CLASSIC[1];
const HYBRID: Suite = Suite::HYBRID[0];
const CHACHA: Suite = Suite::CLASSIC[2];

fn everything() -> Shelf {
    Shelf::permitting(SuiteSet::ALL)
}

/// The same first message every time.
fn first_attempt(suites: &[Suite]) -> (AwaitAnswer, Vec<u8>) {
    start(Initiator::new(config(suites)), &mut SeededRandom::new(1))
}

fn answered(message: &[u8], shelf: &Shelf) -> (Option<Refused>, Vec<u8>) {
    let (outcome, answer) = respond(message, shelf, &mut SeededRandom::new(2));
    (outcome.err(), answer)
}

fn is_generic_refusal(answer: &[u8], suite: Suite) -> bool {
    *answer == refusal(suite)
}

#[test]
fn the_most_wanted_suite_is_taken_in_one_round() {
    for suite in Suite::ALL {
        let mut suites = vec![suite];
        suites.extend(Suite::ALL);
        let mut random = SeededRandom::new(1);
        let (waiting, message) = start(Initiator::new(config(&suites)), &mut random);
        let (accepted, answer) = respond(&message, &everything(), &mut random);
        let (mut ours, mut theirs) =
            (established(waiting.receive(&answer)), accepted.unwrap().session);
        assert_eq!((ours.status().suite, theirs.status().suite), (suite, suite));
        let record = seal(&mut ours, b"hello");
        assert_eq!(data(&mut theirs, &record), b"hello");
    }
}

#[test]
fn a_suite_that_is_not_permitted_leads_to_the_best_that_is() {
    let shelf = Shelf::permitting(SuiteSet::EMPTY.with(AES_512).with(CHACHA));
    let mut random = SeededRandom::new(1);
    let (waiting, message) = start(Initiator::new(config(&[AES, CHACHA, AES_512])), &mut random);
    let (refused, answer) = respond(&message, &shelf, &mut random);
    let told =
        Refused::SuiteNotPermitted { serial: SERIAL, client: *client().public(), suite: AES };
    assert_eq!(refused.err(), Some(told));
    assert_eq!(answer.len(), answer_bytes(AES));

    let (waiting, message) = start(retry(waiting.receive(&answer)), &mut random);
    assert_eq!(waiting.suite(), CHACHA);
    let (accepted, answer) = respond(&message, &shelf, &mut random);
    let (mut ours, mut theirs) = (established(waiting.receive(&answer)), accepted.unwrap().session);
    assert_eq!((ours.status().suite, theirs.status().suite), (CHACHA, CHACHA));
    let record = seal(&mut theirs, b"hello");
    assert_eq!(data(&mut ours, &record), b"hello");
}

#[test]
fn nothing_in_common_is_said_with_what_is_permitted() {
    for permitted in [SuiteSet::EMPTY, SuiteSet::EMPTY.with(CHACHA)] {
        let (waiting, message) = first_attempt(&[AES, AES_512]);
        let (_, answer) = answered(&message, &Shelf::permitting(permitted));
        assert_eq!(
            waiting.receive(&answer).err(),
            Some(HandshakeError::SuiteRejected { permitted })
        );
    }
}

#[test]
fn a_client_without_suites_sends_nothing() {
    let mut out = b"before".to_vec();
    let started = Initiator::new(config(&[])).start(&mut SeededRandom::new(1), &mut out);
    assert_eq!(started.err(), Some(HandshakeError::NoSuiteOffered));
    assert_eq!(out, b"before");
}

#[test]
fn a_policy_answer_cannot_be_put_into_another_handshake() {
    let shelf = Shelf::permitting(SuiteSet::EMPTY.with(CHACHA));
    let (_, message) = first_attempt(&[AES, CHACHA]);
    let (_, answer) = answered(&message, &shelf);
    let other = Initiator::new(config(&[AES, CHACHA]));
    let (waiting, _) = start(other, &mut SeededRandom::new(3));
    assert_eq!(waiting.receive(&answer).err(), Some(HandshakeError::NotAuthentic));
}

/// A policy that changed between the two attempts, which is also what a client looks like that was
/// talked into a suite by somebody else.
#[test]
fn obeying_a_policy_that_is_not_the_partition_s_is_refused() {
    let (waiting, message) = first_attempt(&[AES, CHACHA]);
    let (_, answer) = answered(&message, &Shelf::permitting(SuiteSet::EMPTY.with(CHACHA)));
    let (waiting, message) = start(retry(waiting.receive(&answer)), &mut SeededRandom::new(3));
    for policy in [SuiteSet::ALL, SuiteSet::ALL.without(AES), SuiteSet::EMPTY] {
        let (refused, answer) = answered(&message, &Shelf::permitting(policy));
        let (serial, client) = (SERIAL, *client().public());
        assert_eq!(refused, Some(Refused::PolicyMismatch { serial, client }));
        assert!(is_generic_refusal(&answer, CHACHA));
    }
    assert_eq!(waiting.receive(&refusal(CHACHA)).err(), Some(HandshakeError::Refused));
}

/// As large as an answer under this suite.
fn refusal(suite: Suite) -> Vec<u8> {
    let mut refusal = vec![0x03];
    refusal.resize(answer_bytes(suite), 0);
    refusal
}

/// What a partition that breaks the rules could say in its answer.
fn answer_saying(message: &[u8], header: usize, payload: &[u8]) -> Vec<u8> {
    let prologue = [b"lunacm STC handshake\0", &message[..header]].concat();
    let suite = Suite::from_id(message[10]).unwrap();
    let responder = noise::Responder::new(suite, &prologue, partition());
    let received = responder.read_message(&message[header..]).unwrap();
    let mut answer = vec![0x02];
    let ephemeral = noise::ResponderEphemeral::generate(suite, &mut SeededRandom::new(9)).unwrap();
    received.next.write_message(ephemeral, payload, &mut answer).unwrap();
    answer
}

#[test]
fn answers_against_the_rules_are_refused_even_from_the_partition() {
    let policy = |ids: &[u8]| {
        let mut payload = vec![0x01, u8::try_from(ids.len()).unwrap()];
        payload.extend_from_slice(ids);
        payload.resize(18, 0);
        payload
    };
    let mut accepted_with_policy = policy(&[3]);
    accepted_with_policy[0] = 0;
    for payload in [
        policy(&[1, 3]), // refuses what it permits
        policy(&[3, 2]), // a set out of order
        policy(&[9]),    // an unknown suite
        accepted_with_policy,
        vec![0; 17],
        vec![0; 19],
        vec![2; 18],
    ] {
        let (waiting, message) = first_attempt(&[AES, CHACHA]);
        let answer = answer_saying(&message, message.len() - noise::message_1_bytes(AES), &payload);
        assert_eq!(waiting.receive(&answer).err(), Some(HandshakeError::Malformed), "{payload:?}");
    }

    // A second policy answer: the client does not go in circles.
    let (waiting, message) = first_attempt(&[AES, CHACHA]);
    let answer =
        answer_saying(&message, message.len() - noise::message_1_bytes(AES), &policy(&[3]));
    let (waiting, message) = start(retry(waiting.receive(&answer)), &mut SeededRandom::new(3));
    let answer =
        answer_saying(&message, message.len() - noise::message_1_bytes(AES), &policy(&[3]));
    assert_eq!(waiting.receive(&answer).err(), Some(HandshakeError::Malformed));
}

/// A directory that counts what it is asked.
struct Counting<'s> {
    shelf: &'s Shelf,
    partitions: Cell<u32>,
    clients: Cell<u32>,
}

impl Directory for Counting<'_> {
    fn partition(&self, serial: u64) -> Option<PartitionKeys> {
        self.partitions.set(self.partitions.get() + 1);
        self.shelf.partition(serial)
    }

    fn admits(&self, serial: u64, client: &PublicKey) -> bool {
        self.clients.set(self.clients.get() + 1);
        self.shelf.admits(serial, client)
    }
}

#[test]
fn all_refusals_are_one() {
    [AES, HYBRID].into_iter().for_each(all_refusals_are_one_under);
}

fn all_refusals_are_one_under(suite: Suite) {
    let (_, good) = first_attempt(&[suite]);
    let attempt =
        |config: InitiatorConfig| start(Initiator::new(config), &mut SeededRandom::new(1)).1;
    let serial = SERIAL;
    let stranger = KeyPair::from_secret(&[0x77; 32]);
    let client = *stranger.public();
    let cases = [
        (
            attempt(InitiatorConfig { serial: 7, ..config(&[suite]) }),
            Refused::UnknownPartition { serial: 7 },
        ),
        (
            // One who knows the decoy learns nothing by it.
            attempt(InitiatorConfig {
                serial: 7,
                partition: *decoy().public(),
                ..config(&[suite])
            }),
            Refused::UnknownPartition { serial: 7 },
        ),
        (
            attempt(InitiatorConfig { partition: *stranger.public(), ..config(&[suite]) }),
            Refused::NotAuthentic { serial },
        ),
        (
            attempt(InitiatorConfig { identity: stranger, ..config(&[suite]) }),
            Refused::ClientNotAdmitted { serial, client },
        ),
    ];
    let shelf = everything();
    for (message, reason) in cases {
        let counting = Counting { shelf: &shelf, partitions: Cell::new(0), clients: Cell::new(0) };
        let mut answer = Vec::new();
        let outcome = Responder::new(decoy()).receive(
            &message,
            &counting,
            &mut SeededRandom::new(2),
            &mut answer,
        );
        assert_eq!(outcome.err(), Some(reason));
        assert!(is_generic_refusal(&answer, suite), "{reason:?}");
        assert_eq!((counting.partitions.get(), counting.clients.get()), (1, 1), "{reason:?}");
    }
    for garbage in [&[][..], &[0x01], &[0x02; 67], &[0xff; 9000], &good[2..]] {
        let (refused, answer) = answered(garbage, &shelf);
        assert_eq!(refused, Some(Refused::Malformed));
        assert!(is_generic_refusal(&answer, HYBRID));
    }
    let (refused, answer) = respond(&good, &shelf, &mut NoRandom);
    assert!(matches!(refused, Err(Refused::Random(_))));
    assert!(is_generic_refusal(&answer, suite));

    let (accepted, answer) = answered(&good, &shelf);
    assert_eq!((accepted, answer.len()), (None, answer_bytes(suite)));
}

#[test]
fn another_version_is_named() {
    let (waiting, mut message) = first_attempt(&[AES]);
    message[1] = 2;
    let (refused, answer) = answered(&message, &everything());
    assert_eq!(refused, Some(Refused::VersionUnsupported { theirs: 2 }));
    assert_eq!(answer, [0x04, PROTOCOL_VERSION]);
    // A partition that claims to refuse our own version is not believed.
    assert_eq!(waiting.receive(&answer).err(), Some(HandshakeError::Malformed));
    let (waiting, _) = first_attempt(&[AES]);
    let told = HandshakeError::VersionUnsupported { theirs: 2 };
    assert_eq!(waiting.receive(&[0x04, 2]).err(), Some(told));
}

/// All classic suites and a hybrid one, and a header with every field in use.
#[test]
fn no_first_message_of_another_size_is_accepted() {
    let shelf = Shelf::permitting(SuiteSet::ALL.without(AES));
    for suite in DIFFERENT {
        let (waiting, message) = first_attempt(&[AES, suite]);
        let (message, shelf) = if suite == AES {
            (message, &everything())
        } else {
            let (_, answer) = answered(&message, &shelf);
            let again = retry(waiting.receive(&answer));
            (start(again, &mut SeededRandom::new(3)).1, &shelf)
        };
        for size in 0..message.len() {
            let (refused, answer) = answered(&message[..size], shelf);
            assert_eq!(refused, Some(Refused::Malformed), "{size}");
            assert!(is_generic_refusal(&answer, HYBRID));
        }
        let longer = [&message[..], &[0]].concat();
        assert!(answered(&longer, shelf).0.is_some());
        // The responder keeps nothing: the message itself is as good as ever.
        assert_eq!(answered(&message, shelf).0, None);
    }
}

#[test]
fn no_answer_of_another_size_is_accepted() {
    for suite in DIFFERENT {
        for permitted in [SuiteSet::ALL, SuiteSet::ALL.without(suite)] {
            let suites = [&[suite][..], &Suite::ALL].concat();
            let (_, message) = first_attempt(&suites);
            let (_, answer) = answered(&message, &Shelf::permitting(permitted));
            for size in 0..answer.len() {
                let error = first_attempt(&suites).0.receive(&answer[..size]).err();
                assert_eq!(error, Some(HandshakeError::Malformed));
            }
            let longer = [&answer[..], &[0]].concat();
            let error = first_attempt(&suites).0.receive(&longer).err();
            assert_eq!(error, Some(HandshakeError::Malformed));
            assert!(first_attempt(&suites).0.receive(&answer).is_ok());
        }
    }
}

#[test]
fn a_replayed_first_message_gives_a_session_that_nobody_can_use() {
    let mut random = SeededRandom::new(1);
    let (waiting, message) = start(Initiator::new(config(&[AES])), &mut random);
    let (first, answer) = respond(&message, &everything(), &mut random);
    let mut ours = established(waiting.receive(&answer));
    let record = seal(&mut ours, b"once");
    assert_eq!(data(&mut first.unwrap().session, &record), b"once");

    let (again, _) = respond(&message, &everything(), &mut random);
    let mut again = again.unwrap().session;
    assert_eq!(open(&mut again, &record), Err(SessionError::NotAuthentic));
    assert_eq!(again.status().received, 0);
}

/// Every secret input of the key schedule reaches both traffic keys. (The header is none: it is bound
/// by the hash, and ends that disagree about it get no keys at all, see above.)
#[test]
fn whatever_differs_the_keys_differ() {
    let run = |suite: Suite, identity: u8, partition: u8, seeds: [u64; 2]| {
        struct One(KeyPair);
        impl Directory for One {
            fn partition(&self, _serial: u64) -> Option<PartitionKeys> {
                Some(PartitionKeys { identity: self.0.clone(), suites: SuiteSet::ALL })
            }
            fn admits(&self, _serial: u64, _client: &PublicKey) -> bool {
                true
            }
        }
        let partition = KeyPair::from_secret(&[partition; 32]);
        let config = InitiatorConfig {
            identity: KeyPair::from_secret(&[identity; 32]),
            partition: *partition.public(),
            ..config(&[suite])
        };
        let (waiting, message) = start(Initiator::new(config), &mut SeededRandom::new(seeds[0]));
        let mut answer = Vec::new();
        let accepted = Responder::new(decoy())
            .receive(&message, &One(partition), &mut SeededRandom::new(seeds[1]), &mut answer)
            .unwrap();
        let (mut ours, mut theirs) = (established(waiting.receive(&answer)), accepted.session);
        [seal(&mut ours, &[0; 32]), seal(&mut theirs, &[0; 32])]
    };
    let base = run(AES, 1, 2, [1, 2]);
    assert_eq!(base, run(AES, 1, 2, [1, 2]));
    assert_ne!(base[0], base[1]);
    for other in [
        run(AES_512, 1, 2, [1, 2]),
        run(AES, 3, 2, [1, 2]),
        run(AES, 1, 3, [1, 2]),
        run(AES, 1, 2, [3, 2]),
        run(AES, 1, 2, [1, 3]),
    ] {
        // All of the ciphertext, not only the tag that depends on a header.
        assert_ne!(base[0][13..45], other[0][13..45]);
        assert_ne!(base[1][13..45], other[1][13..45]);
    }
}

#[test]
fn the_directions_have_keys_of_their_own() {
    let (mut ours, mut theirs) = channel_support::connect(AES);
    let record = seal(&mut ours, b"hello");
    assert_eq!(open(&mut ours, &record), Err(SessionError::NotAuthentic));
    assert_eq!(data(&mut theirs, &record), b"hello");
}
