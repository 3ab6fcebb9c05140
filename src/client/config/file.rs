//! The configuration as a file that several processes change.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Write, stderr},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::{ConfigError, Configuration, EditError};
use crate::{
    client::file::{self, FileError, FileProblem},
    shell::Foreign,
};

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
        let parsed = Self::parse(text).map_err(broken)?;
        Ok(Self { file: Some(path.to_owned()), ..parsed })
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
    /// Waits until no other process holds the right; says so on standard error if that takes
    /// longer than `SILENCE`.
    ///
    /// # Errors
    /// The lock file beside the configuration could not be made or is something else, or another
    /// process has held the right for `PATIENCE`.
    pub fn acquire(path: &Path) -> Result<Self, ConfigFileError> {
        // Beside the file that a link leads to, so that every way to the file meets one lock.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let beside = target.with_file_name(format!(".{name}.lock"));
        let held = wait(open_lock(&beside)?, &beside, PATIENCE)?;
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

/// How long the right to change a configuration is waited for in silence, and in all.
const SILENCE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is asked for.
const LOOK: Duration = Duration::from_millis(20);

/// Opens the lock file. A pipe or a device in its place would be waited for, or worse.
fn open_lock(path: &Path) -> Result<File, FileError> {
    let fail = |problem| FileError { path: path.to_owned(), problem };
    let open = || {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(MODE);
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
    };
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => Err(fail(FileProblem::NotRegular)),
        _ => open().map_err(|error| fail(error.into())),
    }
}

fn wait(file: File, path: &Path, patience: Duration) -> Result<File, ConfigFileError> {
    let fail = |problem| FileError { path: path.to_owned(), problem };
    let start = Instant::now();
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Interrupted => {
                return Err(fail(error.into()).into());
            }
            Err(TryLockError::Error(_) | TryLockError::WouldBlock) => {}
        }
        if start.elapsed() >= patience {
            return Err(ConfigFileError::Held { path: path.to_owned(), waited: patience });
        }
        if !told && start.elapsed() >= SILENCE {
            told = true;
            let path = Foreign(path.display());
            // Waiting goes on whether it can be told or not.
            let _ = writeln!(stderr(), "Waiting for another program that holds {path} ...");
        }
        thread::sleep(LOOK);
    }
}

/// A configuration file that could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    /// The file system's part.
    #[error(transparent)]
    File(#[from] FileError),
    /// The content is not a configuration.
    #[error("{}, {error}", Foreign(path.display()))]
    Broken {
        /// The file.
        path: PathBuf,
        /// Where and why.
        error: ConfigError,
    },
    /// Another program does not let go of the right to change the file.
    #[error("another program has held {} for {} seconds", Foreign(path.display()), waited.as_secs())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// How long it was waited for.
        waited: Duration,
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
            Self::Held { .. } => {
                "End that program (fuser FILE names it), and try again. Nothing has changed."
            }
            Self::Edit(_) => "Use a text without \";\", control characters and outer spaces.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_nobody_lets_go_of_is_given_up() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("Chrystoki.conf");
        let held = ConfigurationLock::acquire(&path).unwrap();
        let beside = root.path().join(".Chrystoki.conf.lock");
        let start = Instant::now();
        let patience = Duration::from_millis(100);
        let error = wait(open_lock(&beside).unwrap(), &beside, patience).unwrap_err();
        assert!(matches!(error, ConfigFileError::Held { .. }), "{error}");
        assert!(start.elapsed() >= patience && start.elapsed() < SILENCE);
        drop(held);
        assert!(ConfigurationLock::acquire(&path).is_ok());
    }

    #[test]
    fn what_is_no_file_is_no_lock() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("Chrystoki.conf");
        let beside = root.path().join(".Chrystoki.conf.lock");
        std::os::unix::fs::symlink("/dev/null", &beside).unwrap();
        let refused = |path| match ConfigurationLock::acquire(path) {
            Err(ConfigFileError::File(error)) => matches!(error.problem, FileProblem::NotRegular),
            _ => false,
        };
        assert!(refused(&path));
        fs::remove_file(&beside).unwrap();
        fs::create_dir(&beside).unwrap();
        assert!(refused(&path));
        fs::remove_dir(&beside).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&beside).status();
        assert!(made.is_ok_and(|made| made.success()) && refused(&path));
    }
}
