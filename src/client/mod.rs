//! What a client machine knows and asks: its home, its configuration, the registered appliances,
//! and the links to partitions.

mod admin;
pub mod certificate;
pub mod config;
pub mod file;
pub mod home;
pub mod identity_file;
mod link;
pub mod ntls_identity;
pub mod registration;
pub mod servers;
mod slots;
mod targets;

pub use admin::{AdminError, AdminLink};
pub use link::{AskError, ConnectFailure, PartitionLink, Target};
pub use slots::{Missing, Slot, Slots};
pub use targets::{TargetsError, set_stc, targets};
