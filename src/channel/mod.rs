//! The Secure Trusted Channel between a client identity and a partition identity.
//!
//! Bytes, randomness and time in, bytes out: no socket, no clock. `docs/protocol.md` describes every
//! byte and gives the reasons.
//!
//! A client goes from [`Initiator`] over [`AwaitAnswer`] to [`Session`]; a partition's side is one
//! [`Responder`] for all handshakes, which looks partitions and clients up in a [`Directory`].
//! Each step consumes its state, so no message can be written or read out of turn. Every message
//! made here fits one frame ([`crate::wire::MAXIMUM_FRAME_BYTES`]).
//!
//! A session changes its keys by itself: its driver only asks [`Session::has_control`] after each
//! step and sends what [`Session::next_control`] writes. Under pressure the driver on the
//! partition's side puts a [`CookieJar`] before the responder.
//!
//! ```
//! # use lunacm::{channel::*, crypto::*};
//! struct OnePartition { identity: KeyPair, client: PublicKey }
//!
//! impl Directory for OnePartition {
//!     fn partition(&self, serial: u64) -> Option<PartitionKeys> {
//!         let identity = self.identity.clone();
//!         (serial == 7).then_some(PartitionKeys { identity, suites: SuiteSet::ALL })
//!     }
//!     fn admits(&self, serial: u64, client: &PublicKey) -> bool {
//!         serial == 7 && *client == self.client
//!     }
//! }
//!
//! let random = &mut SystemRandom::new();
//! let (identity, partition) = (KeyPair::generate(random)?, KeyPair::generate(random)?);
//! let responder = Responder::new(KeyPair::generate(random)?);
//! let directory = OnePartition { identity: partition.clone(), client: *identity.public() };
//!
//! let (mut message, mut answer, mut record) = (Vec::new(), Vec::new(), Vec::new());
//! let initiator = Initiator::new(InitiatorConfig {
//!     identity,
//!     partition: *partition.public(),
//!     serial: 7,
//!     suites: Suite::ALL.to_vec(),
//! });
//! let waiting = initiator.start(random, &mut message)?;
//! let mut accepted = responder.receive(&message, &directory, random, &mut answer)?;
//! let Answer::Established(mut session) = waiting.receive(&answer)? else { unreachable!() };
//! session.seal(b"a request", &mut record)?;
//! assert!(matches!(accepted.session.open(&mut record)?, Opened::Data(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A step cannot be taken twice:
//!
//! ```compile_fail,E0382
//! # use lunacm::channel::*;
//! fn twice(waiting: AwaitAnswer, answer: &[u8]) {
//!     let _ = waiting.receive(answer);
//!     let _ = waiting.receive(answer);
//! }
//! ```
//!
//! nor left out: there is no session before the answer has been read.
//!
//! ```compile_fail,E0599
//! # use lunacm::channel::*;
//! fn too_early(waiting: AwaitAnswer, out: &mut Vec<u8>) {
//!     let _ = waiting.seal(b"a request", out);
//! }
//! ```

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod noise;

mod arrival;
mod assembler;
mod control;
mod cookie;
mod error;
mod initiator;
mod keys;
mod limits;
mod message;
mod parts;
mod rekey;
mod responder;
mod room;
mod session;
mod suite;
mod window;

pub use arrival::{Arrival, Message, Shortage};
pub use assembler::{Assembler, AssemblerLimits};
pub use cookie::{COOKIE_BYTES, COOKIE_SECRET_LIFETIME, CookieJar, Origin};
pub use error::{HandshakeError, PartError, Refused, SessionError};
pub use initiator::{Answer, AwaitAnswer, Demanded, Initiator, InitiatorConfig};
pub use keys::{MAXIMUM_PLAINTEXT_BYTES, RECORD_HEADER_BYTES};
pub use limits::{GRACE_RECORDS, KeyLimits, MAXIMUM_BYTES, MAXIMUM_RECORDS};
pub use message::{PROTOCOL_VERSION, answer_bytes};
pub use parts::{MAXIMUM_CHUNK_BYTES, Part, split, split_piece};
pub use rekey::RETIRED_KEY_LIFETIME;
pub use responder::{Accepted, Directory, PartitionKeys, Responder};
pub use room::{Held, Room};
pub use session::{Opened, Session, SessionSettings, SessionStatus};
pub use suite::{KeyExchange, Suite, SuiteSet};
pub use window::{WindowSize, WindowSizeError};
