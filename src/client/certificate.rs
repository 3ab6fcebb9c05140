//! The certificate of an appliance, as it comes by mail.
//!
//! A link accepts exactly the certificate that was registered, so this is where it is looked at:
//! that it is one X.509 version 3 certificate (RFC 5280), that it is for the host it is
//! registered under, and that it is valid now.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use rustls::{
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName},
    server::ParsedCertificate,
};

use super::{
    file::{self, FileError},
    servers::Host,
};
use crate::{
    shell::Foreign,
    store::trust::TrustError,
    wire::{Certificate, CertificateFileError, FileKind, MAXIMUM_CERTIFICATE_BYTES},
};

/// The certificate of an appliance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerCertificate(Certificate);

impl ServerCertificate {
    /// Reads a PEM file.
    ///
    /// # Errors
    /// The file cannot be read, or is not exactly one certificate.
    pub fn read(path: &Path) -> Result<Self, CertificateReadError> {
        let bytes = file::read(path, MAXIMUM_CERTIFICATE_BYTES)?;
        Self::parse(&bytes)
            .map_err(|error| CertificateReadError::Content { path: path.to_owned(), error })
    }

    /// Reads the content of a PEM file (RFC 7468).
    ///
    /// # Errors
    /// The content is not exactly one certificate.
    pub fn parse(bytes: &[u8]) -> Result<Self, CertificateError> {
        Ok(Self(Certificate::parse(bytes)?))
    }

    /// Checks that the certificate is for this host and valid at this time, and that it can be a
    /// server's.
    ///
    /// # Errors
    /// Which of these does not hold.
    pub fn check(&self, host: &Host, now: SystemTime) -> Result<(), CertificateError> {
        let names = || match self.0.names.join(", ") {
            none if none.is_empty() => "no host".to_owned(),
            names => names,
        };
        let other_host = || CertificateError::OtherHost { host: host.clone(), names: names() };
        let parsed = ParsedCertificate::try_from(self.0.der()).map_err(|_| other_host())?;
        let name = ServerName::try_from(host.as_str()).map_err(|_| other_host())?;
        verify_server_name(&parsed, &name).map_err(|_| other_host())?;
        self.0.check_server()?;
        Ok(self.0.check_time(now)?)
    }

    /// What the certificate says of itself.
    pub const fn content(&self) -> &Certificate {
        &self.0
    }

    /// The certificate's DER encoding, which links compare with the server's.
    pub const fn der(&self) -> &CertificateDer<'static> {
        self.0.der()
    }

    /// The host names and IP addresses that the certificate is for.
    pub fn names(&self) -> &[String] {
        &self.0.names
    }

    /// The certificate as PEM, with nothing around it.
    pub fn to_pem(&self) -> String {
        self.0.to_pem()
    }
}

/// Why bytes are not the certificate of this appliance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not one certificate, or not valid now.
    #[error(transparent)]
    File(#[from] CertificateFileError),
    /// A certificate of another host.
    #[error("the certificate is for {names}, not for {host}")]
    OtherHost {
        /// The host it should be for.
        host: Host,
        /// What it is for.
        names: String,
    },
}

impl CertificateError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::File(error) => remedy(*error),
            Self::OtherHost { .. } => {
                "Use a name or address that it is for, or make a new one on the appliance with \
                 \"sysconf regenCert\"."
            }
        }
    }
}

const fn remedy(error: CertificateFileError) -> &'static str {
    use CertificateFileError::{
        Damaged, Expired, NotForServers, NotYetValid, Several, WeakKey, WeakSignature, WrongKind,
    };
    match error {
        WrongKind(FileKind::PemPrivateKey) => {
            "A private key must not leave its machine. Name the appliance's server.pem instead."
        }
        WrongKind(FileKind::Der) => {
            "Convert it with \"openssl x509 -inform der -in FILE -out server.pem\"."
        }
        WrongKind(FileKind::ClientIdentity) => {
            "The Partition SO registers it with \"stcconfig clientregister\". \
             Name the appliance's server.pem here."
        }
        WrongKind(FileKind::PartitionIdentity) => {
            "Register it with \"stc partitionregister\" in lunacm. \
             Name the appliance's server.pem here."
        }
        WrongKind(_) => "Name the file server.pem of the appliance.",
        Damaged => "Fetch the file server.pem from the appliance again.",
        Several(_) => "Leave only the appliance's own certificate in the file.",
        NotYetValid => "Check the clocks of this machine and of the appliance.",
        WeakKey(_) | WeakSignature(_) | NotForServers => {
            "Make a new one on the appliance with \"sysconf regenCert\", and fetch it. A client's \
             certificate goes to the appliance, with \"client register\" in lunash."
        }
        Expired => "Make a new one on the appliance with \"sysconf regenCert\", and fetch it.",
    }
}

/// A certificate file that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CertificateReadError {
    /// The file system's part.
    #[error(transparent)]
    File(#[from] FileError),
    /// Somebody else may change the file.
    #[error(transparent)]
    Untrusted(#[from] TrustError),
    /// The content is not a certificate.
    #[error("{}: {error}", Foreign(path.display()))]
    Content {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        error: CertificateError,
    },
}

impl CertificateReadError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::File(error) => error.remedy(),
            Self::Untrusted(error) => error.remedy(),
            Self::Content { error, .. } => error.remedy(),
        }
    }
}
