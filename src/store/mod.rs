//! What the client and the appliance keep on disk.
//!
//! Three floors: `schema` and `rows` hold the SQL, [`Sealer`] turns clear values into sealed
//! ones and back, and the traits say what there is to keep. Nothing here decides who may do
//! what. `docs/storage.md` describes the files.

mod administration;
mod appliance;
mod audit;
mod audit_archive;
mod audit_events;
mod base;
mod clients;
mod confirmed;
mod disk;
mod domains;
mod error;
mod file;
mod grouped;
mod integrity;
mod keyring;
mod live;
mod ntls;
mod objects;
mod open;
mod policies;
mod reserve;
mod roles;
mod rows;
mod schema;
mod seal;
mod stc;
mod token;
pub mod trust;
mod witness;

pub use administration::AdministrationStore;
pub use appliance::{
    ApplianceStore, Creation, Credential, HsmRow, Initialization, PartitionRow, Room,
};
pub use audit::{
    AUDIT_ROW_BYTES, AuditExtent, AuditRow, AuditStore, LinkedAuditRow, NumberedAuditRow,
};
pub use audit_archive::{AuditArchive, AuditClosing, AuditWalk};
pub use audit_events::AuditEventsStore;
pub use clients::{ClientRow, ClientStore, Registration};
pub use disk::{FileFaults, FileStep, have_files_fail};
pub use domains::{DomainRow, DomainStore};
pub use error::StoreError;
pub use file::replace_file;
pub use integrity::IntegrityStore;
pub use ntls::{NtlsClientRow, NtlsStore};
pub use objects::{ObjectChange, ObjectRow, ObjectStore, ObjectWrite, Written};
pub use open::{Schema, open_database};
pub use policies::PolicyStore;
pub use roles::{Rewrapped, RoleChanges, RoleRow, RoleStore};
pub use rows::SqliteAppliance;
pub use seal::{Sealer, Seat};
pub use stc::StcStore;
pub use token::{ClientIdentity, ClientToken, RegisteredPartition, TokenDescription};
