//! The data directory: who owns it, and what lies where.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    crypto::SystemRandom,
    model::is_host_name,
    net::local_socket,
    store::{ApplianceStore, Sealer, SqliteAppliance, StoreError, replace_file},
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
    /// Opens the directory, and makes it (mode 0700) if there is none.
    pub(super) fn open(root: &Path) -> Result<Self, DataError> {
        let at = |error| DataError::Io { path: root.to_owned(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(at)?;
        let root = root.canonicalize().map_err(at)?;
        let at = |error| DataError::Io { path: root.clone(), error };
        fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).map_err(at)?;
        let lock = lock(&root)?;
        let files = root.join("files");
        DirBuilder::new().recursive(true).mode(0o700).create(&files).map_err(at)?;
        Ok(Self { root, files, _lock: lock })
    }

    /// The store, with what opens its sealed values.
    pub(super) fn store(&self) -> Result<(Arc<dyn ApplianceStore>, Sealer), StoreError> {
        let (store, sealer) = SqliteAppliance::open(&self.root, &mut SystemRandom::new())?;
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

fn lock(root: &Path) -> Result<File, DataError> {
    let path = root.join("lock");
    let at = |error| DataError::Io { path: path.clone(), error };
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
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
    fn one_appliance_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let first = DataDirectory::open(root.path()).unwrap();
        assert!(matches!(DataDirectory::open(root.path()), Err(DataError::InUse(_))));
        drop(first);
        assert!(DataDirectory::open(root.path()).is_ok());
    }
}
