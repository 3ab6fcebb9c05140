//! What an RSA public key does.

use openssl::{
    bn::BigNum,
    pkey::{PKey, Public},
    pkey_ctx::PkeyCtx,
    rsa::{Padding, Rsa},
};
use zeroize::Zeroizing;

use super::{
    HashFunction, OaepScheme, PKCS1_PADDING_BYTES, PrimitiveError, PssScheme, RSA_BITS, encoded,
};

/// An RSA public key, prepared.
pub struct RsaPublicKey {
    rsa: Rsa<Public>,
    key: PKey<Public>,
    modulus_bits: usize,
}

impl RsaPublicKey {
    /// The key of modulus and exponent, most significant byte first.
    ///
    /// # Errors
    /// [`PrimitiveError::Key`]: they are even, or the exponent is below 3 or above 64 bits.
    /// [`PrimitiveError::KeySize`]: the modulus is too short or too long.
    pub fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, PrimitiveError> {
        let (n, e) = (BigNum::from_slice(modulus)?, BigNum::from_slice(exponent)?);
        if !RSA_BITS.contains(&u32::try_from(n.num_bits()).unwrap_or(0)) {
            return Err(PrimitiveError::KeySize);
        }
        // OpenSSL takes longer exponents for short moduli only.
        if !n.is_odd() || !e.is_odd() || !(2..=64).contains(&e.num_bits()) {
            return Err(PrimitiveError::Key);
        }
        let modulus_bits = usize::try_from(n.num_bits()).unwrap_or(0);
        let rsa = Rsa::from_public_components(n, e)?;
        let key = PKey::from_rsa(rsa.clone())?;
        Ok(Self { rsa, key, modulus_bits })
    }

    /// The modulus's length in bits.
    pub const fn modulus_bits(&self) -> usize {
        self.modulus_bits
    }

    /// The modulus's length in bytes, and so a signature's.
    pub const fn modulus_bytes(&self) -> usize {
        self.modulus_bits.div_ceil(8)
    }

    /// DER's `RSAPublicKey` (RFC 8017 section A.1.1).
    ///
    /// # Errors
    /// The library failed.
    pub fn to_der(&self) -> Result<Vec<u8>, PrimitiveError> {
        Ok(self.rsa.public_key_to_der_pkcs1()?)
    }

    /// Verifies a signature of a hash by PKCS#1 v1.5.
    ///
    /// # Errors
    /// [`PrimitiveError::SignatureLength`] or [`PrimitiveError::Signature`]: it is none.
    /// [`PrimitiveError::DataLength`]: it is no hash of this function.
    pub fn verify_pkcs1(
        &self,
        hash: HashFunction,
        value: &[u8],
        signature: &[u8],
    ) -> Result<(), PrimitiveError> {
        self.verify_pkcs1_data(&encoded(hash, value)?, signature)
    }

    /// Verifies a signature of data that stand between the padding as they are.
    ///
    /// # Errors
    /// [`PrimitiveError::SignatureLength`] or [`PrimitiveError::Signature`]: it is none.
    pub fn verify_pkcs1_data(&self, data: &[u8], signature: &[u8]) -> Result<(), PrimitiveError> {
        let signed = self.recover_pkcs1(signature)?;
        if *signed == data { Ok(()) } else { Err(PrimitiveError::Signature) }
    }

    /// What a signature by PKCS#1 v1.5 has between its padding.
    ///
    /// # Errors
    /// [`PrimitiveError::SignatureLength`] or [`PrimitiveError::Signature`]: it is none.
    pub fn recover_pkcs1(&self, signature: &[u8]) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        let mut data = Zeroizing::new(vec![0; self.modulus_bytes()]);
        if signature.len() != data.len() {
            return Err(PrimitiveError::SignatureLength);
        }
        let length = self
            .rsa
            .public_decrypt(signature, &mut data, Padding::PKCS1)
            .map_err(|_| PrimitiveError::Signature)?;
        data.truncate(length);
        Ok(data)
    }

    /// Verifies a signature of a hash by PSS.
    ///
    /// # Errors
    /// [`PrimitiveError::SignatureLength`] or [`PrimitiveError::Signature`]: it is none.
    /// [`PrimitiveError::DataLength`]: it is no hash of this function.
    pub fn verify_pss(
        &self,
        scheme: PssScheme,
        value: &[u8],
        signature: &[u8],
    ) -> Result<(), PrimitiveError> {
        if value.len() != scheme.hash.bytes() {
            return Err(PrimitiveError::DataLength);
        }
        if signature.len() != self.modulus_bytes() {
            return Err(PrimitiveError::SignatureLength);
        }
        if !scheme.fits(self.modulus_bits) {
            return Err(PrimitiveError::KeySize);
        }
        let mut context = PkeyCtx::new(&self.key)?;
        context.verify_init()?;
        scheme.apply(&mut context)?;
        match context.verify(value, signature) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(PrimitiveError::Signature),
        }
    }

    /// The bare operation on a block of the modulus's length.
    ///
    /// # Errors
    /// [`PrimitiveError::DataLength`]: the block has another length, or its number is not below
    /// the modulus.
    pub fn raw(&self, block: &[u8]) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        let mut result = Zeroizing::new(vec![0; self.modulus_bytes()]);
        if block.len() != result.len() {
            return Err(PrimitiveError::DataLength);
        }
        self.rsa
            .public_encrypt(block, &mut result, Padding::NONE)
            .map_err(|_| PrimitiveError::DataLength)?;
        Ok(result)
    }

    /// Encrypts by PKCS#1 v1.5.
    ///
    /// # Errors
    /// [`PrimitiveError::DataLength`]: the text is too long.
    pub fn encrypt_pkcs1(&self, text: &[u8]) -> Result<Vec<u8>, PrimitiveError> {
        if text.len() + PKCS1_PADDING_BYTES > self.modulus_bytes() {
            return Err(PrimitiveError::DataLength);
        }
        let mut ciphertext = vec![0; self.modulus_bytes()];
        self.rsa.public_encrypt(text, &mut ciphertext, Padding::PKCS1)?;
        Ok(ciphertext)
    }

    /// Encrypts by OAEP.
    ///
    /// # Errors
    /// [`PrimitiveError::DataLength`]: the text is too long.
    pub fn encrypt_oaep(
        &self,
        scheme: OaepScheme<'_>,
        text: &[u8],
    ) -> Result<Vec<u8>, PrimitiveError> {
        if text.len() + 2 * scheme.hash.bytes() + 2 > self.modulus_bytes() {
            return Err(PrimitiveError::DataLength);
        }
        let mut context = PkeyCtx::new(&self.key)?;
        context.encrypt_init()?;
        scheme.apply(&mut context)?;
        let mut ciphertext = Vec::with_capacity(self.modulus_bytes());
        context.encrypt_to_vec(text, &mut ciphertext)?;
        Ok(ciphertext)
    }
}
