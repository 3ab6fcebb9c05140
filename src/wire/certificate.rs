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
    public_key::PublicKey,
    x509::X509Name,
};

use super::FileKind;
use crate::shell::shown;

/// The greatest size in bytes of a certificate file.
pub const MAXIMUM_CERTIFICATE_BYTES: u64 = 64 * 1024;

/// A certificate and what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: CertificateDer<'static>,
    /// The serial number, in hexadecimal digits.
    pub serial: String,
    /// The subject's distinguished name, as a screen may show it.
    pub subject: String,
    /// The issuer's distinguished name, as a screen may show it.
    pub issuer: String,
    /// The host names and IP addresses that it is for, as a screen may show them.
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
        let visible = |name: &X509Name<'_>| shown(&name.to_string()).into_owned();
        let (subject, issuer) = (visible(parsed.subject()), visible(parsed.issuer()));
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

    /// Checks that a server could show the certificate, and that it is as strong as links are: RSA
    /// of 2048 bits at least, no signature by SHA-1 or older, and no extended key usage that
    /// leaves TLS servers out (RFC 5280 section 4.2.1.12).
    ///
    /// # Errors
    /// What does not hold.
    pub fn check_server(&self) -> Result<(), CertificateFileError> {
        let (_, parsed) =
            X509Certificate::from_der(&self.der).map_err(|_| CertificateFileError::Damaged)?;
        if let Ok(PublicKey::RSA(key)) = parsed.public_key().parsed()
            && key.key_size() < LEAST_RSA_BITS
        {
            return Err(CertificateFileError::WeakKey(key.key_size()));
        }
        let signature = parsed.signature_algorithm.algorithm.to_id_string();
        if let Some((_, name)) = WEAK_SIGNATURES.iter().find(|(known, _)| *known == signature) {
            return Err(CertificateFileError::WeakSignature(name));
        }
        let usage = parsed.extended_key_usage().map_err(|_| CertificateFileError::Damaged)?;
        if usage.is_some_and(|usage| !usage.value.server_auth && !usage.value.any) {
            return Err(CertificateFileError::NotForServers);
        }
        Ok(())
    }

    /// Whole days from this time to the end of its validity; negative once that has passed.
    pub fn days_left(&self, now: SystemTime) -> i64 {
        let days = |span: Duration| i64::try_from(span.as_secs() / 86_400).unwrap_or(i64::MAX);
        match self.valid_until.duration_since(now) {
            Ok(left) => days(left),
            Err(past) => -1 - days(past.duration()),
        }
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

/// The shortest RSA key of a server, in bits (SP 800-131A).
const LEAST_RSA_BITS: usize = 2048;

/// Signatures by broken hashes (RFC 8017, RFC 3279, RFC 5758).
const WEAK_SIGNATURES: [(&str, &str); 5] = [
    ("1.2.840.113549.1.1.2", "MD2 with RSA"),
    ("1.2.840.113549.1.1.4", "MD5 with RSA"),
    ("1.2.840.113549.1.1.5", "SHA-1 with RSA"),
    ("1.2.840.10040.4.3", "SHA-1 with DSA"),
    ("1.2.840.10045.4.1", "SHA-1 with ECDSA"),
];

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
        GeneralName::DNSName(name) => Some(shown(name).into_owned()),
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
    /// An RSA key of too few bits.
    #[error("the certificate's RSA key has {0} bits; a server's has at least {LEAST_RSA_BITS}")]
    WeakKey(usize),
    /// Signed by a hash that is broken.
    #[error("the certificate is signed by {0}, which can be forged")]
    WeakSignature(&'static str),
    /// Its extended key usage leaves TLS servers out.
    #[error("the certificate is not for TLS servers: its extended key usage lacks serverAuth")]
    NotForServers,
}
