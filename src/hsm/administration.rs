//! What the HSM SO changes once HSM and partitions exist, and how the HSM forgets everything.

use super::{
    AdminSession, Effect, HSM_STORAGE_BYTES, Hsm, LinkSession, LoginFailure, application::Caller,
    fault, wait,
};
use crate::{
    model::{
        CLIENT_IDENTITY_BYTES, Label, ObjectEntry, PARTITION_OVERHEAD_BYTES, Password, Policy,
        PolicySet, PolicyValue, Reply, Role, Status, StorageSize,
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
        let (hash, _) = self.hash(new)?;
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
    pub fn zeroize(&self, factory_reset: bool) -> Result<Vec<Effect>, Status> {
        let _turn = wait(&self.turn);
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

    /// Changes a partition's policies with its Partition SO's password, which is checked and
    /// counted as in a login. Only for partitions that no client reaches over STC: their
    /// Partition SO is nobody on the appliance.
    ///
    /// # Errors
    /// There is no such partition, clients reach it over STC, the password is wrong, or the
    /// change is refused as over a link. With it what has to happen to live links.
    pub fn change_partition_policies(
        &self,
        name: &Label,
        password: &Password,
        (changes, erase): (&[PolicyValue], bool),
    ) -> (Result<(), Status>, Vec<Effect>) {
        let mut effects = Vec::new();
        let login = (Role::PartitionSo, password);
        let outcome = self.with_role(name, login, &mut effects, |_, partition| {
            self.change_policies(partition, changes, erase)
        });
        (outcome, effects)
    }

    /// The objects of a partition, with its Crypto Officer's password, which is checked and counted
    /// as in a login. Only for partitions that no client reaches over STC, as above.
    ///
    /// # Errors
    /// There is no such partition, clients reach it over STC, or the password is wrong.
    pub fn partition_contents(
        &self,
        name: &Label,
        password: &Password,
    ) -> Result<Vec<ObjectEntry>, Status> {
        // This role's lock-out ends no links.
        let (mut objects, mut effects) = (Vec::new(), Vec::new());
        let login = (Role::CryptoOfficer, password);
        self.with_role(name, login, &mut effects, |session, partition| {
            objects = Caller::contents_of(self, session, partition.generation)?;
            Ok(())
        })?;
        Ok(objects)
    }

    /// Does something as a role of a partition, whose password the administrator has typed.
    fn with_role(
        &self,
        name: &Label,
        (role, password): (Role, &Password),
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&LinkSession, &PartitionRow) -> Result<(), Status>,
    ) -> Result<(), Status> {
        let serial = self.named(name)?.serial;
        let known = self.known(serial).ok_or(Status::ObjectHandleInvalid)?;
        let _turn = wait(&known.turn);
        // Looked up again: what was true before its turn need not be now.
        let partition = self.store.partition(serial).map_err(fault)?;
        let partition = partition.ok_or(Status::ObjectHandleInvalid)?;
        let clients = self.store.clients(serial).map_err(fault)?;
        if !clients.is_empty() || known.policies.permits(Policy::ForcedStc) {
            return Err(Status::OperationNotAllowed);
        }
        let session = LinkSession::new(serial, [0; 32]);
        let (reply, ended) = self.log_in(&session, &partition, role, password)?;
        effects.extend(ended);
        match reply {
            Reply::Done => act(&session, &partition),
            Reply::Failed(status) => Err(status),
            _ => Err(Status::DeviceError),
        }
    }

    pub(super) fn named(&self, name: &Label) -> Result<PartitionRow, Status> {
        let partitions = self.store.partitions().map_err(fault)?;
        let named = partitions.into_iter().find(|partition| partition.name == *name);
        named.ok_or(Status::ObjectHandleInvalid)
    }
}
