//! What the HSM SO changes once HSM and partitions exist, and how the HSM forgets everything.

use super::{AdminSession, Effect, HSM_STORAGE_BYTES, Hsm, LoginFailure, fault, wait};
use crate::{
    model::{
        AuditAct, AuditDetail, CLIENT_IDENTITY_BYTES, Label, MINIMUM_PASSWORD,
        PARTITION_OVERHEAD_BYTES, Password, PolicySet, Status, StorageSize,
    },
    store::{Credential, PartitionRow},
};

impl Hsm {
    /// Changes the HSM SO's password. The old one is checked and counted as in a login.
    ///
    /// # Errors
    /// The HSM SO is not logged in, the old password is wrong, or the new one breaks a rule.
    pub fn change_officer_password(
        &self,
        session: &AdminSession,
        old: &Password,
        new: &Password,
    ) -> Result<(), LoginFailure> {
        let _turn = wait(&self.turn);
        self.check_officer(session)?;
        self.check_officer_password(session, old)?;
        if old == new {
            return Err(Status::PinInvalid.into());
        }
        let (hash, _) = self.hash(new, MINIMUM_PASSWORD)?;
        let credential = Credential { hash, wrapped_key: Vec::new() };
        self.store.set_security_officer(&credential).map_err(fault)?;
        session.set(Some(hash.salt));
        tracing::info!("HSM SO's password changed");
        Ok(())
    }

    /// Erases every partition, the label, the HSM SO and the domain; a factory reset forgets the
    /// policies too. No login is needed, as at a Luna's serial console: whoever asks owns the
    /// directory that everything lies in.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn zeroize(
        &self,
        session: &AdminSession,
        factory_reset: bool,
    ) -> Result<Vec<Effect>, Status> {
        let _turn = wait(&self.turn);
        let entry = self.administrator_entry(session, AuditAct::Zeroize, Status::Ok);
        self.record_zeroization(None, entry, AuditDetail::Ordered { factory_reset });
        let effects = self.end_all_links()?;
        self.store.zeroize_hsm().map_err(fault)?;
        if factory_reset {
            self.store.forget_hsm_policies().map_err(fault)?;
            self.reload_hsm_policies()?;
        }
        self.reload_all(&effects)?;
        tracing::warn!(factory_reset, "HSM zeroized by its administrator");
        Ok(effects)
    }

    /// Gives a partition another name.
    ///
    /// # Errors
    /// The HSM SO is not logged in, there is no such partition, or the name is taken.
    pub fn rename_partition(
        &self,
        session: &AdminSession,
        name: &Label,
        new: &Label,
    ) -> Result<(), Status> {
        let _turn = wait(&self.turn);
        self.check_officer(session)?;
        let serial = self.named(name)?.serial;
        if !self.store.rename_partition(serial, new).map_err(fault)? {
            return Err(Status::AttributeValueInvalid);
        }
        self.load(serial).map_err(fault)?;
        tracing::info!(%serial, %name, %new, "partition renamed");
        Ok(())
    }

    /// Gives a partition another size, not below what it holds.
    ///
    /// # Errors
    /// The HSM SO is not logged in, there is no such partition, it holds more, or the HSM has
    /// less left.
    pub fn resize_partition(
        &self,
        session: &AdminSession,
        name: &Label,
        size: StorageSize,
    ) -> Result<(), Status> {
        let _turn = wait(&self.turn);
        self.check_officer(session)?;
        let entries = self.partitions()?;
        let entry = entries.iter().find(|entry| entry.name == *name);
        let entry = entry.ok_or(Status::ObjectHandleInvalid)?;
        let bytes = match size {
            StorageSize::Default => crate::model::PARTITION_STORAGE_BYTES,
            StorageSize::Bytes(bytes) => bytes,
            StorageSize::AllFree => {
                let taken = |total: u64| total.saturating_add(PARTITION_OVERHEAD_BYTES);
                let used: u64 = entries.iter().map(|one| taken(one.total_storage)).sum();
                HSM_STORAGE_BYTES.saturating_sub(used).saturating_add(entry.total_storage)
            }
        };
        if bytes < CLIENT_IDENTITY_BYTES {
            return Err(Status::ArgumentsBad);
        }
        if bytes < entry.used_storage {
            return Err(Status::OperationNotAllowed);
        }
        let room = (HSM_STORAGE_BYTES, PARTITION_OVERHEAD_BYTES);
        if !self.store.resize_partition(entry.serial, bytes, room).map_err(fault)? {
            return Err(Status::DeviceMemory);
        }
        self.load(entry.serial).map_err(fault)?;
        tracing::info!(serial = %entry.serial, %name, bytes, "partition resized");
        Ok(())
    }

    /// A partition's capabilities and policies in force.
    ///
    /// # Errors
    /// There is no such partition.
    pub fn partition_policies(&self, name: &Label) -> Result<(PolicySet, PolicySet), Status> {
        let partition = self.named(name)?;
        Ok((self.capabilities(), self.policies(partition.serial)))
    }

    pub(super) fn named(&self, name: &Label) -> Result<PartitionRow, Status> {
        let partitions = self.store.partitions().map_err(fault)?;
        let named = partitions.into_iter().find(|partition| partition.name == *name);
        named.ok_or(Status::ObjectHandleInvalid)
    }
}
