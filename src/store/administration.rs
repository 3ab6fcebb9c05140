//! What the officers change about the HSM and its partitions once they exist.

use rusqlite::{OptionalExtension, params};

use super::{Credential, SqliteAppliance, StoreError, policies, rows::number};
use crate::{
    crypto::PasswordParameters,
    model::{Label, SerialNumber},
};

/// Changes of names, sizes and the HSM SO's password. No method has a default body.
pub trait AdministrationStore: Send + Sync {
    /// Replaces the HSM SO's credential.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn set_security_officer(&self, credential: &Credential) -> Result<(), StoreError>;

    /// Sets the HSM's policies back to their defaults.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn forget_hsm_policies(&self) -> Result<(), StoreError>;

    /// Sets a partition's label.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn label_partition(&self, serial: SerialNumber, label: &Label) -> Result<(), StoreError>;

    /// Gives a partition another name; `false` if another partition has it.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn rename_partition(&self, serial: SerialNumber, name: &Label) -> Result<bool, StoreError>;

    /// Gives a partition another size, if the HSM has room for it beside the others; `room` is the
    /// HSM's storage and what each partition takes besides its own, in bytes.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn resize_partition(
        &self,
        serial: SerialNumber,
        bytes: u64,
        room: (u64, u64),
    ) -> Result<bool, StoreError>;
}

impl AdministrationStore for SqliteAppliance {
    fn set_security_officer(&self, credential: &Credential) -> Result<(), StoreError> {
        let hash = &credential.hash;
        let PasswordParameters { memory, passes, lanes } = hash.parameters;
        let values = params![memory, passes, lanes, hash.salt, hash.verifier];
        self.write(|writing| {
            writing.execute(SET_SECURITY_OFFICER, values)?;
            Ok(())
        })?;
        // The verifier of the old password goes, too.
        self.lock().truncate_log();
        Ok(())
    }

    fn forget_hsm_policies(&self) -> Result<(), StoreError> {
        self.write(policies::forget_hsm)
    }

    fn label_partition(&self, serial: SerialNumber, label: &Label) -> Result<(), StoreError> {
        let values = params![number(serial)?, label.as_str()];
        self.write(|writing| {
            writing.execute(LABEL_PARTITION, values)?;
            Ok(())
        })
    }

    fn rename_partition(&self, serial: SerialNumber, name: &Label) -> Result<bool, StoreError> {
        let serial = number(serial)?;
        self.write(|transaction| {
            let known: Option<i64> = transaction
                .query_row(SERIAL_OF_NAME, [name.as_str()], |row| row.get(0))
                .optional()?;
            if known.is_some_and(|known| known != serial) {
                return Ok(false);
            }
            transaction.execute(RENAME_PARTITION, params![serial, name.as_str()])?;
            Ok(true)
        })
    }

    fn resize_partition(
        &self,
        serial: SerialNumber,
        bytes: u64,
        (total, overhead): (u64, u64),
    ) -> Result<bool, StoreError> {
        let serial = number(serial)?;
        self.write(|transaction| {
            let others: u64 =
                transaction
                    .query_row(USED_BY_OTHERS, params![serial, overhead], |row| row.get(0))?;
            if others.saturating_add(bytes).saturating_add(overhead) > total {
                return Ok(false);
            }
            transaction.execute(RESIZE_PARTITION, params![serial, bytes])?;
            Ok(true)
        })
    }
}

const SET_SECURITY_OFFICER: &str = "UPDATE hsm SET memory = ?1, passes = ?2, lanes = ?3, \
     salt = ?4, verifier = ?5, failures = 0";
const LABEL_PARTITION: &str = "UPDATE partition SET label = ?2 WHERE serial = ?1";
const SERIAL_OF_NAME: &str = "SELECT serial FROM partition WHERE name = ?1";
const RENAME_PARTITION: &str = "UPDATE partition SET name = ?2 WHERE serial = ?1";
const USED_BY_OTHERS: &str =
    "SELECT coalesce(sum(storage + ?2), 0) FROM partition WHERE serial <> ?1";
const RESIZE_PARTITION: &str = "UPDATE partition SET storage = ?2 WHERE serial = ?1";
