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
//! directory, so that a copied home never touches the original.

use std::{
    env,
    path::{Path, PathBuf},
};

use directories::ProjectDirs;

use super::{
    config::{ConfigFileError, Configuration, ConfigurationLock},
    file::{FileError, create_directory},
};

/// The name of the configuration file.
pub const CONFIGURATION_FILE: &str = "Chrystoki.conf";

/// The environment variable that names the home directory.
pub const HOME_VARIABLE: &str = "ChrystokiConfigurationPath";

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
    /// Finds the home of this process: the directory that [`HOME_VARIABLE`] names, else the
    /// current directory if it holds a configuration, else the user's data directory. Nothing is
    /// made yet.
    ///
    /// # Errors
    /// The variable names something else than a directory, or there is no user directory.
    pub fn locate() -> Result<Self, HomeError> {
        if let Some(named) = env::var_os(HOME_VARIABLE).filter(|value| !value.is_empty()) {
            let named = PathBuf::from(named);
            return if named.exists() && !named.is_dir() {
                Err(HomeError::NotADirectory(named))
            } else {
                Ok(Self::at(named))
            };
        }
        let current = env::current_dir().map_err(|_| HomeError::NoDirectory)?;
        if current.join(CONFIGURATION_FILE).is_file() {
            return Ok(Self::at(current));
        }
        ProjectDirs::from("", "", "lunacm")
            .map(|found| Self::at(found.data_dir()))
            .ok_or(HomeError::NoDirectory)
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
    /// A directory or the configuration cannot be made, or the configuration is broken.
    pub fn open(&self) -> Result<Paths, HomeError> {
        create_directory(&self.directory)?;
        let lock = ConfigurationLock::acquire(&self.configuration_path())?;
        if !self.configuration_path().exists() {
            let defaults = Configuration::parse(DEFAULTS).map_err(|error| {
                let path = self.configuration_path();
                ConfigFileError::Broken { path, error }
            })?;
            lock.save(&defaults)?;
        }
        let paths = self.paths()?;
        for directory in paths.directories() {
            create_directory(directory)?;
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
    /// It cannot be read, or is broken.
    pub fn configuration(&self) -> Result<Configuration, HomeError> {
        Ok(Configuration::load(&self.configuration_path())?)
    }

    /// The places that the configuration names now.
    ///
    /// # Errors
    /// The configuration cannot be read, or is broken.
    pub fn paths(&self) -> Result<Paths, HomeError> {
        Ok(Paths::of(&self.directory, &self.configuration()?))
    }
}

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
    #[error("{HOME_VARIABLE} names {}, which is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// Neither the variable nor the user's account leads anywhere.
    #[error("no directory for the configuration was found")]
    NoDirectory,
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
            Self::File(error) => error.remedy(),
            Self::Configuration(error) => error.remedy(),
        }
    }
}
