//! Section 5.3 (`HandshakeState`) for the pattern IK (section 7.5) and, under hybrid suites, `IKhfs`:
//! one type per situation.

use zeroize::Zeroizing;

use crate::{
    channel::suite::Suite,
    crypto::{KEY_BYTES, KemKeyPair, KeyPair, PublicKey, TAG_BYTES},
};

use super::{
    InitiatorEphemeral, NoiseError, ResponderEphemeral,
    counterweight::Counterweight,
    dh::dh,
    hybrid::{RemoteE1, e1_bytes, ekem1_bytes},
    symmetric::{KeyedState, SymmetricState, TransportKeys},
};

/// The size in bytes of message 1 with an empty payload: `e`, the encrypted `e1` of hybrid suites,
/// the encrypted `s`, a tag.
pub const fn message_1_bytes(suite: Suite) -> usize {
    KEY_BYTES + e1_bytes(suite) + SEALED_KEY_BYTES + TAG_BYTES
}

/// The size in bytes of message 2 with an empty payload: `e`, the encrypted `ekem1` of hybrid
/// suites, a tag.
pub const fn message_2_bytes(suite: Suite) -> usize {
    KEY_BYTES + ekem1_bytes(suite) + TAG_BYTES
}

const SEALED_KEY_BYTES: usize = KEY_BYTES + TAG_BYTES;

/// The initiator, about to write message 1.
pub struct Initiator {
    symmetric: SymmetricState,
    s: KeyPair,
    rs: PublicKey,
}

impl Initiator {
    /// Initialize with the own static key pair and the responder's static public key.
    pub fn new(suite: Suite, prologue: &[u8], s: KeyPair, rs: PublicKey) -> Self {
        Self { symmetric: initialize(suite, prologue, &rs), s, rs }
    }

    /// Appends message 1 (`-> e, es, e1, s, ss`) to `out`.
    ///
    /// # Errors
    /// The responder's key is of small order, or the payload is too long; what `out` then holds
    /// is of no use.
    pub fn write_message(
        self,
        ephemeral: InitiatorEphemeral,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<AwaitResponse, NoiseError> {
        let Self { mut symmetric, s, rs } = self;
        let InitiatorEphemeral { e, e1 } = ephemeral;
        out.extend_from_slice(e.public());
        symmetric.mix_hash(e.public()); // e
        let mut symmetric = symmetric.mix_key(&dh(&e, &rs).nonzero()?); // es
        symmetric.write_e1(e1.as_ref(), out)?; // e1
        symmetric.encrypt_and_hash(s.public(), out)?; // s
        symmetric.mix_key(&dh(&s, &rs).nonzero()?); // ss
        symmetric.encrypt_and_hash(payload, out)?;
        Ok(AwaitResponse { symmetric, s, e, e1 })
    }
}

/// The initiator, waiting for message 2.
pub struct AwaitResponse {
    symmetric: KeyedState,
    s: KeyPair,
    e: KeyPair,
    e1: Option<KemKeyPair>,
}

impl AwaitResponse {
    /// Reads message 2 (`<- e, ee, ekem1, se`): its payload, and the keys of the transport.
    ///
    /// # Errors
    /// The message is too short, does not authenticate, or holds a public key of small order.
    pub fn read_message(
        self,
        message: &[u8],
    ) -> Result<(Zeroizing<Vec<u8>>, TransportKeys), NoiseError> {
        let Self { mut symmetric, s, e, e1 } = self;
        let (re, rest) = message.split_first_chunk().ok_or(NoiseError::Short)?;
        symmetric.mix_hash(re); // e
        symmetric.mix_key(&dh(&e, re).nonzero()?); // ee
        let payload = symmetric.read_ekem1(e1.as_ref(), rest)?; // ekem1
        symmetric.mix_key(&dh(&s, re).nonzero()?); // se
        let payload = symmetric.decrypt_and_hash(payload)?;
        Ok((payload, symmetric.split()))
    }
}

/// The responder, waiting for message 1.
pub struct Responder {
    symmetric: SymmetricState,
    s: KeyPair,
}

impl Responder {
    /// Initialize with the own static key pair.
    pub fn new(suite: Suite, prologue: &[u8], s: KeyPair) -> Self {
        Self { symmetric: initialize(suite, prologue, s.public()), s }
    }

