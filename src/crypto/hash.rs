//! SHA-2 (FIPS 180-4) and HMAC over it (RFC 2104).

use ring::{digest, hmac as ring_hmac};
use zeroize::Zeroizing;

/// The greatest output in bytes of any [`Digest`].
pub const MAXIMUM_HASH_BYTES: usize = 64;

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Digest {
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl Digest {
    /// The output size in bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// Starts hashing.
    pub fn start(self) -> HashState {
        HashState(digest::Context::new(match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        }))
    }
}

/// A hash in the making.
#[derive(Clone)]
pub struct HashState(digest::Context);

impl HashState {
    /// Takes more input.
    pub fn update(mut self, input: &[u8]) -> Self {
        self.0.update(input);
        self
    }

    /// The hash of all input.
    pub fn finish(self) -> Vec<u8> {
        self.0.finish().as_ref().to_vec()
    }
}

/// HMAC of the parts, one behind the other.
pub fn hmac(digest: Digest, key: &[u8], parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let algorithm = match digest {
        Digest::Sha256 => ring_hmac::HMAC_SHA256,
        Digest::Sha512 => ring_hmac::HMAC_SHA512,
    };
    let mut context = ring_hmac::Context::with_key(&ring_hmac::Key::new(algorithm, key));
    for part in parts {
        context.update(part);
    }
    Zeroizing::new(context.sign().as_ref().to_vec())
}
