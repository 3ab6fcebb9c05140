//! RSA (RFC 8017).
//!
//! AWS-LC signs where the hash is SHA-256, SHA-384 or SHA-512 (on keys above 2048 bits in half of
//! OpenSSL's time) and generates keys of common sizes; OpenSSL serves every other combination.

mod components;
mod private;
mod public;
mod rejection;

pub use components::RsaComponents;
pub use private::RsaPrivateKey;
pub use public::RsaPublicKey;

use openssl::{pkey::HasPublic, pkey_ctx::PkeyCtxRef, rsa::Padding, sign::RsaPssSaltlen};

use super::{hash_function::HashFunction, primitive::PrimitiveError};

/// The sizes of a modulus in bits that we take.
pub const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;

/// What padding of PKCS#1 v1.5 adds in bytes, at least.
const PKCS1_PADDING_BYTES: usize = 11;

/// How RSASSA-PSS is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PssScheme {
    /// The hash of the data.
    pub hash: HashFunction,
    /// The mask generation function's hash.
    pub mask: HashFunction,
    /// The salt's length in bytes.
    pub salt_bytes: usize,
}

impl PssScheme {
    fn apply<T: HasPublic>(self, context: &mut PkeyCtxRef<T>) -> Result<(), PrimitiveError> {
        let salt = i32::try_from(self.salt_bytes).map_err(|_| PrimitiveError::Parameters)?;
        context.set_rsa_padding(Padding::PKCS1_PSS)?;
        context.set_signature_md(self.hash.openssl()?)?;
        context.set_rsa_mgf1_md(self.mask.openssl()?)?;
        context.set_rsa_pss_saltlen(RsaPssSaltlen::custom(salt))?;
        Ok(())
    }

    /// Whether a modulus of so many bits has room for hash and salt (RFC 8017 section 9.1.1).
    fn fits(self, modulus_bits: usize) -> bool {
        let encoded_bytes = (modulus_bits - 1).div_ceil(8);
        self.hash.bytes().saturating_add(self.salt_bytes).saturating_add(2) <= encoded_bytes
    }
}

/// How RSAES-OAEP is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OaepScheme<'a> {
    /// The hash.
    pub hash: HashFunction,
    /// The mask generation function's hash.
    pub mask: HashFunction,
    /// The label.
    pub label: &'a [u8],
}

impl OaepScheme<'_> {
    fn apply<T>(self, context: &mut PkeyCtxRef<T>) -> Result<(), PrimitiveError> {
        context.set_rsa_padding(Padding::PKCS1_OAEP)?;
        context.set_rsa_oaep_md(self.hash.openssl()?)?;
        context.set_rsa_mgf1_md(self.mask.openssl()?)?;
        if !self.label.is_empty() {
            context.set_rsa_oaep_label(self.label)?;
        }
        Ok(())
    }
}

/// The `DigestInfo` of a hash (RFC 8017 section 9.2): this, and the hash behind it.
const fn digest_info(hash: HashFunction) -> &'static [u8] {
    match hash {
        HashFunction::Sha1 => b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
        HashFunction::Sha224 => {
            b"\x30\x2d\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x04\x05\x00\x04\x1c"
        }
        HashFunction::Sha256 => {
            b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
        }
        HashFunction::Sha384 => {
            b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30"
        }
        HashFunction::Sha512 => {
            b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"
        }
        HashFunction::Sha512To224 => {
            b"\x30\x2d\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x05\x05\x00\x04\x1c"
        }
        HashFunction::Sha512To256 => {
            b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x06\x05\x00\x04\x20"
        }
        HashFunction::Sha3To224 => {
            b"\x30\x2d\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x07\x05\x00\x04\x1c"
        }
        HashFunction::Sha3To256 => {
            b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x08\x05\x00\x04\x20"
        }
        HashFunction::Sha3To384 => {
            b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x09\x05\x00\x04\x30"
        }
        HashFunction::Sha3To512 => {
            b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x0a\x05\x00\x04\x40"
        }
    }
}

/// The encoded hash that padding of PKCS#1 v1.5 surrounds.
fn encoded(hash: HashFunction, value: &[u8]) -> Result<Vec<u8>, PrimitiveError> {
    if value.len() != hash.bytes() {
        return Err(PrimitiveError::DataLength);
    }
    Ok([digest_info(hash), value].concat())
}
