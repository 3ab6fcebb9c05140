//! The appliance's rows in SQLite. Every statement is a constant.

use std::{
    fmt,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rusqlite::{
    Connection, OptionalExtension, Row, Transaction, TransactionBehavior, named_params, params,
};

use super::{
    ApplianceStore, Creation, Credential, HsmRow, Initialization, PartitionRow, Room, Sealer,
    StoreError,
    audit::Chain,
    clients::DELETE_CLIENTS,
    domains,
    grouped::Waiting,
    objects::DELETE_OBJECTS,
    open_database, policies,
    roles::{DELETE_ROLES, add_role, hash},
    schema::APPLIANCE,
    stc,
};
use crate::{
    crypto::{PasswordParameters, PublicKey, Random},
    model::{Label, PolicyValue, SerialNumber},
};

/// The appliance's state in one SQLite file.
pub struct SqliteAppliance {
    pub(super) connection: Mutex<Connection>,
    pub(super) chain: Chain,
    pub(super) waiting: Waiting,
}

impl SqliteAppliance {
    /// Opens `appliance.db` in this directory with the key beside it; makes both, and the HSM's
    /// serial number, if there are none.
    ///
    /// # Errors
    /// As [`open_database`].
    pub fn open(directory: &Path, random: &mut dyn Random) -> Result<(Self, Sealer), StoreError> {
        let path = directory.join("appliance.db");
        let (connection, sealer) = open_database(&path, APPLIANCE, random)?;
        let mut number = [0; 4];
        random.fill(&mut number)?;
        // Six or seven digits, as HSMs have.
        let serial = 100_000 + u32::from_be_bytes(number) % 9_900_000;
        connection.execute(ADD_HSM, params![serial])?;
        let chain = Chain::open(&connection, &sealer, random)?;
        let waiting = Waiting::default();
        Ok((Self { connection: Mutex::new(connection), chain, waiting }, sealer))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic inside a transaction rolled it back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `act` in one transaction that holds the write lock from its start.
    pub(super) fn write<T>(
        &self,
        act: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let outcome = act(&transaction)?;
        transaction.commit()?;
        Ok(outcome)
    }

    /// As [`Self::write`], but nothing has changed if `act` says `false`.
    pub(super) fn write_or_leave(
        &self,
        act: impl FnOnce(&Transaction<'_>) -> Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = act(&transaction)?;
        if done {
            transaction.commit()?;
        }
        Ok(done)
    }
}

impl ApplianceStore for SqliteAppliance {
    fn hsm(&self) -> Result<HsmRow, StoreError> {
        Ok(self.lock().query_row(HSM, [], hsm_row)?)
    }

    fn initialize_hsm(
        &self,
        label: &Label,
        secrets: Option<&(Credential, Option<Vec<u8>>)>,
        policies: &[PolicyValue],
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute(DELETE_PARTITIONS, [])?;
            transaction.execute(LABEL_HSM, params![label.as_str()])?;
            if let Some((Credential { hash, .. }, domain)) = secrets {
                let PasswordParameters { memory, passes, lanes } = hash.parameters;
                let values = params![memory, passes, lanes, hash.salt, hash.verifier, domain];
                transaction.execute(SET_SECURITY_OFFICER, values)?;
            }
            policies::set_hsm(transaction, policies)
        })
    }

    fn zeroize_hsm(&self) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute(DELETE_PARTITIONS, [])?;
            transaction.execute(ZEROIZE_HSM, [])?;
            Ok(())
        })
    }

    fn count_hsm_failure(&self) -> Result<u8, StoreError> {
        self.write(
            |transaction| Ok(transaction.query_row(COUNT_HSM_FAILURE, [], |row| row.get(0))?),
        )
    }

    fn clear_hsm_failures(&self) -> Result<(), StoreError> {
        self.lock().execute(CLEAR_HSM_FAILURES, [])?;
        Ok(())
    }

    fn partitions(&self) -> Result<Vec<PartitionRow>, StoreError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(PARTITIONS)?;
        let rows = statement.query_map([], partition_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn partition(&self, serial: SerialNumber) -> Result<Option<PartitionRow>, StoreError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(PARTITION)?;
        Ok(statement.query_row([number(serial)?], partition_row).optional()?)
    }

    fn create_partition(
        &self,
        partition: &PartitionRow,
        room: Room,
    ) -> Result<Creation, StoreError> {
        let serial = number(partition.serial)?;
        self.write(|transaction| {
            let known = |statement, value: &dyn rusqlite::ToSql| {
                transaction.query_row(statement, [value], |row| row.get::<_, bool>(0))
            };
            if known(SERIAL_KNOWN, &serial)? {
                return Ok(Creation::SerialTaken);
            }
            if known(NAME_KNOWN, &partition.name.as_str())? {
                return Ok(Creation::NameTaken);
            }
            let (count, used): (u32, u64) =
                transaction.query_row(USED_BY_PARTITIONS, [room.overhead], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?;
            if count >= room.partitions {
                return Ok(Creation::TooMany);
            }
            let wanted = used.saturating_add(partition.storage).saturating_add(room.overhead);
            if wanted > room.storage {
                return Ok(Creation::NoRoom);
            }
            transaction.execute(
                ADD_PARTITION,
                named_params! {
                    ":serial": serial,
                    ":name": partition.name.as_str(),
                    ":storage": partition.storage,
                    ":ouid": partition.ouid,
                    ":identity": partition.identity,
                    ":sealed": partition.sealed_identity,
                },
            )?;
            Ok(Creation::Created)
        })
    }

    fn delete_partition(&self, serial: SerialNumber) -> Result<bool, StoreError> {
        Ok(self.lock().execute(DELETE_PARTITION, [number(serial)?])? > 0)
    }

    fn initialize_partition(
        &self,
        serial: SerialNumber,
        generation: u64,
        content: &Initialization<'_>,
    ) -> Result<bool, StoreError> {
        let serial = number(serial)?;
        self.write(|transaction| {
            let label = content.label.as_str();
            let values = params![serial, generation, label];
            if transaction.execute(INITIALIZE_PARTITION, values)? == 0 {
                return Ok(false);
            }
            transaction.execute(DELETE_OBJECTS, [serial])?;
            transaction.execute(DELETE_ROLES, [serial])?;
            content.roles.iter().try_for_each(|role| add_role(transaction, serial, role))?;
            domains::set(transaction, serial, content.domains)?;
            policies::set(transaction, serial, content.policies)?;
            Ok(true)
        })
    }

    fn zeroize_partition(
        &self,
        serial: SerialNumber,
        identity: &PublicKey,
        sealed: &[u8],
    ) -> Result<(), StoreError> {
        let serial = number(serial)?;
        self.write(|transaction| {
            transaction.execute(ZEROIZE_PARTITION, params![serial, identity, sealed])?;
            transaction.execute(DELETE_OBJECTS, [serial])?;
            transaction.execute(DELETE_ROLES, [serial])?;
            transaction.execute(DELETE_CLIENTS, [serial])?;
            domains::set(transaction, serial, &[])?;
            stc::forget(transaction, serial)?;
            policies::forget(transaction, serial)
        })
    }
}

