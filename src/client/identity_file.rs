//! Identity files on disk: read with all the suspicion that a mailed file deserves.

use std::path::{Path, PathBuf};

use super::file::{self, FileError, PUBLIC};
use crate::{
    shell::Foreign,
    wire::{
        ClientIdentityFile, IdentityFileError, MAXIMUM_IDENTITY_FILE_BYTES, PartitionIdentityFile,
    },
};

/// Reads a client identity.
///
/// # Errors
/// The file cannot be read, or is something else, which the error names.
pub fn read_client(path: &Path) -> Result<ClientIdentityFile, IdentityReadError> {
    read(path, ClientIdentityFile::parse)
}

/// Reads a partition identity.
///
/// # Errors
/// The file cannot be read, or is something else, which the error names.
pub fn read_partition(path: &Path) -> Result<PartitionIdentityFile, IdentityReadError> {
    read(path, PartitionIdentityFile::parse)
}

/// Writes a client identity at once, over what was there; missing directories are made.
///
/// # Errors
/// The file system refused.
pub fn write_client(path: &Path, identity: &ClientIdentityFile) -> Result<(), FileError> {
    file::replace(path, identity.to_text().as_bytes(), PUBLIC)
}

/// Writes a partition identity at once, over what was there; missing directories are made.
///
/// # Errors
/// The file system refused.
pub fn write_partition(path: &Path, identity: &PartitionIdentityFile) -> Result<(), FileError> {
    file::replace(path, identity.to_text().as_bytes(), PUBLIC)
}

fn read<T>(
    path: &Path,
    parse: impl FnOnce(&[u8]) -> Result<T, IdentityFileError>,
) -> Result<T, IdentityReadError> {
    let limit = u64::try_from(MAXIMUM_IDENTITY_FILE_BYTES).unwrap_or(u64::MAX);
    let bytes = file::read(path, limit)?;
    parse(&bytes).map_err(|error| IdentityReadError::Content { path: path.to_owned(), error })
}

/// An identity file that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum IdentityReadError {
    /// The file system's part.
    #[error(transparent)]
    File(#[from] FileError),
    /// The content is not the expected identity.
    #[error("{}: {error}", Foreign(path.display()))]
    Content {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        error: IdentityFileError,
    },
}

impl IdentityReadError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::File(error) => error.remedy(),
            Self::Content { error, .. } => error.remedy(),
        }
    }
}
