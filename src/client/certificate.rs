//! The certificate of an appliance, as it comes by mail.
//!
//! A link accepts exactly the certificate that was registered, so this is where it is looked at:
//! that it is one X.509 version 3 certificate (RFC 5280), that it is for the host it is
//! registered under, and that it is valid now.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::{
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    server::ParsedCertificate,
};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer,
};

use super::{
    file::{self, FileError},
    servers::Host,
};
use crate::wire::FileKind;

/// The greatest size in bytes of a certificate file.
pub const MAXIMUM_CERTIFICATE_BYTES: u64 = 64 * 1024;

/// The certificate of an appliance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerCertificate {
    der: CertificateDer<'static>,
    names: Vec<String>,
    valid_from: SystemTime,
    valid_until: SystemTime,
}

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
        let found = FileKind::of(bytes);
        if found != FileKind::PemCertificate {
            return Err(CertificateError::WrongKind(found));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| CertificateError::Damaged)?;
        let text = text.replace("\r\n", "\n");
        let mut all = CertificateDer::pem_slice_iter(text.as_bytes());
        let der = match all.next() {
            Some(Ok(der)) => der.into_owned(),
            _ => return Err(CertificateError::Damaged),
        };
        match all.count() {
            0 => Self::from_der(der),
            more => Err(CertificateError::Several(more + 1)),
        }
    }

    fn from_der(der: CertificateDer<'static>) -> Result<Self, CertificateError> {
        let damaged = |_| CertificateError::Damaged;
        let (rest, parsed) =
            X509Certificate::from_der(&der).map_err(|_| CertificateError::Damaged)?;
        if !rest.is_empty() {
            return Err(CertificateError::Damaged);
        }
        ParsedCertificate::try_from(&der).map_err(damaged)?;
        let (names, validity) = (alternative_names(&parsed), parsed.validity());
        let valid_from = instant(validity.not_before.timestamp());
        let valid_until = instant(validity.not_after.timestamp());
        drop(parsed);
        Ok(Self { der, names, valid_from, valid_until })
    }

    /// Checks that the certificate is for this host and valid at this time.
    ///
    /// # Errors
    /// Which of the two does not hold.
    pub fn check(&self, host: &Host, now: SystemTime) -> Result<(), CertificateError> {
        let other_host = || CertificateError::OtherHost {
            host: host.clone(),
            names: if self.names.is_empty() { "no host".to_owned() } else { self.names.join(", ") },
        };
        let parsed = ParsedCertificate::try_from(&self.der).map_err(|_| other_host())?;
        let name = ServerName::try_from(host.as_str()).map_err(|_| other_host())?;
        verify_server_name(&parsed, &name).map_err(|_| other_host())?;
        if now < self.valid_from {
            return Err(CertificateError::NotYetValid);
        }
        if now > self.valid_until {
            return Err(CertificateError::Expired);
        }
        Ok(())
    }

    /// The certificate's DER encoding, which links compare with the server's.
    pub const fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// The host names and IP addresses that the certificate is for.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The certificate as PEM, with nothing around it.
    pub fn to_pem(&self) -> String {
        let base64 = BASE64_STANDARD.encode(&self.der);
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        let mut rest = base64.as_str();
        while let Some((line, more)) = rest.split_at_checked(PEM_LINE) {
            pem.push_str(line);
            pem.push('\n');
            rest = more;
        }
        if !rest.is_empty() {
            pem.push_str(rest);
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        pem
    }
}

/// Characters of base64 in a line (RFC 7468, section 2).
const PEM_LINE: usize = 64;

fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let names = certificate.extensions().iter().filter_map(|extension| {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
            _ => None,
        }
    });
    names.flatten().filter_map(host_name).collect()
}

fn host_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let sixteen = || <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
            four.or_else(|_| sixteen()).map(|address| address.to_string()).ok()
        }
        _ => None,
    }
}

fn instant(timestamp: i64) -> SystemTime {
    let seconds = Duration::from_secs(timestamp.unsigned_abs());
    let moved = if timestamp < 0 {
        UNIX_EPOCH.checked_sub(seconds)
    } else {
        UNIX_EPOCH.checked_add(seconds)
    };
    moved.unwrap_or(UNIX_EPOCH)
}

/// Why bytes are not the certificate of this appliance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Something else than a PEM certificate.
    #[error("the file is {0}; expected a PEM certificate")]
    WrongKind(FileKind),
    /// PEM, but not a whole X.509 version 3 certificate in it.
    #[error("the certificate is damaged or not X.509 version 3")]
    Damaged,
    /// More certificates than one.
    #[error("the file holds {0} certificates; expected one")]
    Several(usize),
    /// A certificate of another host.
    #[error("the certificate is for {names}, not for {host}")]
    OtherHost {
        /// The host it should be for.
        host: Host,
        /// What it is for.
        names: String,
    },
    /// Its time has not come.
    #[error("the certificate is not valid yet")]
    NotYetValid,
    /// Its time is over.
    #[error("the certificate has expired")]
    Expired,
}

impl CertificateError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::WrongKind(FileKind::PemPrivateKey) => {
                "A private key must not leave its machine. Name the appliance's server.pem instead."
            }
            Self::WrongKind(FileKind::Der) => {
                "Convert it with \"openssl x509 -inform der -in FILE -out server.pem\"."
            }
            Self::WrongKind(FileKind::ClientIdentity) => {
                "The Partition SO registers it with \"stcconfig clientregister\". \
                 Name the appliance's server.pem here."
            }
            Self::WrongKind(FileKind::PartitionIdentity) => {
                "Register it with \"stc partitionregister\" in lunacm. \
                 Name the appliance's server.pem here."
            }
            Self::WrongKind(_) => "Name the file server.pem of the appliance.",
            Self::Damaged => "Fetch the file server.pem from the appliance again.",
            Self::Several(_) => "Leave only the appliance's own certificate in the file.",
            Self::OtherHost { .. } => {
                "Use a name or address that it is for, or make a new one on the appliance with \
                 \"sysconf regenCert\"."
            }
            Self::NotYetValid => "Check the clocks of this machine and of the appliance.",
            Self::Expired => {
                "Make a new one on the appliance with \"sysconf regenCert\", and fetch it."
            }
        }
    }
}

/// A certificate file that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CertificateReadError {
    /// The file system's part.
    #[error(transparent)]
    File(#[from] FileError),
    /// The content is not a certificate.
    #[error("{}: {error}", path.display())]
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
            Self::Content { error, .. } => error.remedy(),
        }
    }
}
