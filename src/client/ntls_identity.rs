//! This client's key and certificate for NTLS: `ClientPrivKeyFile` and `ClientCertFile`.
//!
//! The appliance knows the client by exactly this certificate. The key is as secret as an STC
//! identity: whoever holds it is the client.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::{
    config::{ConfigFileError, Configuration, ConfigurationLock},
    file::{self, FileError, FileProblem, PUBLIC},
    home::{Home, HomeError, NETWORK_SECTION, Paths},
    servers::Host,
};
use crate::{
    net::Credentials,
    shell::Foreign,
    store::trust::{self, TrustError},
    wire::{Certificate, CertificateFileError, MAXIMUM_CERTIFICATE_BYTES},
};

/// Days that a certificate is valid if nothing else is said: ten years, as Luna's are.
pub const DEFAULT_DAYS: u32 = 3653;

/// Permissions of a key file.
const PRIVATE: u32 = 0o600;

/// Reads key and certificate from the places that the configuration names; `None` if it names
/// none, or there is no certificate yet.
///
/// # Errors
/// A file is missing, damaged, or in others' hands, or the two do not belong together.
pub fn load(paths: &Paths) -> Result<Option<Credentials>, NtlsIdentityError> {
    let (Some(certificate), Some(key)) = (&paths.client_certificate, &paths.client_key) else {
        return Ok(None);
    };
    trust::check(certificate).map_err(NtlsIdentityError::Untrusted)?;
    let bytes = match file::read(certificate, MAXIMUM_CERTIFICATE_BYTES) {
        Err(FileError { problem: FileProblem::Missing, .. }) => return Ok(None),
        read => read?,
    };
    let content = |error| NtlsIdentityError::Certificate { path: certificate.clone(), error };
    let found = Certificate::parse(&bytes).map_err(content)?;
    let credentials = Credentials::new(found.der().clone(), read_key(key)?);
    let unfit = |error| NtlsIdentityError::Pair { path: certificate.clone(), error };
    credentials.map(Some).map_err(unfit)
}

/// What [`create`] and [`request`] wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The private key.
    pub key: PathBuf,
    /// The certificate, or the request for one.
    pub certificate: PathBuf,
}

/// Where key and certificate of a client of this name go: `<name>Key.pem` and `<name>.pem`.
pub fn places(paths: &Paths, name: &Host) -> Written {
    let directory = &paths.client_certificates;
    Written {
        key: directory.join(format!("{name}Key.pem")),
        certificate: directory.join(format!("{name}.pem")),
    }
}

/// Makes a key and a self-signed certificate for this name, writes both and enters them in the
/// configuration. What had these names before is replaced.
///
/// # Errors
/// A file cannot be written, or the configuration cannot be changed.
pub fn create(
    home: &Home,
    name: &Host,
    days: u32,
    now: SystemTime,
) -> Result<Written, NtlsIdentityError> {
    let key = KeyPair::generate()?;
    let mut params = parameters(name)?;
    let now = OffsetDateTime::from(now);
    params.not_before = now - Duration::days(1);
    params.not_after = now.saturating_add(Duration::days(i64::from(days)));
    let certificate = params.self_signed(&key)?.pem();
    write(home, name, &key, |written| {
        Ok(file::replace(&written.certificate, certificate.as_bytes(), PUBLIC)?)
    })
}

/// Makes a key and a request for a certificate (PKCS #10, RFC 2986), `<name>CSR.pem`, writes both
/// and enters key and certificate in the configuration. The certificate goes to
/// `<name>.pem` when it comes from its authority.
///
/// # Errors
/// A file cannot be written, or the configuration cannot be changed.
pub fn request(home: &Home, name: &Host) -> Result<Written, NtlsIdentityError> {
    let key = KeyPair::generate()?;
    let text = parameters(name)?.serialize_request(&key)?.pem()?;
    let mut path = PathBuf::new();
    let written = write(home, name, &key, |written| {
        path = written.certificate.with_file_name(format!("{name}CSR.pem"));
        file::replace(&path, text.as_bytes(), PUBLIC)?;
        // A certificate of another key must not be shown with this one.
        Ok(file::remove(&written.certificate)?)
    })?;
    Ok(Written { key: written.key, certificate: path })
}

