//! The key schedules once more, from the specification and without the engine's state machines: what
//! the engine makes is what all steps together make, and nothing that any of them left out, taken
//! twice or taken at another place could make.
//!
//! Altering an input does not show that: each key pair enters more than once, so a missing agreement
//! would hide behind the others.

use zeroize::Zeroizing;

use crate::{
    channel::suite::Suite,
    crypto::{
        AeadKey, Digest, EncapsulationKey, KEM_CIPHERTEXT_BYTES, KEM_KEY_BYTES, KemKeyPair,
        KeyPair, Random, RandomError, TAG_BYTES, hmac,
    },
};

use super::{
    Chain, Initiator, InitiatorEphemeral, RekeyInitiator, RekeyResponder, Responder,
    ResponderEphemeral, TransportKeys,
};

const PROLOGUE: &[u8] = b"a prologue";

/// A finished exchange: what enters the chaining key, what enters the hash, what both ends got.
struct Run {
    suite: Suite,
    name: &'static str,
    /// The arguments of `MixKey` and `MixKeyAndHash`, in their order, with the tokens they are of.
    keyed: Vec<(&'static str, [u8; 32])>,
    /// The arguments of `MixHash`, in their order.
    hashed: Vec<Vec<u8>>,
    ends: [TransportKeys; 2],
}

/// What is left of an exchange: both keys, the secret that the next one starts from.
type Outputs = [[u8; 32]; 3];

/// Gives these values one after the other.
struct Drawn(Vec<[u8; 32]>);

impl Random for Drawn {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        buffer.copy_from_slice(&self.0.remove(0));
        Ok(())
    }
}

const E: [u8; 32] = [3; 32];
const RE: [u8; 32] = [4; 32];
const D: [u8; 32] = [5; 32];
const Z: [u8; 32] = [6; 32];
const M: [u8; 32] = [7; 32];
const PSK: [u8; 32] = [8; 32];

fn ephemerals(suite: Suite) -> (InitiatorEphemeral, ResponderEphemeral) {
    let initiator = InitiatorEphemeral::generate(suite, &mut Drawn(vec![E, D, Z])).unwrap();
    (initiator, ResponderEphemeral::generate(suite, &mut Drawn(vec![RE, M])).unwrap())
}

fn pair(secret: [u8; 32]) -> KeyPair {
    KeyPair::from_secret(&secret)
}

fn dh(one: &KeyPair, other: &KeyPair) -> [u8; 32] {
    *one.agree(other.public())
}

/// The secret of `ekem1`, where there is one.
fn kem_secret(suite: Suite) -> Option<(&'static str, [u8; 32])> {
    let key = EncapsulationKey::new(KemKeyPair::from_seed(&D, &Z).public()).unwrap();
    suite.is_hybrid().then(|| ("ekem1", *key.encapsulate(&M).1))
}

/// A message's tokens as bytes: each is mixed into the hash on its own.
fn tokens(message: &[u8], sizes: &[usize]) -> Vec<Vec<u8>> {
    assert_eq!(message.len(), sizes.iter().sum::<usize>());
    let mut rest = message;
    let present = sizes.iter().filter(|size| **size > 0);
    present.map(|size| rest.split_off(..*size).unwrap().to_vec()).collect()
}

fn sealed_kem(suite: Suite, bytes: usize) -> usize {
    if suite.is_hybrid() { bytes + TAG_BYTES } else { 0 }
}

