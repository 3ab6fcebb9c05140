//! The directory that is one client: its configuration, its token, its certificates.
//!
//! ```text
//! Chrystoki.conf
//! cert/server/            certificates of the registered appliances, CAFile.pem
//! cert/client/            for NTLS
//! data/client_identities/ exported client identities
//! data/partition_identities/
//! softtoken/001/          the STC client token, token.db
//! ```
//!
//! The configuration may place everything elsewhere. Relative paths in it begin at its own
//! directory, so that a copied home never touches the original. Nothing is taken from the current
//! directory, and nothing that somebody else may change (see [`crate::store::trust`]).

use std::{
    env,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use directories::ProjectDirs;

use super::{
    config::{ConfigFileError, Configuration, ConfigurationLock},
    file::{FileError, create_directory},
};
use crate::{
    shell::Foreign,
    store::trust::{self, TrustError},
};

/// The name of the configuration file.
pub const CONFIGURATION_FILE: &str = "Chrystoki.conf";

/// The environment variable that names the home directory.
pub const HOME_VARIABLE: &str = "ChrystokiConfigurationPath";

/// The directory of the configuration that all users of a machine share.
pub const SYSTEM: &str = "/etc";

/// The section about network HSMs.
pub const NETWORK_SECTION: &str = "LunaSA Client";

/// The section about STC.
pub const STC_SECTION: &str = "Secure Trusted Channel";

/// A client's home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    directory: PathBuf,
}

impl Home {
    /// Finds the home of this process: the directory that [`HOME_VARIABLE`] names, else `/etc` if
    /// it holds a configuration, else the user's data directory. Nothing is made yet.
    ///
    /// Whoever starts a program of more rights than his own (set-uid, set-gid, capabilities)
    /// chooses neither the variable nor the user's directory: it has `/etc` only.
    ///
    /// # Errors
    /// The variable names something else than a directory, or there is no directory.
    pub fn locate() -> Result<Self, HomeError> {
        Self::locate_for(has_more_rights())
    }

    /// As [`Self::locate`], for a caller that knows whether the process has more rights than
    /// whoever started it.
    ///
    /// # Errors
    /// As [`Self::locate`].
    pub fn locate_for(more_rights: bool) -> Result<Self, HomeError> {
        let own = |rights: bool| {
            let user = ProjectDirs::from("", "", "lunacm").filter(|_| !rights)?;
            Some(user.data_dir().to_owned())
        };
        Self::chosen(env::var_os(HOME_VARIABLE), Path::new(SYSTEM), own(more_rights), more_rights)
    }

    /// The home among what the variable says, the system's directory, and the user's.
    fn chosen(
        variable: Option<OsString>,
        system: &Path,
        user: Option<PathBuf>,
        more_rights: bool,
    ) -> Result<Self, HomeError> {
        if let Some(named) = variable.filter(|value| !value.is_empty() && !more_rights) {
            let named = PathBuf::from(named);
            return if named.exists() && !named.is_dir() {
                Err(HomeError::NotADirectory(named))
            } else {
                Ok(Self::at(named))
            };
        }
        if !is_missing(&system.join(CONFIGURATION_FILE)) {
            return Ok(Self::at(system));
        }
        user.map(Self::at).ok_or(HomeError::NoDirectory)
    }

    /// The home in this directory. Nothing is made yet.
    pub fn at(directory: impl AsRef<Path>) -> Self {
        let directory = directory.as_ref();
        // Absolute, so that a program that changes its directory keeps its home.
        let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
        Self { directory }
    }

    /// Makes what is missing, with defaults and for its owner alone; what exists stays as it is.
    ///
    /// # Errors
    /// A directory or the configuration cannot be made, is broken, or is in others' hands.
    pub fn open(&self) -> Result<Paths, HomeError> {
        trust::check(&self.configuration_path())?;
        if is_missing(&self.configuration_path()) {
            create_directory(&self.directory)?;
            let lock = ConfigurationLock::acquire(&self.configuration_path())?;
            if is_missing(&self.configuration_path()) {
                let defaults = Configuration::parse(DEFAULTS).map_err(|error| {
                    let path = self.configuration_path();
                    ConfigFileError::Broken { path, error }
                })?;
                lock.save(&defaults)?;
            }
        }
        let paths = self.paths()?;
        for directory in paths.directories() {
            match create_directory(directory) {
                // The system's places are root's to make; what needs one says that it is missing.
                Err(_) if self.directory == Path::new(SYSTEM) => {}
                made => made?,
            }
        }
        Ok(paths)
    }

