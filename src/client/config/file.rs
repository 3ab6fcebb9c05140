//! The configuration as a file that several processes change.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{ConfigError, Configuration, EditError};
use crate::client::file::{self, FileError};

/// The greatest size in bytes of a configuration file.
const MAXIMUM_BYTES: u64 = 1024 * 1024;

/// Permissions of a configuration file that did not exist before.
const MODE: u32 = 0o600;

impl Configuration {
    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read, or is not a configuration.
    pub fn load(path: &Path) -> Result<Self, ConfigFileError> {
        let broken = |error| ConfigFileError::Broken { path: path.to_owned(), error };
        let bytes = file::read(path, MAXIMUM_BYTES)?;
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            let (before, _) = bytes.split_at(error.valid_up_to());
            let line = 1 + String::from_utf8_lossy(before).matches('\n').count();
            broken(ConfigError { line, reason: "the line is not UTF-8 text" })
        })?;
        Self::parse(text).map_err(broken)
    }

    /// Changes a file: reads it, lets `change` edit it, and puts the result in its place at once.
    /// Other processes that do the same wait, so that no change is lost. If `change` fails or
    /// changes nothing, the file stays untouched.
    ///
    /// # Errors
    /// What `change` returned, or the file could not be locked, read or written.
    pub fn update<T, E: From<ConfigFileError>>(
        path: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let lock = ConfigurationLock::acquire(path)?;
        let before = lock.load()?;
        let mut after = before.clone();
        let outcome = change(&mut after)?;
        if after != before {
            lock.save(&after)?;
        }
        Ok(outcome)
    }
}

/// The right to change a configuration file and what hangs on it. It ends when this is dropped
/// or the process dies.
#[derive(Debug)]
pub struct ConfigurationLock {
    path: PathBuf,
    _held: File,
}

impl ConfigurationLock {
    /// Waits until no other process holds the right.
    ///
    /// # Errors
    /// The lock file beside the configuration could not be made or locked.
    pub fn acquire(path: &Path) -> Result<Self, ConfigFileError> {
        // Beside the file that a link leads to, so that every way to the file meets one lock.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let beside = target.with_file_name(format!(".{name}.lock"));
        let held = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(MODE)
            .open(&beside)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|error| FileError { path: beside, problem: error.into() })?;
        Ok(Self { path: path.to_owned(), _held: held })
    }

    /// Reads the file.
    ///
    /// # Errors
    /// As [`Configuration::load`].
    pub fn load(&self) -> Result<Configuration, ConfigFileError> {
        Configuration::load(&self.path)
    }

    /// Puts the content in the file's place at once. Its permissions stay; a new file is for its
    /// owner alone.
    ///
    /// # Errors
    /// The file system refused; the file is as it was.
    pub fn save(&self, configuration: &Configuration) -> Result<(), ConfigFileError> {
        let mode =
            fs::metadata(&self.path).map_or(MODE, |found| found.permissions().mode() & 0o777);
        file::replace(&self.path, configuration.text().as_bytes(), mode)?;
        Ok(())
    }
}

/// A configuration file that could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    /// The file system's part.
    #[error(transparent)]
    File(#[from] FileError),
    /// The content is not a configuration.
    #[error("{}, {error}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Where and why.
        error: ConfigError,
    },
    /// The file cannot hold a name or a value.
    #[error(transparent)]
    Edit(#[from] EditError),
}

impl ConfigFileError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::File(error) => error.remedy(),
            Self::Broken { .. } => {
                "Correct the line in an editor: sections are \"Name = {\" .. \"}\", entries \
                 \"Name = value;\"."
            }
            Self::Edit(_) => "Use a text without \";\", control characters and outer spaces.",
        }
    }
}
