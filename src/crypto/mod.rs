//! Primitives, each from a library, behind types that erase themselves.
//!
//! X25519 is `x25519-dalek`'s; ML-KEM-768 is `ml-kem`'s; the AEADs are `aws-lc-rs`'s, which erases a
//! key's schedule when it is dropped; the hashes and HMAC are `ring`'s; Argon2id is `argon2`'s.
//! Nothing here knows why it is called.

mod aead;
mod certificate;
mod hash;
mod identity;
mod kem;
mod password;
mod random;

pub use aead::{AeadError, AeadKey, Cipher, NONCE_BYTES, TAG_BYTES};
pub use certificate::CertificateHash;
pub use hash::{Digest, HashState, MAXIMUM_HASH_BYTES, hmac};
pub use identity::{Fingerprint, KEY_BYTES, KeyPair, PublicKey};
pub use kem::{
    EncapsulationKey, KEM_CIPHERTEXT_BYTES, KEM_KEY_BYTES, KemCiphertext, KemError, KemKeyPair,
    KemPublicKey,
};
pub use password::{PasswordHash, PasswordKey, PasswordParameters};
pub use random::{Random, RandomError, SystemRandom};
