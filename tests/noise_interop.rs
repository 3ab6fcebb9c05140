//! Noise as `snow` speaks it: the same bytes, both roles, all suites, under fixed keys.

#![allow(clippy::unwrap_used, reason = "a test")]

mod channel_support;

use channel_support::{
    FixedRandom, SERIAL, Shelf, client, config, established, partition, respond, seal, start,
};
use lunacm::{
    channel::{
        Initiator, Session, Suite, SuiteSet,
        noise::{
            self, Chain, InitiatorEphemeral, RekeyInitiator, RekeyResponder, ResponderEphemeral,
        },
    },
    crypto::{EncapsulationKey, KEM_CIPHERTEXT_BYTES, KEM_KEY_BYTES, KemKeyPair},
};
use snow::{
    Builder, HandshakeState, StatelessTransportState,
    params::{CipherChoice, DHChoice, HashChoice, KemChoice, NoiseParams},
    resolvers::{CryptoResolver, DefaultResolver},
    types::{Cipher, Dh, Hash, Kem, Random},
};

const PROLOGUE: &[u8] = b"any prologue";
const CLIENT_EPHEMERAL: [u8; 32] = [0x44; 32];
const PARTITION_EPHEMERAL: [u8; 32] = [0x55; 32];

/// Snow's primitives, and ML-KEM-768 where snow knows of Kyber1024 only: what is compared is where a
/// message has its tokens and how they are mixed in.
struct Resolver;

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        DefaultResolver.resolve_rng()
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }

    fn resolve_kem(&self, _: &KemChoice) -> Option<Box<dyn Kem>> {
        Some(Box::new(MlKem(KemKeyPair::from_seed(&CLIENT_EPHEMERAL, &CLIENT_EPHEMERAL))))
    }
}

/// With the randomness that [`FixedRandom`] gives our engine.
struct MlKem(KemKeyPair);

impl Kem for MlKem {
    fn name(&self) -> &'static str {
        "MLKEM768"
    }

    fn pub_len(&self) -> usize {
        KEM_KEY_BYTES
    }

    fn ciphertext_len(&self) -> usize {
        KEM_CIPHERTEXT_BYTES
    }

    fn shared_secret_len(&self) -> usize {
        32
    }

    fn generate(&mut self, _: &mut dyn Random) {}

    fn pubkey(&self) -> &[u8] {
        self.0.public()
    }

    fn encapsulate(
        &self,
        key: &[u8],
        secret: &mut [u8],
        ciphertext: &mut [u8],
    ) -> Result<(usize, usize), snow::Error> {
        let key = EncapsulationKey::new(key.try_into().unwrap()).unwrap();
        let (made, shared) = key.encapsulate(&PARTITION_EPHEMERAL);
        ciphertext.copy_from_slice(&made[..]);
        secret.copy_from_slice(&shared[..]);
        Ok((secret.len(), ciphertext.len()))
    }

    fn decapsulate(&self, ciphertext: &[u8], secret: &mut [u8]) -> Result<usize, snow::Error> {
        secret.copy_from_slice(&self.0.decapsulate(ciphertext.try_into().unwrap())[..]);
        Ok(secret.len())
    }
}

/// Parameters of this protocol; snow takes Kyber's name and then ours for the key schedule.
fn parameters(name: &str) -> NoiseParams {
    let mut parameters: NoiseParams = name.replace("MLKEM768", "Kyber1024").parse().unwrap();
    name.clone_into(&mut parameters.name);
    parameters
}

fn builder<'b>(name: &str, prologue: &'b [u8]) -> Builder<'b> {
    Builder::with_resolver(parameters(name), Box::new(Resolver)).prologue(prologue).unwrap()
}

fn snow_initiator(suite: Suite, prologue: &[u8]) -> HandshakeState {
    builder(suite.noise_name(), prologue)
        .local_private_key(client().expose_secret().as_ref())
        .unwrap()
        .remote_public_key(partition().public())
        .unwrap()
        .fixed_ephemeral_key_for_testing_only(&CLIENT_EPHEMERAL)
        .build_initiator()
        .unwrap()
}

fn snow_responder(suite: Suite, prologue: &[u8]) -> HandshakeState {
    builder(suite.noise_name(), prologue)
        .local_private_key(partition().expose_secret().as_ref())
        .unwrap()
        .fixed_ephemeral_key_for_testing_only(&PARTITION_EPHEMERAL)
        .build_responder()
        .unwrap()
}

fn initiator_ephemeral(suite: Suite) -> InitiatorEphemeral {
    InitiatorEphemeral::generate(suite, &mut FixedRandom(CLIENT_EPHEMERAL)).unwrap()
}

