//! What `lunash` asks of the appliance, and what it hears.

use serde::{Deserialize, Serialize};

use super::{
    AuditCheck, AuditConfig, AuditEvents, AuditQuery, AuditRecord, AuditSetting, AuditStatus,
    HsmPolicySet, Label, LinkService, NtlsReply, NtlsRequest, ObjectEntry, Password, PolicySet,
    PolicyValue, Role, RoleInfo, SerialNumber, ServiceAction, Status, SyslogRequest, SyslogState,
};

/// A request of the appliance's administrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdminRequest {
    /// Asks for a sign of life.
    Ping,
    /// Initializes the HSM: label, HSM SO's password and domain. On an initialized HSM the HSM SO
    /// has to be logged in; partitions are erased, password and domain stay.
    InitializeHsm {
        /// The HSM's label.
        label: Label,
        /// The HSM SO's password; ignored on an initialized HSM.
        password: Option<Password>,
        /// The cloning domain; `None` is the default domain.
        domain: Option<Password>,
        /// Policies that differ from those in force, as a template has them.
        policies: Vec<PolicyValue>,
    },
    /// Logs the HSM SO in over this connection.
    Login {
        /// The HSM SO's password.
        password: Password,
    },
    /// Logs the HSM SO out.
    Logout,
    /// Asks for the state of the HSM: [`AdminReply::Hsm`].
    DescribeHsm,
    /// Creates a partition (HSM SO): [`AdminReply::Created`].
    CreatePartition {
        /// The appliance's name of the partition.
        name: Label,
        /// Its storage.
        size: StorageSize,
    },
    /// Lists the partitions: [`AdminReply::Partitions`].
    Partitions,
    /// Deletes a partition with all it holds and ends its links (HSM SO).
    DeletePartition {
        /// The partition's name.
        name: Label,
    },
    /// Writes a partition's public identity into the file area: [`AdminReply::File`].
    ExportIdentity {
        /// The partition's name.
        name: Label,
    },
    /// Lists the file area: [`AdminReply::Files`].
    Files,
    /// Deletes a file of the file area.
    DeleteFile {
        /// The file's name, without any folder.
        name: String,
    },
    /// Makes a new server key and certificate; new connections get it at once.
    RegenerateCertificate,
    /// Asks about NTLS: [`AdminReply::Ntls`].
    Ntls(NtlsRequest),
    /// Controls a service: [`AdminReply::Running`].
    Service {
        /// The service.
        service: LinkService,
        /// What is done with it.
        action: ServiceAction,
    },
    /// Asks for the HSM's capabilities and policies: [`AdminReply::HsmPolicies`].
    HsmPolicies,
    /// Changes policies of the HSM together (HSM SO). Refused if the change is destructive and
    /// `erase` does not agree to that; otherwise it erases every partition.
    ChangeHsmPolicies {
        /// The policies and their new values.
        changes: Vec<PolicyValue>,
        /// Whether partitions may be erased.
        erase: bool,
    },
    /// Changes the HSM SO's password (HSM SO).
    ChangeHsmPassword {
        /// The password in force.
        old: Password,
        /// The password to be.
        new: Password,
    },
    /// Erases partitions, label, HSM SO and domain.
    Zeroize {
        /// Whether the policies go back to their defaults too.
        factory_reset: bool,
    },
    /// Gives a partition another name (HSM SO).
    RenamePartition {
        /// The name it has.
        name: Label,
        /// The name to be.
        new: Label,
    },
    /// Gives a partition another size (HSM SO).
    ResizePartition {
        /// The partition's name.
        name: Label,
        /// Its storage to be.
        size: StorageSize,
    },
    /// Asks for a partition's capabilities and policies: [`AdminReply::Policies`].
    PartitionPolicies {
        /// The partition's name.
        name: Label,
    },
    /// Asks for the objects of a partition that no client reaches over STC:
    /// [`AdminReply::Objects`].
    PartitionContents {
        /// The partition's name.
        name: Label,
        /// The Crypto Officer's password.
        password: Password,
    },
    /// Changes policies of a partition that no client reaches over STC.
    ChangePartitionPolicies {
        /// The partition's name.
        name: Label,
        /// The Partition SO's password.
        password: Password,
        /// The policies and their new values.
        changes: Vec<PolicyValue>,
        /// Whether objects may be erased.
        erase: bool,
    },
    /// Asks for records of the audit log: [`AdminReply::Audit`].
    Audit(AuditQuery),
    /// Asks whether the audit log is whole: [`AdminReply::AuditCheck`].
    CheckAudit,
    /// Asks which uses of keys are recorded: [`AdminReply::AuditConfig`].
    AuditConfig,
    /// Sets which uses of keys are recorded (HSM SO).
    ConfigureAudit {
        /// The partition's name; none for all that have no setting of their own.
        partition: Option<Label>,
        /// What is recorded; none takes a setting back.
        events: Option<AuditEvents>,
    },
    /// Initializes a partition that is not initialized and that no client reaches over STC (HSM
    /// SO).
    InitializePartition {
        /// The partition's name.
        name: Label,
        /// What it gets.
        wanted: FirstInitialization,
    },
    /// Creates the Crypto Officer of a partition that no client reaches over STC.
    CreateCryptoOfficer {
        /// The partition's name.
        name: Label,
        /// The Partition SO's password.
        officer: Password,
        /// The Crypto Officer's initial password.
        password: Password,
    },
    /// Changes the password of a role of a partition that no client reaches over STC.
    ChangeRolePassword {
        /// The partition's name.
        name: Label,
        /// The role.
        role: Role,
        /// The password in force.
        old: Password,
        /// The password to be.
        new: Password,
    },
    /// Destroys all objects of a partition that no client reaches over STC.
    ClearPartition {
        /// The partition's name.
        name: Label,
        /// The Crypto Officer's password.
        password: Password,
    },
    /// Reads a file of the file area: [`AdminReply::Content`].
    ReadFile {
        /// The file's name, without any folder.
        name: String,
    },
    /// Writes a file of the file area, over what was there.
    WriteFile {
        /// The file's name, without any folder.
        name: String,
        /// What it is to hold.
        content: Vec<u8>,
    },
    /// Asks how long the audit log is and what has left it: [`AdminReply::AuditStatus`].
    AuditStatus,
    /// Sets how the audit log is kept (HSM SO).
    KeepAudit(AuditSetting),
    /// Closes the audit log into an archive in the file area (HSM SO): [`AdminReply::File`].
    ArchiveAudit,
    /// Deletes the archives of the audit log from the file area (HSM SO).
    ClearAudit {
        /// Whether the records that are in no archive are deleted too.
        records: bool,
    },
    /// Asks for records of an archive (HSM SO): [`AdminReply::Audit`].
    AuditArchive {
        /// The archive's file.
        file: String,
        /// Which of its records.
        query: AuditQuery,
    },
    /// Has every primitive tested: [`AdminReply::SelfTested`].
    SelfTest,
    /// Asks which rows of the store were changed from outside: [`AdminReply::Damages`].
    CheckRows,
    /// Asks about syslog servers, or changes them: [`AdminReply::Syslog`] to a list.
    Syslog(SyslogRequest),
}

