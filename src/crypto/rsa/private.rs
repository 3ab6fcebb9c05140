//! What an RSA private key does.

use aws_lc_rs::{
    digest,
    rsa::KeyPair,
    signature::{self, RsaSignatureEncoding},
};
use openssl::{
    pkey::{PKey, Private},
    pkey_ctx::PkeyCtx,
    rsa::{Padding, Rsa},
};
use zeroize::Zeroizing;

use super::{
    HashFunction, OaepScheme, PKCS1_PADDING_BYTES, PrimitiveError, PssScheme, RsaComponents,
    digest_info, encoded, rejection::RejectionKey,
};

/// An RSA private key, prepared.
pub struct RsaPrivateKey {
    signer: KeyPair,
    rsa: Rsa<Private>,
    key: PKey<Private>,
    rejection: RejectionKey,
    modulus_bits: usize,
}

impl RsaPrivateKey {
    /// The key of these numbers.
    ///
    /// # Errors
    /// [`PrimitiveError::Key`]: they contradict each other. [`PrimitiveError::KeySize`]: the
    /// modulus is too short or too long.
    pub fn new(components: &RsaComponents) -> Result<Self, PrimitiveError> {
        let rsa = components.assemble()?;
        // AWS-LC checks that the numbers belong together.
        let signer = KeyPair::from_der(&Zeroizing::new(rsa.private_key_to_der()?))?;
        let modulus_bits = usize::try_from(rsa.n().num_bits()).unwrap_or(0);
        let rejection = RejectionKey::new(rsa.d(), modulus_bits.div_ceil(8))?;
        let key = PKey::from_rsa(rsa.clone())?;
        Ok(Self { signer, rsa, key, rejection, modulus_bits })
    }

    /// The modulus's length in bits.
    pub const fn modulus_bits(&self) -> usize {
        self.modulus_bits
    }

    /// The modulus's length in bytes, and so a signature's.
    pub const fn modulus_bytes(&self) -> usize {
        self.modulus_bits.div_ceil(8)
    }

    /// Signs a hash by PKCS#1 v1.5.
    ///
    /// # Errors
    /// [`PrimitiveError::DataLength`]: it is no hash of this function.
    pub fn sign_pkcs1(&self, hash: HashFunction, value: &[u8]) -> Result<Vec<u8>, PrimitiveError> {
        let encoding = match hash {
            HashFunction::Sha256 => &signature::RSA_PKCS1_SHA256,
            HashFunction::Sha384 => &signature::RSA_PKCS1_SHA384,
            HashFunction::Sha512 => &signature::RSA_PKCS1_SHA512,
            _ => return self.sign_padded(&encoded(hash, value)?),
        };
        self.sign_by_aws_lc(encoding, hash, value)
    }

    /// Signs data that are put between the padding as they are; usually a `DigestInfo`.
    ///
    /// # Errors
    /// [`PrimitiveError::DataLength`]: they are too long.
    pub fn sign_pkcs1_data(&self, data: &[u8]) -> Result<Vec<u8>, PrimitiveError> {
        for hash in [HashFunction::Sha256, HashFunction::Sha384, HashFunction::Sha512] {
            match data.strip_prefix(digest_info(hash)) {
                Some(value) if value.len() == hash.bytes() => return self.sign_pkcs1(hash, value),
                _ => {}
            }
        }
        self.sign_padded(data)
    }

    /// Signs a hash by PSS.
    ///
    /// # Errors
    /// [`PrimitiveError::DataLength`]: it is no hash of this function.
    /// [`PrimitiveError::KeySize`]: the key is too short for hash and salt.
    pub fn sign_pss(&self, scheme: PssScheme, value: &[u8]) -> Result<Vec<u8>, PrimitiveError> {
        if value.len() != scheme.hash.bytes() {
            return Err(PrimitiveError::DataLength);
        }
        if !scheme.fits(self.modulus_bits) {
            return Err(PrimitiveError::KeySize);
        }
        let encoding = match scheme.hash {
            HashFunction::Sha256 => Some(&signature::RSA_PSS_SHA256),
            HashFunction::Sha384 => Some(&signature::RSA_PSS_SHA384),
            HashFunction::Sha512 => Some(&signature::RSA_PSS_SHA512),
            _ => None,
        };
        match encoding {
            Some(encoding)
                if scheme.mask == scheme.hash && scheme.salt_bytes == scheme.hash.bytes() =>
            {
                self.sign_by_aws_lc(encoding, scheme.hash, value)
            }
            _ => {
                let mut context = PkeyCtx::new(&self.key)?;
                context.sign_init()?;
                scheme.apply(&mut context)?;
                let mut signature = Vec::with_capacity(self.modulus_bytes());
                context.sign_to_vec(value, &mut signature)?;
                Ok(signature)
            }
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
            .private_decrypt(block, &mut result, Padding::NONE)
            .map_err(|_| PrimitiveError::DataLength)?;
        Ok(result)
    }

    /// Decrypts by PKCS#1 v1.5. A wrong padding gives a text that is random to whoever does not
    /// hold the key, always the same for one ciphertext: nobody learns that the padding was wrong.
    ///
    /// # Errors
    /// [`PrimitiveError::DataLength`]: the ciphertext has another length than the modulus.
    pub fn decrypt_pkcs1(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        let padded = self.raw(ciphertext)?;
        self.rejection.remove_padding(&padded, ciphertext)
    }

    /// Decrypts by OAEP.
    ///
    /// # Errors
    /// [`PrimitiveError::DataLength`]: the ciphertext has another length than the modulus.
    /// [`PrimitiveError::Data`]: it was not made for this key and these parameters.
    pub fn decrypt_oaep(
        &self,
        scheme: OaepScheme<'_>,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        if ciphertext.len() != self.modulus_bytes() {
            return Err(PrimitiveError::DataLength);
        }
        let mut context = PkeyCtx::new(&self.key)?;
        context.decrypt_init()?;
        scheme.apply(&mut context)?;
        let mut text = Zeroizing::new(vec![0; self.modulus_bytes()]);
        let length =
            context.decrypt(ciphertext, Some(&mut text)).map_err(|_| PrimitiveError::Data)?;
        text.truncate(length);
        Ok(text)
    }

    fn sign_by_aws_lc(
        &self,
        encoding: &'static RsaSignatureEncoding,
        hash: HashFunction,
        value: &[u8],
    ) -> Result<Vec<u8>, PrimitiveError> {
        let algorithm = hash.aws_lc().ok_or(PrimitiveError::Library)?;
        let value = digest::Digest::import_less_safe(value, algorithm)
            .map_err(|_| PrimitiveError::DataLength)?;
        let mut signature = vec![0; self.modulus_bytes()];
        self.signer.sign_digest(encoding, &value, &mut signature)?;
        Ok(signature)
    }

    fn sign_padded(&self, data: &[u8]) -> Result<Vec<u8>, PrimitiveError> {
        if data.len() + PKCS1_PADDING_BYTES > self.modulus_bytes() {
            return Err(PrimitiveError::DataLength);
        }
        let mut signature = vec![0; self.modulus_bytes()];
        self.rsa.private_encrypt(data, &mut signature, Padding::PKCS1)?;
        Ok(signature)
    }
}
