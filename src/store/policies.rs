//! The policies that officers have set. A policy that was never changed has no row.

use rusqlite::{Connection, params};

use super::{
    SqliteAppliance, StoreError, base::Writing, keyring::HSM, objects,
    rows::erase_partitions as erase_partitions_of, witness::Table,
};
use crate::model::{PolicyValue, SerialNumber};

/// Policies at rest. No method has a default body.
pub trait PolicyStore: Send + Sync {
    /// The HSM's policies that were set.
    ///
    /// # Errors
    /// The store cannot be read.
    fn hsm_policies(&self) -> Result<Vec<PolicyValue>, StoreError>;

    /// Sets policies of the HSM and, if told so, erases every partition in the same step.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn set_hsm_policies(
        &self,
        values: &[PolicyValue],
        erase_partitions: bool,
    ) -> Result<(), StoreError>;

    /// A partition's policies that were set.
    ///
    /// # Errors
    /// The store cannot be read.
    fn policies(&self, serial: SerialNumber) -> Result<Vec<PolicyValue>, StoreError>;

    /// Sets policies of a partition and, if told so, erases its objects in the same step.
    ///
    /// # Errors
    /// The store cannot be written, or there is no such partition; nothing has changed.
    fn set_policies(
        &self,
        serial: SerialNumber,
        values: &[PolicyValue],
        erase_objects: bool,
    ) -> Result<(), StoreError>;
}

impl PolicyStore for SqliteAppliance {
    fn hsm_policies(&self) -> Result<Vec<PolicyValue>, StoreError> {
        let base = self.lock();
        base.check(HSM, Table::HsmPolicies)?;
        read(&base, HSM_POLICIES, &[])
    }

    fn set_hsm_policies(
        &self,
        values: &[PolicyValue],
        erase_partitions: bool,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            if erase_partitions {
                erase_partitions_of(transaction)?;
            }
            set_hsm(transaction, values)
        })
    }

    fn policies(&self, serial: SerialNumber) -> Result<Vec<PolicyValue>, StoreError> {
        let (base, owner) = (self.lock(), super::rows::number(serial)?);
        base.check(owner, Table::Policies)?;
        read(&base, POLICIES, &[&owner])
    }

    fn set_policies(
        &self,
        serial: SerialNumber,
        values: &[PolicyValue],
        erase_objects: bool,
    ) -> Result<(), StoreError> {
        let serial = super::rows::number(serial)?;
        self.write(|transaction| {
            if erase_objects {
                objects::erase_all(transaction, serial)?;
            }
            set(transaction, serial, values)
        })
    }
}

/// Sets policies of the HSM inside a transaction.
pub(super) fn set_hsm(transaction: &Connection, values: &[PolicyValue]) -> Result<(), StoreError> {
    for PolicyValue { number, value } in values {
        transaction.execute(SET_HSM_POLICY, params![number, value])?;
    }
    Ok(())
}

/// Sets a partition's policies inside a transaction.
pub(super) fn set(
    transaction: &Connection,
    serial: i64,
    values: &[PolicyValue],
) -> Result<(), StoreError> {
    for PolicyValue { number, value } in values {
        transaction.execute(SET_POLICY, params![serial, number, value])?;
    }
    Ok(())
}

/// Forgets a partition's policies inside a transaction: the defaults hold again.
pub(super) fn forget(transaction: &Connection, serial: i64) -> Result<(), StoreError> {
    transaction.execute(DELETE_POLICIES, [serial])?;
    Ok(())
}

/// Forgets the HSM's policies inside a transaction: the defaults hold again.
pub(super) fn forget_hsm(transaction: &mut Writing<'_, '_>) -> Result<(), StoreError> {
    transaction.notes.emptied(HSM, Table::HsmPolicies);
    transaction.execute(DELETE_HSM_POLICIES, [])?;
    Ok(())
}

fn read(
    connection: &Connection,
    statement: &str,
    values: &[&dyn rusqlite::ToSql],
) -> Result<Vec<PolicyValue>, StoreError> {
    let mut statement = connection.prepare_cached(statement)?;
    let rows = statement
        .query_map(values, |row| Ok(PolicyValue { number: row.get(0)?, value: row.get(1)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

const HSM_POLICIES: &str = "SELECT number, value FROM hsm_policy ORDER BY number";
const SET_HSM_POLICY: &str = "INSERT INTO hsm_policy (number, value) VALUES (?1, ?2) \
     ON CONFLICT (number) DO UPDATE SET value = excluded.value";
const DELETE_HSM_POLICIES: &str = "DELETE FROM hsm_policy";
const POLICIES: &str = "SELECT number, value FROM policy WHERE partition = ?1 ORDER BY number";
const SET_POLICY: &str = "INSERT INTO policy (partition, number, value) VALUES (?1, ?2, ?3) \
     ON CONFLICT (partition, number) DO UPDATE SET value = excluded.value";
const DELETE_POLICIES: &str = "DELETE FROM policy WHERE partition = ?1";
