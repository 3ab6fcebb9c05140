//! AES in its modes (FIPS 197; NIST SP 800-38A, C, D, F; RFC 3394, RFC 5649) and
//! ChaCha20-Poly1305 (RFC 8439).
//!
//! AWS-LC seals and opens in one part where nonce and tag have their usual lengths, with a key
//! schedule that is kept; OpenSSL serves the rest, because one interface of its has every mode, in
//! one part and in several.

mod aead;
mod ccm;
mod fetched;
mod stream;
mod wrap;

use std::sync::OnceLock;

use aws_lc_rs::aead::LessSafeKey;
use zeroize::Zeroizing;

pub use aead::{AeadScheme, AeadStream};
pub use stream::{BlockMode, CipherStream, Direction};

use super::primitive::PrimitiveError;

/// The block's length in bytes.
pub const BLOCK_BYTES: usize = 16;

/// A key for AES or for ChaCha20-Poly1305.
pub struct CipherKey {
    kind: Kind,
    bytes: Zeroizing<Vec<u8>>,
    /// Made at the first use.
    aead: OnceLock<Option<Box<LessSafeKey>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Aes128,
    Aes192,
    Aes256,
    ChaCha20,
}

impl CipherKey {
    /// A key for AES.
    ///
    /// # Errors
    /// [`PrimitiveError::KeySize`]: it has not 16, 24 or 32 bytes.
    pub fn aes(bytes: &[u8]) -> Result<Self, PrimitiveError> {
        Ok(Self::new(Self::aes_kind(bytes)?, bytes))
    }

    /// A key for ChaCha20-Poly1305.
    ///
    /// # Errors
    /// [`PrimitiveError::KeySize`]: it has not 32 bytes.
    pub fn chacha20(bytes: &[u8]) -> Result<Self, PrimitiveError> {
        match bytes.len() {
            32 => Ok(Self::new(Kind::ChaCha20, bytes)),
            _ => Err(PrimitiveError::KeySize),
        }
    }

    const fn aes_kind(bytes: &[u8]) -> Result<Kind, PrimitiveError> {
        match bytes.len() {
            16 => Ok(Kind::Aes128),
            24 => Ok(Kind::Aes192),
            32 => Ok(Kind::Aes256),
            _ => Err(PrimitiveError::KeySize),
        }
    }

    fn new(kind: Kind, bytes: &[u8]) -> Self {
        Self { kind, bytes: Zeroizing::new(bytes.to_vec()), aead: OnceLock::new() }
    }
}
