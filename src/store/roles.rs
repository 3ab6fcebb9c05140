//! Partitions' roles: who may log in, and how often that has failed.

use rusqlite::{OptionalExtension, Row, named_params, params};

use super::{
    AuditRow, Credential, DomainRow, SqliteAppliance, StoreError, base::Writing, domains,
    objects::Grouped, rows::number, witness::Table,
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
        let (connection, owner) = (self.lock(), number(serial)?);
        connection.check(owner, Table::Roles)?;
        let mut statement = connection.prepare_cached(ROLES)?;
        let rows = statement
            .query_map([owner], |row| Ok((role_row(row)?, row.get("slot")?, row.get("role")?)))?;
        rows.map(|row| {
            let (row, slot, role) = row?;
            let mut row = row.ok_or(StoreError::Row("role"))?;
            let open = |name, sealed: &[u8]| {
                connection.keys.open_value((owner, slot), &role_name(name, role), sealed)
            };
            row.credential.wrapped_key = open(WRAPPED, &row.credential.wrapped_key)?;
            row.handover = row.handover.map(|left| open(LEFT, &left)).transpose()?;
            Ok(row)
        })
        .collect()
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
                let role = role_number(*role);
                free_slot(transaction, serial, role)?;
                let keys = (wrapped_key.as_slice(), handover.as_deref());
                let SealedKeys { slot, wrapped, left } = seal(transaction, (serial, role), keys)?;
                let values = params![serial, role, salt, wrapped, left, slot];
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
            free_slot(transaction, serial, role_number(role.role))?;
            transaction.execute(DELETE_ROLE, params![serial, role_number(role.role)])?;
            add_role(transaction, serial, role)
        })
    }

    fn count_failure(&self, serial: SerialNumber, role: Role) -> Result<u8, StoreError> {
        let serial = number(serial)?;
        let values = params![serial, role_number(role)];
        self.urgently(|| {
            self.write_noted(|writing| {
                writing.touch(serial, Table::Roles)?;
                Ok(writing.query_row(COUNT_FAILURE, values, |row| row.get(0))?)
            })
        })
    }

    fn confirm_login(
        &self,
        serial: SerialNumber,
        role: Role,
        record: Option<AuditRow>,
    ) -> Result<(), StoreError> {
        let serial = number(serial)?;
        self.urgently(|| self.join(Grouped::Login { serial, role, record: record.clone() }))
            .map(drop)
    }
}

/// Sets a counter to zero inside a transaction.
pub(super) fn clear_failures(
    writing: &mut Writing<'_, '_>,
    serial: i64,
    role: Role,
) -> Result<(), StoreError> {
    writing.touch(serial, Table::Roles)?;
    writing.prepare_cached(CLEAR_FAILURES)?.execute(params![serial, role_number(role)])?;
    Ok(())
}

/// Adds a role inside a transaction.
pub(super) fn add_role(
    writing: &mut Writing<'_, '_>,
    serial: i64,
    row: &RoleRow,
) -> Result<(), StoreError> {
    let Credential { hash, wrapped_key } = &row.credential;
    let keys = (wrapped_key.as_slice(), row.handover.as_deref());
    let SealedKeys { slot, wrapped, left } = seal(writing, (serial, role_number(row.role)), keys)?;
    writing.execute(
        ADD_ROLE,
        named_params! {
            ":partition": serial,
            ":role": role_number(row.role),
            ":memory": hash.parameters.memory,
            ":passes": hash.parameters.passes,
            ":lanes": hash.parameters.lanes,
            ":salt": hash.salt,
            ":verifier": hash.verifier,
            ":wrapped": wrapped,
            ":failures": row.failures,
            ":must_change": row.must_change,
            ":handover": left,
            ":slot": slot,
        },
    )?;
    Ok(())
}

/// Erases every role of a partition inside a transaction.
pub(super) fn erase_all(writing: &mut Writing<'_, '_>, serial: i64) -> Result<(), StoreError> {
    writing.free_slots(ROLE_SLOTS, serial)?;
    writing.notes.emptied(serial, Table::Roles);
    writing.execute(DELETE_ROLES, [serial])?;
    Ok(())
}

/// What a role's row has sealed.
pub(super) const WRAPPED: &str = "role";
const LEFT: &str = "handover";

/// The name that one of a role's values is bound to.
pub(super) fn role_name(value: &str, role: u8) -> String {
    format!("{value} {role}")
}

/// A role's keys as its row has them.
struct SealedKeys {
    slot: u32,
    wrapped: Vec<u8>,
    left: Option<Vec<u8>>,
}

/// Seals a role's keys, and what is left for it, under a slot of their own.
fn seal(
    writing: &mut Writing<'_, '_>,
    (serial, role): (i64, u8),
    (wrapped, left): (&[u8], Option<&[u8]>),
) -> Result<SealedKeys, StoreError> {
    let name = role_name(WRAPPED, role);
    let (slot, wrapped) = writing.keys.seal_in_slot(serial, &name, wrapped)?;
    let name = role_name(LEFT, role);
    let left = left.map(|left| writing.keys.seal_at((serial, slot), &name, left)).transpose()?;
    Ok(SealedKeys { slot, wrapped, left })
}

