//! Authenticated encryption whose nonces are long enough to be drawn at random: XChaCha20-Poly1305
//! (draft-irtf-cfrg-xchacha-03).

use std::fmt;

use chacha20poly1305::{AeadInOut, KeyInit, Tag, XChaCha20Poly1305, XNonce};

use super::{AeadError, TAG_BYTES};

/// The size in bytes of a nonce that may be drawn at random for any number of texts.
pub const EXTENDED_NONCE_BYTES: usize = 24;

/// A key for XChaCha20-Poly1305, erased when dropped.
pub struct ExtendedKey(XChaCha20Poly1305);

impl ExtendedKey {
    /// A key of these 32 bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// Encrypts `buffer[from..]` in place and puts the tag behind it.
    ///
    /// # Errors
    /// The text is longer than the cipher permits, or `from` lies behind the buffer's end.
    pub fn seal(
        &self,
        nonce: [u8; EXTENDED_NONCE_BYTES],
        associated: &[u8],
        buffer: &mut Vec<u8>,
        from: usize,
    ) -> Result<(), AeadError> {
        let text = buffer.get_mut(from..).ok_or(AeadError)?;
        let tag = self
            .0
            .encrypt_inout_detached(&XNonce::from(nonce), associated, text.into())
            .map_err(|_| AeadError)?;
        buffer.extend_from_slice(&tag);
        Ok(())
    }

    /// Checks the tag at the end of `buffer`, decrypts in place and returns the text's length.
    ///
    /// # Errors
    /// The buffer was not made under this key, nonce and associated data.
    pub fn open(
        &self,
        nonce: [u8; EXTENDED_NONCE_BYTES],
        associated: &[u8],
        buffer: &mut [u8],
    ) -> Result<usize, AeadError> {
        let length = buffer.len().checked_sub(TAG_BYTES).ok_or(AeadError)?;
        let (text, tag) = buffer.split_at_mut(length);
        let tag = Tag::try_from(&*tag).map_err(|_| AeadError)?;
        self.0
            .decrypt_inout_detached(&XNonce::from(nonce), associated, text.into(), &tag)
            .map_err(|_| AeadError)?;
        Ok(length)
    }
}

impl fmt::Debug for ExtendedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExtendedKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The draft's appendix A.3.1.
    #[test]
    fn the_drafts_example_comes_out() {
        let mut key = [0; 32];
        (0_u8..32).zip(&mut key).for_each(|(at, byte)| *byte = 0x80 + at);
        let mut nonce = [0; 24];
        (0_u8..24).zip(&mut nonce).for_each(|(at, byte)| *byte = 0x40 + at);
        let associated = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
        let text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip \
            for the future, sunscreen would be it.";
        let mut sealed = text.to_vec();
        let key = ExtendedKey::new(&key);
        key.seal(nonce, &associated, &mut sealed, 0).unwrap();
        assert_eq!(sealed[..8], [0xbd, 0x6d, 0x17, 0x9d, 0x3e, 0x83, 0xd4, 0x3b]);
        assert_eq!(
            sealed[text.len()..],
            [
                0xc0, 0x87, 0x59, 0x24, 0xc1, 0xc7, 0x98, 0x79, 0x47, 0xde, 0xaf, 0xd8, 0x78, 0x0a,
                0xcf, 0x49
            ]
        );
        let length = key.open(nonce, &associated, &mut sealed).unwrap();
        assert_eq!(sealed[..length], text[..]);
    }

    #[test]
    fn what_was_altered_does_not_open() {
        let key = ExtendedKey::new(&[7; 32]);
        let mut sealed = b"head text".to_vec();
        key.seal([1; 24], b"head", &mut sealed, 5).unwrap();
        assert_eq!(&sealed[..5], b"head ");
        let open = |nonce, associated: &[u8], sealed: &[u8]| {
            ExtendedKey::new(&[7; 32]).open(nonce, associated, &mut sealed.to_vec())
        };
        assert_eq!(open([1; 24], b"head", &sealed[5..]), Ok(4));
        assert_eq!(open([2; 24], b"head", &sealed[5..]), Err(AeadError));
        assert_eq!(open([1; 24], b"tail", &sealed[5..]), Err(AeadError));
        assert_eq!(open([1; 24], b"head", &sealed[5..9]), Err(AeadError));
        assert_eq!(open([1; 24], b"head", &sealed[6..]), Err(AeadError));
    }
}
