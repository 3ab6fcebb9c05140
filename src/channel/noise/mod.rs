//! Noise (revision 34) with the pattern IK over X25519 for handshakes and `NNpsk0` for changes of
//! keys, both also with ML-KEM-768 beside X25519 (the modifier `hfs`).
//!
//! Objects, functions and comments carry the specification's names, so that the two can be read
//! side by side; `e1` and `ekem1` are there under hybrid suites only:
//!
//! ```text
//! IKhfs:                          NNhfs+psk0:
//!   <- s
//!   ...
//!   -> e, es, e1, s, ss             -> psk, e, e1
//!   <- e, ee, ekem1, se             <- e, ee, ekem1
//! ```
//!
//! Each side of a handshake is a chain of types, and a step consumes its state: a message out of
//! turn cannot be written. Differences from the text, both stricter: a Diffie-Hellman result of
//! zeros is refused (section 12.1 leaves it to the protocol), and there is no state in which
//! `EncryptAndHash` passes plaintext through, because both patterns have a key before its first use.

mod cipher;
mod counterweight;
mod dh;
mod hybrid;
mod ik;
mod nn;
#[cfg(test)]
mod schedule;
mod symmetric;

pub use cipher::CipherKey;
pub use hybrid::{InitiatorEphemeral, ResponderEphemeral};
pub use ik::{
    AwaitResponse, Initiator, Received, Respond, Responder, message_1_bytes, message_2_bytes,
};
pub use nn::{
    RekeyAwaitResponse, RekeyInitiator, RekeyRespond, RekeyResponder, rekey_message_1_bytes,
    rekey_message_2_bytes,
};
pub use symmetric::{Chain, TransportKeys};

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