    /// Reads message 1 (`-> e, es, e1, s, ss`).
    ///
    /// Once the size is right, both key agreements and all decryptions are performed even if the
    /// first has failed, and as many ciphertexts fail as not: the time taken does not tell what was
    /// wrong.
    ///
    /// # Errors
    /// The message is too short, does not authenticate, or holds a public key of small order.
    pub fn read_message(self, message: &[u8]) -> Result<Received, NoiseError> {
        let Self { mut symmetric, s } = self;
        let (re, rest) = message.split_first_chunk().ok_or(NoiseError::Short)?;

        symmetric.mix_hash(re); // e
        let es = dh(&s, re);
        let mut symmetric = symmetric.mix_key(&es.0); // es
        let (re1, re1_authentic, rest) = symmetric.read_e1(rest)?; // e1
        let (sealed_rs, payload) =
            rest.split_first_chunk::<SEALED_KEY_BYTES>().ok_or(NoiseError::Short)?;
        let opened = symmetric.decrypt_and_hash(sealed_rs); // s
        // Any point serves for the work that is owed after a failure.
        let rs = opened.as_ref().ok().and_then(|key| PublicKey::try_from(&key[..]).ok());
        let ss = dh(&s, &rs.unwrap_or(*re));
        symmetric.mix_key(&ss.0); // ss
        let sealed_payload_bytes = payload.len();
        let payload = symmetric.decrypt_and_hash(payload);

        let weight = Counterweight::new(symmetric.suite().cipher());
        weight.balance(e1_bytes(symmetric.suite()), re1_authentic.is_ok());
        weight.balance(SEALED_KEY_BYTES, opened.is_ok());
        weight.balance(sealed_payload_bytes, payload.is_ok());

        es.nonzero()?;
        ss.nonzero()?;
        re1_authentic?;
        let rs = rs.ok_or(NoiseError::NotAuthentic)?;
        Ok(Received {
            payload: payload?,
            remote_static: rs,
            next: Respond { symmetric, rs, re: *re, re1 },
        })
    }
}

/// What the responder knows after message 1.
pub struct Received {
    /// The payload. It may be a replay.
    pub payload: Zeroizing<Vec<u8>>,
    /// The initiator's static public key; authenticated, though perhaps replayed.
    pub remote_static: PublicKey,
    /// The next step.
    pub next: Respond,
}

/// The responder, about to write message 2.
pub struct Respond {
    symmetric: KeyedState,
    rs: PublicKey,
    re: PublicKey,
    re1: RemoteE1,
}

impl Respond {
    /// Appends message 2 (`<- e, ee, ekem1, se`) to `out`, and gives the keys of the transport.
    ///
    /// # Errors
    /// The initiator's keys are of small order, or the payload is too long; what `out` then holds
    /// is of no use.
    #[allow(clippy::needless_pass_by_value, reason = "an ephemeral key is used once")]
    pub fn write_message(
        self,
        ephemeral: ResponderEphemeral,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<TransportKeys, NoiseError> {
        let Self { mut symmetric, rs, re, re1 } = self;
        let ResponderEphemeral { e, m } = ephemeral;
        out.extend_from_slice(e.public());
        symmetric.mix_hash(e.public()); // e
        symmetric.mix_key(&dh(&e, &re).nonzero()?); // ee
        symmetric.write_ekem1(&re1, m.as_ref(), out)?; // ekem1
        symmetric.mix_key(&dh(&e, &rs).nonzero()?); // se
        symmetric.encrypt_and_hash(payload, out)?;
        Ok(symmetric.split())
    }
}

/// `Initialize`: the name, the prologue, and the pre-message `<- s`.
fn initialize(suite: Suite, prologue: &[u8], responder: &PublicKey) -> SymmetricState {
    let mut symmetric = SymmetricState::initialize(suite, suite.noise_name());
    symmetric.mix_hash(prologue);
    symmetric.mix_hash(responder);
    symmetric
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tests write X25519 alone and fill the rest with zeros.
    const SUITE: Suite = Suite::CLASSIC[0];

    /// The u-coordinates of points whose order divides the cofactor (RFC 7748 section 7; 0, 1 and
    /// p - 1 are enough to reach every case of the check).
    fn small_order() -> [PublicKey; 3] {
        let mut one = [0; 32];
        one[0] = 1;
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        [[0; 32], one, minus_one]
    }

    fn pair(seed: u8) -> KeyPair {
        KeyPair::from_secret(&[seed; 32])
    }

    fn ephemeral(seed: u8) -> InitiatorEphemeral {
        InitiatorEphemeral { e: pair(seed), e1: None }
    }

    #[test]
    fn keys_of_small_order_are_refused_everywhere() {
        for point in small_order() {
            let initiator = Initiator::new(SUITE, b"", pair(1), point);
            let refused = initiator.write_message(ephemeral(2), b"", &mut Vec::new()).err();
            assert_eq!(refused, Some(NoiseError::NotAuthentic));

            let mut message = point.to_vec();
            message.resize(message_1_bytes(SUITE), 0);
            let refused = Responder::new(SUITE, b"", pair(3)).read_message(&message).err();
            assert_eq!(refused, Some(NoiseError::NotAuthentic));

            let initiator = Initiator::new(SUITE, b"", pair(1), *pair(3).public());
            let waiting = initiator.write_message(ephemeral(2), b"", &mut Vec::new()).unwrap();
            let mut message = point.to_vec();
            message.resize(message_2_bytes(SUITE), 0);
            assert_eq!(waiting.read_message(&message).err(), Some(NoiseError::NotAuthentic));
        }
    }

    /// A peer that does without the check could make messages that authenticate under an
    /// agreement that everybody knows; ours refuses those as well.
    #[test]
    fn a_message_made_for_the_zero_secret_is_refused() {
        let responder = pair(3);
        let re = [0; 32];
        let mut symmetric = initialize(SUITE, b"", responder.public());
        symmetric.mix_hash(&re);
        let mut message = re.to_vec();
        let mut symmetric = symmetric.mix_key(&Zeroizing::new([0; 32]));
        symmetric.encrypt_and_hash(pair(1).public(), &mut message).unwrap();
        symmetric.mix_key(&pair(1).agree(responder.public()));
        symmetric.encrypt_and_hash(b"", &mut message).unwrap();
        let refused = Responder::new(SUITE, b"", responder).read_message(&message).err();
        assert_eq!(refused, Some(NoiseError::NotAuthentic));
    }

    #[test]
    fn short_messages_are_told_apart_before_any_work() {
        for bytes in 0..KEY_BYTES + SEALED_KEY_BYTES {
            let refused = Responder::new(SUITE, b"", pair(3)).read_message(&vec![9; bytes]).err();
            assert_eq!(refused, Some(NoiseError::Short));
        }
    }
}
