//! Registering an appliance: its certificate, the CA file and the configuration, in step.
//!
//! The configuration decides: an appliance is registered when its entry is there. Everything is
//! done under the configuration's lock, certificates first when one is added and last when one
//! is removed, so that a crash leaves a file too many but never an entry without its file.

use std::{
    collections::HashSet,
    fmt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde::Serialize;

use super::{
    certificate::{CertificateError, CertificateReadError, ServerCertificate},
    config::{ConfigFileError, Configuration, ConfigurationLock},
    file::{self, FileError, FileProblem, PUBLIC},
    home::{Home, HomeError, Paths},
    servers::{self, Host, Server, ServersError},
};
use crate::store::trust;

/// Registers an appliance under this host and port with the certificate in a file, which has to
/// be for the host and valid at `now`.
///
/// # Errors
/// What does not hold; nothing has changed then.
pub fn register(
    home: &Home,
    (host, port): (&Host, u16),
    certificate: &Path,
    now: SystemTime,
) -> Result<Server, RegistrationError> {
    let certificate = ServerCertificate::read(certificate)?;
    certificate.check(host, now)?;
    home.open()?;
    let lock = ConfigurationLock::acquire(&home.configuration_path())?;
    let mut configuration = lock.load()?;
    let server = servers::add(&mut configuration, host, port)?;
    let paths = Paths::of(home.directory(), &configuration);
    let path = certificate_path(&paths, host);
    let before = [Before::of(&path)?, Before::of(&paths.server_ca_file)?];
    let written = file::replace(&path, certificate.to_pem().as_bytes(), PUBLIC)
        .and_then(|()| add_to_ca_file(&paths, &certificate))
        .map_err(RegistrationError::from)
        .and_then(|()| Ok(lock.save(&configuration)?));
    if let Err(error) = written {
        before.iter().for_each(Before::restore);
        return Err(error);
    }
    Ok(server)
}

/// Replaces an appliance's name, port (if given) and certificate; its ID and the kind of its links
/// stay.
///
/// # Errors
/// What does not hold; nothing has changed then.
pub fn replace(
    home: &Home,
    (old, (new, port)): (&Host, (&Host, Option<u16>)),
    certificate: &Path,
    now: SystemTime,
) -> Result<Server, RegistrationError> {
    let certificate = ServerCertificate::read(certificate)?;
    certificate.check(new, now)?;
    home.open()?;
    let lock = ConfigurationLock::acquire(&home.configuration_path())?;
    let mut configuration = lock.load()?;
    let (before, server) = servers::rename(&mut configuration, old, (new, port))?;
    let paths = Paths::of(home.directory(), &configuration);
    let old_path = certificate_path(&paths, &before.name);
    let old_certificate = ServerCertificate::read(&old_path).ok();
    let path = certificate_path(&paths, new);
    let kept = [Before::of(&path)?, Before::of(&paths.server_ca_file)?];
    let written = file::replace(&path, certificate.to_pem().as_bytes(), PUBLIC)
        .and_then(|()| add_to_ca_file(&paths, &certificate))
        .map_err(RegistrationError::from)
        .and_then(|()| Ok(lock.save(&configuration)?));
    if let Err(error) = written {
        kept.iter().for_each(Before::restore);
        return Err(error);
    }
    if let Some(old) = old_certificate.filter(|old| old.der() != certificate.der()) {
        remove_from_ca_file(&paths, &configuration, &old)?;
    }
    if old_path != path {
        file::remove(&old_path)?;
    }
    Ok(server)
}

/// Removes an appliance and its certificate.
///
/// # Errors
/// It is not registered, or a file cannot be written.
pub fn deregister(home: &Home, host: &Host) -> Result<Server, RegistrationError> {
    home.open()?;
    let lock = ConfigurationLock::acquire(&home.configuration_path())?;
    let mut configuration = lock.load()?;
    let server = servers::remove(&mut configuration, host)?;
    let paths = Paths::of(home.directory(), &configuration);
    let path = certificate_path(&paths, &server.name);
    let certificate = ServerCertificate::read(&path).ok();
    lock.save(&configuration)?;
    if let Some(certificate) = certificate {
        remove_from_ca_file(&paths, &configuration, &certificate)?;
    }
    file::remove(&path)?;
    Ok(server)
}

/// The certificate that a registered appliance has to show.
///
/// # Errors
/// Its file is missing or damaged, or somebody else may change it.
pub fn pinned(paths: &Paths, host: &Host) -> Result<CertificateDer<'static>, CertificateReadError> {
    let path = certificate_path(paths, host);
    trust::check(&path)?;
    Ok(ServerCertificate::read(&path)?.der().clone())
}

/// A pinned certificate whose end is near or past. Links take it still: that it is the registered
/// one is what counts, but its end may be the time at which its key is given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ending {
    /// The server.
    pub server: Host,
    /// Whole days that are left; negative once the end has passed.
    pub days_left: i64,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, days_left } = self;
        match days_left {
            ..0 => write!(f, "Warning: the certificate of server {server} has expired.")?,
            0 => write!(f, "Warning: the certificate of server {server} ends today.")?,
            1 => write!(f, "Warning: the certificate of server {server} ends in 1 day.")?,
            days => write!(f, "Warning: the certificate of server {server} ends in {days} days.")?,
        }
        write!(
            f,
            " Make a new one on it with \"sysconf regenCert\", and register that with \"vtl \
             replaceServer\"."
        )
    }
}

