//! What a client asks of a partition, and what it hears.
//!
//! The numbers of requests and replies on the wire are the order of the variants: new ones go at
//! the end (`docs/messages.md` lists them).

use serde::{Deserialize, Serialize};

use super::{
    ApplicationId, ClientLabel, Label, MAXIMUM_POLICIES, Password, PolicySet, PolicyValue, Role,
    SerialNumber, Status, StcChange, StcSettings,
    cryptoki::{CryptokiReply, CryptokiRequest, bounds},
};

/// A request to the partition at the other end of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// The first request of every link: activates it. Carries the client's own label, under which
    /// a partition without clients registers the client that it takes at first contact.
    Activate {
        /// The label of the client's identity.
        client: ClientLabel,
    },
    /// Asks for a sign of life.
    Ping,
    /// Asks what the partition is: [`Reply::Partition`].
    Describe,
    /// Initializes the partition: sets its label and, the first time, the Partition SO's password
    /// and the cloning domain. Repeated by the Partition SO it erases objects and other roles and
    /// keeps the password and the domain.
    Initialize {
        /// The partition's new label.
        label: Label,
        /// The Partition SO's password.
        password: Password,
        /// The cloning domain, 1 to 128 characters; `None` is Luna's deprecated default domain.
        domain: Option<Password>,
        /// The domain's label; a default one without it. Ignored where the domain stays.
        domain_label: Option<Label>,
        /// Policies to set with it, as a template has them; the others stay, and are defaults the
        /// first time.
        #[serde(deserialize_with = "bounds::list::<MAXIMUM_POLICIES, _, _>")]
        policies: Vec<PolicyValue>,
    },
    /// Logs a role in over this link.
    Login {
        /// The role.
        role: Role,
        /// Its password.
        password: Password,
    },
    /// Logs the role of this link out.
    Logout,
    /// Asks for the state of one role: [`Reply::Role`].
    DescribeRole {
        /// The role.
        role: Role,
    },
    /// Creates a role under an initial password, which the role has to change.
    CreateRole {
        /// The role.
        role: Role,
        /// Its initial password.
        password: Password,
    },
    /// Changes the password of the role that is logged in.
    ChangePassword {
        /// The role, which has to be the one logged in.
        role: Role,
        /// The password in force.
        old: Password,
        /// The password to be.
        new: Password,
    },
    /// Registers a client identity (Partition SO).
    RegisterClient {
        /// The name the partition keeps the client under.
        label: ClientLabel,
        /// The client's X25519 public key.
        key: [u8; 32],
    },
    /// Removes a client and ends its links (Partition SO).
    DeregisterClient {
        /// The name the client was registered under.
        label: ClientLabel,
    },
    /// Removes the client at this end of the link and ends its links; any client may leave.
    DeregisterSelf,
    /// Asks for the registered clients: [`Reply::Clients`] (Partition SO).
    Clients,
    /// Asks for the partition's public identity: [`Reply::Identity`] (Partition SO).
    Identity,
    /// Asks for the objects that the logged-in role may see: [`Reply::Objects`].
    Contents,
    /// Asks something about objects and keys: [`Reply::Cryptoki`], or [`Reply::Done`] where there
    /// is nothing to tell.
    Cryptoki(CryptokiRequest),
    /// Asks for the partition's capabilities and policies: [`Reply::Policies`].
    Policies,
    /// Changes policies together (Partition SO). Refused if the change is destructive and `erase`
    /// does not agree to that; otherwise it erases the partition's objects.
    ChangePolicies {
        /// The policies and their new values.
        #[serde(deserialize_with = "bounds::list::<MAXIMUM_POLICIES, _, _>")]
        changes: Vec<PolicyValue>,
        /// Whether objects may be erased.
        erase: bool,
    },
    /// Changes the partition's label (Partition SO).
    ChangeLabel {
        /// The label to be.
        label: Label,
    },
    /// Gives a role whose password is lost or that is locked out a new initial password: the
    /// Crypto Officer (by the Partition SO, if HSM policy 15 permits it) or a role below (by the
    /// Crypto Officer).
    ResetPassword {
        /// The role.
        role: Role,
        /// Its new initial password.
        password: Password,
    },
    /// Logs a role out over all other links: the role itself or the one that resets it may ask.
    LogOutOthers {
        /// The role.
        role: Role,
    },
    /// Asks for the partition's cloning domains: [`Reply::Domains`] (Partition SO).
    Domains,
    /// Adds a cloning domain (Partition SO, under policy 44).
    AddDomain {
        /// The domain's label.
        label: Label,
        /// The domain, 1 to 128 characters; `None` is the default domain.
        domain: Option<Password>,
        /// Whether objects leave under it from now on.
        primary: bool,
    },
    /// Removes a cloning domain that is not the primary one (Partition SO).
    DeleteDomain {
        /// The domain's label.
        label: Label,
    },
    /// Changes a cloning domain's label (Partition SO).
    RenameDomain {
        /// The label it has.
        label: Label,
        /// The label to be.
        new: Label,
    },
    /// Asks for what the primary domain and this salt make: [`Reply::DomainProof`] (Crypto
    /// Officer). Partitions of one domain give the same.
    DomainProof {
        /// The salt, fresh for every question.
        salt: [u8; 16],
    },
    /// Asks which partitions this client was given: [`Reply::Serials`]. Only over NTLS, before a
    /// partition is opened.
    Assigned,
    /// Leads an NTLS link to a partition that this client was given: [`Reply::Activated`].
    Open {
        /// The partition's serial number.
        serial: SerialNumber,
    },
    /// Asks for the partition's settings for STC: [`Reply::StcSettings`] (Partition SO).
    StcSettings,
    /// Changes one of them (Partition SO).
    ChangeStcSettings(StcChange),
    /// Destroys the next objects of the partition (Crypto Officer): [`Reply::Left`].
    Clear,
    /// Asks for an object, sealed for partitions of the primary domain (Crypto Officer):
    /// [`Reply::Sealed`].
    ExportObject {
        /// The object's handle.
        handle: u64,
        /// What for.
        purpose: TransferPurpose,
        /// What the key is made of besides the domain: one for all objects of a command.
        salt: [u8; 16],
    },
    /// Takes an object of another partition of one of this partition's domains in (Crypto
    /// Officer): [`Reply::Imported`].
    ImportObject {
        /// What the other partition gave.
        sealed: Vec<u8>,
        /// What for.
        purpose: TransferPurpose,
        /// The salt it was sealed with.
        salt: [u8; 16],
        /// Whether an object that is here already is replaced.
        replace: bool,
    },
    /// Shares this link's login with the client's other links of this application, for the rest of
    /// the link.
    JoinApplication(ApplicationId),
    /// Keeps the application's login when its last link has ended.
    OpenApplication(ApplicationId),
    /// Ends the application's login on all of its links.
    CloseApplication(ApplicationId),
    /// Asks for what the HSM's domain, the primary domain and this salt make:
    /// [`Reply::DomainProof`] (Crypto Officer). Partitions that objects can be cloned between give
    /// the same.
    TransferProof {
        /// The salt, fresh for every question.
        salt: [u8; 16],
    },
}

