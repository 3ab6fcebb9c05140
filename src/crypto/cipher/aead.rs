//! GCM and ChaCha20-Poly1305.

use std::fmt;

use aws_lc_rs::aead::{
    AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use openssl::cipher_ctx::CipherCtx;
use zeroize::Zeroizing;

use super::{
    CipherKey, Kind, PrimitiveError,
    fetched::{Mode, cipher},
    stream::Direction,
};

/// The length in bytes of nonces that both libraries know.
const USUAL_NONCE_BYTES: usize = 12;

/// The length in bytes of tags that both libraries know, and the greatest.
const USUAL_TAG_BYTES: usize = 16;

/// The least length in bytes of a tag.
const LEAST_TAG_BYTES: usize = 12;

/// The greatest length in bytes of a nonce that OpenSSL takes.
const GREATEST_NONCE_BYTES: usize = 128;

/// Nonce, associated data and tag length of an authenticated encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AeadScheme<'a> {
    /// The nonce, which is never used twice with a key.
    pub nonce: &'a [u8],
    /// Data that are authenticated and not encrypted.
    pub associated: &'a [u8],
    /// The tag's length in bytes.
    pub tag_bytes: usize,
}

impl CipherKey {
    /// Encrypts and puts the tag behind: by GCM, or with a key for `ChaCha20` by ChaCha20-Poly1305.
    ///
    /// # Errors
    /// [`PrimitiveError::Parameters`]: nonce or tag have a length that is not supported.
    pub fn seal(&self, scheme: &AeadScheme<'_>, text: &[u8]) -> Result<Vec<u8>, PrimitiveError> {
        let mut sealed = Vec::with_capacity(text.len() + USUAL_TAG_BYTES);
        if let Some((key, nonce)) = self.usual(scheme) {
            sealed.extend_from_slice(text);
            let associated = Aad::from(scheme.associated);
            let tag = key.seal_in_place_separate_tag(nonce, associated, &mut sealed)?;
            sealed.extend_from_slice(tag.as_ref());
        } else {
            let mut stream = AeadStream::new(self, scheme)?;
            stream.update(text, &mut sealed)?;
            stream.finish(&mut sealed)?;
        }
        Ok(sealed)
    }

    /// Checks the tag behind the ciphertext, and decrypts.
    ///
    /// # Errors
    /// [`PrimitiveError::Parameters`]: nonce or tag have a length that is not supported.
    /// [`PrimitiveError::DataLength`]: there is no room for a tag.
    /// [`PrimitiveError::Data`]: it was not made by this key and these parameters.
    pub fn open(
        &self,
        scheme: &AeadScheme<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        let text_bytes =
            sealed.len().checked_sub(scheme.tag_bytes).ok_or(PrimitiveError::DataLength)?;
        let (ciphertext, tag) = sealed.split_at(text_bytes);
        let Some((key, nonce)) = self.usual(scheme) else {
            return self.open_by_openssl(scheme, ciphertext, tag);
        };
        let mut text = Zeroizing::new(ciphertext.to_vec());
        key.open_in_place_separate_tag(nonce, Aad::from(scheme.associated), tag, &mut text)
            .map_err(|_| PrimitiveError::Data)?;
        Ok(text)
    }

    /// What AWS-LC needs, if it knows nonces and tags of these lengths.
    fn usual(&self, scheme: &AeadScheme<'_>) -> Option<(&LessSafeKey, Nonce)> {
        if scheme.tag_bytes != USUAL_TAG_BYTES || scheme.nonce.len() != USUAL_NONCE_BYTES {
            return None;
        }
        let key = self.aead.get_or_init(|| {
            let algorithm = match self.kind {
                Kind::Aes128 => &AES_128_GCM,
                Kind::Aes192 => &AES_192_GCM,
                Kind::Aes256 => &AES_256_GCM,
                Kind::ChaCha20 => &CHACHA20_POLY1305,
            };
            UnboundKey::new(algorithm, &self.bytes).ok().map(|key| Box::new(LessSafeKey::new(key)))
        });
        Some((key.as_ref()?, Nonce::try_assume_unique_for_key(scheme.nonce).ok()?))
    }

    fn open_by_openssl(
        &self,
        scheme: &AeadScheme<'_>,
        ciphertext: &[u8],
        tag: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        let mut context = start(self, scheme, Direction::Decrypt)?;
        context.set_tag(tag)?;
        let mut text = Zeroizing::new(Vec::with_capacity(ciphertext.len() + USUAL_TAG_BYTES));
        for part in ciphertext.chunks(1 << 30) {
            context.cipher_update_vec(part, &mut text)?;
        }
        context.cipher_final_vec(&mut text).map_err(|_| PrimitiveError::Data)?;
        Ok(text)
    }
}

/// An authenticated encryption in parts. There is no such decryption: no text is to leave before
/// the tag behind it has been checked.
pub struct AeadStream {
    context: CipherCtx,
    tag_bytes: usize,
}

impl AeadStream {
    /// Starts one.
    ///
    /// # Errors
    /// [`PrimitiveError::Parameters`]: nonce or tag have a length that is not supported.
    pub fn new(key: &CipherKey, scheme: &AeadScheme<'_>) -> Result<Self, PrimitiveError> {
        let context = start(key, scheme, Direction::Encrypt)?;
        Ok(Self { context, tag_bytes: scheme.tag_bytes })
    }

