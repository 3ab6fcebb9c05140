//! `EdDSA`, pure and without a context: neither library's safe interface has the other kinds.

use aws_lc_rs::signature::{self, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use openssl::{
    pkey::{PKey, Private, Public},
    sign::{Signer, Verifier},
};
use zeroize::Zeroizing;

use super::{EdwardsCurve, PrimitiveError};
use crate::crypto::random::{Random, SystemRandom};

/// A private key for `EdDSA`, prepared.
pub struct EdwardsPrivateKey {
    seed: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
    signer: PrivateKey,
}

enum PrivateKey {
    Ed25519(Ed25519KeyPair),
    Ed448(PKey<Private>),
}

impl EdwardsPrivateKey {
    /// A new key.
    ///
    /// # Errors
    /// The library failed, or the system gave no random bytes.
    pub fn generate(curve: EdwardsCurve) -> Result<Self, PrimitiveError> {
        let mut seed = Zeroizing::new(vec![0; curve.bytes()]);
        SystemRandom::new().fill(&mut seed).map_err(|_| PrimitiveError::Library)?;
        Self::new(curve, &seed)
    }

    /// The key of these bytes (RFC 8032 sections 5.1.5 and 5.2.5).
    ///
    /// # Errors
    /// [`PrimitiveError::Key`]: they have another length.
    pub fn new(curve: EdwardsCurve, seed: &[u8]) -> Result<Self, PrimitiveError> {
        let (public, signer) = match curve {
            EdwardsCurve::Ed25519 => {
                let pair = Ed25519KeyPair::from_seed_unchecked(seed)?;
                (pair.public_key().as_ref().to_vec(), PrivateKey::Ed25519(pair))
            }
            EdwardsCurve::Ed448 => {
                let key = PKey::private_key_from_raw_bytes(seed, curve.id())
                    .map_err(|_| PrimitiveError::Key)?;
                (key.raw_public_key()?, PrivateKey::Ed448(key))
            }
        };
        Ok(Self { seed: Zeroizing::new(seed.to_vec()), public, signer })
    }

    /// The curve.
    pub const fn curve(&self) -> EdwardsCurve {
        match self.signer {
            PrivateKey::Ed25519(_) => EdwardsCurve::Ed25519,
            PrivateKey::Ed448(_) => EdwardsCurve::Ed448,
        }
    }

    /// The private bytes.
    pub fn seed(&self) -> &[u8] {
        &self.seed
    }

    /// The public key.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// Signs data.
    ///
    /// # Errors
    /// The library failed.
    pub fn sign(&self, data: &[u8]) -> Result<Vec<u8>, PrimitiveError> {
        match &self.signer {
            PrivateKey::Ed25519(pair) => Ok(pair.try_sign(data)?.as_ref().to_vec()),
            PrivateKey::Ed448(key) => {
                Ok(Signer::new_without_digest(key)?.sign_oneshot_to_vec(data)?)
            }
        }
    }
}

/// A public key for `EdDSA`, prepared.
pub struct EdwardsPublicKey {
    public: Vec<u8>,
    verifier: PublicKey,
}

enum PublicKey {
    Ed25519(ParsedPublicKey),
    Ed448(PKey<Public>),
}

impl EdwardsPublicKey {
    /// The key of these bytes.
    ///
    /// # Errors
    /// [`PrimitiveError::Key`]: they are no key.
    pub fn new(curve: EdwardsCurve, public: &[u8]) -> Result<Self, PrimitiveError> {
        if public.len() != curve.bytes() {
            return Err(PrimitiveError::Key);
        }
        let verifier = match curve {
            EdwardsCurve::Ed25519 => {
                PublicKey::Ed25519(ParsedPublicKey::new(&signature::ED25519, public)?)
            }
            EdwardsCurve::Ed448 => PublicKey::Ed448(
                PKey::public_key_from_raw_bytes(public, curve.id())
                    .map_err(|_| PrimitiveError::Key)?,
            ),
        };
        Ok(Self { public: public.to_vec(), verifier })
    }

    /// The curve.
    pub const fn curve(&self) -> EdwardsCurve {
        match self.verifier {
            PublicKey::Ed25519(_) => EdwardsCurve::Ed25519,
            PublicKey::Ed448(_) => EdwardsCurve::Ed448,
        }
    }

    /// The key's bytes.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// Verifies a signature.
    ///
    /// # Errors
    /// [`PrimitiveError::SignatureLength`] or [`PrimitiveError::Signature`]: it is none.
    pub fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), PrimitiveError> {
        if signature.len() != 2 * self.curve().bytes() {
            return Err(PrimitiveError::SignatureLength);
        }
        let right = match &self.verifier {
            PublicKey::Ed25519(key) => key.verify_sig(data, signature).is_ok(),
            PublicKey::Ed448(key) => {
                Verifier::new_without_digest(key)?.verify_oneshot(signature, data).unwrap_or(false)
            }
        };
        if right { Ok(()) } else { Err(PrimitiveError::Signature) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032 sections 7.1 (test 2) and 7.4 (1 octet).
    const VECTORS: [(EdwardsCurve, &str, &str, u8, &str); 2] = [
        (
            EdwardsCurve::Ed25519,
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            0x72,
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            EdwardsCurve::Ed448,
            "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463a\
             fbea67c5e8d2877c5e3bc397a659949ef8021e954e0a12274e",
            "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c086\
             6aea01eb00742802b8438ea4cb82169c235160627b4c3a9480",
            0x03,
            "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f435\
             2541b143c4b981b7e18f62de8ccdf633fc1bf037ab7cd779805e0dbcc0aae1cb\
             cee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0f\
             f3348ab21aa4adafd1d234441cf807c03a00",
        ),
    ];

    fn bytes(hex: &str) -> Vec<u8> {
        let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digit).collect()
    }

    #[test]
    fn vectors_of_rfc_8032() {
        for (curve, seed, public, message, signature) in VECTORS {
            let key = EdwardsPrivateKey::new(curve, &bytes(seed)).unwrap();
            assert_eq!(key.public(), bytes(public));
            assert_eq!(key.sign(&[message]).unwrap(), bytes(signature));
            let public = EdwardsPublicKey::new(curve, &bytes(public)).unwrap();
            assert_eq!(public.verify(&[message], &bytes(signature)), Ok(()));
            let refused = public.verify(&[message, 0], &bytes(signature));
            assert_eq!(refused, Err(PrimitiveError::Signature));
            let refused = public.verify(&[message], &bytes(signature)[1..]);
            assert_eq!(refused, Err(PrimitiveError::SignatureLength));
            assert_eq!(EdwardsPrivateKey::new(curve, &[1; 20]).err(), Some(PrimitiveError::Key));
            assert_eq!(EdwardsPublicKey::new(curve, &[1; 20]).err(), Some(PrimitiveError::Key));
        }
    }
}