/// The answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Done, and there is nothing to tell.
    Done,
    /// Refused or failed. Why, beyond the status, stays in the appliance's log.
    Failed(Status),
    /// To [`Request::Activate`]: the link is up.
    Activated {
        /// The number of this link on the appliance.
        channel: u64,
        /// The partition as it is now.
        partition: PartitionInfo,
    },
    /// To [`Request::Describe`].
    Partition(PartitionInfo),
    /// To [`Request::DescribeRole`].
    Role(RoleInfo),
    /// To [`Request::Clients`], in the order of registration.
    Clients(Vec<ClientEntry>),
    /// To [`Request::Identity`].
    Identity(PartitionIdentity),
    /// To [`Request::Contents`].
    Objects(Vec<ObjectEntry>),
    /// To [`Request::Cryptoki`].
    Cryptoki(CryptokiReply),
    /// To [`Request::Policies`].
    Policies {
        /// The greatest values that policies can have.
        capabilities: PolicySet,
        /// The values in force.
        policies: PolicySet,
    },
    /// To [`Request::Domains`], in the order they were added.
    Domains(Vec<DomainEntry>),
    /// To [`Request::DomainProof`] and [`Request::TransferProof`].
    DomainProof([u8; 32]),
    /// To [`Request::Assigned`], in ascending order.
    Serials(Vec<SerialNumber>),
    /// To [`Request::StcSettings`].
    StcSettings(StcSettings),
    /// To [`Request::Clear`]: objects that are left.
    Left(u64),
    /// To [`Request::ExportObject`].
    Sealed(Vec<u8>),
    /// To [`Request::ImportObject`].
    Imported(Imported),
}

