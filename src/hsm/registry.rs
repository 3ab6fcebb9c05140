//! The HSM's partitions: made, listed and deleted by the HSM SO.

use super::{AdminSession, Effect, HSM_STORAGE_BYTES, Hsm, fault, integrity::no_roles, wait};
use crate::{
    crypto::KeyPair,
    model::{
        CLIENT_IDENTITY_BYTES, Label, MAXIMUM_PARTITIONS, PARTITION_OVERHEAD_BYTES,
        PARTITION_STORAGE_BYTES, PartitionEntry, Role, SerialNumber, Status, StorageSize,
    },
    store::{Creation, PartitionRow, Room},
};

const ROOM: Room = Room {
    storage: HSM_STORAGE_BYTES,
    overhead: PARTITION_OVERHEAD_BYTES,
    partitions: MAXIMUM_PARTITIONS,
};

impl Hsm {
    /// Creates an uninitialized partition with a fresh identity.
    ///
    /// # Errors
    /// The HSM SO is not logged in, the name is taken, or there is no room for it.
    pub fn create_partition(
        &self,
        session: &AdminSession,
        name: &Label,
        size: StorageSize,
    ) -> Result<SerialNumber, Status> {
        let _turn = wait(&self.turn);
        self.check_officer(session)?;
        let storage = match size {
            StorageSize::Default => PARTITION_STORAGE_BYTES,
            StorageSize::Bytes(bytes) => bytes,
            StorageSize::AllFree => self.free_storage()?,
        };
        if storage < CLIENT_IDENTITY_BYTES {
            let none_left = matches!(size, StorageSize::AllFree);
            return Err(if none_left { Status::DeviceMemory } else { Status::ArgumentsBad });
        }
        loop {
            let partition = self.new_partition(name.clone(), storage)?;
            match self.store.create_partition(&partition, ROOM).map_err(fault)? {
                Creation::Created => {
                    self.load(partition.serial).map_err(fault)?;
                    tracing::info!(serial = %partition.serial, %name, "partition created");
                    return Ok(partition.serial);
                }
                Creation::SerialTaken => {}
                Creation::NameTaken => return Err(Status::AttributeValueInvalid),
                Creation::NoRoom => return Err(Status::DeviceMemory),
                Creation::TooMany => return Err(Status::FunctionRejected),
            }
        }
    }

    /// The partitions, by serial number. Live links are the appliance's to fill in.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn partitions(&self) -> Result<Vec<PartitionEntry>, Status> {
        let partitions = self.store.partitions().map_err(fault)?;
        partitions.iter().map(|partition| self.entry(partition)).collect()
    }

    /// Deletes a partition with all it holds.
    ///
    /// # Errors
    /// The HSM SO is not logged in, or there is no partition of this name.
    pub fn delete_partition(
        &self,
        session: &AdminSession,
        name: &Label,
    ) -> Result<Vec<Effect>, Status> {
        let _turn = wait(&self.turn);
        self.check_officer(session)?;
        let partitions = self.store.partitions().map_err(fault)?;
        let partition = partitions.iter().find(|partition| partition.name == *name);
        let serial = partition.ok_or(Status::ObjectHandleInvalid)?.serial;
        if !self.store.delete_partition(serial).map_err(fault)? {
            return Err(Status::ObjectHandleInvalid);
        }
        self.load(serial).map_err(fault)?;
        tracing::info!(%serial, %name, "partition deleted");
        Ok(vec![Effect::EndLinks { serial, client: None }])
    }

    /// A fresh identity, with its private half sealed for this partition.
    pub(super) fn new_identity(&self, serial: SerialNumber) -> Result<(KeyPair, Vec<u8>), Status> {
        let secret = zeroize::Zeroizing::new(self.fill().map_err(fault)?);
        let identity = KeyPair::from_secret(&secret);
        let sealed = self.seal_identity(serial, &identity).map_err(fault)?;
        Ok((identity, sealed))
    }

    fn new_partition(&self, name: Label, storage: u64) -> Result<PartitionRow, Status> {
        let number = u64::from_be_bytes(self.fill().map_err(fault)?);
        // Thirteen digits that begin with 1, as Luna 7 partitions have.
        let serial = SerialNumber::new(1_000_000_000_000 + number % 1_000_000_000_000);
        let (identity, sealed_identity) = self.new_identity(serial)?;
        Ok(PartitionRow {
            serial,
            name,
            label: None,
            storage,
            generation: 0,
            ouid: self.fill().map_err(fault)?,
            identity: *identity.public(),
            sealed_identity,
            objects: 0,
            object_bytes: 0,
        })
    }

    fn free_storage(&self) -> Result<u64, Status> {
        let partitions = self.store.partitions().map_err(fault)?;
        let taken = |partition: &PartitionRow| partition.storage + PARTITION_OVERHEAD_BYTES;
        let used: u64 = partitions.iter().map(taken).sum();
        Ok(HSM_STORAGE_BYTES.saturating_sub(used + PARTITION_OVERHEAD_BYTES))
    }

    fn entry(&self, partition: &PartitionRow) -> Result<PartitionEntry, Status> {
        let clients = self.store.clients(partition.serial).map_err(fault)?.len();
        let clients = u32::try_from(clients).unwrap_or(u32::MAX);
        let roles = self.store.roles(partition.serial).or_else(no_roles).map_err(fault)?;
        let roles =
            Role::OF_PARTITION.map(|role| self.role_info(partition.serial, &roles, (role, None)));
        Ok(PartitionEntry {
            name: partition.name.clone(),
            serial: partition.serial,
            label: partition.label.clone(),
            total_storage: partition.storage,
            used_storage: u64::from(clients) * CLIENT_IDENTITY_BYTES + partition.object_bytes,
            objects: partition.objects,
            clients,
            links: 0,
            roles: roles.to_vec(),
            key: partition.identity,
        })
    }
}
