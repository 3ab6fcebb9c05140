//! Where a link may lead, and what makes a partition the one it is.

use std::{sync::Arc, time::Duration};

use rustls::pki_types::CertificateDer;

use crate::{
    crypto::PublicKey,
    model::{ApplicationId, SerialNumber},
    net::{Credentials, Endpoint},
    store::ClientIdentity,
};

/// A partition on an appliance, with all it takes to reach it.
#[derive(Clone, Debug)]
pub struct Target {
    /// The appliance's name, as registered.
    pub host: String,
    /// Where the appliance is, or why that is not known.
    pub endpoint: Result<Endpoint, String>,
    /// The partition's serial number.
    pub serial: SerialNumber,
    /// How the two know each other.
    pub way: Way,
    /// The application whose login the link shares; none for a login of its own.
    pub application: Option<ApplicationId>,
}

/// How a client and a partition know each other.
#[derive(Clone, Debug)]
pub enum Way {
    /// By their identities.
    Stc {
        /// This client's identity.
        identity: Arc<ClientIdentity>,
        /// The partition's registered identity.
        partition: PublicKey,
    },
    /// By the certificates of client and appliance.
    Ntls(Credentials),
}

impl Target {
    /// How long an answer may take.
    pub(super) fn patience(&self) -> Duration {
        self.endpoint.as_ref().map_or(Duration::ZERO, |endpoint| endpoint.patience)
    }

    /// What makes the partition the one it is.
    pub(super) fn id(&self) -> PartitionId {
        let proof = match &self.way {
            Way::Stc { partition, .. } => Proof::Identity(*partition),
            Way::Ntls(_) => {
                Proof::Certificate(self.endpoint.as_ref().ok().map(|at| at.certificate.clone()))
            }
        };
        PartitionId { serial: self.serial, proof }
    }

    /// Whether a link to `other` may be kept for this target.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let same_way = match (&self.way, &other.way) {
            (Way::Stc { identity, partition }, Way::Stc { identity: theirs, partition: other }) => {
                identity.label == theirs.label
                    && identity.keys.public() == theirs.keys.public()
                    && partition == other
            }
            (Way::Ntls(ours), Way::Ntls(theirs)) => ours.certificate() == theirs.certificate(),
            _ => false,
        };
        same_way
            && self.application == other.application
            && self.id() == other.id()
            && self.host == other.host
            && port(self) == port(other)
    }
}

impl Way {
    /// The kind of link, as screens name it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Stc { .. } => "STC",
            Self::Ntls(_) => "NTLS",
        }
    }
}

/// What makes a partition the one it is: its serial number, and what proves that it has it. A slot's
/// number belongs to this for as long as a program runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartitionId {
    pub(super) serial: SerialNumber,
    pub(super) proof: Proof,
}

/// What proves that a partition is the one it says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Its registered identity.
    Identity(PublicKey),
    /// The word of an appliance with this certificate.
    Certificate(Option<CertificateDer<'static>>),
}

fn port(target: &Target) -> Option<u16> {
    target.endpoint.as_ref().ok().map(|endpoint| endpoint.port)
}
