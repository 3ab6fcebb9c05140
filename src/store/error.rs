//! Why a store cannot be used.

use std::{io, path::PathBuf};

use crate::crypto::RandomError;

/// Why a store cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused.
    #[error("{path}: {error}\nCheck that the file and its directory are yours to read and write.")]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file is not a database of this kind.
    #[error(
        "{path} is not {kind}\nMove it away, or choose another directory; nothing in it was changed."
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What was expected, with its article.
        kind: &'static str,
    },
    /// A newer version of this software wrote the file.
    #[error(
        "{path} has schema version {found}, and this version of lunacm knows none after {known}\nUse the version that wrote it; nothing in it was changed."
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest one known here.
        known: u32,
    },
    /// The key file is not the one that the file was sealed under.
    #[error(
        "{path} was sealed under another key than the one in {key}\nPut the key file back that belongs to it; without it what is sealed cannot be opened."
    )]
    WrongKey {
        /// The database.
        path: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// The key file is not 32 bytes that only its owner can read.
    #[error("the key file {path} {fault}")]
    KeyFile {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        fault: &'static str,
    },
    /// The database is older than what was confirmed.
    #[error(
        "{path} is older than what was confirmed: it has come to change {found}, and change {confirmed} was confirmed\nPut back the file that lay beside it with the ending -wal; or restore it, with the directory keys and the key file, from one copy. Nothing was changed."
    )]
    Behind {
        /// The database.
        path: PathBuf,
        /// The last change that it has.
        found: u64,
        /// The last change that was confirmed.
        confirmed: u64,
    },
    /// A row, or a set of rows, is not as this software wrote it.
    #[error(
        "the database was changed from outside: {0} is not as it was\nRestore appliance.db and the directory keys from one copy; `audit verify` in lunash names every row that was changed."
    )]
    Damaged(String),
    /// A sealed value does not open: it was altered, or moved from another place.
    #[error(
        "a sealed value does not open: it was altered or moved\nRestore the store from a copy."
    )]
    Sealed,
    /// The database refused.
    #[error(
        "the database cannot be used: {0}\nIf the disk is sound, restore the store from a copy."
    )]
    Database(#[from] rusqlite::Error),
    /// The transaction that this was written in failed, for all who took part in it.
    #[error("{text}")]
    Group {
        /// How it failed.
        text: String,
        /// Whether there was no room on the disk.
        full: bool,
    },
    /// A row breaks the rules of its table.
    #[error("the database holds a {0} that makes no sense\nRestore the store from a copy.")]
    Row(&'static str),
    /// No randomness.
    #[error("{0}")]
    Random(#[from] RandomError),
}
