//! Partitions' roles: who may log in, and how often that has failed.

use rusqlite::{Connection, Row, Transaction, named_params, params};

use super::{
    AuditRow, Credential, DomainRow, SqliteAppliance, StoreError, domains, objects::Grouped,
    rows::number,
};
use crate::{
    crypto::{PasswordHash, PasswordParameters},
    model::{Role, SerialNumber},
};

/// Roles at rest. No method has a default body.
pub trait RoleStore: Send + Sync {
    /// A partition's roles.
    ///
    /// # Errors
    /// The store cannot be read.
    fn roles(&self, serial: SerialNumber) -> Result<Vec<RoleRow>, StoreError>;

    /// Makes changes of roles that belong together. `false` if the role to add is there, or the
    /// password of one that is wrapped anew is another one meanwhile: nothing has changed then.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn change_roles(
        &self,
        serial: SerialNumber,
        changes: &RoleChanges<'_>,
    ) -> Result<bool, StoreError>;

    /// Replaces a role's credential and wrapped key and sets its counter to zero.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn replace_role(&self, serial: SerialNumber, role: &RoleRow) -> Result<(), StoreError>;

    /// Raises a role's counter of failed logins and returns it.
    ///
    /// # Errors
    /// The store cannot be written.
    fn count_failure(&self, serial: SerialNumber, role: Role) -> Result<u8, StoreError>;

    /// Sets a role's counter of failed logins to zero, with the record of the login if there is
    /// one: both or neither. It outlives the process, but perhaps not the machine's loss of power,
    /// after which the counter may stand higher than it should.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn confirm_login(
        &self,
        serial: SerialNumber,
        role: Role,
        record: Option<AuditRow>,
    ) -> Result<(), StoreError>;
}

/// A role's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRow {
    /// The role.
    pub role: Role,
    /// Its password, and the keys wrapped under it.
    pub credential: Credential,
    /// Failed logins since the last success.
    pub failures: u8,
    /// Whether its password is an initial one.
    pub must_change: bool,
    /// A key that another officer has left for it, sealed under one that it has.
    pub handover: Option<Vec<u8>>,
}

/// The keys of a role that is there, under the password that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrapped {
    /// The role.
    pub role: Role,
    /// The salt of the password that the keys are wrapped under.
    pub salt: [u8; 16],
    /// The keys.
    pub wrapped_key: Vec<u8>,
    /// A key that is left for it.
    pub handover: Option<Vec<u8>>,
}

impl Rewrapped {
    /// A role's keys as they are.
    pub fn of(row: &RoleRow) -> Self {
        Self {
            role: row.role,
            salt: row.credential.hash.salt,
            wrapped_key: row.credential.wrapped_key.clone(),
            handover: row.handover.clone(),
        }
    }
}

/// Changes of a partition's roles that belong together.
#[derive(Clone, Copy, Debug)]
pub struct RoleChanges<'c> {
    /// A role that is not there yet.
    pub added: Option<&'c RoleRow>,
    /// Roles whose keys are wrapped anew.
    pub rewrapped: &'c [Rewrapped],
    /// All domains, if they are sealed anew.
    pub domains: Option<&'c [DomainRow]>,
}

impl RoleStore for SqliteAppliance {
    fn roles(&self, serial: SerialNumber) -> Result<Vec<RoleRow>, StoreError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(ROLES)?;
        let rows = statement.query_map([number(serial)?], role_row)?;
        rows.map(|row| row?.ok_or(StoreError::Row("role"))).collect()
    }

    fn change_roles(
        &self,
        serial: SerialNumber,
        changes: &RoleChanges<'_>,
    ) -> Result<bool, StoreError> {
        let serial = number(serial)?;
        self.write_or_leave(|transaction| {
            if let Some(role) = changes.added {
                let known = params![serial, role_number(role.role)];
                if transaction.query_row(ROLE_KNOWN, known, |row| row.get(0))? {
                    return Ok(false);
                }
                add_role(transaction, serial, role)?;
            }
            for Rewrapped { role, salt, wrapped_key, handover } in changes.rewrapped {
                let values = params![serial, role_number(*role), salt, wrapped_key, handover];
                if transaction.execute(REWRAP, values)? == 0 {
                    return Ok(false);
                }
            }
            if let Some(domains) = changes.domains {
                domains::set(transaction, serial, domains)?;
            }
            Ok(true)
        })
    }

    fn replace_role(&self, serial: SerialNumber, role: &RoleRow) -> Result<(), StoreError> {
        let serial = number(serial)?;
        self.write(|transaction| {
            transaction.execute(DELETE_ROLE, params![serial, role_number(role.role)])?;
            add_role(transaction, serial, role)
        })
    }

    fn count_failure(&self, serial: SerialNumber, role: Role) -> Result<u8, StoreError> {
        let values = params![number(serial)?, role_number(role)];
        // The row comes before the commit, whose failure only a transaction of our own tells.
        self.write(
            |transaction| Ok(transaction.query_row(COUNT_FAILURE, values, |row| row.get(0))?),
        )
    }

    fn confirm_login(
        &self,
        serial: SerialNumber,
        role: Role,
        record: Option<AuditRow>,
    ) -> Result<(), StoreError> {
        self.join(Grouped::Login { serial: number(serial)?, role, record }).map(drop)
    }
}

