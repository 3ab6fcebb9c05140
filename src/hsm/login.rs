//! Roles: created, logged in, counted, locked out.

use std::sync::Arc;

use super::{
    Effect, Hsm, LinkSession,
    application::Caller,
    fault,
    object::permission,
    partition::{Outcome, check_role},
    policy::check_length,
    session::Login,
    wait,
};
use crate::{
    crypto::PasswordKey,
    model::{
        AuditAct, AuditDetail, Password, PolicySet, Reply, Role, RoleInfo, SerialNumber, Status,
    },
    store::{AuditRow, PartitionRow, RoleRow},
};

impl Hsm {
    /// Logs a role in. What the audit log says about it is stored before the login stands: one
    /// that cannot be recorded never was.
    pub(super) fn log_in(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
        role: Role,
        (password, record): (&Password, Option<AuditRow>),
    ) -> Outcome {
        refuse_second_login(session, partition, role)?;
        let roles = self.store.roles(partition.serial).map_err(fault)?;
        let row = find(&roles, role).ok_or(Status::UserPinNotInitialized)?;
        if role == Role::PartitionSo && Caller::read_only_sessions(session.application()) {
            return Err(Status::SessionReadOnlyExists);
        }
        let password_key = match self.check_password((session, partition), &roles, row, password)? {
            Checked::Right(password_key) => password_key,
            Checked::Wrong(outcome) => return Ok(outcome),
        };
        let admitted = self.admit((session, partition), (&roles, row), (password_key, record));
        self.counted.keep(row.credential.hash.salt, admitted)?;
        tracing::info!(serial = %partition.serial, %role, "logged in");
        Ok((Reply::Done, Vec::new()))
    }

    /// Lets a role in whose password was right.
    fn admit(
        &self,
        (session, partition): (&LinkSession, &PartitionRow),
        (roles, row): (&[RoleRow], &RoleRow),
        (password_key, record): (PasswordKey, Option<AuditRow>),
    ) -> Result<(), Status> {
        let role = row.role;
        let keys = self.role_keys(partition.serial, (roles, row), &password_key)?;
        let generation = partition.generation;
        let must_change = row.must_change;
        let salt = row.credential.hash.salt;
        let vault = &self.known(partition.serial).ok_or(Status::TokenNotPresent)?.vault;
        let unlocked = permission::sees_private(Some(role)) && vault.generation() == generation;
        let unlocked = unlocked.then(|| keys.objects().map(|key| vault.unlock(key))).transpose()?;
        self.store.confirm_login(partition.serial, role, record).map_err(fault)?;
        let valid = self.login_token(partition.serial, role);
        let (mark, password_key) = (Arc::default(), Arc::new(password_key));
        let mut login = session.login(generation);
        if login.is_some() {
            return Err(Status::UserAlreadyLoggedIn);
        }
        *login = Some(Login {
            role,
            generation,
            password_key,
            salt,
            must_change,
            valid,
            mark,
            unlocked,
        });
        Ok(())
    }

    /// Checks the password of a role that is logged in, for one use of a key.
    ///
    /// # Errors
    /// The password is wrong, or the role has no attempts left.
    pub(super) fn check_again(
        &self,
        session: &LinkSession,
        role: Role,
        password: &Password,
    ) -> Result<(), Status> {
        let serial = session.serial();
        let known = self.known(serial).ok_or(Status::TokenNotPresent)?;
        if !permission::sees_private(Some(role)) {
            return Err(Status::UserNotLoggedIn);
        }
        let _turn = wait(&known.turn);
        let partition = self.store.partition(serial).map_err(fault)?;
        let partition = partition.ok_or(Status::TokenNotPresent)?;
        let roles = self.store.roles(serial).map_err(fault)?;
        let row = find(&roles, role).ok_or(Status::UserPinNotInitialized)?;
        match self.check_password((session, &partition), &roles, row, password)? {
            Checked::Right(_) => {
                let confirmed = self.store.confirm_login(serial, role, None).map_err(fault);
                self.counted.keep(row.credential.hash.salt, confirmed)
            }
            // These roles' lock-out ends no links.
            Checked::Wrong(_) => Err(Status::PinLocked),
        }
    }

    pub(super) fn change_password(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
        role: Role,
        (old, new): (&Password, &Password),
    ) -> Outcome {
        check_role(session, partition, role)?;
        let roles = self.store.roles(partition.serial).map_err(fault)?;
        let row = find(&roles, role).ok_or(Status::UserPinNotInitialized)?;
        let password_key = match self.check_password((session, partition), &roles, row, old)? {
            Checked::Right(password_key) => password_key,
            Checked::Wrong(outcome) => return Ok(outcome),
        };
        let changed = if old == new {
            Err(Status::PinInvalid)
        } else {
            check_length(new, &self.policies(partition.serial).password_lengths())
                .and_then(|()| self.role_keys(partition.serial, (&roles, row), &password_key))
                .and_then(|keys| self.credential(partition.serial, role, new, &keys))
        };
        let (credential, password_key) = match changed {
            Ok(changed) => changed,
            Err(status) => {
                // The old one was right, whatever is wrong with the new one.
                let confirmed = self.store.confirm_login(partition.serial, role, None);
                self.counted.keep(row.credential.hash.salt, confirmed.map_err(fault))?;
                return Err(status);
            }
        };
        let (old_salt, salt) = (row.credential.hash.salt, credential.hash.salt);
        let row = RoleRow { role, credential, failures: 0, must_change: false, handover: None };
        let replaced = self.store.replace_role(partition.serial, &row).map_err(fault);
        self.counted.keep(old_salt, replaced)?;
        if let Some(login) = session.login(partition.generation).as_mut() {
            login.must_change = false;
            login.password_key = Arc::new(password_key);
            login.salt = salt;
        }
        self.end_logins(partition, role, Some(session));
        tracing::info!(serial = %partition.serial, %role, "password changed");
        Ok((Reply::Done, Vec::new()))
    }

