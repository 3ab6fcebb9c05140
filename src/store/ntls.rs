//! NTLS clients, the partitions they were given, and the settings of the NTLS service.

use std::net::IpAddr;

use rusqlite::{OptionalExtension, Row, params};

use super::{SqliteAppliance, StoreError, keyring::HSM, witness::Table};
use crate::model::{ClientHost, ClientLabel, SerialNumber};

/// The tables of this file.
pub(super) const TABLES: &str = "
CREATE TABLE ntls_client (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL UNIQUE,
    address TEXT,
    certificate BLOB NOT NULL UNIQUE
) STRICT;
CREATE TABLE ntls_assignment (
    client INTEGER NOT NULL REFERENCES ntls_client (id) ON DELETE CASCADE,
    partition INTEGER NOT NULL REFERENCES partition (serial) ON DELETE CASCADE,
    PRIMARY KEY (client, partition)
) STRICT;
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
";

/// What the appliance keeps for NTLS. Operations are atomic and durable, as those of
/// [`super::ApplianceStore`].
pub trait NtlsStore: Send + Sync {
    /// The clients with their partitions, in the order of registration.
    ///
    /// # Errors
    /// The store cannot be read.
    fn ntls_clients(&self) -> Result<Vec<NtlsClientRow>, StoreError>;

    /// Adds a client without partitions, unless name, host or certificate are taken.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn register_ntls_client(&self, client: &NtlsClientRow) -> Result<bool, StoreError>;

    /// Removes a client with its assignments; `false` if there is none.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn delete_ntls_client(&self, name: &ClientLabel) -> Result<bool, StoreError>;

    /// Gives a client a partition; `false` if it has it, or one of the two does not exist.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn assign_partition(
        &self,
        client: &ClientLabel,
        serial: SerialNumber,
    ) -> Result<bool, StoreError>;

    /// Takes a partition from a client; `false` if it does not have it.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn revoke_partition(
        &self,
        client: &ClientLabel,
        serial: SerialNumber,
    ) -> Result<bool, StoreError>;

    /// Records the address that a client connects from; `false` if there is no such client.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn map_address(
        &self,
        client: &ClientLabel,
        address: Option<IpAddr>,
    ) -> Result<bool, StoreError>;

    /// The value of one of the appliance's settings.
    ///
    /// # Errors
    /// The store cannot be read.
    fn setting(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Sets one of the appliance's settings.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn set_setting(&self, name: &str, value: &str) -> Result<(), StoreError>;
}

/// A registered NTLS client's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NtlsClientRow {
    /// Its name.
    pub name: ClientLabel,
    /// Its host.
    pub host: ClientHost,
    /// The address recorded for it.
    pub address: Option<IpAddr>,
    /// Its certificate's DER encoding.
    pub certificate: Vec<u8>,
    /// Its partitions.
    pub partitions: Vec<SerialNumber>,
}

impl NtlsStore for SqliteAppliance {
    fn ntls_clients(&self) -> Result<Vec<NtlsClientRow>, StoreError> {
        let connection = self.lock();
        // Whoever was added or altered from outside is no client; the others are.
        let strangers = connection.unsound(HSM, Table::NtlsClients)?;
        let usurped = connection.unsound(HSM, Table::Assignments)?;
        let mut assignments = connection.prepare_cached(ASSIGNMENTS)?;
        let mut statement = connection.prepare_cached(CLIENTS)?;
        let rows = statement.query_map([], client_row)?.collect::<Result<Vec<_>, _>>()?;
        let mut clients = Vec::with_capacity(rows.len());
        for (id, name, client) in rows {
            if strangers.contains(&name) {
                continue;
            }
            let mut client = client.ok_or(StoreError::Row("NTLS client"))?;
            let serials = assignments.query_map([id], |row| row.get::<_, u64>(0))?;
            let serials = serials.collect::<Result<Vec<_>, _>>()?.into_iter();
            let serials = serials.filter(|serial| !usurped.contains(&format!("{id} to {serial}")));
            client.partitions = serials.map(SerialNumber::new).collect();
            clients.push(client);
        }
        Ok(clients)
    }

