//! CCM (NIST SP 800-38C), which needs to know the text's length before it begins.

use openssl::cipher_ctx::CipherCtx;
use zeroize::Zeroizing;

use super::{
    AeadScheme, CipherKey, Kind, PrimitiveError,
    fetched::{Mode, cipher},
    stream::Direction,
};

impl CipherKey {
    /// Encrypts by CCM and puts the tag behind.
    ///
    /// # Errors
    /// [`PrimitiveError::Parameters`]: nonce or tag have a length that CCM does not have.
    /// [`PrimitiveError::DataLength`]: the text is longer than a nonce of this length permits.
    pub fn seal_ccm(
        &self,
        scheme: &AeadScheme<'_>,
        text: &[u8],
    ) -> Result<Vec<u8>, PrimitiveError> {
        let mut context = self.start_ccm(scheme, Direction::Encrypt, text.len(), None)?;
        let mut sealed = Vec::with_capacity(text.len() + 2 * super::BLOCK_BYTES);
        context.cipher_update_vec(text, &mut sealed)?;
        context.cipher_final_vec(&mut sealed)?;
        sealed.resize(text.len() + scheme.tag_bytes, 0);
        context.tag(&mut sealed[text.len()..])?;
        Ok(sealed)
    }

    /// Decrypts by CCM and checks the tag behind the ciphertext.
    ///
    /// # Errors
    /// [`PrimitiveError::Parameters`]: nonce or tag have a length that CCM does not have.
    /// [`PrimitiveError::DataLength`]: there is no room for a tag.
    /// [`PrimitiveError::Data`]: it was not made by this key and these parameters.
    pub fn open_ccm(
        &self,
        scheme: &AeadScheme<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        let text_bytes =
            sealed.len().checked_sub(scheme.tag_bytes).ok_or(PrimitiveError::DataLength)?;
        let (ciphertext, tag) = sealed.split_at(text_bytes);
        let mut context = self.start_ccm(scheme, Direction::Decrypt, text_bytes, Some(tag))?;
        let mut text = Zeroizing::new(Vec::with_capacity(text_bytes + 2 * super::BLOCK_BYTES));
        // The library checks the tag here, and gives no text if it is wrong.
        context.cipher_update_vec(ciphertext, &mut text).map_err(|_| PrimitiveError::Data)?;
        if text.len() == text_bytes { Ok(text) } else { Err(PrimitiveError::Data) }
    }

    fn start_ccm(
        &self,
        scheme: &AeadScheme<'_>,
        direction: Direction,
        text_bytes: usize,
        tag: Option<&[u8]>,
    ) -> Result<CipherCtx, PrimitiveError> {
        let nonce_bytes = scheme.nonce.len();
        let tags = [4, 6, 8, 10, 12, 14, 16];
        if self.kind == Kind::ChaCha20 {
            return Err(PrimitiveError::KeySize);
        }
        if !(7..=13).contains(&nonce_bytes) || !tags.contains(&scheme.tag_bytes) {
            return Err(PrimitiveError::Parameters);
        }
        // What the nonce leaves of a block holds the length; OpenSSL counts in C's int.
        let length_bits = 8 * (15 - nonce_bytes).min(3);
        if text_bytes >> length_bits != 0 || scheme.associated.len() >> 30 != 0 {
            return Err(PrimitiveError::DataLength);
        }
        let mut context = CipherCtx::new()?;
        let cipher = Some(cipher(self.kind, Mode::Ccm)?);
        let (bytes, nonce) = (Some(&self.bytes[..]), Some(scheme.nonce));
        match direction {
            Direction::Encrypt => {
                context.encrypt_init(cipher, None, None)?;
                context.set_iv_length(nonce_bytes)?;
                context.set_tag_length(scheme.tag_bytes)?;
                context.encrypt_init(None, bytes, nonce)?;
            }
            Direction::Decrypt => {
                context.decrypt_init(cipher, None, None)?;
                context.set_iv_length(nonce_bytes)?;
                context.set_tag(tag.unwrap_or_default())?;
                context.decrypt_init(None, bytes, nonce)?;
            }
        }
        context.set_data_len(text_bytes)?;
        if !scheme.associated.is_empty() {
            context.cipher_update(scheme.associated, None)?;
        }
        Ok(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: [u8; 14] = [1; 14];

    /// NIST SP 800-38C, examples 1 and 2.
    #[test]
    fn examples_of_sp_800_38c() {
        let key: Vec<u8> = (0x40..0x50).collect();
        let key = CipherKey::aes(&key).unwrap();
        let (nonce, associated): (Vec<u8>, Vec<u8>) = ((0x10..0x18).collect(), (0..16).collect());
        let scheme = |nonce_bytes, associated_bytes, tag_bytes| AeadScheme {
            nonce: &nonce[..nonce_bytes],
            associated: &associated[..associated_bytes],
            tag_bytes,
        };
        let first = key.seal_ccm(&scheme(7, 8, 4), &[0x20, 0x21, 0x22, 0x23]).unwrap();
        assert_eq!(first, b"\x71\x62\x01\x5b\x4d\xac\x25\x5d");
        let text: Vec<u8> = (0x20..0x30).collect();
        let second = key.seal_ccm(&scheme(8, 16, 6), &text).unwrap();
        let expected = b"\xd2\xa1\xf0\xe0\x51\xea\x5f\x62\x08\x1a\x77\x92\x07\x3d\x59\x3d\
                         \x1f\xc6\x4f\xbf\xac\xcd";
        assert_eq!(second, expected);
    }

    #[test]
    fn changes_do_not_open() {
        let key = CipherKey::aes(&[1; 32]).unwrap();
        let scheme = AeadScheme { nonce: &NONCE[..12], associated: &[2], tag_bytes: 16 };
        for text in [&b""[..], b"text"] {
            let mut sealed = key.seal_ccm(&scheme, text).unwrap();
            assert_eq!(&**key.open_ccm(&scheme, &sealed).unwrap(), text);
            sealed[0] ^= 1;
            assert_eq!(key.open_ccm(&scheme, &sealed), Err(PrimitiveError::Data));
            assert_eq!(key.open_ccm(&scheme, &sealed[..15]), Err(PrimitiveError::DataLength));
        }
        for (nonce, tag_bytes) in [(6, 16), (14, 16), (12, 5), (12, 18), (12, 0)] {
            let scheme = AeadScheme { nonce: &NONCE[..nonce], associated: &[], tag_bytes };
            assert_eq!(key.seal_ccm(&scheme, b"text"), Err(PrimitiveError::Parameters));
        }
        let long = AeadScheme { nonce: &NONCE[..13], associated: &[], tag_bytes: 16 };
        assert!(key.seal_ccm(&long, &vec![0; 0xffff]).is_ok());
        assert_eq!(key.seal_ccm(&long, &vec![0; 0x1_0000]), Err(PrimitiveError::DataLength));
    }
}