    /// The directory itself, absolute.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the configuration is.
    pub fn configuration_path(&self) -> PathBuf {
        self.directory.join(CONFIGURATION_FILE)
    }

    /// The configuration as it is now.
    ///
    /// # Errors
    /// It cannot be read, is broken, or somebody else may change it.
    pub fn configuration(&self) -> Result<Configuration, HomeError> {
        let path = self.configuration_path();
        trust::check(&path)?;
        Ok(Configuration::load(&path)?)
    }

    /// As [`Self::configuration`]; `None` if there is none, and not even a link.
    ///
    /// # Errors
    /// As [`Self::configuration`].
    pub fn configuration_if_any(&self) -> Result<Option<Configuration>, HomeError> {
        if is_missing(&self.configuration_path()) {
            trust::check(&self.configuration_path())?;
            return Ok(None);
        }
        self.configuration().map(Some)
    }

    /// The places that the configuration names now.
    ///
    /// # Errors
    /// The configuration cannot be read, or is broken; or somebody else may change it or what it
    /// names to be loaded.
    pub fn paths(&self) -> Result<Paths, HomeError> {
        let paths = Paths::of(&self.directory, &self.configuration()?);
        let token = ["token.db", "token.key"].map(|name| paths.soft_token.join(name));
        let own = [&paths.client_certificate, &paths.client_key].into_iter().flatten();
        for loaded in token.iter().chain(own).chain([&paths.server_ca_file]) {
            trust::check(loaded)?;
        }
        Ok(paths)
    }
}

/// Whether nothing has this path: a link that leads nowhere is something.
fn is_missing(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Whether this process has more rights than whoever started it: the kernel's `AT_SECURE` (see
/// `getauxval(3)`), or by the numbers of user and group where that cannot be read.
fn has_more_rights() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    let by_number = getuid() != geteuid() || getgid() != getegid();
    let vector = fs::read("/proc/self/auxv").unwrap_or_default();
    by_number || says_secure(&vector)
}

/// Whether an auxiliary vector, pairs of native words, says `AT_SECURE`.
fn says_secure(vector: &[u8]) -> bool {
    let word = |bytes: &[u8]| bytes.try_into().map(usize::from_ne_bytes).unwrap_or_default();
    vector.chunks_exact(2 * size_of::<usize>()).any(|pair| {
        let (kind, value) = pair.split_at(size_of::<usize>());
        word(kind) == AT_SECURE && word(value) != 0
    })
}

/// `AT_SECURE` of `<elf.h>`.
const AT_SECURE: usize = 23;

/// The places of a home, as its configuration names them; all absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Exported client identities: `ClientIdentitiesDir`.
    pub client_identities: PathBuf,
    /// Exported partition identities: `PartitionIdentitiesDir`.
    pub partition_identities: PathBuf,
    /// The directory of the client token: `SoftTokenDir`.
    pub soft_token: PathBuf,
    /// All certificates of registered appliances, one behind the other: `ServerCAFile`.
    pub server_ca_file: PathBuf,
    /// The directory of the appliances' certificates: that of [`Self::server_ca_file`].
    pub server_certificates: PathBuf,
    /// The directory of this client's own certificates, for NTLS: that of `ClientCertFile`.
    pub client_certificates: PathBuf,
    /// This client's certificate for NTLS: `ClientCertFile`; none before it was made.
    pub client_certificate: Option<PathBuf>,
    /// The key of that certificate: `ClientPrivKeyFile`.
    pub client_key: Option<PathBuf>,
}

impl Paths {
    /// What `configuration`, which lies in `directory`, names.
    pub fn of(directory: &Path, configuration: &Configuration) -> Self {
        let place = |section, entry, default: &str| {
            let named = configuration.get(section, entry).filter(|value| !value.is_empty());
            // Collecting the parts drops "./" and a slash at the end.
            directory.join(named.unwrap_or(default)).components().collect::<PathBuf>()
        };
        let named = |entry| {
            let value = configuration.get(NETWORK_SECTION, entry).unwrap_or_default();
            (!value.is_empty()).then(|| place(NETWORK_SECTION, entry, ""))
        };
        let above = |path: &Path| path.parent().unwrap_or(directory).to_owned();
        let server_ca_file = place(NETWORK_SECTION, "ServerCAFile", "cert/server/CAFile.pem");
        Self {
            client_identities: place(STC_SECTION, "ClientIdentitiesDir", "data/client_identities"),
            partition_identities: place(
                STC_SECTION,
                "PartitionIdentitiesDir",
                "data/partition_identities",
            ),
            soft_token: place(STC_SECTION, "SoftTokenDir", "softtoken/001"),
            server_certificates: above(&server_ca_file),
            server_ca_file,
            client_certificates: above(&place(
                NETWORK_SECTION,
                "ClientCertFile",
                "cert/client/client.pem",
            )),
            client_certificate: named("ClientCertFile"),
            client_key: named("ClientPrivKeyFile"),
        }
    }

