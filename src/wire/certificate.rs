//! Certificate files: exactly one X.509 version 3 certificate (RFC 5280) in PEM (RFC 7468).

use std::{
    net::IpAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::{
    pki_types::{CertificateDer, pem::PemObject},
    server::ParsedCertificate,
};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer,
};

use super::FileKind;

/// The greatest size in bytes of a certificate file.
pub const MAXIMUM_CERTIFICATE_BYTES: u64 = 64 * 1024;

/// A certificate and what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: CertificateDer<'static>,
    /// The serial number, in hexadecimal digits.
    pub serial: String,
    /// The subject's distinguished name.
    pub subject: String,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// The host names and IP addresses that it is for.
    pub names: Vec<String>,
    /// The beginning of its validity.
    pub valid_from: SystemTime,
    /// The end of its validity.
    pub valid_until: SystemTime,
}

impl Certificate {
    /// Reads the content of a PEM file.
    ///
    /// # Errors
    /// The content is not exactly one certificate.
    pub fn parse(bytes: &[u8]) -> Result<Self, CertificateFileError> {
        let found = FileKind::of(bytes);
        if found != FileKind::PemCertificate {
            return Err(CertificateFileError::WrongKind(found));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| CertificateFileError::Damaged)?;
        let text = text.replace("\r\n", "\n");
        let mut all = CertificateDer::pem_slice_iter(text.as_bytes());
        let der = match all.next() {
            Some(Ok(der)) => der.into_owned(),
            _ => return Err(CertificateFileError::Damaged),
        };
        match all.count() {
            0 => Self::from_der(der),
            more => Err(CertificateFileError::Several(more + 1)),
        }
    }

    /// Reads a DER encoding.
    ///
    /// # Errors
    /// The bytes are not a certificate.
    pub fn from_der(der: CertificateDer<'static>) -> Result<Self, CertificateFileError> {
        let (rest, parsed) =
            X509Certificate::from_der(&der).map_err(|_| CertificateFileError::Damaged)?;
        if !rest.is_empty() {
            return Err(CertificateFileError::Damaged);
        }
        ParsedCertificate::try_from(&der).map_err(|_| CertificateFileError::Damaged)?;
        let (names, validity) = (alternative_names(&parsed), parsed.validity());
        let valid_from = instant(validity.not_before.timestamp());
        let valid_until = instant(validity.not_after.timestamp());
        let (subject, issuer) = (parsed.subject().to_string(), parsed.issuer().to_string());
        let serial = hexadecimal(parsed.raw_serial());
        drop(parsed);
        Ok(Self { der, serial, subject, issuer, names, valid_from, valid_until })
    }

    /// Checks that the certificate is valid at this time.
    ///
    /// # Errors
    /// It is not, in which way.
    pub fn check_time(&self, now: SystemTime) -> Result<(), CertificateFileError> {
        if now < self.valid_from {
            return Err(CertificateFileError::NotYetValid);
        }
        if now > self.valid_until {
            return Err(CertificateFileError::Expired);
        }
        Ok(())
    }

    /// The certificate's DER encoding.
    pub const fn der(&self) -> &CertificateDer<'static> {
        &self.der
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

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('?');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
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

/// Why bytes are not a certificate that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFileError {
    /// Something else than a PEM certificate.
    #[error("the file is {0}; expected a PEM certificate")]
    WrongKind(FileKind),
    /// PEM, but not a whole X.509 version 3 certificate in it.
    #[error("the certificate is damaged or not X.509 version 3")]
    Damaged,
    /// More certificates than one.
    #[error("the file holds {0} certificates; expected one")]
    Several(usize),
    /// Its time has not come.
    #[error("the certificate is not valid yet")]
    NotYetValid,
    /// Its time is over.
    #[error("the certificate has expired")]
    Expired,
}
