//! What traffic keys are made of: whichever secret differs, every key differs. (That no step of the
//! schedules is missing is shown beside them, in `src/channel/noise/schedule.rs`.)

#![allow(clippy::unwrap_used, reason = "a test")]

mod channel_support;

use channel_support::SeededRandom;
use lunacm::{
    channel::{
        Suite,
        noise::{
            Chain, Initiator, InitiatorEphemeral, RekeyInitiator, RekeyResponder, Responder,
            ResponderEphemeral, TransportKeys,
        },
    },
    crypto::{KeyPair, Random, RandomError},
};
use proptest::prelude::*;

/// The secrets of a handshake or of a change of keys, 32 bytes each.
const INPUTS: usize = 8;

/// Gives these values one after the other.
struct Drawn(Vec<[u8; 32]>);

impl Random for Drawn {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        buffer.copy_from_slice(&self.0.remove(0));
        Ok(())
    }
}

fn inputs(seed: u64) -> [[u8; 32]; INPUTS] {
    let mut random = SeededRandom::new(seed);
    std::array::from_fn(|_| {
        let mut input = [0; 32];
        random.fill(&mut input).unwrap();
        // X25519 ignores some bits of the ends: what is altered below is in the middle.
        input
    })
}

/// One more handshake with the same inputs, but for one bit of one of them.
fn altered(mut inputs: [[u8; 32]; INPUTS], input: usize, bit: usize) -> [[u8; 32]; INPUTS] {
    inputs[input][1 + bit / 8 % 30] ^= 1 << (bit % 8);
    inputs
}

/// The two keys as what they make of zeros; the secret that the next handshake starts from, as what
/// that handshake's first message is under it; and the hash that the next one is bound to.
fn shown(suite: Suite, keys: &TransportKeys) -> [Vec<u8>; 4] {
    let [initiator, responder] = [&keys.initiator, &keys.responder].map(|key| {
        let mut buffer = vec![0; 32];
        key.seal(0, b"", &mut buffer, 0).unwrap();
        buffer
    });
    let ephemeral = InitiatorEphemeral::generate(suite, &mut Drawn(vec![[9; 32]; 3])).unwrap();
    let mut next = Vec::new();
    RekeyInitiator::new(suite, b"the same", &keys.chain)
        .write_message(ephemeral, &mut next)
        .unwrap();
    // What follows `e`, which is the same in all of them.
    [initiator, responder, next.split_off(32), keys.chain.hash().to_vec()]
}

/// A handshake, with the keys as both ends have them. Inputs: the two static secrets, the two
/// ephemeral ones; for hybrid suites the pair's d and z and the encapsulation's m.
#[allow(clippy::many_single_char_names, reason = "they are the specifications' names")]
fn handshake(suite: Suite, inputs: &[[u8; 32]; INPUTS], prologues: [&[u8]; 2]) -> Option<Ends> {
    let [own, remote, e, re, d, z, m, _] = *inputs;
    let (s, rs) = (KeyPair::from_secret(&own), KeyPair::from_secret(&remote));
    let ephemeral = InitiatorEphemeral::generate(suite, &mut Drawn(vec![e, d, z])).unwrap();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let waiting = Initiator::new(suite, prologues[0], s, *rs.public())
        .write_message(ephemeral, b"", &mut first)
        .unwrap();
    let received = Responder::new(suite, prologues[1], rs).read_message(&first).ok()?;
    let ephemeral = ResponderEphemeral::generate(suite, &mut Drawn(vec![re, m])).unwrap();
    let theirs = received.next.write_message(ephemeral, b"", &mut second).unwrap();
    let (_, ours) = waiting.read_message(&second).unwrap();
    Some((ours, theirs))
}

/// A change of keys. Inputs as before, with the chain's secret in place of static ones.
#[allow(clippy::many_single_char_names, reason = "they are the specifications' names")]
fn rekey(suite: Suite, inputs: &[[u8; 32]; INPUTS], prologues: [&[u8]; 2]) -> Option<Ends> {
    let [_, _, e, re, d, z, m, secret] = *inputs;
    let chain = Chain::new(secret, Vec::new());
    let ephemeral = InitiatorEphemeral::generate(suite, &mut Drawn(vec![e, d, z])).unwrap();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let waiting = RekeyInitiator::new(suite, prologues[0], &chain)
        .write_message(ephemeral, &mut first)
        .unwrap();
    let received = RekeyResponder::new(suite, prologues[1], &chain).read_message(&first).ok()?;
    let ephemeral = ResponderEphemeral::generate(suite, &mut Drawn(vec![re, m])).unwrap();
    let theirs = received.write_message(ephemeral, &mut second).unwrap();
    Some((waiting.read_message(&second).unwrap(), theirs))
}

