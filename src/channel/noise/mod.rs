//! Noise (revision 34) with the pattern IK over X25519.
//!
//! Objects, functions and comments carry the specification's names, so that the two can be read
//! side by side:
//!
//! ```text
//! IK:
//!   <- s
//!   ...
//!   -> e, es, s, ss
//!   <- e, ee, se
//! ```
//!
//! Each side of the handshake is a chain of types, and a step consumes its state: a message out of
//! turn cannot be written. Differences from the text, both stricter: a Diffie-Hellman result of
//! zeros is refused (section 12.1 leaves it to the protocol), and there is no state in which
//! `EncryptAndHash` passes plaintext through, because IK has a key before its first use.

mod cipher;
mod ik;
mod symmetric;

pub use cipher::CipherKey;
pub use ik::{
    AwaitResponse, Initiator, MESSAGE_1_BYTES, MESSAGE_2_BYTES, Received, Respond, Responder,
    TransportKeys,
};

/// A handshake message cannot be used, or a transport message does not authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoiseError {
    /// The message is shorter than the pattern's tokens.
    #[error("the message is too short")]
    Short,
    /// A ciphertext does not authenticate, or a public key has no secret to share.
    #[error("the message does not authenticate")]
    NotAuthentic,
    /// The text is too long, or the nonce is the one that Noise reserves.
    #[error("the text cannot be encrypted: it is too long, or the key's nonces are used up")]
    Exhausted,
}