/// What a partition gets when it is initialized for the first time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstInitialization {
    /// The partition's label.
    pub label: Label,
    /// The Partition SO's password.
    pub password: Password,
    /// The cloning domain; `None` is the default domain.
    pub domain: Option<Password>,
    /// The domain's label; one is chosen if there is none.
    pub domain_label: Option<Label>,
    /// Policies that differ from the defaults, as a template has them.
    pub policies: Vec<PolicyValue>,
}

/// The answer to an [`AdminRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdminReply {
    /// Done, and there is nothing to tell.
    Done,
    /// Refused or failed.
    Failed(Status),
    /// A wrong HSM SO password, with the attempts left; none left means the HSM was zeroized.
    WrongPassword {
        /// Failed logins left before zeroization.
        attempts_left: u8,
    },
    /// To [`AdminRequest::DescribeHsm`].
    Hsm(Box<HsmInfo>),
    /// To [`AdminRequest::CreatePartition`].
    Created(SerialNumber),
    /// To [`AdminRequest::Partitions`], by serial number.
    Partitions(Vec<PartitionEntry>),
    /// To [`AdminRequest::ExportIdentity`]: the name of the file written.
    File(String),
    /// To [`AdminRequest::Files`], by name.
    Files(Vec<FileEntry>),
    /// To [`AdminRequest::Ntls`].
    Ntls(NtlsReply),
    /// To [`AdminRequest::Service`]: whether it runs now.
    Running(bool),
    /// To [`AdminRequest::HsmPolicies`].
    HsmPolicies {
        /// The greatest values that policies can have.
        capabilities: HsmPolicySet,
        /// The values in force.
        policies: HsmPolicySet,
    },
    /// To [`AdminRequest::PartitionContents`].
    Objects(Vec<ObjectEntry>),
    /// To [`AdminRequest::PartitionPolicies`].
    Policies {
        /// The greatest values that policies can have.
        capabilities: PolicySet,
        /// The values in force.
        policies: PolicySet,
    },
    /// To [`AdminRequest::Audit`], by number; more may follow unless the last ones were asked for.
    Audit(Vec<AuditRecord>),
    /// To [`AdminRequest::CheckAudit`].
    AuditCheck(AuditCheck),
    /// To [`AdminRequest::AuditConfig`].
    AuditConfig(AuditConfig),
    /// To [`AdminRequest::ReadFile`].
    Content(Vec<u8>),
    /// To [`AdminRequest::AuditStatus`].
    AuditStatus(Box<AuditStatus>),
    /// To [`AdminRequest::SelfTest`].
    SelfTested(SelfTestReport),
    /// To [`AdminRequest::CheckRows`]: a sentence for each row.
    Damages(Vec<String>),
    /// To [`AdminRequest::Syslog`].
    Syslog(Vec<SyslogState>),
}