fn handshake(suite: Suite) -> Run {
    let (s, rs, e, re) = (pair([1; 32]), pair([2; 32]), pair(E), pair(RE));
    let (ours, theirs) = ephemerals(suite);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let waiting = Initiator::new(suite, PROLOGUE, s.clone(), *rs.public())
        .write_message(ours, b"", &mut first)
        .unwrap();
    let received = Responder::new(suite, PROLOGUE, rs.clone()).read_message(&first).unwrap();
    let theirs = received.next.write_message(theirs, b"", &mut second).unwrap();
    let (_, ours) = waiting.read_message(&second).unwrap();
    let keyed = [("es", dh(&e, &rs)), ("ss", dh(&s, &rs)), ("ee", dh(&e, &re))];
    let message_1 = [32, sealed_kem(suite, KEM_KEY_BYTES), 48, TAG_BYTES];
    let message_2 = [32, sealed_kem(suite, KEM_CIPHERTEXT_BYTES), TAG_BYTES];
    Run {
        suite,
        name: suite.noise_name(),
        keyed: keyed.into_iter().chain(kem_secret(suite)).chain([("se", dh(&s, &re))]).collect(),
        hashed: [
            vec![PROLOGUE.to_vec(), rs.public().to_vec()],
            tokens(&first, &message_1),
            tokens(&second, &message_2),
        ]
        .concat(),
        ends: [ours, theirs],
    }
}

fn rekey(suite: Suite) -> Run {
    let (e, re) = (pair(E), pair(RE));
    let chain = Chain::new(PSK, Vec::new());
    let (ours, theirs) = ephemerals(suite);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let waiting =
        RekeyInitiator::new(suite, PROLOGUE, &chain).write_message(ours, &mut first).unwrap();
    let received = RekeyResponder::new(suite, PROLOGUE, &chain).read_message(&first).unwrap();
    let theirs = received.write_message(theirs, &mut second).unwrap();
    let ours = waiting.read_message(&second).unwrap();
    let keyed =
        [("psk", PSK), ("e", *e.public()), ("e, the other", *re.public()), ("ee", dh(&e, &re))];
    let message_1 = [32, sealed_kem(suite, KEM_KEY_BYTES), TAG_BYTES];
    let message_2 = [32, sealed_kem(suite, KEM_CIPHERTEXT_BYTES), TAG_BYTES];
    // `MixKeyAndHash`: the second output goes into the hash, here the one of the first step.
    let psk = hkdf(suite.digest(), &initial(suite, suite.rekey_name()), &PSK)[1].to_vec();
    Run {
        suite,
        name: suite.rekey_name(),
        keyed: keyed.into_iter().chain(kem_secret(suite)).collect(),
        hashed: [
            vec![PROLOGUE.to_vec(), psk],
            tokens(&first, &message_1),
            tokens(&second, &message_2),
        ]
        .concat(),
        ends: [ours, theirs],
    }
}

/// `InitializeSymmetric` (section 5.2).
fn initial(suite: Suite, name: &str) -> Vec<u8> {
    let size = suite.digest().bytes();
    if name.len() > size {
        return suite.digest().start().update(name.as_bytes()).finish();
    }
    let mut padded = name.as_bytes().to_vec();
    padded.resize(size, 0);
    padded
}

/// `HKDF` with three outputs (section 4.3).
fn hkdf(digest: Digest, ck: &[u8], input: &[u8]) -> [Zeroizing<Vec<u8>>; 3] {
    let key = hmac(digest, ck, &[input]);
    let one = hmac(digest, &key, &[&[1]]);
    let two = hmac(digest, &key, &[&one, &[2]]);
    let three = hmac(digest, &key, &[&two, &[3]]);
    [one, two, three]
}

/// The chaining key through these steps, and `Split()`.
fn outputs<'k>(run: &Run, keyed: impl IntoIterator<Item = &'k [u8; 32]>) -> Outputs {
    let digest = run.suite.digest();
    let ck = keyed.into_iter().fold(Zeroizing::new(initial(run.suite, run.name)), |ck, input| {
        let [next, _, _] = hkdf(digest, &ck, input);
        next
    });
    hkdf(digest, &ck, &[]).map(|output| output[..32].try_into().unwrap())
}

