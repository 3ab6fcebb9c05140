//! Authenticated encryption with associated data (RFC 5116).

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

/// The size in bytes of a nonce.
pub const NONCE_BYTES: usize = 12;

/// The size in bytes of the tag behind a ciphertext.
pub const TAG_BYTES: usize = 16;

/// An AEAD with a 256-bit key, a 96-bit nonce and a 128-bit tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cipher {
    /// AES-256 in Galois/Counter Mode (NIST SP 800-38D).
    Aes256Gcm,
    /// ChaCha20-Poly1305 (RFC 8439).
    ChaCha20Poly1305,
}

/// A key for one [`Cipher`], erased when dropped. Callers never use a nonce twice under one key.
pub struct AeadKey(LessSafeKey);

impl AeadKey {
    /// A key of these 32 bytes.
    pub fn new(cipher: Cipher, key: &[u8; 32]) -> Self {
        let algorithm = match cipher {
            Cipher::Aes256Gcm => &AES_256_GCM,
            Cipher::ChaCha20Poly1305 => &CHACHA20_POLY1305,
        };
        let key = UnboundKey::new(algorithm, key)
            .unwrap_or_else(|_| unreachable!("both ciphers take 32 bytes"));
        Self(LessSafeKey::new(key))
    }

    /// Encrypts `buffer[from..]` in place and puts the tag behind it.
    ///
    /// # Errors
    /// The text is longer than the cipher permits, or `from` lies behind the buffer's end.
    pub fn seal(
        &self,
        nonce: [u8; NONCE_BYTES],
        associated: &[u8],
        buffer: &mut Vec<u8>,
        from: usize,
    ) -> Result<(), AeadError> {
        let text = buffer.get_mut(from..).ok_or(AeadError)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(associated), text)
            .map_err(|_| AeadError)?;
        buffer.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Checks the tag at the end of `buffer`, decrypts in place and returns the text.
    ///
    /// # Errors
    /// The buffer was not made under this key, nonce and associated data. What the buffer then
    /// holds is neither ciphertext nor text.
    pub fn open<'b>(
        &self,
        nonce: [u8; NONCE_BYTES],
        associated: &[u8],
        buffer: &'b mut [u8],
    ) -> Result<&'b mut [u8], AeadError> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_in_place(nonce, Aad::from(associated), buffer).map_err(|_| AeadError)
    }
}

impl fmt::Debug for AeadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AeadKey(..)")
    }
}

/// The text does not authenticate, or is too long to be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text does not authenticate")]
pub struct AeadError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_and_nothing_else() {
        for cipher in [Cipher::Aes256Gcm, Cipher::ChaCha20Poly1305] {
            let key = AeadKey::new(cipher, &[7; 32]);
            let mut sealed = b"head".to_vec();
            sealed.extend_from_slice(b"text");
            key.seal([1; 12], b"head", &mut sealed, 4).unwrap();
            assert_eq!(sealed.len(), 4 + 4 + TAG_BYTES);
            assert_eq!(key.open([1; 12], b"head", &mut sealed.clone()[4..]).unwrap(), b"text");
            assert_eq!(key.open([2; 12], b"head", &mut sealed.clone()[4..]), Err(AeadError));
            assert_eq!(key.open([1; 12], b"tail", &mut sealed.clone()[4..]), Err(AeadError));
            sealed[4] ^= 1;
            assert_eq!(key.open([1; 12], b"head", &mut sealed[4..]), Err(AeadError));
        }
    }
}