/// Has a role's old keys destroyed.
fn free_slot(writing: &mut Writing<'_, '_>, serial: i64, role: u8) -> Result<(), StoreError> {
    let slot: Option<Option<u32>> =
        writing.query_row(ROLE_SLOT, params![serial, role], |row| row.get(0)).optional()?;
    if let Some(slot) = slot.flatten() {
        writing.keys.free(serial, slot);
    }
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
     handover, slot) \
     VALUES (:partition, :role, :memory, :passes, :lanes, :salt, :verifier, :wrapped, :failures, \
     :must_change, :handover, :slot)";
const REWRAP: &str = "UPDATE role SET wrapped_key = ?4, handover = ?5, slot = ?6 \
     WHERE partition = ?1 AND role = ?2 AND salt = ?3";
const ROLE_SLOT: &str = "SELECT slot FROM role WHERE partition = ?1 AND role = ?2";
const ROLE_SLOTS: &str = "SELECT slot FROM role WHERE partition = ?1";
const DELETE_ROLE: &str = "DELETE FROM role WHERE partition = ?1 AND role = ?2";
const DELETE_ROLES: &str = "DELETE FROM role WHERE partition = ?1";
const COUNT_FAILURE: &str = "UPDATE role SET failures = min(failures + 1, 255) \
     WHERE partition = ?1 AND role = ?2 RETURNING failures";
const CLEAR_FAILURES: &str = "UPDATE role SET failures = 0 WHERE partition = ?1 AND role = ?2";

/// A key that one officer leaves for the other.
pub(super) const HANDOVER: &str = "ALTER TABLE role ADD COLUMN handover BLOB;";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::SystemRandom,
        model::SerialNumber,
        store::{ApplianceStore, PartitionRow, Room},
    };

    const ROOM: Room = Room { storage: 1_000_000, overhead: 0, partitions: 9 };
    const SERIALS: [SerialNumber; 3] =
        [SerialNumber::new(1001), SerialNumber::new(1002), SerialNumber::new(1003)];

    fn row(role: Role, mark: u8) -> RoleRow {
        let parameters = PasswordParameters { memory: 8, passes: 1, lanes: 1 };
        let hash = PasswordHash { parameters, salt: [mark; 16], verifier: [mark; 32] };
        let credential = Credential { hash, wrapped_key: vec![mark; 40] };
        RoleRow { role, credential, failures: 0, must_change: false, handover: None }
    }

    /// Three partitions, each with a Crypto Officer of its own.
    fn store() -> (tempfile::TempDir, SqliteAppliance) {
        let directory = tempfile::tempdir().unwrap();
        let (store, _) =
            SqliteAppliance::open(directory.path(), Box::new(SystemRandom::new())).unwrap();
        for (mark, serial) in (1..).zip(SERIALS) {
            let partition = PartitionRow {
                serial,
                name: format!("par{mark}").parse().unwrap(),
                label: None,
                storage: 1000,
                generation: 0,
                ouid: [0; 12],
                identity: [mark; 32],
                sealed_identity: vec![mark; 40],
                objects: 0,
                object_bytes: 0,
            };
            store.create_partition(&partition, ROOM).unwrap();
            let added = row(Role::CryptoOfficer, mark);
            let changes = RoleChanges { added: Some(&added), rewrapped: &[], domains: None };
            assert!(store.change_roles(serial, &changes).unwrap());
        }
        (directory, store)
    }

    fn failures(store: &SqliteAppliance) -> Vec<u8> {
        SERIALS.map(|serial| store.roles(serial).unwrap()[0].failures).to_vec()
    }

    #[test]
    fn a_partition_has_its_own_roles_only() {
        let (_directory, store) = store();
        for (mark, serial) in (1..).zip(SERIALS) {
            assert_eq!(store.roles(serial).unwrap(), [row(Role::CryptoOfficer, mark)]);
        }
        assert_eq!(store.roles(SerialNumber::new(1)).unwrap(), []);
        let [_, middle, _] = SERIALS;
        store.replace_role(middle, &row(Role::CryptoOfficer, 9)).unwrap();
        let marks = SERIALS.map(|serial| store.roles(serial).unwrap()[0].credential.hash.salt[0]);
        assert_eq!(marks, [1, 9, 3]);
    }

    #[test]
    fn failures_are_counted_and_cleared_at_one_partition() {
        let (_directory, store) = store();
        let [first, middle, last] = SERIALS;
        for serial in [first, middle, middle, last, last, last] {
            store.count_failure(serial, Role::CryptoOfficer).unwrap();
        }
        assert_eq!(failures(&store), [1, 2, 3]);
        store.confirm_login(middle, Role::CryptoOfficer, None).unwrap();
        assert_eq!(failures(&store), [1, 0, 3]);
        assert!(store.count_failure(middle, Role::CryptoUser).is_err(), "there is none");
        assert_eq!(failures(&store), [1, 0, 3]);
    }
}