fn responder_ephemeral(suite: Suite) -> ResponderEphemeral {
    ResponderEphemeral::generate(suite, &mut FixedRandom(PARTITION_EPHEMERAL)).unwrap()
}

fn snow_write(state: &mut HandshakeState, payload: &[u8]) -> Vec<u8> {
    let mut message = vec![0; 4096];
    let size = state.write_message(payload, &mut message).unwrap();
    message.truncate(size);
    message
}

fn snow_read(state: &mut HandshakeState, message: &[u8]) -> Vec<u8> {
    let mut payload = vec![0; 4096];
    let size = state.read_message(message, &mut payload).unwrap();
    payload.truncate(size);
    payload
}

fn snow_seal(state: &StatelessTransportState, nonce: u64, text: &[u8]) -> Vec<u8> {
    let mut message = vec![0; text.len() + 16];
    let size = state.write_message(nonce, text, &mut message).unwrap();
    assert_eq!(size, message.len());
    message
}

fn snow_open(state: &StatelessTransportState, nonce: u64, message: &[u8]) -> Vec<u8> {
    let mut text = vec![0; message.len()];
    let size = state.read_message(nonce, message, &mut text).unwrap();
    text.truncate(size);
    text
}

/// The handshake with payloads, as four engines write it: ours and snow's, in both roles. Each
/// message is compared and read by both other ends.
#[test]
fn handshakes_and_transport_are_snow_s() {
    for suite in Suite::ALL {
        let mut their_initiator = snow_initiator(suite, PROLOGUE);
        let mut their_responder = snow_responder(suite, PROLOGUE);
        let our_initiator = noise::Initiator::new(suite, PROLOGUE, client(), *partition().public());
        let our_responder = noise::Responder::new(suite, PROLOGUE, partition());

        let mut message = Vec::new();
        let e = initiator_ephemeral(suite);
        let waiting = our_initiator.write_message(e, b"first", &mut message).unwrap();
        assert_eq!(message, snow_write(&mut their_initiator, b"first"));
        assert_eq!(snow_read(&mut their_responder, &message), b"first");
        let received = our_responder.read_message(&message).unwrap();
        assert_eq!(received.payload[..], *b"first");
        assert_eq!(received.remote_static, *client().public());
        assert_eq!(their_responder.get_remote_static(), Some(&received.remote_static[..]));

        let mut message = Vec::new();
        let e = responder_ephemeral(suite);
        let responder = received.next.write_message(e, b"second", &mut message).unwrap();
        assert_eq!(message, snow_write(&mut their_responder, b"second"));
        assert_eq!(snow_read(&mut their_initiator, &message), b"second");
        let (payload, initiator) = waiting.read_message(&message).unwrap();
        assert_eq!(payload[..], *b"second");

        assert_eq!(initiator.chain.hash(), their_initiator.get_handshake_hash());
        let their_initiator = their_initiator.into_stateless_transport_mode().unwrap();
        let their_responder = their_responder.into_stateless_transport_mode().unwrap();
        for nonce in [0, 1, 255, 256, 0x0102_0304_0506_0708, u64::MAX - 1] {
            for text in [&b""[..], b"text", &[7; 5000]] {
                let mut ours = text.to_vec();
                initiator.initiator.seal(nonce, b"", &mut ours, 0).unwrap();
                assert_eq!(ours, snow_seal(&their_initiator, nonce, text));
                assert_eq!(snow_open(&their_responder, nonce, &ours), text);
                assert_eq!(responder.initiator.open(nonce, b"", &ours).unwrap()[..], *text);

                let mut ours = text.to_vec();
                responder.responder.seal(nonce, b"", &mut ours, 0).unwrap();
                assert_eq!(ours, snow_seal(&their_responder, nonce, text));
                assert_eq!(snow_open(&their_initiator, nonce, &ours), text);
                assert_eq!(initiator.responder.open(nonce, b"", &ours).unwrap()[..], *text);
            }
        }
    }
}

