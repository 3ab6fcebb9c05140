//! Which certificates of clients are let through TLS's handshake.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::pki_types::{CertificateDer, UnixTime};

use super::services::Services;
use crate::{crypto::CertificateHash, hsm::Hsm, net::KnownCertificates, wire::Certificate};

/// The registered NTLS clients, as TLS sees them.
#[derive(Debug)]
pub(super) struct RegisteredClients {
    pub(super) hsm: Arc<Hsm>,
    pub(super) services: Arc<Services>,
}

impl KnownCertificates for RegisteredClients {
    fn knows(&self, certificate: &CertificateDer<'_>, now: UnixTime) -> bool {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_secs());
        let client = self.hsm.ntls_client(CertificateHash::of(certificate));
        let parsed = Certificate::from_der(certificate.clone().into_owned());
        let refused = match (&client, parsed.map(|parsed| parsed.check_time(now))) {
            (Some(_), Ok(Ok(()))) => return true,
            (Some(client), Ok(Err(error)) | Err(error)) => {
                format!("the certificate of {}: {error}", client.name)
            }
            (None, _) => "no client is registered with this certificate".to_owned(),
        };
        self.services.count_refused();
        tracing::warn!(reason = refused, "NTLS client refused");
        false
    }
}
