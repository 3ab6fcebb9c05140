//! X25519 and X448.

use aws_lc_rs::agreement;
use openssl::{
    derive::Deriver,
    pkey::{PKey, Private},
};
use zeroize::Zeroizing;

use super::{MontgomeryCurve, PrimitiveError};
use crate::crypto::random::{Random, SystemRandom};

/// A private key for key agreement, prepared.
pub struct MontgomeryPrivateKey {
    secret: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
    key: Key,
}

enum Key {
    X25519(agreement::PrivateKey),
    X448(PKey<Private>),
}

impl MontgomeryPrivateKey {
    /// A new key.
    ///
    /// # Errors
    /// The library failed, or the system gave no random bytes.
    pub fn generate(curve: MontgomeryCurve) -> Result<Self, PrimitiveError> {
        let mut secret = Zeroizing::new(vec![0; curve.bytes()]);
        SystemRandom::new().fill(&mut secret).map_err(|_| PrimitiveError::Library)?;
        Self::new(curve, &secret)
    }

    /// The key of these bytes.
    ///
    /// # Errors
    /// [`PrimitiveError::Key`]: they have another length.
    pub fn new(curve: MontgomeryCurve, secret: &[u8]) -> Result<Self, PrimitiveError> {
        let (public, key) = match curve {
            MontgomeryCurve::X25519 => {
                let key = agreement::PrivateKey::from_private_key(&agreement::X25519, secret)?;
                (key.compute_public_key()?.as_ref().to_vec(), Key::X25519(key))
            }
            MontgomeryCurve::X448 => {
                let key = PKey::private_key_from_raw_bytes(secret, curve.id())
                    .map_err(|_| PrimitiveError::Key)?;
                (key.raw_public_key()?, Key::X448(key))
            }
        };
        Ok(Self { secret: Zeroizing::new(secret.to_vec()), public, key })
    }

    /// The curve.
    pub const fn curve(&self) -> MontgomeryCurve {
        match self.key {
            Key::X25519(_) => MontgomeryCurve::X25519,
            Key::X448(_) => MontgomeryCurve::X448,
        }
    }

    /// The private bytes.
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// The public key.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// What this key and that public key share.
    ///
    /// # Errors
    /// [`PrimitiveError::Data`]: the other key has a wrong length, or gives zero with every key.
    pub fn agree(&self, public: &[u8]) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        match &self.key {
            Key::X25519(own) => {
                let other = agreement::UnparsedPublicKey::new(&agreement::X25519, public);
                agreement::agree(own, other, PrimitiveError::Data, |secret| {
                    Ok(Zeroizing::new(secret.to_vec()))
                })
            }
            Key::X448(own) => {
                let id = self.curve().id();
                let other = PKey::public_key_from_raw_bytes(public, id)
                    .map_err(|_| PrimitiveError::Data)?;
                let mut deriver = Deriver::new(own)?;
                deriver.set_peer(&other).map_err(|_| PrimitiveError::Data)?;
                let secret = deriver.derive_to_vec().map_err(|_| PrimitiveError::Data)?;
                Ok(Zeroizing::new(secret))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_agree_and_bad_keys_are_refused() {
        for curve in [MontgomeryCurve::X25519, MontgomeryCurve::X448] {
            let [one, other] = [(); 2].map(|()| MontgomeryPrivateKey::generate(curve).unwrap());
            let secret = one.agree(other.public()).unwrap();
            assert_eq!(secret, other.agree(one.public()).unwrap());
            assert_eq!(secret.len(), curve.bytes());
            // A point of small order.
            assert_eq!(one.agree(&vec![0; curve.bytes()]), Err(PrimitiveError::Data));
            assert_eq!(one.agree(&[9; 31]), Err(PrimitiveError::Data));
            assert_eq!(MontgomeryPrivateKey::new(curve, &[1; 31]).err(), Some(PrimitiveError::Key));
        }
    }
}
