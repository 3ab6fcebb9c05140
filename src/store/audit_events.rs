//! Which uses of keys are to be recorded: of the HSM, and of partitions that have it otherwise.

use rusqlite::{OptionalExtension, params};

use super::{SqliteAppliance, StoreError, keyring::HSM, rows::number, witness::Table};
use crate::model::{AuditEvents, SerialNumber};

/// The tables of this file. The one row of the HSM comes with its first setting.
pub(super) const TABLES: &str = "
CREATE TABLE audit_events (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    events INTEGER NOT NULL
) STRICT;
CREATE TABLE partition_audit_events (
    partition INTEGER PRIMARY KEY REFERENCES partition (serial) ON DELETE CASCADE,
    events INTEGER NOT NULL
) STRICT;
";

/// What is recorded, at rest. No method has a default body.
pub trait AuditEventsStore: Send + Sync {
    /// What was set for the HSM, or for one partition.
    ///
    /// # Errors
    /// The store cannot be read.
    fn audit_events(
        &self,
        partition: Option<SerialNumber>,
    ) -> Result<Option<AuditEvents>, StoreError>;

    /// Sets it, or forgets what was set.
    ///
    /// # Errors
    /// The store cannot be written, or there is no such partition; nothing has changed.
    fn set_audit_events(
        &self,
        partition: Option<SerialNumber>,
        events: Option<AuditEvents>,
    ) -> Result<(), StoreError>;
}

impl AuditEventsStore for SqliteAppliance {
    fn audit_events(
        &self,
        partition: Option<SerialNumber>,
    ) -> Result<Option<AuditEvents>, StoreError> {
        let connection = self.lock();
        let bits: Option<u8> = match partition {
            None => {
                connection.check(HSM, Table::HsmEvents)?;
                connection.query_row(OF_HSM, [], |row| row.get(0)).optional()?
            }
            Some(serial) => {
                let owner = number(serial)?;
                connection.check(owner, Table::Events)?;
                connection.query_row(OF_PARTITION, [owner], |row| row.get(0)).optional()?
            }
        };
        let events = bits.map(AuditEvents::try_from).transpose();
        events.map_err(|_| StoreError::Row("audit events"))
    }

    fn set_audit_events(
        &self,
        partition: Option<SerialNumber>,
        events: Option<AuditEvents>,
    ) -> Result<(), StoreError> {
        let (serial, events) = (partition.map(number).transpose()?, events.map(u8::from));
        self.write(|writing| {
            match (serial, events) {
                (None, Some(events)) => writing.execute(SET_OF_HSM, [events])?,
                (None, None) => writing.execute(FORGET_OF_HSM, [])?,
                (Some(serial), Some(events)) => {
                    writing.execute(SET_OF_PARTITION, params![serial, events])?
                }
                (Some(serial), None) => writing.execute(FORGET_OF_PARTITION, [serial])?,
            };
            Ok(())
        })
    }
}

const OF_HSM: &str = "SELECT events FROM audit_events";
const SET_OF_HSM: &str = "INSERT OR REPLACE INTO audit_events (id, events) VALUES (1, ?1)";
const FORGET_OF_HSM: &str = "DELETE FROM audit_events";
const OF_PARTITION: &str = "SELECT events FROM partition_audit_events WHERE partition = ?1";
const SET_OF_PARTITION: &str =
    "INSERT OR REPLACE INTO partition_audit_events (partition, events) VALUES (?1, ?2)";
const FORGET_OF_PARTITION: &str = "DELETE FROM partition_audit_events WHERE partition = ?1";
