//! Elliptic curves: ECDSA (FIPS 186-5), ECDH (NIST SP 800-56A), `EdDSA` (RFC 8032) and X25519 and
//! X448 (RFC 7748).
//!
//! AWS-LC serves the NIST curves, ECDSA on secp256k1, Ed25519 and X25519; OpenSSL serves ECDH on
//! secp256k1, Ed448, X448, and points that are not given in full.

mod curve;
mod edwards;
mod montgomery;
mod weierstrass;

pub use curve::{EdwardsCurve, MontgomeryCurve, WeierstrassCurve};
pub use edwards::{EdwardsPrivateKey, EdwardsPublicKey};
pub use montgomery::MontgomeryPrivateKey;
pub use weierstrass::{EcPrivateKey, EcPublicKey};

use super::primitive::PrimitiveError;
