//! Whose a link is, as far as sharing goes: all links of one client have one share together.

use super::server::PeerIdentity;
use crate::crypto::{CertificateHash, PublicKey};

/// A client, by what the handshake authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ClientKey {
    /// By its STC identity.
    Stc(PublicKey),
    /// By its certificate.
    Ntls(CertificateHash),
}

impl From<&PeerIdentity> for ClientKey {
    fn from(identity: &PeerIdentity) -> Self {
        match identity {
            PeerIdentity::Stc { client, .. } => Self::Stc(*client),
            PeerIdentity::Ntls { certificate } => Self::Ntls(CertificateHash::of(certificate)),
        }
    }
}
