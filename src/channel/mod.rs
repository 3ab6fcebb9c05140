//! The Secure Trusted Channel between a client identity and a partition identity.
//!
//! Bytes and randomness in, bytes out: no socket, no clock. `docs/protocol.md` describes every
//! byte and gives the reasons.
//!
//! A client goes from [`Initiator`] over [`AwaitAnswer`] to [`Session`]; a partition's side is one
//! [`Responder`] for all handshakes, which looks partitions and clients up in a [`Directory`].
//! Each step consumes its state, so no message can be written or read out of turn. Every message
//! made here fits one frame ([`crate::wire::MAXIMUM_FRAME_BYTES`]).

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod noise;

mod error;
mod initiator;
mod message;
mod parts;
mod responder;
mod session;
mod suite;
mod window;

pub use error::{HandshakeError, PartError, Refused, SessionError};
pub use initiator::{Answer, AwaitAnswer, Initiator, InitiatorConfig};
pub use message::{ANSWER_BYTES, PROTOCOL_VERSION};
pub use parts::{Assembler, AssemblerLimits, MAXIMUM_CHUNK_BYTES, Message, split};
pub use responder::{Accepted, Directory, PartitionKeys, Responder};
pub use session::{
    MAXIMUM_PLAINTEXT_BYTES, MAXIMUM_RECORDS, Opened, RECORD_HEADER_BYTES, Session, SessionStatus,
};
pub use suite::{Suite, SuiteSet};
pub use window::{WindowSize, WindowSizeError};