    /// Checks a password. The attempt is counted durably before the password is looked at, and
    /// guesses at one partition take turns: neither parallel ones, nor a killed daemon, nor a full
    /// disk give a free one. After the right password the caller sets the counter to zero with
    /// what follows from it.
    fn check_password(
        &self,
        (session, partition): (&LinkSession, &PartitionRow),
        roles: &[RoleRow],
        row: &RoleRow,
        password: &Password,
    ) -> Result<Checked, Status> {
        let (serial, role) = (partition.serial, row.role);
        let policies = self.policies(serial);
        let counted = self.counted.take(row.credential.hash.salt) && row.failures > 0;
        let kept_out = if counted {
            locked_above(roles, role, &policies)
        } else {
            locked(roles, role, &policies)
        };
        if kept_out {
            return self.lock_out((session, partition), role, row.failures);
        }
        let attempts = if counted {
            row.failures
        } else {
            self.store.count_failure(serial, role).map_err(fault)?
        };
        let limit = limit(role, &policies);
        if attempts <= limit
            && let Some(password_key) = row.credential.hash.open(password.expose())
        {
            return Ok(Checked::Right(password_key));
        }
        tracing::warn!(%serial, %role, attempts, "wrong password");
        if attempts < limit {
            return Err(Status::PinIncorrect);
        }
        self.lock_out((session, partition), role, attempts)
    }

    /// What a role gets that has no attempts left. For the Partition SO that is zeroization, and
    /// its completion if the daemon was killed between the last count and this.
    fn lock_out(
        &self,
        (session, partition): (&LinkSession, &PartitionRow),
        role: Role,
        attempts: u8,
    ) -> Result<Checked, Status> {
        let effects = match role {
            Role::PartitionSo => {
                let entry = self.link_entry(session, (AuditAct::Zeroize, None), Status::Ok);
                let detail = AuditDetail::WrongPasswords { role, attempts };
                self.record_zeroization(Some(partition.serial), entry, detail);
                self.zeroize_partition(partition)?
            }
            _ => Vec::new(),
        };
        Ok(Checked::Wrong((Reply::Failed(Status::PinLocked), effects)))
    }

    /// Erases a partition after too many failed logins of its SO: contents, roles, label and
    /// clients go, and its identity with them, so that it has to be handed out anew.
    fn zeroize_partition(&self, partition: &PartitionRow) -> Result<Vec<Effect>, Status> {
        let serial = partition.serial;
        let (identity, sealed) = self.new_identity(serial)?;
        self.store.zeroize_partition(serial, identity.public(), &sealed).map_err(fault)?;
        self.load(serial).map_err(fault)?;
        tracing::warn!(%serial, "partition zeroized after too many failed SO logins");
        Ok(vec![Effect::EndLinks { serial, client: None }])
    }

    /// The state of a role, given its partition's rows.
    pub(super) fn role_info(
        &self,
        serial: SerialNumber,
        roles: &[RoleRow],
        (role, logged_in): (Role, Option<Role>),
    ) -> RoleInfo {
        let policies = self.policies(serial);
        let row = find(roles, role);
        let failures = row.map_or(0, |row| row.failures);
        RoleInfo {
            role,
            initialized: row.is_some(),
            attempts_left: limit(role, &policies).saturating_sub(failures),
            locked: row.is_some() && locked(roles, role, &policies),
            password_to_be_changed: row.is_some_and(|row| row.must_change),
            logged_in: logged_in == Some(role),
        }
    }
}

enum Checked {
    Right(PasswordKey),
    Wrong((Reply, Vec<Effect>)),
}

pub(super) fn find(roles: &[RoleRow], role: Role) -> Option<&RoleRow> {
    roles.iter().find(|row| row.role == role)
}

/// Whether a role is locked out; a locked Crypto Officer locks the roles below out too.
fn locked(roles: &[RoleRow], role: Role, policies: &PolicySet) -> bool {
    let own = find(roles, role).is_some_and(|row| row.failures >= limit(role, policies));
    own || locked_above(roles, role, policies)
}

/// Whether a role is locked out with the one above it.
fn locked_above(roles: &[RoleRow], role: Role, policies: &PolicySet) -> bool {
    let above = role.creator().filter(|creator| *creator == Role::CryptoOfficer);
    above.is_some_and(|above| locked(roles, above, policies))
}

/// Failed logins in a row that a role survives: fixed for the Partition SO, policy 20 for others.
fn limit(role: Role, policies: &PolicySet) -> u8 {
    match role {
        Role::HsmSecurityOfficer | Role::PartitionSo => role.attempts(),
        _ => policies.failed_logins(),
    }
}

/// One role a link; LunaCM's users log out first.
fn refuse_second_login(
    session: &LinkSession,
    partition: &PartitionRow,
    role: Role,
) -> Result<(), Status> {
    match session.role(partition.generation) {
        None => Ok(()),
        Some(present) if present == role => Err(Status::UserAlreadyLoggedIn),
        Some(_) => Err(Status::UserAnotherAlreadyLoggedIn),
    }
}