/// Sets a counter to zero inside a transaction.
pub(super) fn clear_failures(
    connection: &Connection,
    serial: i64,
    role: Role,
) -> Result<(), StoreError> {
    connection.prepare_cached(CLEAR_FAILURES)?.execute(params![serial, role_number(role)])?;
    Ok(())
}

/// Adds a role inside a transaction.
pub(super) fn add_role(
    transaction: &Transaction<'_>,
    serial: i64,
    row: &RoleRow,
) -> Result<(), StoreError> {
    let Credential { hash, wrapped_key } = &row.credential;
    transaction.execute(
        ADD_ROLE,
        named_params! {
            ":partition": serial,
            ":role": role_number(row.role),
            ":memory": hash.parameters.memory,
            ":passes": hash.parameters.passes,
            ":lanes": hash.parameters.lanes,
            ":salt": hash.salt,
            ":verifier": hash.verifier,
            ":wrapped": wrapped_key,
            ":failures": row.failures,
            ":must_change": row.must_change,
            ":handover": row.handover,
        },
    )?;
    Ok(())
}

fn role_row(row: &Row<'_>) -> rusqlite::Result<Option<RoleRow>> {
    let role = row.get("role").map(role_of)?;
    let credential = Credential { hash: hash(row)?, wrapped_key: row.get("wrapped_key")? };
    let (failures, must_change) = (row.get("failures")?, row.get("must_change")?);
    let handover = row.get("handover")?;
    Ok(role.map(|role| RoleRow { role, credential, failures, must_change, handover }))
}

/// A password's hash, as every row that has one has it.
pub(super) fn hash(row: &Row<'_>) -> rusqlite::Result<PasswordHash> {
    let parameters = PasswordParameters {
        memory: row.get("memory")?,
        passes: row.get("passes")?,
        lanes: row.get("lanes")?,
    };
    Ok(PasswordHash { parameters, salt: row.get("salt")?, verifier: row.get("verifier")? })
}

/// A role's number in the table; never changes.
const fn role_number(role: Role) -> u8 {
    match role {
        Role::HsmSecurityOfficer => 0,
        Role::PartitionSo => 1,
        Role::CryptoOfficer => 2,
        Role::LimitedCryptoOfficer => 3,
        Role::CryptoUser => 4,
    }
}

fn role_of(number: u8) -> Option<Role> {
    Role::OF_PARTITION.into_iter().find(|role| role_number(*role) == number)
}

const ROLES: &str = "SELECT * FROM role WHERE partition = ?1 ORDER BY role";
const ROLE_KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM role WHERE partition = ?1 AND role = ?2)";
const ADD_ROLE: &str = "INSERT INTO role \
     (partition, role, memory, passes, lanes, salt, verifier, wrapped_key, failures, must_change, \
     handover) \
     VALUES (:partition, :role, :memory, :passes, :lanes, :salt, :verifier, :wrapped, :failures, \
     :must_change, :handover)";
const REWRAP: &str = "UPDATE role SET wrapped_key = ?4, handover = ?5 \
     WHERE partition = ?1 AND role = ?2 AND salt = ?3";
const DELETE_ROLE: &str = "DELETE FROM role WHERE partition = ?1 AND role = ?2";

/// Erases every role of a partition.
pub(super) const DELETE_ROLES: &str = "DELETE FROM role WHERE partition = ?1";
const COUNT_FAILURE: &str = "UPDATE role SET failures = min(failures + 1, 255) \
     WHERE partition = ?1 AND role = ?2 RETURNING failures";
const CLEAR_FAILURES: &str = "UPDATE role SET failures = 0 WHERE partition = ?1 AND role = ?2";

/// A key that one officer leaves for the other.
pub(super) const HANDOVER: &str = "ALTER TABLE role ADD COLUMN handover BLOB;";
