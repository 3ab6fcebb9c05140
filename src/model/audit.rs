//! What the appliance records of those who manage keys, roles and rules.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AuditDetail, AuditSource, Label, Role, SerialNumber, Status, cryptoki::ObjectClass};

macro_rules! acts {
    ($( $(#[$doc:meta])* $name:ident = $symbol:literal; )*) => {
        /// What was done, or tried.
        ///
        /// The numbers in stored records are the order of the variants: new ones go at the end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum AuditAct { $( $(#[$doc])* $name, )* }

        impl AuditAct {
            /// Every act, in the order of the table.
            pub const ALL: &'static [Self] = &[$( Self::$name, )*];

            /// The name in records, after Luna's.
            pub const fn symbol(self) -> &'static str {
                match self { $( Self::$name => $symbol, )* }
            }
        }
    };
}

acts! {
    /// An object was created from attributes that a client gave.
    CreateObject = "LUNA_CREATE_OBJECT";
    /// An object was copied.
    CopyObject = "LUNA_COPY_OBJECT";
    /// Attributes of an object were changed.
    ModifyObject = "LUNA_MODIFY_OBJECT";
    /// An object was destroyed.
    DestroyObject = "LUNA_DESTROY_OBJECT";
    /// A secret key was generated.
    GenerateKey = "LUNA_GENERATE_KEY";
    /// A key pair was generated.
    GenerateKeyPair = "LUNA_GENERATE_KEY_PAIR";
    /// A key was wrapped.
    WrapKey = "LUNA_WRAP_KEY";
    /// A key was unwrapped.
    UnwrapKey = "LUNA_UNWRAP_KEY";
    /// A key was derived.
    DeriveKey = "LUNA_DERIVE_KEY";
    /// A key was encapsulated.
    EncapsulateKey = "LUNA_ENCAPSULATE_KEY";
    /// A key was decapsulated.
    DecapsulateKey = "LUNA_DECAPSULATE_KEY";
    /// A partition, or the HSM, was initialized.
    Initialize = "LUNA_INITIALIZE";
    /// A role logged in.
    Login = "LUNA_LOGIN";
    /// A role logged out.
    Logout = "LUNA_LOGOUT";
    /// A role was created.
    CreateRole = "LUNA_CREATE_ROLE";
    /// A role's password was changed.
    ChangePassword = "LUNA_CHANGE_PASSWORD";
    /// A client was registered.
    RegisterClient = "LUNA_REGISTER_CLIENT";
    /// A client was deregistered.
    DeregisterClient = "LUNA_DEREGISTER_CLIENT";
    /// Policies were changed.
    ChangePolicy = "LUNA_CHANGE_POLICY";
    /// A partition was created.
    CreatePartition = "LUNA_CREATE_PARTITION";
    /// A partition was deleted.
    DeletePartition = "LUNA_DELETE_PARTITION";
    /// Another setting of a partition, a role or the appliance was changed.
    Administer = "LUNA_ADMINISTER";
    /// An object left, sealed for partitions of the same domain.
    ExportObject = "LUNA_EXPORT_OBJECT";
    /// An object of another partition was taken in.
    ImportObject = "LUNA_IMPORT_OBJECT";
    /// All objects of a partition were destroyed.
    ClearPartition = "LUNA_CLEAR_PARTITION";
    /// What the log records was changed.
    ConfigureAudit = "LUNA_LOG_SET_CONFIG";
    /// Something was encrypted.
    Encrypt = "LUNA_ENCRYPT";
    /// Something was decrypted.
    Decrypt = "LUNA_DECRYPT";
    /// Something was signed, or given a MAC.
    Sign = "LUNA_SIGN";
    /// A signature or a MAC was verified.
    Verify = "LUNA_VERIFY";
    /// Something was signed so that it can be recovered.
    SignRecover = "LUNA_SIGN_RECOVER";
    /// Something was recovered from its signature.
    VerifyRecover = "LUNA_VERIFY_RECOVER";
    /// A key's value was digested.
    DigestKey = "LUNA_DIGEST_KEY";
    /// A partition, or the HSM, was zeroized.
    Zeroize = "LUNA_ZEROIZE";
    /// The clock was found to have gone back.
    ClockBack = "LUNA_CLOCK_WENT_BACK";
    /// Requests of several kinds or clients were refused, and are summed up.
    Refusals = "LUNA_REFUSALS";
    /// Records were closed into an archive.
    ArchiveAudit = "LUNA_LOG_ARCHIVE";
    /// Records, or archives of them, were deleted.
    ClearAudit = "LUNA_LOG_CLEAR";
    /// Records did not reach a syslog server.
    LoseSyslog = "LUNA_LOG_EXTERNAL_LOST";
}

impl fmt::Display for AuditAct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.symbol())
    }
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditActor {
    /// A client of the partition.
    Client {
        /// The name the partition knew it by at that time; empty for one it did not know.
        label: String,
        /// The client's public key, or its certificate's hash over NTLS.
        #[serde(with = "super::hexadecimal")]
        key: [u8; 32],
    },
    /// The appliance's administrator, over the local socket.
    Administrator,
    /// The appliance itself.
    Appliance,
    /// Several clients, whose requests are summed up together.
    Several,
}

impl fmt::Display for AuditActor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Administrator => f.write_str("administrator"),
            Self::Appliance => f.write_str("the appliance"),
            Self::Several => f.write_str("several clients"),
            Self::Client { label, key } => {
                write!(f, "{} ", if label.is_empty() { "unknown client" } else { label })?;
                key.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

/// An object that something was done to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditObject {
    /// The object identifier.
    #[serde(with = "super::hexadecimal")]
    pub ouid: [u8; 12],
    /// The class.
    pub class: ObjectClass,
    /// `CKA_LABEL`.
    pub label: String,
}

/// What one record says, besides when and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Who.
    pub actor: AuditActor,
    /// The role that was logged in, or that logged in.
    pub role: Option<Role>,
    /// What.
    pub act: AuditAct,
    /// To which objects.
    pub objects: Vec<AuditObject>,
    /// What came of it.
    pub outcome: Status,
    /// Where it came from.
    pub source: Option<AuditSource>,
    /// What else is to be known of it.
    pub detail: Option<AuditDetail>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its number, from 1 without gaps.
    pub sequence: u64,
    /// When, in seconds since 1970 UTC.
    pub time: u64,
    /// The partition that it is about.
    pub partition: Option<SerialNumber>,
    /// What it says; none if it does not open any more.
    pub entry: Option<AuditEntry>,
}

/// Which records are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditQuery {
    /// Only those behind this number.
    pub after: u64,
    /// Only those from this second on.
    pub from: Option<u64>,
    /// Only those up to this second.
    pub to: Option<u64>,
    /// Only those about this partition.
    pub partition: Option<Label>,
    /// Only the last so many of all that match; none asks for all.
    pub last: Option<u32>,
}