fn parameters(name: &Host) -> Result<CertificateParams, NtlsIdentityError> {
    let mut params = CertificateParams::new(vec![name.as_str().to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name.as_str());
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

/// Key first and configuration last: a crash leaves files too many, never an entry without them.
fn write(
    home: &Home,
    name: &Host,
    key: &KeyPair,
    write_rest: impl FnOnce(&Written) -> Result<(), NtlsIdentityError>,
) -> Result<Written, NtlsIdentityError> {
    home.open()?;
    let lock = ConfigurationLock::acquire(&home.configuration_path())?;
    let mut configuration = lock.load()?;
    let written = places(&Paths::of(home.directory(), &configuration), name);
    let text = Zeroizing::new(key.serialize_pem());
    file::replace(&written.key, text.as_bytes(), PRIVATE)?;
    write_rest(&written)?;
    enter(home, &mut configuration, ("ClientPrivKeyFile", &written.key))?;
    enter(home, &mut configuration, ("ClientCertFile", &written.certificate))?;
    lock.save(&configuration)?;
    Ok(written)
}

/// A path inside the home is entered as the others are, beginning at the home.
fn enter(
    home: &Home,
    configuration: &mut Configuration,
    (entry, path): (&str, &Path),
) -> Result<(), NtlsIdentityError> {
    let inside = path.strip_prefix(home.directory()).unwrap_or(path);
    let value = inside.to_string_lossy();
    configuration.set(NETWORK_SECTION, entry, &value).map_err(ConfigFileError::from)?;
    Ok(())
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, NtlsIdentityError> {
    trust::check_secret(path)?;
    let bytes = Zeroizing::new(file::read(path, MAXIMUM_CERTIFICATE_BYTES)?);
    if String::from_utf8_lossy(&bytes).contains("ENCRYPTED") {
        return Err(NtlsIdentityError::Encrypted(path.to_owned()));
    }
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| NtlsIdentityError::Key(path.to_owned()))
}

/// Why there is no usable key and certificate.
#[derive(Debug, thiserror::Error)]
pub enum NtlsIdentityError {
    /// The home.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The configuration.
    #[error(transparent)]
    Configuration(#[from] ConfigFileError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Others can change the certificate.
    #[error(transparent)]
    Untrusted(TrustError),
    /// The certificate's file is not one.
    #[error("{}: {error}", Foreign(path.display()))]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        error: CertificateFileError,
    },
    /// The key's file holds no key.
    #[error("{} does not hold a private key in PEM", Foreign(.0.display()))]
    Key(PathBuf),
    /// The key is not the certificate's, or of a kind that cannot sign.
    #[error("the certificate {} cannot be used with its key: {error}", Foreign(path.display()))]
    Pair {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong.
        error: rustls::Error,
    },
    /// The key is encrypted.
    #[error("the private key {} is encrypted, which this client does not open", Foreign(.0.display()))]
    Encrypted(PathBuf),
    /// Others can read or change the key.
    #[error("the private key is not this user's alone: {0}")]
    Open(#[from] TrustError),
    /// No certificate could be made for this name.
    #[error("no certificate could be made: {0}")]
    Make(#[from] rcgen::Error),
}

impl NtlsIdentityError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Home(error) => error.remedy(),
            Self::Configuration(error) => error.remedy(),
            Self::File(error) => error.remedy(),
            Self::Certificate { .. } | Self::Key(_) | Self::Pair { .. } => {
                "Correct ClientCertFile and ClientPrivKeyFile in Chrystoki.conf, or make both anew \
                 with \"vtl createCert\"."
            }
            Self::Encrypted(_) => "Decrypt it with \"openssl pkey\", or use \"vtl createCert\".",
            Self::Untrusted(error) | Self::Open(error) => error.remedy(),
            Self::Make(_) => "Use a host name or an IP address.",
        }
    }
}
