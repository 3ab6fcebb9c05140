//! The curves.

use aws_lc_rs::{
    agreement, digest,
    signature::{self, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm},
};
use openssl::{ec::EcGroup, nid::Nid, pkey::Id};

use super::PrimitiveError;

/// A curve for ECDSA and ECDH.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WeierstrassCurve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// secp256k1 (SEC 2).
    Secp256k1,
}

impl WeierstrassCurve {
    /// Every curve.
    pub const ALL: [Self; 4] = [Self::P256, Self::P384, Self::P521, Self::Secp256k1];

    /// The length in bytes of a coordinate, a private key, and half a signature.
    pub const fn bytes(self) -> usize {
        match self {
            Self::P256 | Self::Secp256k1 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The length in bits of the group's order.
    pub const fn bits(self) -> usize {
        match self {
            Self::P256 | Self::Secp256k1 => 256,
            Self::P384 => 384,
            Self::P521 => 521,
        }
    }

    pub(super) const fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
            Self::P521 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
            Self::Secp256k1 => &signature::ECDSA_P256K1_SHA256_FIXED_SIGNING,
        }
    }

    pub(super) const fn verification(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Self::P256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::P384 => &signature::ECDSA_P384_SHA384_FIXED,
            Self::P521 => &signature::ECDSA_P521_SHA512_FIXED,
            Self::Secp256k1 => &signature::ECDSA_P256K1_SHA256_FIXED,
        }
    }

    /// The hash that AWS-LC takes values of for this curve.
    pub(super) const fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::P256 | Self::Secp256k1 => &digest::SHA256,
            Self::P384 => &digest::SHA384,
            Self::P521 => &digest::SHA512,
        }
    }

    pub(super) const fn agreement(self) -> Option<&'static agreement::Algorithm> {
        match self {
            Self::P256 => Some(&agreement::ECDH_P256),
            Self::P384 => Some(&agreement::ECDH_P384),
            Self::P521 => Some(&agreement::ECDH_P521),
            Self::Secp256k1 => None,
        }
    }

    pub(super) fn group(self) -> Result<EcGroup, PrimitiveError> {
        Ok(EcGroup::from_curve_name(match self {
            Self::P256 => Nid::X9_62_PRIME256V1,
            Self::P384 => Nid::SECP384R1,
            Self::P521 => Nid::SECP521R1,
            Self::Secp256k1 => Nid::SECP256K1,
        })?)
    }
}

/// A curve for `EdDSA`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EdwardsCurve {
    /// edwards25519.
    Ed25519,
    /// edwards448.
    Ed448,
}

impl EdwardsCurve {
    /// The length in bytes of a private key, of a public key, and of half a signature.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Ed25519 => 32,
            Self::Ed448 => 57,
        }
    }

    pub(super) const fn id(self) -> Id {
        match self {
            Self::Ed25519 => Id::ED25519,
            Self::Ed448 => Id::ED448,
        }
    }
}

/// A curve for key agreement by RFC 7748.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MontgomeryCurve {
    /// curve25519.
    X25519,
    /// curve448.
    X448,
}

impl MontgomeryCurve {
    /// The length in bytes of a private key, a public key and a shared secret.
    pub const fn bytes(self) -> usize {
        match self {
            Self::X25519 => 32,
            Self::X448 => 56,
        }
    }

    pub(super) const fn id(self) -> Id {
        match self {
            Self::X25519 => Id::X25519,
            Self::X448 => Id::X448,
        }
    }
}