type Ends = (TransportKeys, TransportKeys);
const RUNS: [Run; 2] = [handshake, rekey];

type Run = fn(Suite, &[[u8; 32]; INPUTS], [&[u8]; 2]) -> Option<Ends>;

/// Whatever of `used` differs, both keys and the chain differ; and what the two ends have is the same.
fn every_input_counts(run: Run, suite: Suite, used: &[usize], (seed, bit): (u64, usize)) {
    let inputs = inputs(seed);
    let (ours, theirs) = run(suite, &inputs, [b"same", b"same"]).unwrap();
    let base = shown(suite, &ours);
    assert_eq!(base, shown(suite, &theirs));
    assert_ne!(base[0], base[1]);
    for input in 0..INPUTS {
        let other = run(suite, &altered(inputs, input, bit), [b"same", b"same"]).unwrap().0;
        let other = shown(suite, &other);
        if used.contains(&input) {
            assert!(base.iter().all(|value| !other.contains(value)), "{suite:?}: input {input}");
        } else {
            assert_eq!(base, other, "{suite:?}: input {input} is none");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn every_secret_of_a_handshake_changes_every_key(seed: u64, bit in 0_usize..240) {
        every_input_counts(handshake, Suite::CLASSIC[0], &[0, 1, 2, 3], (seed, bit));
        // z is of use only when a ciphertext is not for the key.
        every_input_counts(handshake, Suite::HYBRID[0], &[0, 1, 2, 3, 4, 6], (seed, bit));
    }

    #[test]
    fn every_secret_of_a_rekey_changes_every_key(seed: u64, bit in 0_usize..240) {
        every_input_counts(rekey, Suite::CLASSIC[2], &[2, 3, 7], (seed, bit));
        every_input_counts(rekey, Suite::HYBRID[3], &[2, 3, 4, 6, 7], (seed, bit));
    }

    /// Noise binds the prologue by the handshake hash, which every ciphertext authenticates: ends
    /// that disagree about it have no keys, rather than different ones.
    #[test]
    fn ends_with_different_prologues_get_no_keys(seed: u64, prologue: Vec<u8>, other: Vec<u8>) {
        prop_assume!(prologue != other);
        let inputs = inputs(seed);
        for run in RUNS {
            for suite in [Suite::CLASSIC[1], Suite::HYBRID[1]] {
                prop_assert!(run(suite, &inputs, [&prologue, &other]).is_none());
                prop_assert!(run(suite, &inputs, [&prologue, &prologue]).is_some());
            }
        }
    }

    /// Ends that agree about another prologue have the same keys, as Noise has it, and another hash:
    /// what they say next is bound to it.
    #[test]
    fn another_prologue_makes_another_hash(seed: u64, prologue: Vec<u8>, other: Vec<u8>) {
        prop_assume!(prologue != other);
        let inputs = inputs(seed);
        for run in RUNS {
            for suite in [Suite::CLASSIC[0], Suite::HYBRID[2]] {
                let [one, other] = [&prologue, &other]
                    .map(|same| run(suite, &inputs, [same, same]).unwrap().0.chain.hash().to_vec());
                prop_assert_ne!(one, other);
            }
        }
    }

    /// The same exchange without the key encapsulation has nothing in common with it, and the
    /// suites none with each other.
    #[test]
    fn no_two_suites_make_the_same_keys(seed: u64) {
        let inputs = inputs(seed);
        for run in RUNS {
            let mut seen = Vec::new();
            for suite in Suite::ALL {
                let values = shown(suite, &run(suite, &inputs, [b"", b""]).unwrap().0);
                for value in values {
                    prop_assert!(!seen.contains(&value));
                    seen.push(value);
                }
            }
        }
    }
}
