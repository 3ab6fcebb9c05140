//! What a client machine knows and asks: its home, its configuration, the registered appliances,
//! and the links to partitions.

pub mod certificate;
pub mod config;
pub mod file;
pub mod home;
pub mod identity_file;
mod link;
pub mod registration;
pub mod servers;
mod slots;

pub use link::{AskError, ConnectFailure, Identity, PartitionLink, Target};
pub use slots::{Missing, Slot, Slots};
