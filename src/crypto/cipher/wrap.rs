//! AES key wrap, bare (RFC 3394) and with padding (RFC 5649).

use openssl::cipher_ctx::{CipherCtx, CipherCtxFlags};
use zeroize::Zeroizing;

use super::{
    CipherKey, Kind, PrimitiveError,
    fetched::{Mode, cipher},
};

/// Half a block: what the bare wrap counts in, and what both add.
const SEMIBLOCK_BYTES: usize = 8;

/// The longest key in bytes that is wrapped.
const GREATEST_BYTES: usize = 1 << 20;

impl CipherKey {
    /// Wraps: without padding, or with it.
    ///
    /// # Errors
    /// [`PrimitiveError::DataLength`]: the data are too short or too long, or without padding no
    /// multiple of 8 bytes. [`PrimitiveError::Parameters`]: the initial value has not 8 bytes, or
    /// with padding not 4.
    pub fn wrap(
        &self,
        initial: Option<&[u8]>,
        padding: bool,
        data: &[u8],
    ) -> Result<Vec<u8>, PrimitiveError> {
        let whole = data.len().is_multiple_of(SEMIBLOCK_BYTES) && data.len() > SEMIBLOCK_BYTES;
        if data.len() > GREATEST_BYTES || data.is_empty() || !(padding || whole) {
            return Err(PrimitiveError::DataLength);
        }
        let mut context = self.start_wrap(initial, padding)?;
        let cipher = Some(cipher(self.kind, mode(padding))?);
        context.encrypt_init(cipher, Some(&self.bytes), initial)?;
        let mut wrapped = Vec::with_capacity(data.len() + 2 * SEMIBLOCK_BYTES);
        context.cipher_update_vec(data, &mut wrapped)?;
        Ok(wrapped)
    }

    /// Unwraps: without padding, or with it.
    ///
    /// # Errors
    /// [`PrimitiveError::DataLength`]: the length is none of a wrapped key.
    /// [`PrimitiveError::Data`]: it was not wrapped with this key and initial value.
    /// [`PrimitiveError::Parameters`]: the initial value has not 8 bytes, or with padding not 4.
    pub fn unwrap(
        &self,
        initial: Option<&[u8]>,
        padding: bool,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        let least = if padding { 2 } else { 3 } * SEMIBLOCK_BYTES;
        let whole = wrapped.len().is_multiple_of(SEMIBLOCK_BYTES);
        if wrapped.len() < least || wrapped.len() > 2 * GREATEST_BYTES || !whole {
            return Err(PrimitiveError::DataLength);
        }
        let mut context = self.start_wrap(initial, padding)?;
        let cipher = Some(cipher(self.kind, mode(padding))?);
        context.decrypt_init(cipher, Some(&self.bytes), initial)?;
        let mut data = Zeroizing::new(Vec::with_capacity(wrapped.len() + SEMIBLOCK_BYTES));
        context.cipher_update_vec(wrapped, &mut data).map_err(|_| PrimitiveError::Data)?;
        Ok(data)
    }

    fn start_wrap(
        &self,
        initial: Option<&[u8]>,
        padding: bool,
    ) -> Result<CipherCtx, PrimitiveError> {
        if self.kind == Kind::ChaCha20 {
            return Err(PrimitiveError::KeySize);
        }
        let expected = if padding { SEMIBLOCK_BYTES / 2 } else { SEMIBLOCK_BYTES };
        if initial.is_some_and(|initial| initial.len() != expected) {
            return Err(PrimitiveError::Parameters);
        }
        let mut context = CipherCtx::new()?;
        context.set_flags(CipherCtxFlags::FLAG_WRAP_ALLOW);
        Ok(context)
    }
}

const fn mode(padding: bool) -> Mode {
    if padding { Mode::WrapPadded } else { Mode::Wrap }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::key_wrap::{AES_128, AES_256, AesKek, KeyWrap, KeyWrapPadded};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_libraries_agree(
            key: [u8; 32],
            data in prop::collection::vec(any::<u8>(), 1..100),
            short: bool,
        ) {
            let (bytes, kind) = if short { (16, &AES_128) } else { (32, &AES_256) };
            let own = CipherKey::aes(&key[..bytes]).unwrap();
            let other = || AesKek::new(kind, &key[..bytes]).unwrap();
            let mut output = [0; 200];
            let padded = own.wrap(None, true, &data).unwrap();
            let expected = other().wrap_with_padding(&data, &mut output).unwrap();
            prop_assert_eq!(&padded, expected);
            prop_assert_eq!(&*own.unwrap(None, true, &padded).unwrap(), &data);
            let whole = &data[..data.len() / 8 * 8];
            if whole.len() >= 16 {
                let bare = own.wrap(None, false, whole).unwrap();
                prop_assert_eq!(&bare, other().wrap(whole, &mut output).unwrap());
                prop_assert_eq!(&**own.unwrap(None, false, &bare).unwrap(), whole);
            }
        }
    }

    #[test]
    fn lengths_initial_values_and_changes() {
        let key = CipherKey::aes(&[3; 24]).unwrap();
        for bytes in [0, 8, 17] {
            let refused = key.wrap(None, false, &vec![1; bytes]);
            assert_eq!(refused, Err(PrimitiveError::DataLength));
        }
        for bytes in [0, 8, 23] {
            for padding in [false, true] {
                let refused = key.unwrap(None, padding, &vec![1; bytes]);
                assert_eq!(refused, Err(PrimitiveError::DataLength), "{bytes}");
            }
        }
        let initial = Some(&[9; 8][..]);
        let mut wrapped = key.wrap(initial, false, &[1; 24]).unwrap();
        assert_eq!(&**key.unwrap(initial, false, &wrapped).unwrap(), &[1; 24]);
        assert_eq!(key.unwrap(None, false, &wrapped), Err(PrimitiveError::Data));
        assert_eq!(key.unwrap(initial, true, &wrapped), Err(PrimitiveError::Parameters));
        wrapped[0] ^= 1;
        assert_eq!(key.unwrap(initial, false, &wrapped), Err(PrimitiveError::Data));
    }
}
