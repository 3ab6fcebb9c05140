//! Partitions' settings for STC. A partition whose settings were never changed has no row.

use rusqlite::{Connection, OptionalExtension, params};

use super::{SqliteAppliance, StoreError, witness::Table};
use crate::model::{SerialNumber, StcAlgorithms, StcSettings};

/// The table of this file.
pub(super) const TABLES: &str = "
CREATE TABLE stc (
    partition INTEGER PRIMARY KEY REFERENCES partition (serial) ON DELETE CASCADE,
    activation_timeout INTEGER NOT NULL,
    rekey_threshold INTEGER NOT NULL,
    replay_window INTEGER NOT NULL,
    algorithms INTEGER NOT NULL
) STRICT;
";

/// Settings for STC at rest. No method has a default body.
pub trait StcStore: Send + Sync {
    /// A partition's settings; the defaults if there are none.
    ///
    /// # Errors
    /// The store cannot be read.
    fn stc_settings(&self, serial: SerialNumber) -> Result<StcSettings, StoreError>;

    /// Sets a partition's settings.
    ///
    /// # Errors
    /// The store cannot be written, or there is no such partition; nothing has changed.
    fn set_stc_settings(
        &self,
        serial: SerialNumber,
        settings: &StcSettings,
    ) -> Result<(), StoreError>;
}

impl StcStore for SqliteAppliance {
    fn stc_settings(&self, serial: SerialNumber) -> Result<StcSettings, StoreError> {
        let (connection, owner) = (self.lock(), super::rows::number(serial)?);
        connection.check(owner, Table::Stc)?;
        let mut statement = connection.prepare_cached(SETTINGS)?;
        let row = statement
            .query_row([owner], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, u8>(3)?))
            })
            .optional()?;
        let Some((activation_timeout, rekey_threshold, replay_window, bits)) = row else {
            return Ok(StcSettings::default());
        };
        let algorithms =
            StcAlgorithms::try_from(bits).map_err(|_| StoreError::Row("STC algorithms"))?;
        Ok(StcSettings { activation_timeout, rekey_threshold, replay_window, algorithms })
    }

    fn set_stc_settings(
        &self,
        serial: SerialNumber,
        settings: &StcSettings,
    ) -> Result<(), StoreError> {
        let values = params![
            super::rows::number(serial)?,
            settings.activation_timeout,
            settings.rekey_threshold,
            settings.replay_window,
            u8::from(settings.algorithms),
        ];
        self.write(|writing| {
            writing.execute(SET_SETTINGS, values)?;
            Ok(())
        })
    }
}

/// Forgets a partition's settings inside a transaction: the defaults hold again.
pub(super) fn forget(transaction: &Connection, serial: i64) -> Result<(), StoreError> {
    transaction.execute(DELETE_SETTINGS, [serial])?;
    Ok(())
}

const SETTINGS: &str = "SELECT activation_timeout, rekey_threshold, replay_window, algorithms \
     FROM stc WHERE partition = ?1";
const SET_SETTINGS: &str = "INSERT OR REPLACE INTO stc \
     (partition, activation_timeout, rekey_threshold, replay_window, algorithms) \
     VALUES (?1, ?2, ?3, ?4, ?5)";
const DELETE_SETTINGS: &str = "DELETE FROM stc WHERE partition = ?1";
