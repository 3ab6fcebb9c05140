//! Primitives, each from a library, behind types that erase themselves.
//!
//! X25519 is `x25519-dalek`'s; the AEADs, the hashes and HMAC are `ring`'s (one provider, with
//! assembly for both ciphers); Argon2id is `argon2`'s. Nothing here knows why it is called.

mod aead;
mod certificate;
mod hash;
mod identity;
mod password;
mod random;

pub use aead::{AeadError, AeadKey, Cipher, NONCE_BYTES, TAG_BYTES};
pub use certificate::CertificateHash;
pub use hash::{Digest, HashState, MAXIMUM_HASH_BYTES, hmac};
pub use identity::{Fingerprint, KEY_BYTES, KeyPair, PublicKey};
pub use password::{PasswordHash, PasswordKey, PasswordParameters};
pub use random::{Random, RandomError, SystemRandom};
