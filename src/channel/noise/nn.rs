//! Section 5.3 for the pattern NN with a pre-shared key first (section 9), one type per situation:
//! how the keys of a standing channel are changed.

use zeroize::Zeroizing;

use crate::{
    channel::suite::Suite,
    crypto::{KEY_BYTES, KemKeyPair, KeyPair, PublicKey, TAG_BYTES},
};

use super::{
    InitiatorEphemeral, NoiseError, ResponderEphemeral,
    dh::dh,
    hybrid::{RemoteE1, e1_bytes, ekem1_bytes},
    symmetric::{Chain, KeyedState, SymmetricState, TransportKeys},
};

/// The initiator, about to write message 1.
pub struct RekeyInitiator(KeyedState);

impl RekeyInitiator {
    /// Initialize, and the token `psk` with the secret of the handshake before.
    pub fn new(suite: Suite, prologue: &[u8], chain: &Chain) -> Self {
        Self(initialize(suite, prologue, chain))
    }

    /// Appends message 1 (`-> psk, e, e1`) to `out`.
    ///
    /// # Errors
    /// None in practice; what `out` then holds is of no use.
    pub fn write_message(
        self,
        ephemeral: InitiatorEphemeral,
        out: &mut Vec<u8>,
    ) -> Result<RekeyAwaitResponse, NoiseError> {
        let Self(mut symmetric) = self;
        let InitiatorEphemeral { e, e1 } = ephemeral;
        out.extend_from_slice(e.public());
        mix_e(&mut symmetric, e.public()); // e
        symmetric.write_e1(e1.as_ref(), out)?; // e1
        symmetric.encrypt_and_hash(&[], out)?;
        Ok(RekeyAwaitResponse { symmetric, e, e1 })
    }
}

/// The initiator, waiting for message 2.
pub struct RekeyAwaitResponse {
    symmetric: KeyedState,
    e: KeyPair,
    e1: Option<KemKeyPair>,
}

impl RekeyAwaitResponse {
    /// Reads message 2 (`<- e, ee, ekem1`): the new keys.
    ///
    /// # Errors
    /// The message has another size, does not authenticate, or holds a key of small order.
    pub fn read_message(self, message: &[u8]) -> Result<TransportKeys, NoiseError> {
        let Self { mut symmetric, e, e1 } = self;
        let (re, rest) = message.split_first_chunk().ok_or(NoiseError::Short)?;
        mix_e(&mut symmetric, re); // e
        symmetric.mix_key(&dh(&e, re).nonzero()?); // ee
        let rest = symmetric.read_ekem1(e1.as_ref(), rest)?; // ekem1
        nothing(&symmetric.decrypt_and_hash(rest)?)?;
        Ok(symmetric.split())
    }
}

/// The responder, waiting for message 1.
pub struct RekeyResponder(KeyedState);

impl RekeyResponder {
    /// Initialize, and the token `psk` with the secret of the handshake before.
    pub fn new(suite: Suite, prologue: &[u8], chain: &Chain) -> Self {
        Self(initialize(suite, prologue, chain))
    }

    /// Reads message 1 (`-> psk, e, e1`).
    ///
    /// # Errors
    /// The message has another size, or does not authenticate.
    pub fn read_message(self, message: &[u8]) -> Result<RekeyRespond, NoiseError> {
        let Self(mut symmetric) = self;
        let (re, rest) = message.split_first_chunk().ok_or(NoiseError::Short)?;
        mix_e(&mut symmetric, re); // e
        let (re1, re1_authentic, rest) = symmetric.read_e1(rest)?; // e1
        nothing(&symmetric.decrypt_and_hash(rest)?)?;
        re1_authentic?;
        Ok(RekeyRespond { symmetric, re: *re, re1 })
    }
}

/// The responder, about to write message 2.
pub struct RekeyRespond {
    symmetric: KeyedState,
    re: PublicKey,
    re1: RemoteE1,
}

impl RekeyRespond {
    /// Appends message 2 (`<- e, ee, ekem1`) to `out`, and gives the new keys.
    ///
    /// # Errors
    /// The initiator's key is of small order; what `out` then holds is of no use.
    #[allow(clippy::needless_pass_by_value, reason = "an ephemeral key is used once")]
    pub fn write_message(
        self,
        ephemeral: ResponderEphemeral,
        out: &mut Vec<u8>,
    ) -> Result<TransportKeys, NoiseError> {
        let Self { mut symmetric, re, re1 } = self;
        let ResponderEphemeral { e, m } = ephemeral;
        out.extend_from_slice(e.public());
        mix_e(&mut symmetric, e.public()); // e
        symmetric.mix_key(&dh(&e, &re).nonzero()?); // ee
        symmetric.write_ekem1(&re1, m.as_ref(), out)?; // ekem1
        symmetric.encrypt_and_hash(&[], out)?;
        Ok(symmetric.split())
    }
}

/// The size in bytes of message 1.
pub const fn rekey_message_1_bytes(suite: Suite) -> usize {
    KEY_BYTES + e1_bytes(suite) + TAG_BYTES
}

/// The size in bytes of message 2.
pub const fn rekey_message_2_bytes(suite: Suite) -> usize {
    KEY_BYTES + ekem1_bytes(suite) + TAG_BYTES
}

/// `Initialize`: the name and the prologue; then the token `psk`, with which both messages begin.
fn initialize(suite: Suite, prologue: &[u8], chain: &Chain) -> KeyedState {
    let mut symmetric = SymmetricState::initialize(suite, suite.rekey_name());
    symmetric.mix_hash(prologue);
    symmetric.mix_key_and_hash(&chain.secret) // psk
}

/// The token `e` where a pre-shared key is in use (section 9.2): it is mixed in as a key as well.
fn mix_e(symmetric: &mut KeyedState, e: &PublicKey) {
    symmetric.mix_hash(e);
    symmetric.mix_key(&Zeroizing::new(*e));
}

/// Both payloads are empty.
fn nothing(payload: &[u8]) -> Result<(), NoiseError> {
    if payload.is_empty() { Ok(()) } else { Err(NoiseError::NotAuthentic) }
}
