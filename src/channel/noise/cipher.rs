//! Section 5.1 (`CipherState`), and the nonce of each cipher (section 12).

use zeroize::Zeroizing;

use crate::crypto::{AeadKey, Cipher, NONCE_BYTES, TAG_BYTES};

use super::NoiseError;

/// A cipher's key whose nonces the caller supplies (section 11.4, out-of-order messages): the
/// form that keys have after the handshake.
#[derive(Debug)]
pub struct CipherKey {
    cipher: Cipher,
    /// Boxed, so that moving a state leaves no copies of the key schedule on the stack.
    key: Box<AeadKey>,
}

impl CipherKey {
    /// A key of these bytes.
    pub(super) fn new(cipher: Cipher, key: &[u8; 32]) -> Self {
        Self { cipher, key: Box::new(AeadKey::new(cipher, key)) }
    }

    /// Encrypts `buffer[from..]` in place and appends the tag. Never call it twice with one `n`.
    ///
    /// # Errors
    /// [`NoiseError::Exhausted`]: `n` is 2^64 - 1, or the text is longer than the cipher permits.
    pub fn seal(
        &self,
        n: u64,
        ad: &[u8],
        buffer: &mut Vec<u8>,
        from: usize,
    ) -> Result<(), NoiseError> {
        let nonce = self.nonce(n).ok_or(NoiseError::Exhausted)?;
        self.key.seal(nonce, ad, buffer, from).map_err(|_| NoiseError::Exhausted)
    }

    /// Decrypts a ciphertext with its tag.
    ///
    /// # Errors
    /// [`NoiseError::NotAuthentic`]: it was not made under this key, `n` and `ad`.
    pub fn open(
        &self,
        n: u64,
        ad: &[u8],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, NoiseError> {
        let (text, authentic) = self.open_anyway(n, ad, ciphertext);
        authentic.map(|()| text)
    }

    /// As [`Self::open`]; bytes come back in both cases, and mean nothing if they do not authenticate.
    fn open_anyway(
        &self,
        n: u64,
        ad: &[u8],
        ciphertext: &[u8],
    ) -> (Zeroizing<Vec<u8>>, Result<(), NoiseError>) {
        let mut text = Zeroizing::new(ciphertext.to_vec());
        let opened = self.open_in_place(n, ad, &mut text).map(drop);
        text.truncate(ciphertext.len().saturating_sub(TAG_BYTES));
        (text, opened)
    }

    /// Decrypts a ciphertext with its tag where it lies, and gives the text.
    ///
    /// # Errors
    /// [`NoiseError::NotAuthentic`]: it was not made under this key, `n` and `ad`. What the buffer
    /// then holds is neither ciphertext nor text.
    pub fn open_in_place<'b>(
        &self,
        n: u64,
        ad: &[u8],
        buffer: &'b mut [u8],
    ) -> Result<&'b mut [u8], NoiseError> {
        let nonce = self.nonce(n).ok_or(NoiseError::NotAuthentic)?;
        self.key.open(nonce, ad, buffer).map_err(|_| NoiseError::NotAuthentic)
    }

    /// 32 bits of zeros, then `n`: big-endian for AESGCM, little-endian for `ChaChaPoly`.
    fn nonce(&self, n: u64) -> Option<[u8; NONCE_BYTES]> {
        if n == u64::MAX {
            return None;
        }
        let mut nonce = [0; NONCE_BYTES];
        let (_zeros, counter) = nonce.split_at_mut(4);
        counter.copy_from_slice(&match self.cipher {
            Cipher::Aes256Gcm => n.to_be_bytes(),
            Cipher::ChaCha20Poly1305 => n.to_le_bytes(),
        });
        Some(nonce)
    }
}

/// A key that counts its own nonces: the form that keys have during the handshake.
#[derive(Debug)]
pub(super) struct CipherState {
    k: CipherKey,
    n: u64,
}

impl CipherState {
    /// `InitializeKey(key)`.
    pub(super) fn initialize_key(cipher: Cipher, key: &[u8; 32]) -> Self {
        Self { k: CipherKey::new(cipher, key), n: 0 }
    }

    /// `EncryptWithAd(ad, plaintext)`, appended to `out`.
    pub(super) fn encrypt_with_ad(
        &mut self,
        ad: &[u8],
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), NoiseError> {
        let from = out.len();
        out.reserve(plaintext.len() + TAG_BYTES);
        out.extend_from_slice(plaintext);
        self.k.seal(self.n, ad, out, from)?;
        self.n += 1;
        Ok(())
    }

    /// `DecryptWithAd(ad, ciphertext)`. Bytes come back in both cases, and mean nothing if they do not
    /// authenticate; a failure does not advance the nonce.
    pub(super) fn decrypt_with_ad(
        &mut self,
        ad: &[u8],
        ciphertext: &[u8],
    ) -> (Zeroizing<Vec<u8>>, Result<(), NoiseError>) {
        let (text, authentic) = self.k.open_anyway(self.n, ad, ciphertext);
        self.n += u64::from(authentic.is_ok());
        (text, authentic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_have_the_cipher_s_byte_order() {
        let aes = CipherKey::new(Cipher::Aes256Gcm, &[0; 32]);
        let chacha = CipherKey::new(Cipher::ChaCha20Poly1305, &[0; 32]);
        assert_eq!(aes.nonce(0x0102), Some([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]));
        assert_eq!(chacha.nonce(0x0102), Some([0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0]));
    }

    #[test]
    fn the_reserved_nonce_is_refused() {
        let key = CipherKey::new(Cipher::Aes256Gcm, &[0; 32]);
        let mut buffer = b"text".to_vec();
        assert_eq!(key.seal(u64::MAX, b"", &mut buffer, 0), Err(NoiseError::Exhausted));
        assert_eq!(buffer, b"text");
        key.seal(u64::MAX - 1, b"", &mut buffer, 0).unwrap();
        assert_eq!(key.open(u64::MAX, b"", &buffer), Err(NoiseError::NotAuthentic));
        assert_eq!(key.open(u64::MAX - 1, b"", &buffer).unwrap()[..], *b"text");
    }
}
