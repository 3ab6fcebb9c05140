//! What a client machine knows and asks.

mod admin;
mod link;
mod slots;

pub use admin::{AdminError, AdminLink};
pub use link::{AskError, ConnectFailure, Identity, PartitionLink, Target};
pub use slots::{Missing, Slot, Slots};
