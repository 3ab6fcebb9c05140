//! ML-KEM-768 key pairs and encapsulation (FIPS 203), all randomness injected.

use std::fmt;

use ml_kem::{DecapsulationKey768, EncapsulationKey768, kem::Decapsulate, kem::KeyExport};
use zeroize::Zeroizing;

use super::{KEY_BYTES, Random, RandomError};

/// The size in bytes of an encapsulation key.
pub const KEM_KEY_BYTES: usize = 1184;

/// The size in bytes of a ciphertext, which encapsulates a secret.
pub const KEM_CIPHERTEXT_BYTES: usize = 1088;

/// An encapsulation key as bytes.
pub type KemPublicKey = [u8; KEM_KEY_BYTES];

/// A secret, encapsulated.
pub type KemCiphertext = [u8; KEM_CIPHERTEXT_BYTES];

/// An ML-KEM-768 key pair; the private half is erased when dropped.
pub struct KemKeyPair {
    private: Box<DecapsulationKey768>,
    public: Box<KemPublicKey>,
}

impl KemKeyPair {
    /// A new pair.
    ///
    /// # Errors
    /// The random source failed.
    pub fn generate(random: &mut dyn Random) -> Result<Self, RandomError> {
        let (mut d, mut z) = (Zeroizing::new([0; KEY_BYTES]), Zeroizing::new([0; KEY_BYTES]));
        random.fill(d.as_mut())?;
        random.fill(z.as_mut())?;
        Ok(Self::from_seed(&d, &z))
    }

    /// The pair of this seed (`ML-KEM.KeyGen_internal(d, z)`, FIPS 203 section 6.1).
    pub fn from_seed(d: &[u8; KEY_BYTES], z: &[u8; KEY_BYTES]) -> Self {
        let mut seed = Zeroizing::new(ml_kem::Seed::default());
        let (first, second) = seed.split_at_mut(KEY_BYTES);
        first.copy_from_slice(d);
        second.copy_from_slice(z);
        let private = Box::new(DecapsulationKey768::from_seed(*seed));
        let public = Box::new(private.encapsulation_key().to_bytes().into());
        Self { private, public }
    }

    /// The encapsulation key.
    pub const fn public(&self) -> &KemPublicKey {
        &self.public
    }

    /// The secret in this ciphertext. One that was not made for this key gives a secret that
    /// nobody else has (implicit rejection, FIPS 203 section 6.3).
    pub fn decapsulate(&self, ciphertext: &KemCiphertext) -> Zeroizing<[u8; KEY_BYTES]> {
        Zeroizing::new(self.private.decapsulate(&(*ciphertext).into()).into())
    }
}

impl fmt::Debug for KemKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KemKeyPair(..)")
    }
}

/// Somebody's encapsulation key, checked.
#[derive(Debug)]
pub struct EncapsulationKey(Box<EncapsulationKey768>);

impl EncapsulationKey {
    /// Reads a key.
    ///
    /// # Errors
    /// The bytes are not a key: a coefficient is out of range (FIPS 203 section 7.2).
    pub fn new(key: &KemPublicKey) -> Result<Self, KemError> {
        let key = EncapsulationKey768::new(&(*key).into()).map_err(|_| KemError)?;
        Ok(Self(Box::new(key)))
    }

    /// Encapsulates a secret that `m` decides, 32 random bytes used for nothing else
    /// (`ML-KEM.Encaps_internal`, FIPS 203 section 6.2).
    pub fn encapsulate(
        &self,
        m: &[u8; KEY_BYTES],
    ) -> (Box<KemCiphertext>, Zeroizing<[u8; KEY_BYTES]>) {
        let (ciphertext, secret) = self.0.encapsulate_deterministic(&(*m).into());
        (Box::new(ciphertext.into()), Zeroizing::new(secret.into()))
    }
}

/// The bytes are not an encapsulation key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an ML-KEM-768 encapsulation key")]
pub struct KemError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_have_the_secret_and_nobody_else() {
        let pair = KemKeyPair::from_seed(&[1; 32], &[2; 32]);
        let key = EncapsulationKey::new(pair.public()).unwrap();
        let (ciphertext, secret) = key.encapsulate(&[3; 32]);
        assert_eq!(pair.decapsulate(&ciphertext), secret);
        assert_ne!(key.encapsulate(&[4; 32]).1, secret);
        let other = KemKeyPair::from_seed(&[5; 32], &[2; 32]);
        assert_ne!(other.decapsulate(&ciphertext), secret);
        let mut altered = ciphertext;
        altered[500] ^= 1;
        assert_ne!(pair.decapsulate(&altered), secret);
    }

    #[test]
    fn coefficients_out_of_range_are_no_key() {
        assert_eq!(EncapsulationKey::new(&[0xff; KEM_KEY_BYTES]).err(), Some(KemError));
    }
}