    fn directories(&self) -> [&Path; 5] {
        [
            &self.client_identities,
            &self.partition_identities,
            &self.soft_token,
            &self.server_certificates,
            &self.client_certificates,
        ]
    }
}

/// The configuration of a new home. `ClientTokenLib` is written because other tools read it: the
/// token is part of this program, and no library is loaded.
const DEFAULTS: &str = "\
// Paths may be absolute; others begin at the directory of this file.
LunaSA Client = {
   ReceiveTimeout = 20000;
   TCPKeepAlive = 1;
   NetClient = 1;
   ServerCAFile = cert/server/CAFile.pem;
}
Secure Trusted Channel = {
   // The token is built in: the library's name is kept for other tools.
   ClientTokenLib = libSoftToken.so;
   SoftTokenDir = softtoken/001;
   ClientIdentitiesDir = data/client_identities;
   PartitionIdentitiesDir = data/partition_identities;
}
";

/// Why there is no usable home.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The environment variable does not name a directory.
    #[error("{HOME_VARIABLE} names {}, which is not a directory", Foreign(.0.display()))]
    NotADirectory(PathBuf),
    /// Neither the variable nor the system nor the user's account leads anywhere.
    #[error("no directory for the configuration was found")]
    NoDirectory,
    /// Somebody else may change what the home is made of.
    #[error(transparent)]
    Untrusted(#[from] TrustError),
    /// A directory cannot be made.
    #[error(transparent)]
    File(#[from] FileError),
    /// The configuration cannot be read or written.
    #[error(transparent)]
    Configuration(#[from] ConfigFileError),
}

impl HomeError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::NotADirectory(_) => "Set it to the directory that holds Chrystoki.conf.",
            Self::NoDirectory => "Set ChrystokiConfigurationPath to a directory of yours.",
            Self::Untrusted(error) => error.remedy(),
            Self::File(error) => error.remedy(),
            Self::Configuration(error) => error.remedy(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(
        variable: &str,
        system: &Path,
        user: Option<&Path>,
        more_rights: bool,
    ) -> Result<PathBuf, HomeError> {
        let variable = Some(variable).filter(|text| !text.is_empty()).map(OsString::from);
        let home = Home::chosen(variable, system, user.map(Path::to_owned), more_rights)?;
        Ok(home.directory)
    }

    #[test]
    fn the_variable_counts_before_the_system_and_that_before_the_user() {
        let (named, system) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (named, system, user) =
            (named.path(), system.path(), Some(Path::new("/nobody/data/lunacm")));
        let text = named.to_str().unwrap();
        assert_eq!(chosen(text, system, user, false).unwrap(), named);
        assert_eq!(chosen("", system, user, false).unwrap(), user.unwrap());
        assert!(matches!(chosen("", system, None, false), Err(HomeError::NoDirectory)));
        // Even a link that leads nowhere is the system's word.
        std::os::unix::fs::symlink("nowhere", system.join(CONFIGURATION_FILE)).unwrap();
        assert_eq!(chosen("", system, user, false).unwrap(), system);
        assert_eq!(chosen(text, system, user, false).unwrap(), named);
    }

    #[test]
    fn who_starts_a_set_uid_program_does_not_choose() {
        let (named, system) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let text = named.path().to_str().unwrap();
        assert!(matches!(chosen(text, system.path(), None, true), Err(HomeError::NoDirectory)));
        fs::write(system.path().join(CONFIGURATION_FILE), "").unwrap();
        assert_eq!(chosen(text, system.path(), None, true).unwrap(), system.path());
    }

    #[test]
    fn the_auxiliary_vector_is_read() {
        let vector = |secure: usize| -> Vec<u8> {
            let words = [6, 4096, AT_SECURE, secure, 0, 0];
            words.iter().flat_map(|word: &usize| word.to_ne_bytes()).collect()
        };
        assert!(says_secure(&vector(1)) && !says_secure(&vector(0)) && !says_secure(&[1, 2]));
        assert!(!has_more_rights(), "tests run with the rights of whoever starts them");
    }
}
