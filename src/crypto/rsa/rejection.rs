//! Removal of PKCS#1 v1.5 encryption padding that tells nobody whether the padding was right.
//!
//! Whoever learns which ciphertexts have a right padding can decrypt others (Bleichenbacher 1998).
//! So a wrong padding gives a text too: one that follows from key and ciphertext, in the way of
//! draft-irtf-cfrg-rsa-guidance and of OpenSSL since 3.2, whose 3.0 has it not. Everything up to the
//! last copy is done in constant time.

use openssl::bn::BigNumRef;
use subtle::{
    Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater, ConstantTimeLess,
};
use zeroize::Zeroizing;

use super::{HashFunction, PKCS1_PADDING_BYTES, PrimitiveError};
use crate::crypto::mac::MacKey;

/// Lengths that are drawn. The last one that is short enough is taken; that none is has a
/// probability below 2^-128.
const LENGTHS: usize = 128;

/// What the texts for wrong paddings are derived from.
pub(super) struct RejectionKey(MacKey);

impl RejectionKey {
    pub(super) fn new(exponent: &BigNumRef, bytes: usize) -> Result<Self, PrimitiveError> {
        let bytes = i32::try_from(bytes).map_err(|_| PrimitiveError::KeySize)?;
        let exponent = Zeroizing::new(exponent.to_vec_padded(bytes)?);
        let hash = Zeroizing::new(HashFunction::Sha256.hash(&exponent)?.as_ref().to_vec());
        Ok(Self(MacKey::hmac(HashFunction::Sha256, &hash)?))
    }

    /// What stands behind the padding, or the derived text for this ciphertext. Both have the
    /// modulus's length.
    pub(super) fn remove_padding(
        &self,
        padded: &[u8],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        let bytes = u32::try_from(padded.len()).map_err(|_| PrimitiveError::DataLength)?;
        let key = MacKey::hmac(HashFunction::Sha256, &self.0.code(&[ciphertext])?)?;
        let derived = expand(&key, b"message", padded.len())?;
        let lengths = expand(&key, b"length", 2 * LENGTHS)?;
        let derived_start = bytes - derived_length(&lengths, bytes);
        let (right, start) = find_text(padded);
        let start = u32::conditional_select(&derived_start, &start, right);
        let mut text = derived;
        for (byte, real) in text.iter_mut().zip(padded) {
            byte.conditional_assign(real, right);
        }
        // From here on the text's length shows, as it has to.
        Ok(Zeroizing::new(text[usize::try_from(start).unwrap_or(padded.len())..].to_vec()))
    }
}

/// Whether the padding is right, and where the text behind it begins.
fn find_text(padded: &[u8]) -> (Choice, u32) {
    let mut right = padded[0].ct_eq(&0) & padded[1].ct_eq(&2);
    let (mut found, mut separator) = (Choice::from(0), 0_u32);
    for (at, byte) in (0_u32..).zip(padded).skip(2) {
        let first = byte.ct_eq(&0) & !found;
        separator.conditional_assign(&at, first);
        found |= first;
    }
    right &= found;
    right &= separator.ct_gt(&(MINIMUM_SEPARATOR - 1));
    (right, separator.wrapping_add(1))
}

/// The least place of the zero that ends the padding: behind two bytes and eight of padding.
const MINIMUM_SEPARATOR: u32 = 10;

fn derived_length(drawn: &[u8], bytes: u32) -> u32 {
    let padding = u32::try_from(PKCS1_PADDING_BYTES).unwrap_or(0) - 1;
    let limit = bytes - padding;
    let mask = u32::MAX >> limit.leading_zeros();
    drawn.chunks_exact(2).fold(0, |taken, pair| {
        let length = u32::from(u16::from_be_bytes([pair[0], pair[1]])) & mask;
        u32::conditional_select(&taken, &length, length.ct_lt(&limit))
    })
}

/// So many bytes under a label: HMAC over counter, label and the length in bits.
fn expand(key: &MacKey, label: &[u8], bytes: usize) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
    let bits = u16::try_from(bytes * 8).map_err(|_| PrimitiveError::KeySize)?.to_be_bytes();
    let mut output = Zeroizing::new(Vec::with_capacity(bytes + 32));
    for counter in 0_u16.. {
        if output.len() >= bytes {
            break;
        }
        output.extend_from_slice(&key.code(&[&counter.to_be_bytes(), label, &bits])?);
    }
    output.truncate(bytes);
    Ok(output)
}