/// A change of keys, as four engines write it.
#[test]
fn changes_of_keys_are_snow_s() {
    for suite in Suite::ALL {
        let chain = Chain::new([0x66; 32], b"a hash".to_vec());
        let name = suite.rekey_name();
        let mut their_initiator = builder(name, PROLOGUE)
            .psk(0, &[0x66; 32])
            .unwrap()
            .fixed_ephemeral_key_for_testing_only(&CLIENT_EPHEMERAL)
            .build_initiator()
            .unwrap();
        let mut their_responder = builder(name, PROLOGUE)
            .psk(0, &[0x66; 32])
            .unwrap()
            .fixed_ephemeral_key_for_testing_only(&PARTITION_EPHEMERAL)
            .build_responder()
            .unwrap();

        let mut message = Vec::new();
        let waiting = RekeyInitiator::new(suite, PROLOGUE, &chain)
            .write_message(initiator_ephemeral(suite), &mut message)
            .unwrap();
        assert_eq!(message.len(), noise::rekey_message_1_bytes(suite));
        assert_eq!(message, snow_write(&mut their_initiator, b""));
        assert_eq!(snow_read(&mut their_responder, &message), b"");
        let received = RekeyResponder::new(suite, PROLOGUE, &chain).read_message(&message).unwrap();

        let mut message = Vec::new();
        let responder = received.write_message(responder_ephemeral(suite), &mut message).unwrap();
        assert_eq!(message.len(), noise::rekey_message_2_bytes(suite));
        assert_eq!(message, snow_write(&mut their_responder, b""));
        assert_eq!(snow_read(&mut their_initiator, &message), b"");
        let initiator = waiting.read_message(&message).unwrap();
        assert_eq!(initiator.chain.hash(), their_initiator.get_handshake_hash());
        assert_eq!(responder.chain.hash(), their_initiator.get_handshake_hash());

        let their_initiator = their_initiator.into_stateless_transport_mode().unwrap();
        for (key, from) in [(&initiator.initiator, true), (&initiator.responder, false)] {
            let mut ours = b"text".to_vec();
            key.seal(7, b"", &mut ours, 0).unwrap();
            if from {
                assert_eq!(ours, snow_seal(&their_initiator, 7, b"text"));
            } else {
                assert_eq!(snow_open(&their_initiator, 7, &ours), b"text");
            }
        }
    }
}

/// The header of a handshake that offers one suite, written as `docs/protocol.md` says.
fn header(suite: Suite) -> Vec<u8> {
    let mut header = vec![0x01, 0x01];
    header.extend_from_slice(&SERIAL.to_be_bytes());
    header.extend_from_slice(&[suite.id(), 1, suite.id(), 0]);
    header
}

fn channel_prologue(header: &[u8]) -> Vec<u8> {
    [b"lunacm STC handshake\0", header].concat()
}

/// The payload of an answer that accepts.
const ACCEPTED: [u8; 18] = [0; 18];

/// Whole channel messages: each end of ours against snow in the other role, and byte by byte
/// against snow in the same role.
#[test]
fn channel_messages_are_snow_s_with_a_header() {
    for suite in Suite::ALL {
        let header = header(suite);
        let mut their_client = snow_initiator(suite, &channel_prologue(&header));
        let mut their_partition = snow_responder(suite, &channel_prologue(&header));

        let initiator = Initiator::new(config(&[suite]));
        let (waiting, message) = start(initiator, &mut FixedRandom(CLIENT_EPHEMERAL));
        let noise = message.strip_prefix(&header[..]).unwrap();
        assert_eq!(noise, snow_write(&mut their_client, b""));
        assert_eq!(snow_read(&mut their_partition, noise), b"");

        let shelf = Shelf::permitting(SuiteSet::ALL);
        let (accepted, answer) = respond(&message, &shelf, &mut FixedRandom(PARTITION_EPHEMERAL));
        let accepted = accepted.unwrap();
        assert_eq!((accepted.serial, accepted.client), (SERIAL, *client().public()));
        let noise = answer.strip_prefix(&[0x02]).unwrap();
        assert_eq!(noise, snow_write(&mut their_partition, &ACCEPTED));
        assert_eq!(snow_read(&mut their_client, noise), ACCEPTED);

        let their_client = their_client.into_stateless_transport_mode().unwrap();
        let their_partition = their_partition.into_stateless_transport_mode().unwrap();
        same_keys(established(waiting.receive(&answer)), &their_client);
        same_keys(accepted.session, &their_partition);
    }
}

/// Snow's transport binds no header, so its tags differ from a record's. The ciphertexts do not:
/// both ciphers make them from the key and the nonce alone.
fn same_keys(mut session: Session, theirs: &StatelessTransportState) {
    for counter in 0_u64..300 {
        let record = seal(&mut session, b"request or reply");
        let (header, ciphertext) = record.split_at(13);
        assert_eq!(header[..5], [0x10, 0, 0, 0, 0]);
        assert_eq!(header[5..], counter.to_be_bytes());
        let message = snow_seal(theirs, counter, b"request or reply");
        assert_eq!(ciphertext.len(), message.len());
        assert_eq!(ciphertext[..message.len() - 16], message[..message.len() - 16]);
        assert_ne!(ciphertext, message);
    }
}