fn hash(run: &Run, hashed: &[Vec<u8>]) -> Vec<u8> {
    hashed.iter().fold(initial(run.suite, run.name), |h, data| {
        run.suite.digest().start().update(&h).update(data).finish()
    })
}

/// What a key makes of zeros under the nonce 0, which is the same bytes for both ciphers.
fn shown(suite: Suite, key: &[u8; 32]) -> Vec<u8> {
    let mut buffer = vec![0; 32];
    AeadKey::new(suite.cipher(), key).seal([0; 12], b"", &mut buffer, 0).unwrap();
    buffer
}

/// Both keys and the chain's secret, as an end of the engine has them.
fn engine(keys: &TransportKeys) -> [Vec<u8>; 3] {
    let [initiator, responder] = [&keys.initiator, &keys.responder].map(|key| {
        let mut buffer = vec![0; 32];
        key.seal(0, b"", &mut buffer, 0).unwrap();
        buffer
    });
    [initiator, responder, keys.chain.secret.to_vec()]
}

fn as_shown(suite: Suite, [initiator, responder, chain]: Outputs) -> [Vec<u8>; 3] {
    [shown(suite, &initiator), shown(suite, &responder), chain.to_vec()]
}

fn runs() -> impl Iterator<Item = Run> {
    Suite::ALL.into_iter().flat_map(|suite| [handshake(suite), rekey(suite)])
}

/// The steps without one of them, with one twice, and with two neighbours exchanged.
fn altered<T: Clone>(steps: &[T]) -> Vec<(String, Vec<T>)> {
    let mut all = Vec::new();
    for at in 0..steps.len() {
        let mut without = steps.to_vec();
        let step = without.remove(at);
        all.push((format!("without step {at}"), without));
        let mut twice = steps.to_vec();
        twice.insert(at, step);
        all.push((format!("with step {at} twice"), twice));
        if at > 0 {
            let mut exchanged = steps.to_vec();
            exchanged.swap(at - 1, at);
            all.push((format!("with step {at} too early"), exchanged));
        }
    }
    all
}

#[test]
fn keys_and_chain_are_made_of_every_step() {
    for run in runs() {
        let all: Vec<_> = run.keyed.iter().map(|(_, input)| *input).collect();
        let expected = as_shown(run.suite, outputs(&run, &all));
        for keys in &run.ends {
            assert_eq!(engine(keys), expected, "{}", run.name);
        }
        let steps: Vec<_> = run.keyed.iter().map(|(token, _)| *token).collect();
        for (what, inputs) in altered(&all) {
            let other = as_shown(run.suite, outputs(&run, &inputs));
            for keys in &run.ends {
                for (ours, others) in engine(keys).iter().zip(&other) {
                    assert_ne!(ours, others, "{}: the same {what} of {steps:?}", run.name);
                }
            }
        }
    }
}

#[test]
fn the_hash_is_made_of_all_that_was_said() {
    for run in runs() {
        let expected = hash(&run, &run.hashed);
        for keys in &run.ends {
            assert_eq!(keys.chain.hash(), expected, "{}", run.name);
        }
        for (what, hashed) in altered(&run.hashed) {
            assert_ne!(hash(&run, &hashed), expected, "{}: the same {what}", run.name);
        }
    }
}

#[test]
fn the_schedule_has_the_steps_of_the_patterns() {
    let steps = |run: &Run| run.keyed.iter().map(|(token, _)| *token).collect::<Vec<_>>();
    let [classic, hybrid] = [Suite::CLASSIC[0], Suite::HYBRID[0]];
    assert_eq!(steps(&handshake(classic)), ["es", "ss", "ee", "se"]);
    assert_eq!(steps(&handshake(hybrid)), ["es", "ss", "ee", "ekem1", "se"]);
    assert_eq!(steps(&rekey(classic)), ["psk", "e", "e, the other", "ee"]);
    assert_eq!(steps(&rekey(hybrid)), ["psk", "e", "e, the other", "ee", "ekem1"]);
}
