//! The words of the domain, without bytes, rows or sockets.
//!
//! Everything that two programs say to each other is named here once: [`Request`] and [`Reply`]
//! between a client and a partition, [`AdminRequest`] and [`AdminReply`] between `lunash` and the
//! appliance, and [`Status`], the one numbered vocabulary of outcomes.

mod admin;
mod application;
mod audit;
mod audit_detail;
mod audit_events;
mod audit_keeping;
mod audit_rotation;
pub mod cryptoki;
mod hexadecimal;
mod host;
mod label;
mod limits;
mod ntls;
mod password;
mod policy;
mod request;
mod role;
mod serial;
mod status;
mod stc;
mod syslog;

pub use admin::{
    AdminReply, AdminRequest, FileEntry, FirstInitialization, HsmInfo, PartitionEntry,
    PrimitiveTest, SelfTestReport, StorageSize,
};
pub use application::{ApplicationId, ApplicationIdError};
pub use audit::{AuditAct, AuditActor, AuditEntry, AuditObject, AuditQuery, AuditRecord};
pub use audit_detail::{AuditDetail, AuditSource};
pub use audit_events::{AuditConfig, AuditEvents, AuditEventsError, RecordedUses};
pub use audit_keeping::{
    ArchiveEntry, ArchiveState, AuditCheck, AuditSetting, AuditSettings, AuditStatus,
};
pub use audit_rotation::{Rotation, RotationError};
pub use host::{ClientHost, ClientHostError, is_host_name};
pub use label::{ClientLabel, Label, LabelError};
pub use limits::{
    CLIENT_IDENTITY_BYTES, LEAST_PASSWORD, MAXIMUM_ATTRIBUTES, MAXIMUM_DOMAIN, MAXIMUM_DOMAINS,
    MAXIMUM_FED_BYTES, MAXIMUM_MECHANISMS, MAXIMUM_PARTITIONS, MAXIMUM_PASSWORD,
    MAXIMUM_PASSWORD_WORK, MAXIMUM_POLICIES, MAXIMUM_PRF_PARTS, MAXIMUM_SESSIONS,
    MAXIMUM_TEMPLATE_DEPTH, MINIMUM_PASSWORD, OBJECT_OVERHEAD_BYTES, PARTITION_OVERHEAD_BYTES,
    PARTITION_STORAGE_BYTES,
};
pub use ntls::{
    CertificateInfo, KeepAlive, LinkService, NtlsClientEntry, NtlsInfo, NtlsRefusal, NtlsReply,
    NtlsRequest, ServiceAction,
};
pub use password::{Password, PasswordError};
pub use policy::{
    Destructive, HsmPolicy, HsmPolicySet, Policy, PolicyError, PolicySet, PolicyValue,
    STRICT_PRESET,
};
pub use request::{
    ClientEntry, DomainEntry, Imported, ObjectEntry, PartitionIdentity, PartitionInfo, Reply,
    Request, RoleInfo, TransferPurpose,
};
pub use role::Role;
pub use serial::{SerialError, SerialNumber};
pub use status::Status;
pub use stc::{LastAlgorithm, StcAlgorithm, StcAlgorithms, StcChange, StcFamily, StcSettings};
pub use syslog::{
    MOST_SYSLOG_SERVERS, SYSLOG_PORT, SyslogRequest, SyslogServer, SyslogState, SyslogTarget,
};