impl fmt::Debug for SqliteAppliance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqliteAppliance(..)")
    }
}

fn hsm_row(row: &Row<'_>) -> rusqlite::Result<HsmRow> {
    let memory: Option<u32> = row.get("memory")?;
    let security_officer = match memory {
        Some(_) => Some(Credential { hash: hash(row)?, wrapped_key: Vec::new() }),
        None => None,
    };
    let label: Option<String> = row.get("label")?;
    Ok(HsmRow {
        serial: SerialNumber::new(row.get("serial")?),
        label: label.and_then(|label| label.parse().ok()),
        security_officer,
        failures: row.get("failures")?,
        domain: row.get("domain")?,
    })
}

fn partition_row(row: &Row<'_>) -> rusqlite::Result<PartitionRow> {
    let name: String = row.get("name")?;
    let label: Option<String> = row.get("label")?;
    let unfit = |error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    };
    Ok(PartitionRow {
        serial: SerialNumber::new(row.get("serial")?),
        name: name.parse().map_err(unfit)?,
        label: label.map(|label| label.parse().map_err(unfit)).transpose()?,
        storage: row.get("storage")?,
        generation: row.get("generation")?,
        ouid: row.get("ouid")?,
        identity: row.get("identity")?,
        sealed_identity: row.get("sealed_identity")?,
        objects: row.get("objects")?,
        object_bytes: row.get("object_bytes")?,
    })
}

pub(super) fn number(serial: SerialNumber) -> Result<i64, StoreError> {
    i64::try_from(serial.value()).map_err(|_| StoreError::Row("serial number"))
}

const ADD_HSM: &str = "INSERT OR IGNORE INTO hsm (id, serial) VALUES (1, ?1)";
const HSM: &str = "SELECT * FROM hsm WHERE id = 1";
const LABEL_HSM: &str = "UPDATE hsm SET label = ?1, failures = 0";
const SET_SECURITY_OFFICER: &str = "UPDATE hsm SET memory = ?1, passes = ?2, lanes = ?3, \
     salt = ?4, verifier = ?5, domain = ?6";
const ZEROIZE_HSM: &str = "UPDATE hsm SET label = NULL, memory = NULL, passes = NULL, \
     lanes = NULL, salt = NULL, verifier = NULL, domain = NULL, failures = 0";
const COUNT_HSM_FAILURE: &str =
    "UPDATE hsm SET failures = min(failures + 1, 255) RETURNING failures";
const CLEAR_HSM_FAILURES: &str = "UPDATE hsm SET failures = 0";

const PARTITIONS: &str = "SELECT * FROM partition ORDER BY serial";
const PARTITION: &str = "SELECT * FROM partition WHERE serial = ?1";
const SERIAL_KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM partition WHERE serial = ?1)";
const NAME_KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM partition WHERE name = ?1)";
const USED_BY_PARTITIONS: &str = "SELECT count(*), coalesce(sum(storage + ?1), 0) FROM partition";
const ADD_PARTITION: &str = "INSERT INTO partition \
     (serial, name, storage, ouid, identity, sealed_identity) \
     VALUES (:serial, :name, :storage, :ouid, :identity, :sealed)";
const DELETE_PARTITION: &str = "DELETE FROM partition WHERE serial = ?1";
const DELETE_PARTITIONS: &str = "DELETE FROM partition";
const INITIALIZE_PARTITION: &str = "UPDATE partition SET label = ?3, \
     generation = generation + 1 \
     WHERE serial = ?1 AND generation = ?2";
const ZEROIZE_PARTITION: &str = "UPDATE partition SET label = NULL, \
     generation = generation + 1, identity = ?2, sealed_identity = ?3 WHERE serial = ?1";
