//! What an appliance keeps, whichever database holds it.
//!
//! Every operation is atomic, and durable when it returns. Those that decide by what is stored
//! (a failure counter, room on a partition, a first contact) do so in one step, so that several
//! daemons may share one database.

use super::{
    AdministrationStore, AuditEventsStore, AuditStore, ClientStore, DomainRow, DomainStore,
    IntegrityStore, NtlsStore, ObjectStore, PolicyStore, RoleRow, RoleStore, StcStore, StoreError,
};
use crate::{
    crypto::{PasswordHash, PublicKey},
    model::{Label, PolicyValue, SerialNumber},
};

/// The appliance's state at rest. No method has a default body.
pub trait ApplianceStore:
    AdministrationStore
    + AuditEventsStore
    + AuditStore
    + ClientStore
    + DomainStore
    + IntegrityStore
    + NtlsStore
    + ObjectStore
    + PolicyStore
    + RoleStore
    + StcStore
{
    /// The HSM.
    ///
    /// # Errors
    /// The store cannot be read.
    fn hsm(&self) -> Result<HsmRow, StoreError>;

    /// Erases every partition, sets the label and, if given, the HSM SO's credential and domain.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn initialize_hsm(
        &self,
        label: &Label,
        secrets: Option<&(Credential, Option<Vec<u8>>)>,
        policies: &[PolicyValue],
    ) -> Result<(), StoreError>;

    /// Erases every partition, the label, the HSM SO and the domain.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn zeroize_hsm(&self) -> Result<(), StoreError>;

    /// Raises the HSM SO's counter of failed logins and returns it.
    ///
    /// # Errors
    /// The store cannot be written.
    fn count_hsm_failure(&self) -> Result<u8, StoreError>;

    /// Sets the HSM SO's counter of failed logins to zero.
    ///
    /// # Errors
    /// The store cannot be written.
    fn clear_hsm_failures(&self) -> Result<(), StoreError>;

    /// The partitions, by serial number.
    ///
    /// # Errors
    /// The store cannot be read.
    fn partitions(&self) -> Result<Vec<PartitionRow>, StoreError>;

    /// One partition.
    ///
    /// # Errors
    /// The store cannot be read.
    fn partition(&self, serial: SerialNumber) -> Result<Option<PartitionRow>, StoreError>;

    /// Adds a partition, if number, name and room permit it.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn create_partition(
        &self,
        partition: &PartitionRow,
        room: Room,
    ) -> Result<Creation, StoreError>;

    /// Deletes a partition with all it holds; `false` if there is none.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn delete_partition(&self, serial: SerialNumber) -> Result<bool, StoreError>;

    /// Sets a partition's label and policies, erases its objects, replaces all its roles and
    /// domains by these and raises its generation. `false` if its generation is not `generation`
    /// any more.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn initialize_partition(
        &self,
        serial: SerialNumber,
        generation: u64,
        content: &Initialization<'_>,
    ) -> Result<bool, StoreError>;

    /// Erases a partition's label, roles, domains, policies, objects and clients, raises its
    /// generation and gives it another identity.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn zeroize_partition(
        &self,
        serial: SerialNumber,
        identity: &PublicKey,
        sealed: &[u8],
    ) -> Result<(), StoreError>;
}

/// The HSM's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HsmRow {
    /// The serial number, made with the store.
    pub serial: SerialNumber,
    /// The label; none before initialization and after zeroization.
    pub label: Option<Label>,
    /// The HSM SO's credential.
    pub security_officer: Option<Credential>,
    /// The HSM SO's failed logins since the last success.
    pub failures: u8,
    /// The HSM's domain, sealed; none for the default domain.
    pub domain: Option<Vec<u8>>,
}

/// What is stored of a password, and what it unwraps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The verifier and its parameters.
    pub hash: PasswordHash,
    /// The key that the password opens, wrapped; empty for the HSM SO, who opens none.
    pub wrapped_key: Vec<u8>,
}

/// A partition's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRow {
    /// The serial number.
    pub serial: SerialNumber,
    /// The appliance's name of the partition.
    pub name: Label,
    /// The label; none before initialization.
    pub label: Option<Label>,
    /// Storage in bytes.
    pub storage: u64,
    /// Raised by every initialization and zeroization: a login of an earlier one is void.
    pub generation: u64,
    /// The object identifier.
    pub ouid: [u8; 12],
    /// The public half of the partition's identity.
    pub identity: PublicKey,
    /// The private half, sealed under the HSM's key.
    pub sealed_identity: Vec<u8>,
    /// Objects held.
    pub objects: u64,
    /// What the objects are charged, in bytes.
    pub object_bytes: u64,
}

/// What an initialization leaves in a partition.
#[derive(Clone, Copy, Debug)]
pub struct Initialization<'i> {
    /// The label.
    pub label: &'i Label,
    /// All roles.
    pub roles: &'i [RoleRow],
    /// All domains.
    pub domains: &'i [DomainRow],
    /// Policies to set; the others stay.
    pub policies: &'i [PolicyValue],
}

/// What limits the creation of partitions.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// The HSM's storage in bytes.
    pub storage: u64,
    /// What each partition takes besides its own storage, in bytes.
    pub overhead: u64,
    /// Partitions permitted.
    pub partitions: u32,
}

/// What came of adding a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// It is there.
    Created,
    /// Another has its serial number: try another.
    SerialTaken,
    /// Another has its name.
    NameTaken,
    /// The HSM has less storage left.
    NoRoom,
    /// The HSM has as many as it may.
    TooMany,
}
