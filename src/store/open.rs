//! Opening a database: pragmas, version, upgrade, and the proof that key and file belong
//! together.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, config::DbConfig};

use super::{Sealer, Seat, StoreError, seal::key_file};
use crate::crypto::Random;

/// What a kind of database is, and how each of its versions is made from the one before.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// The kind, with its article, for messages.
    pub kind: &'static str,
    /// The name that sealed values are bound to.
    pub store: &'static str,
    /// SQLite's `application_id`.
    pub application: i32,
    /// The statements that lead from version n to version n + 1, n counted from 0. Steps that
    /// were released never change.
    pub steps: &'static [&'static str],
}

/// The size in bytes of a database's header (SQLite's file format, section 1.3).
const HEADER_BYTES: u64 = 100;

/// Says whether key and file belong together: without it a wrong key would look like damage.
const CANARY_TABLE: &str = "CREATE TABLE canary (sealed BLOB NOT NULL) STRICT";
const CANARY_WRITE: &str = "INSERT INTO canary (sealed) VALUES (?1)";
const CANARY_READ: &str = "SELECT sealed FROM canary";
const CANARY: &[u8] = b"canary";

/// Opens a database (mode 0600, made if there is none), brings it to the newest version of its
/// schema, and opens the sealer under the key file beside it.
///
/// # Errors
/// The file is foreign, newer, damaged or not accessible, or the key is not its own. Nothing has
/// been changed then.
pub fn open_database(
    path: &Path,
    schema: Schema,
    random: &mut dyn Random,
) -> Result<(Connection, Sealer), StoreError> {
    open_checked(path, schema, random, |_| Ok(()))
}

/// As [`open_database`], if `check` does not refuse the database that is there, before anything is
/// changed.
///
/// # Errors
/// As there, and those of `check`.
pub(super) fn open_checked(
    path: &Path,
    schema: Schema,
    random: &mut dyn Random,
    check: impl FnOnce(&Connection) -> Result<(), StoreError>,
) -> Result<(Connection, Sealer), StoreError> {
    let beside = ["-wal", "-shm"].map(|ending| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    });
    let fresh = beside.map(|beside| (!beside.exists()).then_some(beside));
    let opened = open_and_check(path, schema, random, check);
    if opened.is_err() {
        // Looking at a database leaves these behind, empty.
        for beside in fresh.into_iter().flatten() {
            let _ = fs::remove_file(beside);
        }
    }
    opened
}

fn open_and_check(
    path: &Path,
    schema: Schema,
    random: &mut dyn Random,
    check: impl FnOnce(&Connection) -> Result<(), StoreError>,
) -> Result<(Connection, Sealer), StoreError> {
    let at = |error| StoreError::Io { path: path.to_owned(), error };
    // SQLite makes files with the umask's mode: the file is made here first.
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let length = options.open(path).and_then(|file| file.metadata()).map_err(at)?.len();
    // SQLite takes a file of one byte for an empty one, and would write over it.
    if (1..HEADER_BYTES).contains(&length) {
        return Err(StoreError::Foreign { path: path.to_owned(), kind: schema.kind });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    // What is refused is not brought up to its log either.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let found = check_version(&connection, path, schema)?;
    if found > 0 {
        check(&connection)?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;

    if found > 0 && !key_file(path).exists() {
        return Err(StoreError::KeyFile {
            path: key_file(path),
            fault: "is missing\nPut it back: without it what is sealed cannot be opened.",
        });
    }
    let sealer = Sealer::from_file(&key_file(path), random)?;
    upgrade(&mut connection, path, schema, &sealer, random)?;
    check_canary(&connection, path, schema, &sealer)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok((connection, sealer))
}

/// The version of the file, if it is this kind's; 0 for a new one.
fn check_version(connection: &Connection, path: &Path, schema: Schema) -> Result<u32, StoreError> {
    let foreign = || StoreError::Foreign { path: path.to_owned(), kind: schema.kind };

    let application: i32 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(|error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => foreign(),
            _ => StoreError::Database(error),
        })?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let fresh = application == 0 && found == 0 && tables == 0;
    if !fresh && application != schema.application {
        return Err(foreign());
    }
    let found = u32::try_from(found).map_err(|_| foreign())?;
    let known = u32::try_from(schema.steps.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    Ok(found)
}

/// Runs the missing steps in one transaction.
fn upgrade(
    connection: &mut Connection,
    path: &Path,
    schema: Schema,
    sealer: &Sealer,
    random: &mut dyn Random,
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have upgraded the file since it was checked.
    let found = check_version(&transaction, path, schema)?;
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    for step in schema.steps.iter().skip(done) {
        transaction.execute_batch(step)?;
    }
    if done == 0 {
        transaction.execute_batch(CANARY_TABLE)?;
        let sealed = sealer.seal(canary(schema), CANARY, random)?;
        transaction.execute(CANARY_WRITE, [sealed])?;
        transaction.pragma_update(None, "application_id", schema.application)?;
    }
    if done < schema.steps.len() {
        transaction.pragma_update(None, "user_version", schema.steps.len())?;
    }
    Ok(transaction.commit()?)
}

fn check_canary(
    connection: &Connection,
    path: &Path,
    schema: Schema,
    sealer: &Sealer,
) -> Result<(), StoreError> {
    let sealed: Option<Vec<u8>> =
        connection.query_row(CANARY_READ, [], |row| row.get(0)).optional()?;
    let opened = sealer.open(canary(schema), &sealed.ok_or(StoreError::Row("canary"))?);
    match opened {
        Ok(value) if *value == CANARY => Ok(()),
        _ => Err(StoreError::WrongKey { path: path.to_owned(), key: key_file(path) }),
    }
}

const fn canary(schema: Schema) -> Seat<'static> {
    Seat { store: schema.store, object: "canary", field: "canary" }
}
