//! What a client machine knows and asks.

mod link;
mod slots;

pub use link::{AskError, ConnectFailure, Identity, PartitionLink, Target};
pub use slots::{Missing, Slot, Slots};