/// Why an object leaves a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransferPurpose {
    /// For another partition at once (HSM policy 16).
    Clone,
    /// For a file, and for a partition some day (HSM policy 22).
    Backup,
}

/// What came of taking an object in, with its handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Imported {
    /// It is new here.
    Added(u64),
    /// It was here, and is as the other partition had it now.
    Replaced(u64),
    /// It was here, and was left alone.
    Present(u64),
}

/// What a partition tells its clients of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionInfo {
    /// The serial number.
    pub serial: SerialNumber,
    /// The label; none before initialization.
    pub label: Option<Label>,
    /// Whether a Crypto Officer exists (PKCS#11's `CKF_USER_PIN_INITIALIZED`).
    pub user_initialized: bool,
    /// The model, such as `LunaSA 7.7.0`.
    #[serde(deserialize_with = "super::label::plain_text")]
    pub model: String,
    /// The firmware version, such as `7.7.0`.
    #[serde(deserialize_with = "super::label::plain_text")]
    pub firmware: String,
    /// Storage in bytes.
    pub total_storage: u64,
    /// Storage in use in bytes: registered clients and objects.
    pub used_storage: u64,
    /// Objects held.
    pub objects: u64,
    /// Clients registered.
    pub clients: u32,
    /// The partition's object identifier, 12 bytes.
    #[serde(with = "super::hexadecimal")]
    pub ouid: [u8; 12],
    /// The role that is logged in over this link.
    pub logged_in: Option<Role>,
}

/// The state of one role. Each flag is a fact of its own that screens print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools)]
pub struct RoleInfo {
    /// The role.
    pub role: Role,
    /// Whether it has been created.
    pub initialized: bool,
    /// Failed logins left before lock-out or zeroization.
    pub attempts_left: u8,
    /// Whether it is locked out.
    pub locked: bool,
    /// Whether it still has its initial password.
    pub password_to_be_changed: bool,
    /// Whether it is logged in over this link.
    pub logged_in: bool,
}

/// One registered client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientEntry {
    /// The name it was registered under.
    pub label: ClientLabel,
    /// Its X25519 public key.
    #[serde(with = "super::hexadecimal")]
    pub key: [u8; 32],
}

/// One cloning domain of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainEntry {
    /// Its label.
    pub label: Label,
    /// Whether objects leave under it.
    pub primary: bool,
    /// Whether it is the default domain.
    pub default: bool,
}

/// A partition's public identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionIdentity {
    /// The partition's serial number.
    pub serial: SerialNumber,
    /// The partition's label; none before initialization.
    pub label: Option<Label>,
    /// Its X25519 public key.
    #[serde(with = "super::hexadecimal")]
    pub key: [u8; 32],
}

/// One object, as `partition contents` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectEntry {
    /// `CKA_LABEL`.
    pub label: String,
    /// The handle.
    pub handle: u32,
    /// `CKA_CLASS`.
    pub class: u32,
    /// The object identifier, 12 bytes.
    #[serde(with = "super::hexadecimal")]
    pub ouid: [u8; 12],
}
