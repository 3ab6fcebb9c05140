//! TLS 1.3 (RFC 8446): authenticates the appliance and hides who talks to which partition.
//!
//! The client accepts exactly the certificate that was registered for a server; no authority is
//! asked. STC stays secure without this layer. NTLS has no other: there the server knows the client
//! by its certificate, again by exactly this one.

use std::sync::{Arc, RwLock};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    server::{
        ClientHello, ResolvesServerCert,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::{CertifiedKey, SingleCertAndKey},
    version::TLS13,
};

/// The application protocol (ALPN, RFC 7301) of a link that carries STC.
pub const STC_PROTOCOL: &[u8] = b"lunacm-stc/1";

/// The application protocol of a link that carries requests in TLS alone.
pub const NTLS_PROTOCOL: &[u8] = b"lunacm-ntls/1";

/// A client's certificate and key.
#[derive(Clone, Debug)]
pub struct Credentials(Arc<CertifiedKey>);

impl Credentials {
    /// The credentials made of a certificate and its private key.
    ///
    /// # Errors
    /// The key is of a kind that cannot sign, or is not the certificate's.
    pub fn new(
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, Error> {
        certified(certificate, key).map(Self)
    }

    /// The certificate.
    pub fn certificate(&self) -> Option<&CertificateDer<'_>> {
        self.0.end_entity_cert().ok()
    }
}

/// Which clients' certificates a server knows.
pub trait KnownCertificates: Send + Sync + std::fmt::Debug {
    /// Whether a client with this certificate may connect at this time.
    fn knows(&self, certificate: &CertificateDer<'_>, now: UnixTime) -> bool;
}

/// The server's certificate and key, replaceable while the server runs.
#[derive(Debug)]
pub struct ServerIdentity {
    current: RwLock<Arc<CertifiedKey>>,
}

impl ServerIdentity {
    /// An identity of one self-signed certificate and its private key.
    ///
    /// # Errors
    /// The key is of a kind that cannot sign, or is not the certificate's.
    pub fn new(
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, Error> {
        Ok(Self { current: RwLock::new(certified(certificate, key)?) })
    }

    /// Puts another certificate and key in place: connections from now on get it.
    ///
    /// # Errors
    /// As [`Self::new`]; the one in place stays.
    pub fn replace(
        &self,
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Result<(), Error> {
        let next = certified(certificate, key)?;
        *self.current.write().unwrap_or_else(std::sync::PoisonError::into_inner) = next;
        Ok(())
    }
}

impl ResolvesServerCert for ServerIdentity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone())
    }
}

/// A server's configuration over this identity, for clients without a certificate and for those
/// that are known.
///
/// # Errors
/// The provider lacks TLS 1.3, which ours does not.
pub fn server_config(
    identity: Arc<ServerIdentity>,
    known: Arc<dyn KnownCertificates>,
) -> Result<Arc<ServerConfig>, Error> {
    let provider = provider();
    let verifier = Arc::new(RegisteredCertificates { known, provider: provider.clone() });
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(identity);
    config.alpn_protocols = vec![STC_PROTOCOL.to_vec(), NTLS_PROTOCOL.to_vec()];
    // Every link is new and long: tickets would only be memory and linkability.
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// A client's configuration that accepts this certificate and no other: for STC, or with
/// credentials for NTLS.
///
/// # Errors
/// The provider lacks TLS 1.3, which ours does not.
pub fn client_config(
    pinned: CertificateDer<'static>,
    credentials: Option<&Credentials>,
) -> Result<Arc<ClientConfig>, Error> {
    let provider = provider();
    let verifier = Arc::new(PinnedCertificate { pinned, provider: provider.clone() });
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let (mut config, protocol) = match credentials {
        None => (config.with_no_client_auth(), STC_PROTOCOL),
        Some(Credentials(key)) => {
            let key = SingleCertAndKey::from(CertifiedKey::clone(key));
            (config.with_client_cert_resolver(Arc::new(key)), NTLS_PROTOCOL)
        }
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certified(
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<CertifiedKey>, Error> {
    CertifiedKey::from_der(vec![certificate], key, &provider()).map(Arc::new)
}

/// Compares the server's certificate with the registered one; the handshake's signature still
/// proves that the server holds its key.
#[derive(Debug)]
struct PinnedCertificate {
    pinned: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *end_entity == self.pinned {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Asks whether a client's certificate is known; the handshake's signature still proves that the
/// client holds its key.
#[derive(Debug)]
struct RegisteredCertificates {
    known: Arc<dyn KnownCertificates>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for RegisteredCertificates {
    /// A client without a certificate may still use STC.
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.known.knows(end_entity, now) {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
