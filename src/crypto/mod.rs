//! Primitives, each from a library, behind types that erase themselves.
//!
//! For links and stores: X25519 is `x25519-dalek`'s; ML-KEM-768 is `ml-kem`'s; the AEADs are
//! `aws-lc-rs`'s, which erases a key's schedule when it is dropped, and for what is stored
//! `chacha20poly1305`'s, which does too; the hashes and HMAC are `ring`'s; Argon2id is `argon2`'s. For the keys of partitions: AWS-LC, and OpenSSL where AWS-LC's safe
//! interface ends (`docs/mechanisms.md` says which serves what). Nothing here knows why it is
//! called.

mod aead;
mod certificate;
mod cipher;
mod derivation;
mod elliptic;
mod erase;
mod extended;
mod hash;
mod hash_function;
mod identity;
mod kem;
mod lattice;
mod mac;
mod password;
mod primitive;
mod random;
mod rsa;
mod self_test;

pub use aead::{AeadError, AeadKey, Cipher, NONCE_BYTES, TAG_BYTES};
pub use certificate::CertificateHash;
pub use cipher::{
    AeadScheme, AeadStream, BLOCK_BYTES, BlockMode, CipherKey, CipherStream, Direction,
};
pub use derivation::{HkdfScheme, PasswordDerivation, hkdf, pbkdf2, x963};
pub use elliptic::{
    EcPrivateKey, EcPublicKey, EdwardsCurve, EdwardsPrivateKey, EdwardsPublicKey, MontgomeryCurve,
    MontgomeryPrivateKey, WeierstrassCurve,
};
pub use erase::erase;
pub use extended::{EXTENDED_NONCE_BYTES, ExtendedKey};
pub use hash::{Digest, HashState, MAXIMUM_HASH_BYTES, hmac};
pub use hash_function::{HashFunction, HashValue, Hashing};
pub use identity::{Fingerprint, KEY_BYTES, KeyPair, PublicKey};
pub use kem::{
    EncapsulationKey, KEM_CIPHERTEXT_BYTES, KEM_KEY_BYTES, KemCiphertext, KemError, KemKeyPair,
    KemPublicKey,
};
pub use lattice::{
    MlDsaPrivateKey, MlDsaPublicKey, MlDsaSet, MlKemPrivateKey, MlKemPublicKey, MlKemSet,
};
pub use mac::{Mac, MacKey};
pub use password::{PasswordHash, PasswordKey, PasswordParameters};
pub use primitive::PrimitiveError;
pub use random::{Random, RandomError, SystemRandom};
pub use rsa::{OaepScheme, PssScheme, RSA_BITS, RsaComponents, RsaPrivateKey, RsaPublicKey};
pub use self_test::{KnownAnswer, SelfTestFailure, check_answers, known_answers};
