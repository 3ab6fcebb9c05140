//! The tokens `e1` and `ekem1` of the extension for hybrid forward secrecy, and what each side
//! draws for a handshake. Under a classic suite the tokens are not there.

use zeroize::Zeroizing;

use crate::{
    channel::suite::Suite,
    crypto::{
        EncapsulationKey, KEM_CIPHERTEXT_BYTES, KEM_KEY_BYTES, KEY_BYTES, KemCiphertext,
        KemKeyPair, KemPublicKey, KeyPair, Random, RandomError, TAG_BYTES,
    },
};

use super::{NoiseError, symmetric::KeyedState};

/// The fresh key pairs of an initiator: `e`, and `e1` under a hybrid suite.
#[derive(Debug)]
pub struct InitiatorEphemeral {
    pub(super) e: KeyPair,
    pub(super) e1: Option<KemKeyPair>,
}

impl InitiatorEphemeral {
    /// Draws the pairs: 32 bytes for `e`, then 32 for `d` and 32 for `z` of `e1`.
    ///
    /// # Errors
    /// The random source failed.
    pub fn generate(suite: Suite, random: &mut dyn Random) -> Result<Self, RandomError> {
        let e = KeyPair::generate(random)?;
        let e1 = suite.is_hybrid().then(|| KemKeyPair::generate(random)).transpose()?;
        Ok(Self { e, e1 })
    }
}

/// What a responder draws: the pair `e`, and the randomness of `ekem1` under a hybrid suite.
#[derive(Debug)]
pub struct ResponderEphemeral {
    pub(super) e: KeyPair,
    pub(super) m: Option<Zeroizing<[u8; KEY_BYTES]>>,
}

impl ResponderEphemeral {
    /// Draws 32 bytes for `e`, then 32 for `m`.
    ///
    /// # Errors
    /// The random source failed.
    pub fn generate(suite: Suite, random: &mut dyn Random) -> Result<Self, RandomError> {
        let e = KeyPair::generate(random)?;
        let mut m = None;
        if suite.is_hybrid() {
            random.fill(m.insert(Zeroizing::new([0; KEY_BYTES])).as_mut())?;
        }
        Ok(Self { e, m })
    }
}

/// The bytes that `e1` adds to a message of this suite.
pub(super) const fn e1_bytes(suite: Suite) -> usize {
    if suite.is_hybrid() { KEM_KEY_BYTES + TAG_BYTES } else { 0 }
}

/// The bytes that `ekem1` adds to a message of this suite.
pub(super) const fn ekem1_bytes(suite: Suite) -> usize {
    if suite.is_hybrid() { KEM_CIPHERTEXT_BYTES + TAG_BYTES } else { 0 }
}

/// The initiator's encapsulation key as the responder read it, not yet checked; none under a classic
/// suite. The check is costly and comes after the initiator is known to be welcome; until then the
/// bytes stay where they were opened: the duration of a refusal does not depend on its reason.
pub(super) type RemoteE1 = Option<Zeroizing<Vec<u8>>>;

impl KeyedState {
    /// Writes `e1`: `EncryptAndHash` of the encapsulation key.
    pub(super) fn write_e1(
        &mut self,
        e1: Option<&KemKeyPair>,
        out: &mut Vec<u8>,
    ) -> Result<(), NoiseError> {
        e1.map_or(Ok(()), |e1| self.encrypt_and_hash(e1.public(), out))
    }

    /// Reads `e1`, and gives what follows it. Whether it authenticates is told beside it, so that the
    /// caller can do the rest of its work first.
    #[allow(clippy::type_complexity, reason = "three results of one token")]
    pub(super) fn read_e1<'m>(
        &mut self,
        message: &'m [u8],
    ) -> Result<(RemoteE1, Result<(), NoiseError>, &'m [u8]), NoiseError> {
        if !self.suite().is_hybrid() {
            return Ok((None, Ok(()), message));
        }
        let bytes = e1_bytes(self.suite());
        let (sealed, rest) = message.split_at_checked(bytes).ok_or(NoiseError::Short)?;
        let (key, authentic) = self.decrypt_and_hash_anyway(sealed);
        Ok((Some(key), authentic, rest))
    }

    /// Writes `ekem1`: `EncryptAndHash` of the ciphertext, then `MixKey` of its secret.
    pub(super) fn write_ekem1(
        &mut self,
        re1: &RemoteE1,
        m: Option<&Zeroizing<[u8; KEY_BYTES]>>,
        out: &mut Vec<u8>,
    ) -> Result<(), NoiseError> {
        if let (Some(re1), Some(m)) = (re1, m) {
            let re1 = <&KemPublicKey>::try_from(&re1[..]).map_err(|_| NoiseError::Short)?;
            let re1 = EncapsulationKey::new(re1).map_err(|_| NoiseError::NotAuthentic)?;
            let (ciphertext, secret) = re1.encapsulate(m);
            self.encrypt_and_hash(&ciphertext[..], out)?;
            self.mix_key(&secret);
        }
        Ok(())
    }

    /// Reads `ekem1`, and gives what follows it.
    pub(super) fn read_ekem1<'m>(
        &mut self,
        e1: Option<&KemKeyPair>,
        message: &'m [u8],
    ) -> Result<&'m [u8], NoiseError> {
        let Some(e1) = e1 else { return Ok(message) };
        let bytes = ekem1_bytes(self.suite());
        let (sealed, rest) = message.split_at_checked(bytes).ok_or(NoiseError::Short)?;
        let ciphertext = self.decrypt_and_hash(sealed)?;
        let ciphertext = KemCiphertext::try_from(&ciphertext[..]).map_err(|_| NoiseError::Short)?;
        self.mix_key(&e1.decapsulate(&ciphertext));
        Ok(rest)
    }
}
