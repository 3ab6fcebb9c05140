//! Which state of the database was confirmed last, kept outside it: a database without its last
//! transactions, or an older copy of it, is not taken for the newest.
//!
//! Every transaction raises a number in the database. Once it is on the disk, the number goes to
//! the file `keys/confirmed`, which is written in place and not forced to the disk: whatever ends
//! this process, the file has the last number, and after a loss of power it may have an earlier
//! one, never a later one.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OptionalExtension, params};
use zeroize::Zeroizing;

use super::{Sealer, Seat, StoreError, disk, keyring, replace_file};
use crate::crypto::Random;

/// The file's name in the directory of the keys.
pub(super) const FILE: &str = "confirmed";

/// The table of this file.
pub(super) const TABLES: &str = "
CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL,
    key BLOB NOT NULL
) STRICT;
";

/// What the confirmed state is compared with and written to.
#[derive(Debug)]
pub(super) struct Confirmed {
    path: PathBuf,
    file: File,
    /// The number of the last transaction.
    sequence: u64,
}

/// Compares a database with what was confirmed, before anything in it is touched.
///
/// # Errors
/// The database is behind, or the file is missing that would tell.
pub(super) fn check(connection: &Connection, database: &Path) -> Result<(), StoreError> {
    let path = file_of(database);
    let confirmed = read(&path)?;
    let known: bool = connection.query_row(TABLE_KNOWN, [], |row| row.get(0))?;
    let found: Option<u64> =
        if known { connection.query_row(SEQUENCE, [], |row| row.get(0)).optional()? } else { None };
    match (found, confirmed) {
        // A new database, or one whose first transaction did not come to its end.
        (None, None | Some(0)) => Ok(()),
        (Some(_), None) => Err(StoreError::KeyFile {
            path,
            fault: "is missing\nRestore appliance.db and the directory keys together, from one copy.",
        }),
        (found, Some(confirmed)) => {
            let found = found.unwrap_or(0);
            if found >= confirmed {
                return Ok(());
            }
            Err(StoreError::Behind { path: database.to_owned(), found, confirmed })
        }
    }
}

/// The key of all that this store derives keys from; made, with the file, if there is none.
pub(super) fn base_key(
    connection: &Connection,
    database: &Path,
    sealer: &Sealer,
    random: &mut dyn Random,
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let seat = Seat { store: "appliance", object: "state", field: "key" };
    let sealed: Option<Vec<u8>> = connection.query_row(KEY, [], |row| row.get(0)).optional()?;
    if let Some(sealed) = sealed {
        return sealer.open(seat, &sealed);
    }
    let mut key = Zeroizing::new(vec![0; 32]);
    random.fill(&mut key)?;
    let path = file_of(database);
    if let Some(directory) = path.parent() {
        keyring::make_directory(directory)?;
    }
    // Before the row: where the row is, the file is.
    replace_file(&path, &[0; 8], 0o600).map_err(|error| at(&path, error))?;
    connection.execute(START, params![sealer.seal(seat, &key, random)?])?;
    Ok(key)
}

impl Confirmed {
    /// What was confirmed of a database that has been checked.
    pub(super) fn open(connection: &Connection, database: &Path) -> Result<Self, StoreError> {
        let path = file_of(database);
        let mut options = OpenOptions::new();
        let file = options.write(true).custom_flags(libc::O_NOFOLLOW).open(&path);
        let file = file.map_err(|error| at(&path, error))?;
        let sequence = connection.query_row(SEQUENCE, [], |row| row.get(0))?;
        Ok(Self { path, file, sequence })
    }

    /// Raises the number within a transaction.
    ///
    /// # Errors
    /// The number in the database is not the last one that was written there.
    pub(super) fn advance(&self, connection: &Connection) -> Result<u64, StoreError> {
        let next = self.sequence.saturating_add(1);
        let raised = connection.prepare_cached(ADVANCE)?.execute(params![next, self.sequence])?;
        if raised == 0 {
            return Err(StoreError::Row("number of its state"));
        }
        Ok(next)
    }

    /// Notes the number of a transaction that has happened, and that it is on the disk.
    pub(super) fn set(&mut self, sequence: u64, durable: bool) {
        self.sequence = sequence;
        if !durable {
            return;
        }
        // The transaction stands. The next one says it, too.
        if let Err(error) = disk::write_at(&self.file, &sequence.to_be_bytes(), 0) {
            tracing::warn!(path = %self.path.display(), %error, "what was confirmed cannot be noted");
        }
    }
}

fn read(path: &Path) -> Result<Option<u64>, StoreError> {
    match fs::read(path) {
        Ok(content) => {
            let number = content.as_slice().try_into().map_err(|_| StoreError::KeyFile {
                path: path.to_owned(),
                fault: "is damaged\nRestore appliance.db and the directory keys together, from one copy.",
            })?;
            Ok(Some(u64::from_be_bytes(number)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path, error)),
    }
}

fn file_of(database: &Path) -> PathBuf {
    database.with_file_name(keyring::DIRECTORY).join(FILE)
}

fn at(path: &Path, error: io::Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), error }
}

const TABLE_KNOWN: &str =
    "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'state')";
const SEQUENCE: &str = "SELECT sequence FROM state";
const KEY: &str = "SELECT key FROM state";
const START: &str = "INSERT INTO state (id, sequence, key) VALUES (1, 0, ?1)";
const ADVANCE: &str = "UPDATE state SET sequence = ?1 WHERE sequence = ?2";
