//! What a client machine knows and asks: its home, its configuration, the registered appliances,
//! and the links to partitions.

mod admin;
mod application;
mod backoff;
pub mod backups;
pub mod certificate;
pub mod config;
pub mod deploy;
pub mod file;
pub mod ha;
pub mod ha_settings;
pub mod home;
pub mod identity_file;
mod link;
pub mod ntls_identity;
mod partition;
pub mod policy_file;
pub mod registration;
mod repeatable;
pub mod servers;
mod slots;
mod targets;

pub use admin::{AdminError, AdminLink};
pub use application::{Application, ApplicationError, ApplicationSlot};
pub use link::PartitionLink;
pub use partition::{AskError, ConnectFailure, Partition, Target, Way};
pub use slots::{Missing, Slot, Slots};
pub use targets::{Targets, TargetsError, application, set_stc, targets};
