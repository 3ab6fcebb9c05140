//! The data directory: who owns it, and what lies where.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    crypto::SystemRandom,
    model::is_host_name,
    net::local_socket,
    shell::Foreign,
    store::{
        ApplianceStore, Sealer, SqliteAppliance, StoreError, replace_file,
        trust::{self, TrustError},
    },
};

/// The host name of an appliance that was started without one.
const DEFAULT_HOST: &str = "localhost";

/// An appliance's directory, locked for as long as this value lives.
#[derive(Debug)]
pub(super) struct DataDirectory {
    root: PathBuf,
    files: PathBuf,
    /// Holds the lock; the system releases it when the process ends, however it ends.
    _lock: File,
}

impl DataDirectory {
    /// Opens the directory, and makes it (mode 0700) if there is none. One that is there is left
    /// as it is.
    ///
    /// # Errors
    /// It is in use, cannot be made, holds something else than an appliance, or is in the hands of
    /// others.
    pub(super) fn open(root: &Path) -> Result<Self, DataError> {
        let at = |error| DataError::Io { path: root.to_owned(), error };
        trust::check(root)?;
        DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(at)?;
        let root = root.canonicalize().map_err(at)?;
        let at = |error| DataError::Io { path: root.clone(), error };
        check_directory(&root)?;
        let lock = lock(&root)?;
        let files = root.join("files");
        DirBuilder::new().recursive(true).mode(0o700).create(&files).map_err(at)?;
        Ok(Self { root, files, _lock: lock })
    }

    /// The store, with what opens its sealed values.
    pub(super) fn store(&self) -> Result<(Arc<dyn ApplianceStore>, Sealer), StoreError> {
        let (store, sealer) = SqliteAppliance::open(&self.root, Box::new(SystemRandom::new()))?;
        Ok((Arc::new(store), sealer))
    }

    /// Records the host's name, if one was given.
    pub(super) fn name_host(&self, name: Option<&str>) -> Result<(), DataError> {
        let Some(name) = name.filter(|name| *name != self.host()) else { return Ok(()) };
        if !is_host(name) {
            return Err(DataError::Host(name.to_owned()));
        }
        let path = self.root.join("hostname");
        replace_file(&path, format!("{name}\n").as_bytes(), 0o600)
            .map_err(|error| DataError::Io { path, error })
    }

    /// The host name or address that clients register.
    pub(super) fn host(&self) -> String {
        let recorded = fs::read_to_string(self.root.join("hostname")).unwrap_or_default();
        match recorded.trim() {
            "" => DEFAULT_HOST.to_owned(),
            host => host.to_owned(),
        }
    }

    /// The administrator's file area.
    pub(super) fn files(&self) -> &Path {
        &self.files
    }

    /// The server's certificate, for clients.
    pub(super) fn certificate(&self) -> PathBuf {
        self.root.join("server.pem")
    }

    /// The server's private key, with its certificate behind it.
    pub(super) fn server_key(&self) -> PathBuf {
        self.root.join("server.key")
    }

    /// The administrator's socket.
    pub(super) fn socket(&self) -> PathBuf {
        local_socket(&self.root)
    }
}

/// Why a directory cannot be an appliance's.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Another appliance runs on it.
    #[error(
        "the data directory {0} is in use by another lunahsmd\nEnd that one first, or choose another directory with --data."
    )]
    InUse(PathBuf),
    /// It holds something, and no appliance.
    #[error(
        "the data directory {} holds no appliance, but other files ({})\nName a directory of the appliance's own with --data: a new one is made.",
        Foreign(path.display()),
        Foreign(found)
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// One of the files.
        found: String,
    },
    /// It belongs to somebody else.
    #[error(
        "the data directory {} belongs to another user (number {owner})\nStart lunahsmd as that user, or name a directory of your own with --data.",
        Foreign(path.display())
    )]
    Owner {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// Others may change it.
    #[error("{error}\n{}", error.remedy())]
    Untrusted {
        /// What is in others' hands.
        #[from]
        error: TrustError,
    },
    /// The name is neither a host name nor an address.
    #[error(
        "{0:?} is neither a host name nor an IP address\nGive --name the name or address under which clients reach this appliance."
    )]
    Host(String),
    /// The system refused.
    #[error("{path}: {error}\nCheck that the directory exists and is yours.")]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// Whether the text is an IP address or a DNS name (RFC 1123 section 2.1).
