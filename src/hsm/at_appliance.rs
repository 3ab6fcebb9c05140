//! What the appliance's administrator does at a partition, with the passwords of its roles.
//!
//! Only at partitions that no client reaches over STC: their roles are nobody on the appliance.

use super::{
    AdminSession, Effect, Hsm, LinkClient, LinkSession, application::Caller, fault,
    partition::must_change_first, wait,
};
use crate::{
    model::{FirstInitialization, Label, ObjectEntry, Password, PolicyValue, Reply, Role, Status},
    store::PartitionRow,
};

/// What came of it, and what has to happen to live links.
type Done = (Result<(), Status>, Vec<Effect>);

impl Hsm {
    /// Initializes a partition for the first time.
    ///
    /// # Errors
    /// The HSM SO is not logged in, there is no such partition, it is initialized
    /// ([`Status::FunctionRejected`]) or reached over STC ([`Status::OperationNotAllowed`]), or
    /// label, password or policies break a rule.
    pub fn initialize_partition_here(
        &self,
        session: &AdminSession,
        name: &Label,
        wanted: FirstInitialization,
    ) -> Result<Vec<Effect>, Status> {
        self.check_officer(session)?;
        self.at_partition(name, |link, partition| {
            if partition.label.is_some() {
                return Err(Status::FunctionRejected);
            }
            let before = self.policies(partition.serial);
            self.initialize_partition(link, partition, wanted)?;
            Ok(self.ended_by_policy(partition.serial, &before))
        })
    }

    /// Creates a partition's Crypto Officer with its Partition SO's password, which is checked and
    /// counted as in a login.
    ///
    /// # Errors
    /// As [`Self::change_partition_policies`]; there is a Crypto Officer, or the password breaks a
    /// rule.
    pub fn create_crypto_officer(
        &self,
        name: &Label,
        officer: &Password,
        password: &Password,
    ) -> Done {
        self.as_role(name, (Role::PartitionSo, officer), |link, partition| {
            self.create_role(link, partition, Role::CryptoOfficer, password)?;
            Ok(Vec::new())
        })
    }

    /// Changes a role's password. The one in force is checked and counted as in a login.
    ///
    /// # Errors
    /// As [`Self::change_partition_policies`], or the new password breaks a rule.
    pub fn change_role_password(
        &self,
        name: &Label,
        role: Role,
        (old, new): (&Password, &Password),
    ) -> Done {
        self.as_role(name, (role, old), |link, partition| {
            match self.change_password(link, partition, role, (old, new))? {
                (Reply::Done, effects) => Ok(effects),
                (Reply::Failed(status), _) => Err(status),
                _ => Err(Status::DeviceError),
            }
        })
    }

    /// Changes a partition's policies with its Partition SO's password, which is checked and
    /// counted as in a login.
    ///
    /// # Errors
    /// There is no such partition, clients reach it over STC, the password is wrong, or the
    /// change is refused as over a link.
    pub fn change_partition_policies(
        &self,
        name: &Label,
        password: &Password,
        (changes, erase): (&[PolicyValue], bool),
    ) -> Done {
        self.as_role(name, (Role::PartitionSo, password), |_, partition| {
            self.change_policies(partition, changes, erase)
        })
    }

    /// Destroys all objects of a partition, with its Crypto Officer's password, which is checked
    /// and counted as in a login.
    ///
    /// # Errors
    /// As [`Self::change_partition_policies`]; the password is an initial one.
    pub fn clear_partition(&self, name: &Label, password: &Password) -> Done {
        self.as_role(name, (Role::CryptoOfficer, password), |link, partition| {
            check_changed(link, partition)?;
            let caller = Caller::new(self, link)?;
            while caller.clear()? > 0 {}
            Ok(Vec::new())
        })
    }

    /// The objects of a partition, with its Crypto Officer's password, which is checked and counted
    /// as in a login.
    ///
    /// # Errors
    /// As [`Self::clear_partition`].
    pub fn partition_contents(
        &self,
        name: &Label,
        password: &Password,
    ) -> Result<Vec<ObjectEntry>, Status> {
        let mut objects = Vec::new();
        // This role's lock-out ends no links.
        let (done, _) = self.as_role(name, (Role::CryptoOfficer, password), |link, partition| {
            check_changed(link, partition)?;
            objects = Caller::new(self, link)?.contents()?;
            Ok(Vec::new())
        });
        done.map(|()| objects)
    }

    /// Does something as a role of a partition, whose password the administrator has typed.
    fn as_role(
        &self,
        name: &Label,
        (role, password): (Role, &Password),
        act: impl FnOnce(&LinkSession, &PartitionRow) -> Result<Vec<Effect>, Status>,
    ) -> Done {
        let done = self.at_partition(name, |link, partition| {
            Ok(match self.log_in(link, partition, role, (password, None))? {
                (Reply::Done, _) => match act(link, partition) {
                    Ok(effects) => (Ok(()), effects),
                    Err(status) => (Err(status), Vec::new()),
                },
                (Reply::Failed(status), effects) => (Err(status), effects),
                (_, effects) => (Err(Status::DeviceError), effects),
            })
        });
        done.unwrap_or_else(|status| (Err(status), Vec::new()))
    }

    /// Does something at a partition in its turn, if no client reaches it over STC.
    fn at_partition<T>(
        &self,
        name: &Label,
        act: impl FnOnce(&LinkSession, &PartitionRow) -> Result<T, Status>,
    ) -> Result<T, Status> {
        let serial = self.named(name)?.serial;
        let known = self.known(serial).ok_or(Status::ObjectHandleInvalid)?;
        let _turn = wait(&known.turn);
        // Looked up again: what was true before its turn need not be now.
        let partition = self.store.partition(serial).map_err(fault)?;
        let partition = partition.ok_or(Status::ObjectHandleInvalid)?;
        let clients = self.store.clients(serial).map_err(fault)?;
        if !clients.is_empty() || self.requires_stc(serial) {
            return Err(Status::OperationNotAllowed);
        }
        act(&LinkSession::new(serial, LinkClient::Administrator), &partition)
    }
}

/// An initial password opens nothing but its own change.
fn check_changed(link: &LinkSession, partition: &PartitionRow) -> Result<(), Status> {
    if must_change_first(link, partition) { Err(Status::PinExpired) } else { Ok(()) }
}
