//! What `lunash` asks about NTLS: clients, assignments, the services behind the listener.

use std::{net::IpAddr, ops::RangeInclusive};

use serde::{Deserialize, Serialize};

use super::{ClientHost, ClientLabel, Label, Status};

/// A request about NTLS clients or the NTLS service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NtlsRequest {
    /// Registers a client with the certificate that lies in the file area as `<host>.pem`.
    Register {
        /// The name to register it under.
        name: ClientLabel,
        /// Its host.
        host: ClientHost,
    },
    /// Lists the clients: [`NtlsReply::Clients`].
    Clients,
    /// Lets a client use a partition.
    Assign {
        /// The client's name.
        client: ClientLabel,
        /// The partition's name.
        partition: Label,
    },
    /// Takes a partition from a client and ends the links between them.
    Revoke {
        /// The client's name.
        client: ClientLabel,
        /// The partition's name.
        partition: Label,
    },
    /// Removes a client and ends its links.
    Delete {
        /// The client's name.
        client: ClientLabel,
    },
    /// Records the address that a client connects from, for when its name cannot be resolved.
    MapAddress {
        /// The client's name.
        client: ClientLabel,
        /// The address.
        address: IpAddr,
    },
    /// Forgets the recorded address.
    UnmapAddress {
        /// The client's name.
        client: ClientLabel,
    },
    /// Asks for the state of the service: [`NtlsReply::Service`].
    Describe,
    /// Sets the service's counters to zero.
    ResetCounters,
    /// Sets whether a client has to connect from its registered address.
    CheckAddresses(bool),
    /// Sets whether clients are changed only while the HSM SO is logged in (HSM SO).
    ForceOfficer(bool),
    /// Accepts NTLS connections at this address of the machine only; at every one if none is given.
    Bind(Option<IpAddr>),
    /// Sets how links find out that their clients are gone, for those made from then on.
    KeepAlive(KeepAlive),
}

/// How TCP finds out that a peer has gone without a farewell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepAlive {
    /// Silence before the first question, in seconds.
    pub idle: u32,
    /// Time between two questions, in seconds.
    pub interval: u32,
    /// Questions without an answer after which the peer is gone.
    pub probes: u32,
}

impl KeepAlive {
    /// A peer that is gone is noticed within two minutes.
    pub const DEFAULT: Self = Self { idle: 60, interval: 10, probes: 6 };

    /// What Luna permits for [`Self::idle`].
    pub const IDLE: RangeInclusive<u32> = 10..=10_000;

    /// What Luna permits for [`Self::interval`].
    pub const INTERVAL: RangeInclusive<u32> = 10..=360;

    /// What Luna permits for [`Self::probes`].
    pub const PROBES: RangeInclusive<u32> = 1..=30;

    /// Whether every value is within its limits.
    pub fn is_permitted(&self) -> bool {
        Self::IDLE.contains(&self.idle)
            && Self::INTERVAL.contains(&self.interval)
            && Self::PROBES.contains(&self.probes)
    }
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The answer to an [`NtlsRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NtlsReply {
    /// Done, and there is nothing to tell.
    Done,
    /// Refused by a rule of NTLS.
    Refused(NtlsRefusal),
    /// Failed otherwise.
    Failed(Status),
    /// To [`NtlsRequest::Clients`], in the order of registration.
    Clients(Vec<NtlsClientEntry>),
    /// To [`NtlsRequest::Describe`].
    Service(Box<NtlsInfo>),
}

/// Why a request about NTLS was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NtlsRefusal {
    /// A client of this name is registered.
    NameTaken,
    /// A client of this host is registered.
    HostTaken(ClientHost),
    /// This client is registered with the same certificate.
    CertificateTaken(ClientLabel),
    /// The file area has no file of this name.
    NoFile(String),
    /// The file is not one valid certificate.
    BadFile {
        /// The file's name.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No client of this name.
    NoClient,
    /// No partition of this name.
    NoPartition,
    /// The client has the partition.
    Assigned,
    /// The client does not have the partition.
    NotAssigned,
    /// The client's address is recorded.
    Mapped(IpAddr),
    /// The client has no recorded address.
    NotMapped,
    /// The listener is not reached at this address.
    NotListening(IpAddr),
}

/// A registered NTLS client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NtlsClientEntry {
    /// Its name.
    pub name: ClientLabel,
    /// Its host.
    pub host: ClientHost,
    /// The address recorded for it.
    pub address: Option<IpAddr>,
    /// The SHA-256 hash of its certificate.
    #[serde(with = "super::hexadecimal")]
    pub certificate: [u8; 32],
    /// The names of its partitions.
    pub partitions: Vec<Label>,
    /// Live links.
    pub links: u32,
}

/// The state of the NTLS service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NtlsInfo {
    /// Whether connections are accepted.
    pub running: bool,
    /// Where the appliance listens.
    pub listening: std::net::SocketAddr,
    /// The only address at which NTLS connections are accepted.
    pub bound: Option<IpAddr>,
    /// Whether clients have to connect from their registered addresses.
    pub address_check: bool,
    /// Whether clients are changed only while the HSM SO is logged in.
    pub officer_forced: bool,
    /// Clients with a live link.
    pub connected_clients: u32,
    /// Live links.
    pub links: u32,
    /// Links accepted since the counters were set to zero.
    pub accepted: u64,
    /// Connections refused since then.
    pub refused: u64,
    /// How links find out that their clients are gone.
    pub keep_alive: KeepAlive,
    /// The server's certificate.
    pub certificate: CertificateInfo,
}

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateInfo {
    /// The SHA-256 hash of its DER encoding.
    #[serde(with = "super::hexadecimal")]
    pub hash: [u8; 32],
    /// The serial number, in hexadecimal digits.
    pub serial: String,
    /// The subject.
    pub subject: String,
    /// The issuer.
    pub issuer: String,
    /// The host names and addresses it is for.
    pub names: Vec<String>,
    /// The beginning of its validity, in seconds since 1970 UTC.
    pub valid_from: u64,
    /// The end of its validity, in seconds since 1970 UTC.
    pub valid_until: u64,
}

/// A service behind the appliance's listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkService {
    /// Links by certificate.
    Ntls,
    /// Links by identity.
    Stc,
}

/// What is done with a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceAction {
    /// Nothing: its state is asked for.
    Status,
    /// New links are accepted.
    Start,
    /// No new links are accepted, and those that are up end.
    Stop,
    /// The links that are up end, and new ones are accepted.
    Restart,
}