/// Days before the end of a certificate from which on it is told.
const NOTICE_DAYS: i64 = 30;

/// The registered certificates whose end is near or past at this time. One that cannot be read is
/// told where it is used.
pub fn endings(paths: &Paths, servers: &[Server], now: SystemTime) -> Vec<Ending> {
    let ending = |server: &Server| {
        let found = ServerCertificate::read(&certificate_path(paths, &server.name)).ok()?;
        let days_left = found.content().days_left(now);
        (days_left < NOTICE_DAYS).then(|| Ending { server: server.name.clone(), days_left })
    };
    servers.iter().filter_map(ending).collect()
}

/// Where the certificate of an appliance is kept: `<host>Cert.pem`.
pub fn certificate_path(paths: &Paths, host: &Host) -> PathBuf {
    paths.server_certificates.join(format!("{host}Cert.pem"))
}

/// The greatest size in bytes of the CA file: every server's certificate fits.
const MAXIMUM_CA_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// A file as it was before a registration.
struct Before<'p> {
    path: &'p Path,
    content: Option<Vec<u8>>,
}

impl<'p> Before<'p> {
    fn of(path: &'p Path) -> Result<Self, FileError> {
        match file::read(path, MAXIMUM_CA_FILE_BYTES) {
            Ok(content) => Ok(Self { path, content: Some(content) }),
            Err(FileError { problem: FileProblem::Missing, .. }) => {
                Ok(Self { path, content: None })
            }
            Err(error) => Err(error),
        }
    }

    /// Puts it back. If even that fails, the error that led here is the one to tell: a file
    /// without an entry does no harm, and a later registration writes over it.
    fn restore(&self) {
        let _ = match &self.content {
            Some(content) => file::replace(self.path, content, PUBLIC),
            None => file::remove(self.path),
        };
    }
}

fn add_to_ca_file(paths: &Paths, certificate: &ServerCertificate) -> Result<(), FileError> {
    let mut text = ca_file(paths)?;
    if certificates(&text).any(|found| found == *certificate.der()) {
        return Ok(());
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&certificate.to_pem());
    file::replace(&paths.server_ca_file, text.as_bytes(), PUBLIC)
}

/// Takes a certificate out of the CA file, unless an appliance that is still registered has the
/// same one, as under another name. Comments and other certificates stay.
fn remove_from_ca_file(
    paths: &Paths,
    configuration: &Configuration,
    removed: &ServerCertificate,
) -> Result<(), RegistrationError> {
    let registered = servers::list(configuration)?;
    let in_use: HashSet<_> =
        registered.iter().filter_map(|server| pinned(paths, &server.name).ok()).collect();
    let text = ca_file(paths)?;
    let present = certificates(&text).any(|found| found == *removed.der());
    if present && !in_use.contains(removed.der()) {
        let kept = without(&text, removed.der());
        file::replace(&paths.server_ca_file, kept.as_bytes(), PUBLIC)?;
    }
    Ok(())
}

fn ca_file(paths: &Paths) -> Result<String, FileError> {
    match file::read(&paths.server_ca_file, MAXIMUM_CA_FILE_BYTES) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(FileError { problem: FileProblem::Missing, .. }) => Ok(String::new()),
        Err(error) => Err(error),
    }
}

fn certificates(text: &str) -> impl Iterator<Item = CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(text.as_bytes()).filter_map(Result::ok)
}

/// The text without the PEM blocks of this certificate.
fn without(text: &str, removed: &CertificateDer<'_>) -> String {
    let mut kept = String::new();
    let mut block = String::new();
    for line in text.split_inclusive('\n') {
        if line.starts_with("-----BEGIN ") {
            kept.push_str(&std::mem::take(&mut block));
        }
        if block.is_empty() && !line.starts_with("-----BEGIN ") {
            kept.push_str(line);
            continue;
        }
        block.push_str(line);
        if line.starts_with("-----END ") {
            let ended = std::mem::take(&mut block);
            if !certificates(&ended).any(|found| found == *removed) {
                kept.push_str(&ended);
            }
        }
    }
    kept + &block
}

/// Why an appliance could not be registered or removed.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// The certificate's file is not one.
    #[error(transparent)]
    CertificateFile(#[from] CertificateReadError),
    /// The certificate is not for this host, or not valid now.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The list of servers is against it.
    #[error(transparent)]
    Servers(#[from] ServersError),
    /// There is no home.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The configuration cannot be read or written.
    #[error(transparent)]
    Configuration(#[from] ConfigFileError),
    /// A certificate cannot be written or removed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl RegistrationError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::CertificateFile(error) => error.remedy(),
            Self::Certificate(error) => error.remedy(),
            Self::Servers(error) => error.remedy(),
            Self::Home(error) => error.remedy(),
            Self::Configuration(error) => error.remedy(),
            Self::File(error) => error.remedy(),
        }
    }
}