fn is_host(name: &str) -> bool {
    name.parse::<std::net::IpAddr>().is_ok() || is_host_name(name)
}

/// What an appliance may have made before its database, and what a file system has of its own.
const OWN: [&str; 10] = [
    "lock",
    "files",
    "hostname",
    "appliance.key",
    "server.key",
    "server.pem",
    "hsm-so-password",
    "lunash_history",
    "lunash.sock",
    "lost+found",
];

/// The bit of a mode that lets others make files in a directory and keeps them from the files of
/// its owner, and those that let them make any.
const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o022;

/// Whether a directory is this user's, with an appliance in it or nothing.
fn check_directory(root: &Path) -> Result<(), DataError> {
    let at = |error| DataError::Io { path: root.to_owned(), error };
    let facts = fs::metadata(root).map_err(at)?;
    let owner = facts.uid();
    if owner != rustix::process::geteuid().as_raw() {
        return Err(DataError::Owner { path: root.to_owned(), owner });
    }
    trust::check(root)?;
    if facts.mode() & STICKY != 0 && facts.mode() & OTHERS_WRITE != 0 {
        let fault = trust::Fault::Written;
        return Err(TrustError { path: root.to_owned(), leads_to: None, fault }.into());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(root).map_err(at)? {
        found.push(entry.map_err(at)?.file_name().to_string_lossy().into_owned());
    }
    let foreign = found.iter().find(|name| !OWN.contains(&name.as_str()));
    match foreign {
        Some(name) if !found.iter().any(|name| name == "appliance.db") => {
            Err(DataError::Foreign { path: root.to_owned(), found: name.clone() })
        }
        _ => Ok(()),
    }
}

fn lock(root: &Path) -> Result<File, DataError> {
    let path = root.join("lock");
    let at = |error| DataError::Io { path: path.clone(), error };
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(&path)
        .map_err(at)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(DataError::InUse(root.to_owned())),
        Err(TryLockError::Error(error)) => return Err(at(error)),
    }
    file.set_len(0).map_err(at)?;
    writeln!(file, "{}", std::process::id()).map_err(at)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn hosts_are_names_or_addresses() {
        for good in ["localhost", "hsm-1.example.org", "192.0.2.10", "::1"] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", "a b", "-a", "a..b", "host:1792", "ä"] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn a_directory_of_others_or_of_something_else_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        let refused = |path: &Path| DataDirectory::open(path).unwrap_err().to_string();

        let full = root.path().join("full");
        fs::create_dir(&full).unwrap();
        fs::write(full.join("letter"), "").unwrap();
        let before = mode(&full);
        assert!(refused(&full).contains("other files (letter)"), "{}", refused(&full));
        assert_eq!((mode(&full), fs::read_dir(&full).unwrap().count()), (before, 1));
        fs::write(full.join("appliance.db"), "").unwrap();
        assert!(DataDirectory::open(&full).is_ok(), "an appliance keeps what is beside it");
        assert_eq!(mode(&full), before, "and its permissions");

        for open in [0o777, 0o1777, 0o702] {
            let shared = root.path().join(format!("{open:o}"));
            fs::create_dir(&shared).unwrap();
            fs::set_permissions(&shared, fs::Permissions::from_mode(open)).unwrap();
            assert!(refused(&shared).contains("may be written by others"), "{open:o}");
            assert_eq!((mode(&shared), fs::read_dir(&shared).unwrap().count()), (open, 0));
            let inside = shared.join("hsm");
            assert_eq!(DataDirectory::open(&inside).is_ok(), open & 0o1000 != 0, "{open:o}");
        }
        let other = root.path().join("other");
        fs::create_dir(&other).unwrap();
        if std::os::unix::fs::chown(&other, Some(12_345), None).is_ok() {
            assert!(refused(&other).contains("another user (number 12345)"));
        }
        let new = root.path().join("deep/new");
        assert!(DataDirectory::open(&new).is_ok());
        assert_eq!(mode(&new), 0o700);
    }

    #[test]
    fn one_appliance_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let first = DataDirectory::open(root.path()).unwrap();
        assert!(matches!(DataDirectory::open(root.path()), Err(DataError::InUse(_))));
        drop(first);
        assert!(DataDirectory::open(root.path()).is_ok());
    }
}