    /// Takes more associated data; only before the first part.
    ///
    /// # Errors
    /// The library failed.
    pub fn associate(&mut self, data: &[u8]) -> Result<(), PrimitiveError> {
        for part in data.chunks(1 << 30) {
            self.context.cipher_update(part, None)?;
        }
        Ok(())
    }

    /// Takes the next part and appends its ciphertext.
    ///
    /// # Errors
    /// The library failed.
    pub fn update(&mut self, data: &[u8], output: &mut Vec<u8>) -> Result<(), PrimitiveError> {
        for part in data.chunks(1 << 30) {
            self.context.cipher_update_vec(part, output)?;
        }
        Ok(())
    }

    /// Appends the tag.
    ///
    /// # Errors
    /// The library failed.
    pub fn finish(mut self, output: &mut Vec<u8>) -> Result<(), PrimitiveError> {
        self.context.cipher_final_vec(output)?;
        let text_bytes = output.len();
        output.resize(text_bytes + self.tag_bytes, 0);
        self.context.tag(&mut output[text_bytes..])?;
        Ok(())
    }
}

impl fmt::Debug for AeadStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AeadStream(..)")
    }
}

fn start(
    key: &CipherKey,
    scheme: &AeadScheme<'_>,
    direction: Direction,
) -> Result<CipherCtx, PrimitiveError> {
    let (mode, nonces) = match key.kind {
        Kind::ChaCha20 => (Mode::ChaCha20Poly1305, USUAL_NONCE_BYTES..=USUAL_NONCE_BYTES),
        _ => (Mode::Gcm, 1..=GREATEST_NONCE_BYTES),
    };
    let tags = LEAST_TAG_BYTES..=USUAL_TAG_BYTES;
    if !nonces.contains(&scheme.nonce.len()) || !tags.contains(&scheme.tag_bytes) {
        return Err(PrimitiveError::Parameters);
    }
    let mut context = CipherCtx::new()?;
    let cipher = Some(cipher(key.kind, mode)?);
    let (bytes, nonce) = (Some(&key.bytes[..]), Some(scheme.nonce));
    match direction {
        Direction::Encrypt => {
            context.encrypt_init(cipher, None, None)?;
            context.set_iv_length(scheme.nonce.len())?;
            context.encrypt_init(None, bytes, nonce)?;
        }
        Direction::Decrypt => {
            context.decrypt_init(cipher, None, None)?;
            context.set_iv_length(scheme.nonce.len())?;
            context.decrypt_init(None, bytes, nonce)?;
        }
    }
    for part in scheme.associated.chunks(1 << 30) {
        context.cipher_update(part, None)?;
    }
    Ok(context)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONCE: [u8; 129] = [1; 129];

    fn keys() -> [CipherKey; 4] {
        let aes = |bytes| CipherKey::aes(&vec![5; bytes]).unwrap();
        [aes(16), aes(24), aes(32), CipherKey::chacha20(&[6; 32]).unwrap()]
    }

    proptest! {
        #[test]
        fn both_libraries_agree(text: Vec<u8>, associated: Vec<u8>, nonce: [u8; 12]) {
            let scheme = AeadScheme { nonce: &nonce, associated: &associated, tag_bytes: 16 };
            for key in keys() {
                let sealed = key.seal(&scheme, &text).unwrap();
                let mut stream = AeadStream::new(&key, &scheme).unwrap();
                let mut parts = Vec::new();
                let (first, second) = text.split_at(text.len() / 3);
                stream.update(first, &mut parts).unwrap();
                stream.update(second, &mut parts).unwrap();
                stream.finish(&mut parts).unwrap();
                prop_assert_eq!(&parts, &sealed);
                prop_assert_eq!(&*key.open(&scheme, &sealed).unwrap(), &text);
                let (ciphertext, tag) = sealed.split_at(text.len());
                let opened = key.open_by_openssl(&scheme, ciphertext, tag).unwrap();
                prop_assert_eq!(&*opened, &text);
            }
        }
    }

    #[test]
    fn unusual_lengths_open_and_changes_do_not() {
        for (nonce, tag_bytes) in [(12, 16), (12, 12), (8, 16), (60, 13)] {
            for (key, is_chacha) in keys().iter().zip([false, false, false, true]) {
                let scheme = AeadScheme { nonce: &NONCE[..nonce], associated: b"head", tag_bytes };
                if is_chacha && nonce != 12 {
                    assert_eq!(key.seal(&scheme, b"text"), Err(PrimitiveError::Parameters));
                    continue;
                }
                let mut sealed = key.seal(&scheme, b"text").unwrap();
                assert_eq!(sealed.len(), 4 + tag_bytes);
                assert_eq!(&**key.open(&scheme, &sealed).unwrap(), b"text");
                sealed[1] ^= 1;
                assert_eq!(key.open(&scheme, &sealed), Err(PrimitiveError::Data));
                let short = key.open(&scheme, &sealed[..tag_bytes - 1]);
                assert_eq!(short, Err(PrimitiveError::DataLength));
            }
        }
        for (nonce, tag_bytes) in [(0, 16), (129, 16), (12, 0), (12, 11), (12, 17)] {
            let scheme = AeadScheme { nonce: &NONCE[..nonce], associated: &[], tag_bytes };
            for key in keys() {
                assert_eq!(key.seal(&scheme, b""), Err(PrimitiveError::Parameters));
                assert_eq!(key.open(&scheme, &[0; 40]), Err(PrimitiveError::Parameters));
            }
        }
    }
}
