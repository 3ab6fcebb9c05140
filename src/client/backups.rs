//! Backups of partitions on disk: one file each, in the home.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::file::{self, FileError};
use crate::{
    model::ClientLabel,
    shell::Foreign,
    wire::{Backup, BackupError, MAXIMUM_BACKUP_BYTES},
};

/// Permissions of a backup: it is its owner's business what was backed up.
const PRIVATE: u32 = 0o600;

/// The ending of a backup's name.
const ENDING: &str = "backup";

/// The backups in one directory.
#[derive(Clone, Debug)]
pub struct Backups(PathBuf);

impl Backups {
    /// The backups in this directory, which need not be there yet.
    pub const fn new(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// Where a backup of this name is.
    pub fn path(&self, name: &ClientLabel) -> PathBuf {
        self.0.join(format!("{name}.{ENDING}"))
    }

    /// The names of all backups, in order.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn names(&self) -> Result<Vec<ClientLabel>, FileError> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries,
        };
        let failed =
            |error: std::io::Error| FileError { path: self.0.clone(), problem: error.into() };
        let mut names = Vec::new();
        for entry in entries.map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            if path.extension().is_some_and(|ending| ending == ENDING)
                && let Some(Ok(name)) = stem.map(str::parse)
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Reads a backup.
    ///
    /// # Errors
    /// There is none of this name, or it cannot be read.
    pub fn read(&self, name: &ClientLabel) -> Result<Backup, BackupFileError> {
        read(&self.path(name))
    }

    /// Writes a backup at once, over what was there.
    ///
    /// # Errors
    /// It is too large, or the file system refused.
    pub fn write(&self, name: &ClientLabel, backup: &Backup) -> Result<(), BackupFileError> {
        let path = self.path(name);
        let bytes = backup.to_bytes();
        let bytes =
            bytes.map_err(|error| BackupFileError::Content { path: path.clone(), error })?;
        Ok(file::replace(&path, &bytes, PRIVATE)?)
    }

    /// Removes a backup.
    ///
    /// # Errors
    /// The file system refused.
    pub fn remove(&self, name: &ClientLabel) -> Result<(), FileError> {
        file::remove(&self.path(name))
    }
}

/// Reads the backup in a file.
///
/// # Errors
/// The file cannot be read, or is no backup.
pub fn read(path: &Path) -> Result<Backup, BackupFileError> {
    let limit = u64::try_from(MAXIMUM_BACKUP_BYTES).unwrap_or(u64::MAX);
    let bytes = file::read(path, limit)?;
    Backup::parse(&bytes).map_err(|error| BackupFileError::Content { path: path.to_owned(), error })
}

/// A backup that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BackupFileError {
    /// The file system's part.
    #[error(transparent)]
    File(#[from] FileError),
    /// The content is no backup.
    #[error("{}: {error}", Foreign(path.display()))]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: BackupError,
    },
}

impl BackupFileError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::File(error) => error.remedy(),
            Self::Content { .. } => "See partition archive list, or use another copy of the file.",
        }
    }
}
