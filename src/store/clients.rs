//! Partitions' clients over STC, known by their keys.

use rusqlite::{OptionalExtension, params};

use super::{SqliteAppliance, StoreError, rows::number, witness::Table};
use crate::{
    crypto::PublicKey,
    model::{ClientLabel, SerialNumber},
};

/// Clients at rest. No method has a default body.
pub trait ClientStore: Send + Sync {
    /// A partition's clients, in the order of registration.
    ///
    /// # Errors
    /// The store cannot be read.
    fn clients(&self, serial: SerialNumber) -> Result<Vec<ClientRow>, StoreError>;

    /// Adds a client, if label and key are new and there is room for it.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn register_client(
        &self,
        serial: SerialNumber,
        client: &ClientRow,
        bytes: u64,
    ) -> Result<Registration, StoreError>;

    /// Adds the first client of a partition that has neither a label nor a client; `false` if
    /// it has.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn register_first_client(
        &self,
        serial: SerialNumber,
        client: &ClientRow,
    ) -> Result<bool, StoreError>;

    /// Removes a client; `false` if there is none of this key.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn deregister_client(&self, serial: SerialNumber, key: &PublicKey) -> Result<bool, StoreError>;
}

/// A registered client's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRow {
    /// The name.
    pub label: ClientLabel,
    /// The public identity.
    pub key: PublicKey,
}

/// What came of adding a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// It is there.
    Registered,
    /// Another client has the label or the key.
    Taken,
    /// The partition has less storage left.
    NoRoom,
    /// There is no such partition.
    NoPartition,
}

impl ClientStore for SqliteAppliance {
    fn clients(&self, serial: SerialNumber) -> Result<Vec<ClientRow>, StoreError> {
        let (connection, owner) = (self.lock(), number(serial)?);
        // Whoever was added or altered from outside is no client; the others are.
        let unsound = connection.unsound(owner, Table::Clients)?;
        let mut statement = connection.prepare_cached(CLIENTS)?;
        let rows =
            statement.query_map([owner], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
        let rows = rows.collect::<Result<Vec<_>, _>>()?.into_iter();
        rows.filter(|(label, _)| !unsound.contains(label))
            .map(|(label, key)| {
                let label = label.parse().map_err(|_| StoreError::Row("client"))?;
                Ok(ClientRow { label, key })
            })
            .collect()
    }

    fn register_client(
        &self,
        serial: SerialNumber,
        client: &ClientRow,
        bytes: u64,
    ) -> Result<Registration, StoreError> {
        let serial = number(serial)?;
        self.write(|transaction| {
            let room = transaction
                .query_row(CLIENT_ROOM, [serial], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((storage, count)) = room else { return Ok(Registration::NoPartition) };
            let known = params![serial, client.label.as_str(), client.key];
            if transaction.query_row(CLIENT_KNOWN, known, |row| row.get(0))? {
                return Ok(Registration::Taken);
            }
            let (storage, count): (i64, u64) = (storage, count);
            let storage = u64::try_from(storage).unwrap_or(0);
            if count.saturating_add(1).saturating_mul(bytes) > storage {
                return Ok(Registration::NoRoom);
            }
            transaction.execute(ADD_CLIENT, params![serial, client.label.as_str(), client.key])?;
            Ok(Registration::Registered)
        })
    }

    fn register_first_client(
        &self,
        serial: SerialNumber,
        client: &ClientRow,
    ) -> Result<bool, StoreError> {
        let values = params![number(serial)?, client.label.as_str(), client.key];
        self.write(|writing| Ok(writing.execute(ADD_FIRST_CLIENT, values)? > 0))
    }

    fn deregister_client(&self, serial: SerialNumber, key: &PublicKey) -> Result<bool, StoreError> {
        let values = params![number(serial)?, key];
        self.write(|writing| Ok(writing.execute(DELETE_CLIENT, values)? > 0))
    }
}

const CLIENTS: &str = "SELECT label, key FROM client WHERE partition = ?1 ORDER BY id";
const CLIENT_ROOM: &str = "SELECT storage - object_bytes, \
     (SELECT count(*) FROM client WHERE partition = ?1) FROM partition WHERE serial = ?1";
const CLIENT_KNOWN: &str = "SELECT EXISTS \
     (SELECT 1 FROM client WHERE partition = ?1 AND (label = ?2 OR key = ?3))";
const ADD_CLIENT: &str = "INSERT INTO client (partition, label, key) VALUES (?1, ?2, ?3)";
const ADD_FIRST_CLIENT: &str = "INSERT INTO client (partition, label, key) \
     SELECT serial, ?2, ?3 FROM partition WHERE serial = ?1 AND label IS NULL \
     AND NOT EXISTS (SELECT 1 FROM client WHERE partition = ?1)";
const DELETE_CLIENT: &str = "DELETE FROM client WHERE partition = ?1 AND key = ?2";

/// Erases every client of a partition.
pub(super) const DELETE_CLIENTS: &str = "DELETE FROM client WHERE partition = ?1";
