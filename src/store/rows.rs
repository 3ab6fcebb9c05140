//! The appliance's rows in SQLite. Every statement is a constant.

use std::{
    fmt,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rusqlite::{OptionalExtension, Row, named_params, params};

use super::{
    ApplianceStore, Creation, Credential, HsmRow, Initialization, PartitionRow, Room, Sealer,
    StoreError,
    audit::Chain,
    base::{Base, Extent, Writing},
    clients::DELETE_CLIENTS,
    confirmed, domains,
    grouped::Waiting,
    keyring::{self, HSM as HSM_KEYS, Keyring},
    live::{self, HSM_DOMAIN, IDENTITY},
    objects,
    open::open_checked,
    policies,
    roles::{self, add_role, hash},
    schema::APPLIANCE,
    stc,
    witness::{Table, Witness},
};
use crate::{
    crypto::{PasswordParameters, PublicKey, Random},
    model::{Label, PolicyValue, SerialNumber},
};

/// The appliance's state in one SQLite file.
pub struct SqliteAppliance {
    pub(super) base: Mutex<Base>,
    pub(super) chain: Chain,
    pub(super) waiting: Waiting,
}

impl SqliteAppliance {
    /// Opens `appliance.db` in this directory with the key beside it, and the keys that can be
    /// destroyed in the directory `keys`; makes them, and the HSM's serial number, if there are
    /// none.
    ///
    /// # Errors
    /// As [`super::open_database`]; or the database is older than what was confirmed.
    pub fn open(
        directory: &Path,
        mut random: Box<dyn Random + Send>,
    ) -> Result<(Self, Sealer), StoreError> {
        let path = directory.join("appliance.db");
        let check = |connection: &_| confirmed::check(connection, &path);
        let (connection, sealer) = open_checked(&path, APPLIANCE, random.as_mut(), check)?;
        let mut number = [0; 4];
        random.fill(&mut number)?;
        // Six or seven digits, as HSMs have.
        let serial = 100_000 + u32::from_be_bytes(number) % 9_900_000;
        connection.execute(ADD_HSM, params![serial])?;
        let chain = Chain::open(&connection, &sealer, random.as_mut())?;
        let key = confirmed::base_key(&connection, &path, &sealer, random.as_mut())?;
        let live = live::live(&connection)?;
        let witness = Witness::open(&connection, &key)?;
        let keys = Keyring::open(&directory.join(keyring::DIRECTORY), key, &live, random)?;
        let mut base = Base::open(connection, &path, (keys, witness))?;
        live::begin(&mut base)?;
        let waiting = Waiting::default();
        Ok((Self { base: Mutex::new(base), chain, waiting }, sealer))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Base> {
        // A panic inside a transaction rolled it back.
        self.base.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `act` in one transaction; see [`Base::write`].
    pub(super) fn write<T>(
        &self,
        act: impl FnOnce(&mut Writing<'_, '_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut base = self.lock();
        base.reserve.require()?;
        base.write(act)
    }

    /// As [`Self::write`], for what may use the room that is kept.
    pub(super) fn write_urgently<T>(
        &self,
        mut act: impl FnMut(&mut Writing<'_, '_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.urgently(|| self.lock().write(&mut act))
    }

    /// As [`Self::write`], but nothing has changed if `act` says `false`.
    pub(super) fn write_or_leave(
        &self,
        act: impl FnOnce(&mut Writing<'_, '_>) -> Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        let mut base = self.lock();
        base.reserve.require()?;
        base.write_if(|writing| act(writing).map(|done| (done, done)))
    }

    /// As [`Self::write`], for what touches few tables and says which, and erases nothing.
    pub(super) fn write_noted<T>(
        &self,
        act: impl FnOnce(&mut Writing<'_, '_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let act = |writing: &mut Writing<'_, '_>| act(writing).map(|outcome| (outcome, true));
        let (outcome, _) = self.lock().transact(Extent::Noted { durable: true }, act)?;
        Ok(outcome)
    }
}

impl ApplianceStore for SqliteAppliance {
    fn hsm(&self) -> Result<HsmRow, StoreError> {
        let base = self.lock();
        base.check(HSM_KEYS, Table::Hsm)?;
        let mut row = base.query_row(HSM, [], hsm_row)?;
        let open = |sealed: Vec<u8>| base.keys.open_value((HSM_KEYS, None), HSM_DOMAIN, &sealed);
        row.domain = row.domain.map(open).transpose()?;
        Ok(row)
    }

    fn initialize_hsm(
        &self,
        label: &Label,
        secrets: Option<&(Credential, Option<Vec<u8>>)>,
        policies: &[PolicyValue],
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            erase_partitions(transaction)?;
            transaction.execute(LABEL_HSM, params![label.as_str()])?;
            if let Some((Credential { hash, .. }, domain)) = secrets {
                begin_hsm(transaction)?;
                transaction.notes.emptied(HSM_KEYS, Table::Hsm);
                let domain = domain.as_ref();
                let domain =
                    domain.map(|domain| transaction.keys.seal(HSM_KEYS, HSM_DOMAIN, domain));
                let domain = domain.transpose()?;
                let PasswordParameters { memory, passes, lanes } = hash.parameters;
                let values = params![memory, passes, lanes, hash.salt, hash.verifier, domain];
                transaction.execute(SET_SECURITY_OFFICER, values)?;
            }
            policies::set_hsm(transaction, policies)
        })
    }

    fn zeroize_hsm(&self) -> Result<(), StoreError> {
        self.write_urgently(|transaction| {
            erase_partitions(transaction)?;
            begin_hsm(transaction)?;
            transaction.notes.emptied(HSM_KEYS, Table::Hsm);
            transaction.execute(ZEROIZE_HSM, [])?;
            Ok(())
        })
    }

    fn count_hsm_failure(&self) -> Result<u8, StoreError> {
        self.urgently(|| {
            self.write_noted(|writing| {
                writing.touch(HSM_KEYS, Table::Hsm)?;
                Ok(writing.query_row(COUNT_HSM_FAILURE, [], |row| row.get(0))?)
            })
        })
    }

    fn clear_hsm_failures(&self) -> Result<(), StoreError> {
        self.urgently(|| {
            self.write_noted(|writing| {
                writing.touch(HSM_KEYS, Table::Hsm)?;
                writing.execute(CLEAR_HSM_FAILURES, [])?;
                Ok(())
            })
        })
    }

    fn partitions(&self) -> Result<Vec<PartitionRow>, StoreError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(PARTITIONS)?;
        let rows = statement.query_map([], partition_row)?;
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let mut sound = Vec::with_capacity(rows.len());
        for row in rows {
            // One damaged row must not keep everybody from all others.
            match connection.check(number(row.serial)?, Table::Partition) {
                Ok(()) => sound.push(opened(&connection, row)?),
                Err(error) => tracing::error!(%error, "a partition is left out"),
            }
        }
        Ok(sound)
    }

    fn partition(&self, serial: SerialNumber) -> Result<Option<PartitionRow>, StoreError> {
        let (connection, owner) = (self.lock(), number(serial)?);
        connection.check(owner, Table::Partition)?;
        let mut statement = connection.prepare_cached(PARTITION)?;
        let row = statement.query_row([owner], partition_row).optional()?;
        row.map(|row| opened(&connection, row)).transpose()
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
            transaction.keys.begin(serial, 0)?;
            let sealed = transaction.keys.seal(serial, IDENTITY, &partition.sealed_identity)?;
            transaction.execute(
                ADD_PARTITION,
                named_params! {
                    ":serial": serial,
                    ":name": partition.name.as_str(),
                    ":storage": partition.storage,
                    ":ouid": partition.ouid,
                    ":identity": partition.identity,
                    ":sealed": sealed,
                },
            )?;
            Ok(Creation::Created)
        })
    }

    fn delete_partition(&self, serial: SerialNumber) -> Result<bool, StoreError> {
        let serial = number(serial)?;
        self.write_urgently(|writing| {
            writing.keys.end(serial);
            Ok(writing.execute(DELETE_PARTITION, [serial])? > 0)
        })
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
            objects::erase_all(transaction, serial)?;
            roles::erase_all(transaction, serial)?;
            // The identity stays, under the keys of the new generation.
            let sealed: Vec<u8> =
                transaction.query_row(SEALED_IDENTITY, [serial], |row| row.get(0))?;
            let identity = transaction.keys.ring().open_value((serial, None), IDENTITY, &sealed)?;
            transaction.keys.begin(serial, generation + 1)?;
            let sealed = transaction.keys.seal(serial, IDENTITY, &identity)?;
            transaction.execute(SET_SEALED_IDENTITY, params![serial, sealed])?;
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
        self.write_urgently(|transaction| {
            let generation = transaction.query_row(GENERATION, [serial], |row| row.get(0));
            let Some(generation) = generation.optional()? else { return Ok(()) };
            let generation: u64 = generation;
            objects::erase_all(transaction, serial)?;
            roles::erase_all(transaction, serial)?;
            transaction.keys.begin(serial, generation + 1)?;
            let sealed = transaction.keys.seal(serial, IDENTITY, sealed)?;
            transaction.execute(ZEROIZE_PARTITION, params![serial, identity, sealed])?;
            transaction.execute(DELETE_CLIENTS, [serial])?;
            for table in [Table::Clients, Table::Stc, Table::Policies] {
                transaction.notes.emptied(serial, table);
            }
            domains::set(transaction, serial, &[])?;
            stc::forget(transaction, serial)?;
            policies::forget(transaction, serial)
        })
    }
}

/// Erases every partition inside a transaction.
pub(super) fn erase_partitions(writing: &mut Writing<'_, '_>) -> Result<(), StoreError> {
    let serials: Vec<i64> = {
        let mut statement = writing.prepare(SERIALS)?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    for serial in serials {
        writing.keys.end(serial);
    }
    writing.execute(DELETE_PARTITIONS, [])?;
    Ok(())
}

/// Begins a generation of the HSM inside a transaction.
fn begin_hsm(writing: &mut Writing<'_, '_>) -> Result<(), StoreError> {
    let generation = writing.query_row(RAISE_HSM, [], |row| row.get(0))?;
    writing.keys.begin(HSM_KEYS, generation)
}

/// A partition's row, its identity as it was given. One that does not open is empty: what it is
/// needed for does not open it either, and the other rows are read.
fn opened(base: &Base, mut row: PartitionRow) -> Result<PartitionRow, StoreError> {
    let place = (number(row.serial)?, None);
    let identity = base.keys.open_value(place, IDENTITY, &row.sealed_identity);
    row.sealed_identity = identity.unwrap_or_default();
    Ok(row)
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

const RAISE_HSM: &str = "UPDATE hsm SET generation = generation + 1 RETURNING generation";

const SERIALS: &str = "SELECT serial FROM partition";
const GENERATION: &str = "SELECT generation FROM partition WHERE serial = ?1";
const SEALED_IDENTITY: &str = "SELECT sealed_identity FROM partition WHERE serial = ?1";
const SET_SEALED_IDENTITY: &str = "UPDATE partition SET sealed_identity = ?2 WHERE serial = ?1";
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
