//! What a client machine knows and asks: its home, its configuration, the registered appliances,
//! and the links to partitions.

mod admin;
mod application;
mod backoff;
pub mod backups;
pub mod certificate;
pub mod config;
pub mod deploy;
mod establish;
mod failure;
pub mod file;
pub mod ha;
pub mod ha_settings;
pub mod home;
pub mod identity_file;
mod link;
mod listener;
pub mod ntls_identity;
mod partition;
pub mod policy_file;
pub mod registration;
mod repeatable;
mod round;
pub mod servers;
mod slot;
mod slots;
mod target;
mod targets;

pub use admin::{AdminError, AdminLink};
pub use application::{Application, ApplicationError, ApplicationSlot};
pub use failure::{AskError, ConnectFailure, OtherPartition};
pub use link::PartitionLink;
pub use partition::Partition;
pub use slot::{Missing, Slot};
pub use slots::Slots;
pub use target::{Target, Way};
pub use targets::{NtlsServer, Targets, TargetsError, application, set_stc, targets};
