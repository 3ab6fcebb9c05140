//! What can go wrong: while a client connects, while a partition answers, on a link, in its parts.

use crate::crypto::{PublicKey, RandomError};

use super::{PROTOCOL_VERSION, Suite, SuiteSet};

/// Why a client got no session. Only [`Self::SuiteRejected`] comes from the partition beyond
/// doubt; the rest may be the work of whoever carries the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The configuration permits no suite; nothing was sent.
    #[error("no cipher suite is enabled on the client: enable at least one")]
    NoSuiteOffered,
    /// Client and partition permit no suite in common (`CKR_STC_CIPHER_SUITE_REJECTED`).
    #[error("the partition permits none of the client's cipher suites")]
    SuiteRejected {
        /// What the partition permits.
        permitted: SuiteSet,
    },
    /// The partition does not exist, does not know the client, or could not read the message:
    /// which of these is not told.
    #[error("the partition refused the handshake")]
    Refused,
    /// The other side speaks another version of the protocol.
    #[error("the partition speaks version {theirs} of the protocol, not {PROTOCOL_VERSION}")]
    VersionUnsupported {
        /// The version it named.
        theirs: u8,
    },
    /// The answer is not by the holder of the partition's key, or was altered on its way.
    #[error("the answer does not come from the partition's identity")]
    NotAuthentic,
    /// The partition's public key is of small order: nobody can hold its private half.
    #[error("the partition's registered public key is not a usable one")]
    UnusableKey,
    /// The answer has no known form, or breaks the rules of the negotiation.
    #[error("the answer is malformed")]
    Malformed,
    /// No ephemeral key could be made.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// Why a partition's side gave no session: for its own log. The peer hears less, see the variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The client came with a suite that the partition does not permit, and was told the permitted
    /// ones. It may start again over the same connection, once.
    #[error("the partition does not permit the suite {}", suite.noise_name())]
    SuiteNotPermitted {
        /// The partition.
        serial: u64,
        /// The client, known to the partition.
        client: PublicKey,
        /// The suite that it used.
        suite: Suite,
    },
    /// The peer speaks another version, and was told ours.
    #[error("the client speaks version {theirs} of the protocol, not {PROTOCOL_VERSION}")]
    VersionUnsupported {
        /// The version that the peer named.
        theirs: u8,
    },
    /// Not a handshake message. Generic refusal.
    #[error("the handshake message is malformed")]
    Malformed,
    /// No such partition. Generic refusal.
    #[error("no partition {serial}")]
    UnknownPartition {
        /// The number asked for.
        serial: u64,
    },
    /// The message was not made for this partition's key, or was altered. Generic refusal.
    #[error("the handshake with partition {serial} does not authenticate")]
    NotAuthentic {
        /// The partition.
        serial: u64,
    },
    /// The partition does not admit this client. Generic refusal.
    #[error("partition {serial} does not admit the client")]
    ClientNotAdmitted {
        /// The partition.
        serial: u64,
        /// The client's key.
        client: PublicKey,
    },
    /// The client obeys a policy answer that the partition would not give (now). Generic refusal.
    #[error("the client obeys a policy that is not the one of partition {serial}")]
    PolicyMismatch {
        /// The partition.
        serial: u64,
        /// The client.
        client: PublicKey,
    },
    /// No ephemeral key could be made. Generic refusal.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// Why a session sealed or opened nothing. All but [`Self::TooLong`] end the session: every later
/// call gives the same error again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// More plaintext than one record takes. The session is unharmed.
    #[error("a record takes {} bytes: split the message", super::MAXIMUM_PLAINTEXT_BYTES)]
    TooLong,
    /// Not a record.
    #[error("the record is malformed")]
    Malformed,
    /// A record under keys that this end does not have.
    #[error("the record is of key epoch {0}, which does not exist")]
    UnknownEpoch(u32),
    /// The record was altered, or was never sealed by the peer.
    #[error("the record does not authenticate")]
    NotAuthentic,
    /// The keys have sealed as many records as they may.
    #[error("the link's keys are used up: connect again")]
    Exhausted,
    /// A key has done far more than it should have, and the peer has not done its part in changing
    /// it.
    #[error("the peer does not change keys: connect again")]
    RekeyUnanswered,
    /// No fresh key could be made.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// Why a part was not taken. The peer breaks the protocol: end the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// No header, or a part that adds nothing.
    #[error("a message part is malformed")]
    Malformed,
    /// Not the next part of its message: one is missing, or came before its turn or twice.
    #[error("a message part is out of its place")]
    OutOfPlace,
    /// One more incomplete message than permitted.
    #[error("too many messages are incomplete")]
    TooManyMessages,
    /// More bytes than one message may have.
    #[error("a message is too large")]
    TooManyBytes,
}
