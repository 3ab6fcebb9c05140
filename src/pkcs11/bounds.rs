//! How long what a caller hands over may be: as long as the call could ever accept, and no longer.
//!
//! A greater length is refused before memory is read or reserved. Greater than a page, memory has
//! to be there as well (`reach`).

use crate::{model::Status, wire::MAXIMUM_MESSAGE_BYTES};

/// What a length is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// Data of an operation, which goes on in pieces: as much as there is memory.
    Bulk,
    /// A PIN, or the name of a user.
    Pin,
    /// The label of a token, of fixed width.
    TokenLabel,
    /// The values of a template, all together: they go into one message.
    Template,
    /// A signature or a MAC.
    Signature,
    /// A key under another, or the ciphertext of an encapsulation.
    WrappedKey,
    /// A mechanism's parameter that is nothing but bytes, or a nonce inside one.
    Nonce,
    /// Associated data: they go into one message.
    Associated,
    /// What a mechanism's parameter points to otherwise: labels, contexts, salts, public keys,
    /// passwords and data of a derivation.
    Detail,
    /// A seed for the random source.
    Seed,
    /// Room for random bytes.
    Random,
}

/// A row of the table.
struct Row {
    most: usize,
    beyond: Status,
}

/// Room in a message for what stands beside the longest part.
const BESIDES: usize = 64 * 1024;

/// The longest PIN is 255 characters (partition policy 26); a few more bytes are still one that is
/// wrong.
const PIN: usize = 512;

/// The longest signature is one of ML-DSA-87, 4,627 bytes.
const SIGNATURE: usize = 16 * 1024;

/// The longest key is an RSA private key of 8,192 bits, about 5,000 bytes.
const WRAPPED_KEY: usize = 64 * 1024;

/// The longest nonce that a cipher takes is 128 bytes.
const NONCE: usize = 256;

/// The longest detail of a mechanism's parameter. No address is smaller, either, so that this tells
/// a length from a pointer to one.
pub(super) const DETAIL: usize = 64 * 1024;

/// Random bytes that one call hands over at most: programs ask for keys and nonces.
const RANDOM: usize = 64 << 20;

/// Attributes of a template, with those of the templates inside it.
pub(super) const MOST_ATTRIBUTES: usize = 256;

impl Bound {
    const fn row(self) -> Row {
        let message = MAXIMUM_MESSAGE_BYTES - BESIDES;
        match self {
            Self::Bulk => Row { most: isize::MAX.unsigned_abs(), beyond: Status::ArgumentsBad },
            Self::Pin => Row { most: PIN, beyond: Status::PinLenRange },
            Self::TokenLabel => Row { most: 32, beyond: Status::ArgumentsBad },
            Self::Template => Row { most: message, beyond: Status::AttributeValueInvalid },
            Self::Signature => Row { most: SIGNATURE, beyond: Status::SignatureLenRange },
            Self::WrappedKey => Row { most: WRAPPED_KEY, beyond: Status::WrappedKeyLenRange },
            Self::Nonce => Row { most: NONCE, beyond: Status::MechanismParamInvalid },
            Self::Associated => Row { most: message, beyond: Status::MechanismParamInvalid },
            Self::Detail => Row { most: DETAIL, beyond: Status::MechanismParamInvalid },
            Self::Seed | Self::Random => Row { most: RANDOM, beyond: Status::ArgumentsBad },
        }
    }

    /// The greatest length in bytes.
    pub(super) const fn most(self) -> usize {
        self.row().most
    }

    /// What a greater length is answered with.
    pub(super) const fn beyond(self) -> Status {
        self.row().beyond
    }
}
