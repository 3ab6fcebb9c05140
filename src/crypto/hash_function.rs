//! SHA-1, SHA-2 (FIPS 180-4) and SHA-3 (FIPS 202).
//!
//! AWS-LC serves all but SHA-512/224 and SHA3-224, which its safe interface does not name: those
//! are OpenSSL's.

use aws_lc_rs::digest;
use openssl::{
    hash::{Hasher, MessageDigest},
    md::{Md, MdRef},
    nid::Nid,
};

use super::{hash::MAXIMUM_HASH_BYTES, primitive::PrimitiveError};

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashFunction {
    /// SHA-1, for what others have signed with it.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// SHA-512/224.
    Sha512To224,
    /// SHA-512/256.
    Sha512To256,
    /// SHA3-224.
    Sha3To224,
    /// SHA3-256.
    Sha3To256,
    /// SHA3-384.
    Sha3To384,
    /// SHA3-512.
    Sha3To512,
}

impl HashFunction {
    /// Every hash function.
    pub const ALL: [Self; 11] = [
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Sha512To224,
        Self::Sha512To256,
        Self::Sha3To224,
        Self::Sha3To256,
        Self::Sha3To384,
        Self::Sha3To512,
    ];

    /// The output size in bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 | Self::Sha512To224 | Self::Sha3To224 => 28,
            Self::Sha256 | Self::Sha512To256 | Self::Sha3To256 => 32,
            Self::Sha384 | Self::Sha3To384 => 48,
            Self::Sha512 | Self::Sha3To512 => 64,
        }
    }

    /// The hash of these data.
    ///
    /// # Errors
    /// The library failed.
    pub fn hash(self, data: &[u8]) -> Result<HashValue, PrimitiveError> {
        match self.aws_lc() {
            Some(algorithm) => Ok(HashValue::new(digest::digest(algorithm, data).as_ref())),
            None => Ok(HashValue::new(&openssl::hash::hash(self.message_digest()?, data)?)),
        }
    }

    /// Starts hashing.
    ///
    /// # Errors
    /// The library failed.
    pub fn start(self) -> Result<Hashing, PrimitiveError> {
        Ok(Hashing(match self.aws_lc() {
            Some(algorithm) => State::AwsLc(digest::Context::new(algorithm)),
            None => State::OpenSsl(Hasher::new(self.message_digest()?)?),
        }))
    }

    pub(super) const fn aws_lc(self) -> Option<&'static digest::Algorithm> {
        match self {
            Self::Sha1 => Some(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha224 => Some(&digest::SHA224),
            Self::Sha256 => Some(&digest::SHA256),
            Self::Sha384 => Some(&digest::SHA384),
            Self::Sha512 => Some(&digest::SHA512),
            Self::Sha512To256 => Some(&digest::SHA512_256),
            Self::Sha3To256 => Some(&digest::SHA3_256),
            Self::Sha3To384 => Some(&digest::SHA3_384),
            Self::Sha3To512 => Some(&digest::SHA3_512),
            Self::Sha512To224 | Self::Sha3To224 => None,
        }
    }

    pub(super) const fn nid(self) -> Nid {
        match self {
            Self::Sha1 => Nid::SHA1,
            Self::Sha224 => Nid::SHA224,
            Self::Sha256 => Nid::SHA256,
            Self::Sha384 => Nid::SHA384,
            Self::Sha512 => Nid::SHA512,
            // OpenSSL's numbers of the functions that the crate has no names for (obj_mac.h).
            Self::Sha512To224 => Nid::from_raw(1094),
            Self::Sha512To256 => Nid::from_raw(1095),
            Self::Sha3To224 => Nid::SHA3_224,
            Self::Sha3To256 => Nid::SHA3_256,
            Self::Sha3To384 => Nid::SHA3_384,
            Self::Sha3To512 => Nid::SHA3_512,
        }
    }

    pub(super) fn message_digest(self) -> Result<MessageDigest, PrimitiveError> {
        MessageDigest::from_nid(self.nid()).ok_or(PrimitiveError::Library)
    }

    pub(super) fn openssl(self) -> Result<&'static MdRef, PrimitiveError> {
        Md::from_nid(self.nid()).ok_or(PrimitiveError::Library)
    }
}

/// A hash.
#[derive(Clone, Copy, Debug)]
pub struct HashValue {
    bytes: [u8; MAXIMUM_HASH_BYTES],
    length: usize,
}

impl HashValue {
    fn new(hash: &[u8]) -> Self {
        let mut bytes = [0; MAXIMUM_HASH_BYTES];
        let length = hash.len().min(MAXIMUM_HASH_BYTES);
        bytes[..length].copy_from_slice(&hash[..length]);
        Self { bytes, length }
    }
}

impl AsRef<[u8]> for HashValue {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// A hash in the making.
#[derive(Clone)]
pub struct Hashing(State);

#[derive(Clone)]
enum State {
    AwsLc(digest::Context),
    OpenSsl(Hasher),
}

impl Hashing {
    /// Takes more input.
    ///
    /// # Errors
    /// The library failed.
    pub fn update(&mut self, data: &[u8]) -> Result<(), PrimitiveError> {
        match &mut self.0 {
            State::AwsLc(context) => context.update(data),
            State::OpenSsl(hasher) => hasher.update(data)?,
        }
        Ok(())
    }

    /// The hash of all input.
    ///
    /// # Errors
    /// The library failed.
    pub fn finish(self) -> Result<HashValue, PrimitiveError> {
        Ok(match self.0 {
            State::AwsLc(context) => HashValue::new(context.finish().as_ref()),
            State::OpenSsl(mut hasher) => HashValue::new(&hasher.finish()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_libraries_agree_in_one_part_and_in_two(data: Vec<u8>, split: prop::sample::Index) {
            let (first, second) = data.split_at(split.index(data.len() + 1));
            for function in HashFunction::ALL {
                let other = openssl::hash::hash(function.message_digest().unwrap(), &data).unwrap();
                let whole = function.hash(&data).unwrap();
                prop_assert_eq!(whole.as_ref(), &*other);
                let mut hashing = function.start().unwrap();
                hashing.update(first).unwrap();
                hashing.update(second).unwrap();
                let parts = hashing.finish().unwrap();
                prop_assert_eq!(parts.as_ref(), &*other);
                prop_assert_eq!(other.len(), function.bytes());
            }
        }
    }
}
