//! What an officer does about roles, policies, domains and the label of its partition.

use std::sync::{
    Arc, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::{
    Hsm, LinkSession, application::Caller, fault, login::find, partition::check_role,
    policy::check_length, role_keys::RoleKeys,
};
use crate::{
    model::{HsmPolicy, Label, Password, Reply, Request, Role, SerialNumber, Status},
    store::{PartitionRow, Rewrapped, RoleChanges, RoleRow},
};

impl Hsm {
    /// Performs what changes a partition, but neither who is logged in nor its clients.
    pub(super) fn administer(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
        request: Request,
    ) -> Result<Reply, Status> {
        match request {
            Request::CreateRole { role, password } => {
                self.create_role(session, partition, role, &password)?;
            }
            Request::ResetPassword { role, password } => {
                self.reset_password(session, partition, role, &password)?;
            }
            Request::LogOutOthers { role } => self.log_out_others(session, partition, role)?,
            Request::ChangeLabel { label } => self.change_label(session, partition, &label)?,
            Request::Domains => return self.list_domains(session, partition),
            Request::AddDomain { label, domain, primary } => {
                self.add_domain(session, partition, (label, domain, primary))?;
            }
            Request::DeleteDomain { label } => self.delete_domain(session, partition, &label)?,
            Request::RenameDomain { label, new } => {
                self.rename_domain(session, partition, (&label, new))?;
            }
            Request::DomainProof { salt } => return self.domain_proof(session, partition, salt),
            Request::TransferProof { salt } => {
                return self.transfer_proof(session, partition, salt);
            }
            Request::Clear => return Ok(Reply::Left(Caller::new(self, session)?.clear()?)),
            Request::ExportObject { handle, purpose, salt } => {
                let caller = Caller::new(self, session)?;
                return Ok(Reply::Sealed(caller.export_object(handle, (purpose, salt))?));
            }
            Request::ImportObject { sealed, purpose, salt, replace } => {
                let caller = Caller::new(self, session)?;
                let imported = caller.import_object(&sealed, (purpose, salt), replace)?;
                return Ok(Reply::Imported(imported));
            }
            _ => return Err(Status::FunctionNotSupported),
        }
        Ok(Reply::Done)
    }

    /// What a new login of a role holds on to.
    pub(super) fn login_token(&self, serial: SerialNumber, role: Role) -> Arc<AtomicBool> {
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        let token = logins.entry((serial, role));
        token.or_insert_with(|| Arc::new(AtomicBool::new(true))).clone()
    }

    pub(super) fn create_role(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
        role: Role,
        password: &Password,
    ) -> Result<(), Status> {
        let serial = partition.serial;
        let creator = self.creator_keys(session, partition, role)?;
        let mut rewrapped = Vec::new();
        let keys = match role {
            Role::CryptoOfficer => {
                let objects = self.partition_key()?;
                let both = (creator.domain()?, Some(&objects));
                if self.holds_escrow() {
                    let kept = RoleKeys::of(Role::PartitionSo, both, true);
                    rewrapped.push(self.rewrapped_for(session, partition, &kept)?);
                }
                RoleKeys::of(role, both, false)
            }
            _ => RoleKeys { domain: None, objects: creator.objects },
        };
        let row = self.initial_row(serial, role, (password, &keys))?;
        let changes = RoleChanges { added: Some(&row), rewrapped: &rewrapped, domains: None };
        if !self.store.change_roles(serial, &changes).map_err(fault)? {
            return Err(Status::FunctionRejected);
        }
        tracing::info!(serial = %partition.serial, %role, "role created");
        Ok(())
    }

    /// The Crypto Officer's password protects its keys from the Partition SO, who does not hold
    /// the key that they are sealed under, unless the HSM SO has decided otherwise (HSM policy 15)
    /// before the partition was made.
    fn reset_password(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
        role: Role,
        password: &Password,
    ) -> Result<(), Status> {
        let serial = partition.serial;
        let creator = self.creator_keys(session, partition, role)?;
        if role == Role::CryptoOfficer && !self.holds_escrow() {
            return Err(Status::OperationNotAllowed);
        }
        let roles = self.store.roles(serial).map_err(fault)?;
        find(&roles, role).ok_or(Status::UserPinNotInitialized)?;
        let keys = match role {
            Role::CryptoOfficer => creator,
            _ => RoleKeys { domain: None, objects: creator.objects },
        };
        keys.objects()?;
        let row = self.initial_row(serial, role, (password, &keys))?;
        self.store.replace_role(serial, &row).map_err(fault)?;
        // Whoever knew the old password is out: a stolen one is the reason to reset.
        self.end_logins(partition, role, None);
        tracing::info!(%serial, %role, "password reset");
        Ok(())
    }

    /// A role under an initial password, which has to be changed if HSM policy 21 says so.
    fn initial_row(
        &self,
        serial: SerialNumber,
        role: Role,
        (password, keys): (&Password, &RoleKeys),
    ) -> Result<RoleRow, Status> {
        check_length(password, &self.policies(serial).password_lengths())?;
        let (credential, _) = self.credential(serial, role, password, keys)?;
        let must_change = self.hsm_policies().permits(HsmPolicy::ForcePinChange);
        Ok(RoleRow { role, credential, failures: 0, must_change, handover: None })
    }

    /// The keys of the role that is logged in, if it creates and resets this one.
    fn creator_keys(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
        role: Role,
    ) -> Result<RoleKeys, Status> {
        let creator = role.creator().ok_or(Status::UserTypeInvalid)?;
        check_role(session, partition, creator)?;
        self.keys_of(session, partition)
    }

    /// Other keys for the role that is logged in.
    fn rewrapped_for(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
        keys: &RoleKeys,
    ) -> Result<Rewrapped, Status> {
        let (role, password_key) = self.password_key_of(session, partition)?;
        let roles = self.store.roles(partition.serial).map_err(fault)?;
        let row = find(&roles, role).ok_or(Status::UserNotLoggedIn)?;
        self.rewrapped(partition.serial, row, (&password_key, keys))
    }

    fn log_out_others(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
        role: Role,
    ) -> Result<(), Status> {
        let present = session.role(partition.generation).ok_or(Status::UserNotLoggedIn)?;
        if present != role && role.creator() != Some(present) {
            return Err(Status::UserNotLoggedIn);
        }
        self.end_logins(partition, role, Some(session));
        tracing::info!(serial = %partition.serial, %role, "logged out elsewhere");
        Ok(())
    }

    /// Ends every login of a role, but that of `kept` if it is one. When this returns, nothing
    /// that they had begun lands any more.
    pub(super) fn end_logins(
        &self,
        partition: &PartitionRow,
        role: Role,
        kept: Option<&LinkSession>,
    ) {
        let fresh = Arc::new(AtomicBool::new(true));
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept
            && let Some(login) = kept.login(partition.generation).as_mut()
            && login.role == role
        {
            login.valid = fresh.clone();
        }
        if let Some(before) = logins.insert((partition.serial, role), fresh) {
            before.store(false, Ordering::Release);
        }
        drop(logins);
        self.settle(partition.serial);
    }

    fn change_label(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
        label: &Label,
    ) -> Result<(), Status> {
        check_role(session, partition, Role::PartitionSo)?;
        self.store.label_partition(partition.serial, label).map_err(fault)?;
        tracing::info!(serial = %partition.serial, %label, "label changed");
        Ok(())
    }
}
