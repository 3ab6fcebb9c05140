//! The server's self-signed certificate and its key.

use std::{fs, io, net::IpAddr, path::PathBuf, sync::Arc, time::SystemTime};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use time::{Duration, OffsetDateTime};

use super::data::DataDirectory;
use crate::{net::ServerIdentity, store::replace_file};

/// Reads the server's identity, and makes it on first start for the directory's host name and
/// the address listened on.
pub(super) fn load_or_make(
    data: &DataDirectory,
    address: IpAddr,
) -> Result<Arc<ServerIdentity>, CertificateError> {
    let path = data.server_key();
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(data, address)?,
        Err(error) => return Err(CertificateError::Io { path, error }),
    };
    let (certificate, key) = parse(&text).ok_or(CertificateError::Damaged(path))?;
    publish(data, &text)?;
    Ok(Arc::new(ServerIdentity::new(certificate, key)?))
}

/// Makes a new key and certificate, writes them and puts them in force.
pub(super) fn regenerate(
    data: &DataDirectory,
    address: IpAddr,
    identity: &ServerIdentity,
) -> Result<(), CertificateError> {
    let text = make(data, address)?;
    let (certificate, key) = parse(&text).ok_or(CertificateError::Damaged(data.server_key()))?;
    publish(data, &text)?;
    identity.replace(certificate, key)?;
    Ok(())
}

/// Why the server has no identity.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The key file does not hold a key and a certificate.
    #[error(
        "{0} does not hold a private key and a certificate\nMove it away: the next start makes a new one, and every client has to register the new server.pem."
    )]
    Damaged(PathBuf),
    /// A certificate could not be made for this name.
    #[error("no certificate could be made: {0}")]
    Make(#[from] rcgen::Error),
    /// The key does not fit the certificate, or is of a kind that cannot sign.
    #[error("the server's key and certificate cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    /// The system refused.
    #[error("{path}: {error}")]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// One file holds key and certificate, so that no crash can leave a pair that does not fit.
fn make(data: &DataDirectory, address: IpAddr) -> Result<Vec<u8>, CertificateError> {
    let host = data.host();
    let mut names = vec![host.clone()];
    if !address.is_unspecified() && address.to_string() != host {
        names.push(address.to_string());
    }
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, host);
    params.distinguished_name.push(DnType::OrganizationalUnitName, "lunacm");
    let now = OffsetDateTime::from(SystemTime::now());
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(3650);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let text = [key.serialize_pem(), certificate.pem()].concat().into_bytes();
    let path = data.server_key();
    replace_file(&path, &text, 0o600).map_err(|error| CertificateError::Io { path, error })?;
    Ok(text)
}

fn parse(text: &[u8]) -> Option<(CertificateDer<'static>, PrivateKeyDer<'static>)> {
    let certificate = CertificateDer::from_pem_slice(text).ok()?;
    let key = PrivateKeyDer::from_pem_slice(text).ok()?;
    Some((certificate, key))
}

/// Writes the certificate alone where people take it from.
fn publish(data: &DataDirectory, text: &[u8]) -> Result<(), CertificateError> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    let begin = text.windows(BEGIN.len()).position(|window| window == BEGIN);
    let certificate = text.get(begin.unwrap_or(0)..).unwrap_or_default();
    for path in [data.certificate(), data.files().join("server.pem")] {
        if fs::read(&path).is_ok_and(|present| present == certificate) {
            continue;
        }
        replace_file(&path, certificate, 0o644)
            .map_err(|error| CertificateError::Io { path, error })?;
    }
    Ok(())
}