/// What came of a self-test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfTestReport {
    /// The primitives.
    pub primitives: Vec<PrimitiveTest>,
}

/// Whether a primitive does what its standard says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrimitiveTest {
    /// The primitive's name.
    pub name: String,
    /// Whether it does.
    pub passed: bool,
}

/// The storage a new partition gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StorageSize {
    /// [`super::PARTITION_STORAGE_BYTES`].
    Default,
    /// This many bytes.
    Bytes(u64),
    /// All that the HSM has left.
    AllFree,
}

/// The state of the HSM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HsmInfo {
    /// The label; none before initialization and after zeroization.
    pub label: Option<Label>,
    /// The serial number.
    pub serial: SerialNumber,
    /// The version of the appliance's software.
    #[serde(deserialize_with = "super::label::plain_text")]
    pub software: String,
    /// The firmware version.
    #[serde(deserialize_with = "super::label::plain_text")]
    pub firmware: String,
    /// Whether the HSM SO is logged in over this connection.
    pub logged_in: bool,
    /// Failed HSM SO logins left before zeroization; none if the HSM is zeroized.
    pub attempts_left: Option<u8>,
    /// Storage in bytes.
    pub total_storage: u64,
    /// Storage given to partitions, in bytes, overhead included.
    pub used_storage: u64,
    /// Partitions permitted.
    pub partitions_allowed: u32,
    /// The partitions.
    pub partitions: Vec<PartitionEntry>,
    /// The name the server certificate was made for.
    pub host: String,
}

/// One partition, as the HSM SO sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionEntry {
    /// The appliance's name of the partition.
    pub name: Label,
    /// The serial number.
    pub serial: SerialNumber,
    /// The label; none before initialization.
    pub label: Option<Label>,
    /// Storage in bytes.
    pub total_storage: u64,
    /// Storage in use in bytes.
    pub used_storage: u64,
    /// Objects held.
    pub objects: u64,
    /// Registered client identities.
    pub clients: u32,
    /// Live links.
    pub links: u32,
    /// The partition's roles.
    pub roles: Vec<RoleInfo>,
    /// The partition's X25519 public key.
    #[serde(with = "super::hexadecimal")]
    pub key: [u8; 32],
}

/// One file of the administrator's file area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// The name.
    pub name: String,
    /// The size in bytes.
    pub size: u64,
    /// The time of the last change, in seconds since 1970 UTC.
    pub modified: u64,
}