    fn register_ntls_client(&self, client: &NtlsClientRow) -> Result<bool, StoreError> {
        let (name, host) = (client.name.as_str(), client.host.to_string());
        let address = client.address.map(|address| address.to_string());
        let values = params![name, host, address, client.certificate];
        self.write(|writing| Ok(writing.execute(ADD_CLIENT, values)? > 0))
    }

    fn delete_ntls_client(&self, name: &ClientLabel) -> Result<bool, StoreError> {
        self.write(|writing| Ok(writing.execute(DELETE_CLIENT, [name.as_str()])? > 0))
    }

    fn assign_partition(
        &self,
        client: &ClientLabel,
        serial: SerialNumber,
    ) -> Result<bool, StoreError> {
        let values = params![client.as_str(), number(serial)?];
        self.write(|writing| Ok(writing.execute(ASSIGN, values)? > 0))
    }

    fn revoke_partition(
        &self,
        client: &ClientLabel,
        serial: SerialNumber,
    ) -> Result<bool, StoreError> {
        let values = params![client.as_str(), number(serial)?];
        self.write(|writing| Ok(writing.execute(REVOKE, values)? > 0))
    }

    fn map_address(
        &self,
        client: &ClientLabel,
        address: Option<IpAddr>,
    ) -> Result<bool, StoreError> {
        let values = params![client.as_str(), address.map(|address| address.to_string())];
        self.write(|writing| Ok(writing.execute(MAP_ADDRESS, values)? > 0))
    }

    fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let base = self.lock();
        base.witness.check(&base, (HSM, Table::Settings), Some(name))?;
        Ok(base.query_row(SETTING, [name], |row| row.get(0)).optional()?)
    }

    fn set_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.write(|writing| {
            writing.execute(SET_SETTING, [name, value])?;
            Ok(())
        })
    }
}

/// The row's number, its name, and the client without its partitions; none if a value breaks its
/// rule.
fn client_row(row: &Row<'_>) -> rusqlite::Result<(i64, String, Option<NtlsClientRow>)> {
    let (name, host): (String, String) = (row.get("name")?, row.get("host")?);
    let address: Option<String> = row.get("address")?;
    let certificate = row.get("certificate")?;
    let written = name.clone();
    let client = || {
        let address = address.map(|address| address.parse()).transpose().ok()?;
        let (name, host) = (name.parse().ok()?, host.parse().ok()?);
        Some(NtlsClientRow { name, host, address, certificate, partitions: Vec::new() })
    };
    Ok((row.get("id")?, written, client()))
}

fn number(serial: SerialNumber) -> Result<i64, StoreError> {
    i64::try_from(serial.value()).map_err(|_| StoreError::Row("serial number"))
}

const CLIENTS: &str = "SELECT * FROM ntls_client ORDER BY id";
const ASSIGNMENTS: &str =
    "SELECT partition FROM ntls_assignment WHERE client = ?1 ORDER BY partition";
const ADD_CLIENT: &str = "INSERT OR IGNORE INTO ntls_client (name, host, address, certificate) \
     VALUES (?1, ?2, ?3, ?4)";
const DELETE_CLIENT: &str = "DELETE FROM ntls_client WHERE name = ?1";
const ASSIGN: &str = "INSERT OR IGNORE INTO ntls_assignment (client, partition) \
     SELECT ntls_client.id, partition.serial FROM ntls_client, partition \
     WHERE ntls_client.name = ?1 AND partition.serial = ?2";
const REVOKE: &str = "DELETE FROM ntls_assignment WHERE partition = ?2 \
     AND client = (SELECT id FROM ntls_client WHERE name = ?1)";
const MAP_ADDRESS: &str = "UPDATE ntls_client SET address = ?2 WHERE name = ?1";
const SETTING: &str = "SELECT value FROM setting WHERE name = ?1";
const SET_SETTING: &str = "INSERT INTO setting (name, value) VALUES (?1, ?2) \
     ON CONFLICT (name) DO UPDATE SET value = excluded.value";
