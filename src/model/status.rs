//! The one numbered vocabulary of outcomes.
//!
//! A closing result line, a reply on the wire and a PKCS#11 return value all come from this
//! table, so they cannot disagree.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! statuses {
    ($( $(#[$doc:meta])* $name:ident = $code:literal, $symbol:literal; )*) => {
        /// The outcome of a command, a request or a PKCS#11 call.
        ///
        /// Numbers and names are PKCS#11's return values (specification section 2.1.10), the
        /// vendor range's STC codes, and two of LunaCM's own (`0x1` and `0xb`). On the wire a
        /// status is its number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(into = "u32", from = "u32")]
        pub enum Status {
            $( $(#[$doc])* $name, )*
        }

        impl Status {
            /// Every status, in the order of the table.
            pub const ALL: &'static [Self] = &[$( Self::$name, )*];

            /// The number.
            pub const fn code(self) -> u32 {
                match self { $( Self::$name => $code, )* }
            }

            /// The name, as result lines show it.
            pub const fn symbol(self) -> &'static str {
                match self { $( Self::$name => $symbol, )* }
            }
        }
    };
}

statuses! {
    /// The operation succeeded.
    Ok = 0x0, "CKR_OK";
    /// LunaCM's own: no command of this name.
    UnknownCommand = 0x1, "Unknown command";
    /// Not enough memory on the host.
    HostMemory = 0x2, "CKR_HOST_MEMORY";
    /// No slot of this number.
    SlotIdInvalid = 0x3, "CKR_SLOT_ID_INVALID";
    /// A failure without a name of its own.
    GeneralError = 0x5, "CKR_GENERAL_ERROR";
    /// The function could not be performed.
    FunctionFailed = 0x6, "CKR_FUNCTION_FAILED";
    /// The arguments do not fit.
    ArgumentsBad = 0x7, "CKR_ARGUMENTS_BAD";
    /// No event happened on any slot.
    NoEvent = 0x8, "CKR_NO_EVENT";
    /// The library may not create threads and needs to.
    NeedToCreateThreads = 0x9, "CKR_NEED_TO_CREATE_THREADS";
    /// The kind of locking asked for is not available.
    CantLock = 0xa, "CKR_CANT_LOCK";
    /// LunaCM's own: the user answered a confirmation with something else than `proceed`.
    UserCancelled = 0xb, "User Cancelled Operation";
    /// An attribute that nobody may set.
    AttributeReadOnly = 0x10, "CKR_ATTRIBUTE_READ_ONLY";
    /// An attribute that nobody may read.
    AttributeSensitive = 0x11, "CKR_ATTRIBUTE_SENSITIVE";
    /// An attribute that the object does not have.
    AttributeTypeInvalid = 0x12, "CKR_ATTRIBUTE_TYPE_INVALID";
    /// A value that an attribute cannot have, or a label that is taken.
    AttributeValueInvalid = 0x13, "CKR_ATTRIBUTE_VALUE_INVALID";
    /// The object does not permit this.
    ActionProhibited = 0x1b, "CKR_ACTION_PROHIBITED";
    /// Input data of a wrong form.
    DataInvalid = 0x20, "CKR_DATA_INVALID";
    /// Input data of a wrong length.
    DataLenRange = 0x21, "CKR_DATA_LEN_RANGE";
    /// The appliance met a fault of its own.
    DeviceError = 0x30, "CKR_DEVICE_ERROR";
    /// Not enough storage on the partition or the HSM.
    DeviceMemory = 0x31, "CKR_DEVICE_MEMORY";
    /// The link to the partition is gone.
    DeviceRemoved = 0x32, "CKR_DEVICE_REMOVED";
    /// Ciphertext that does not decrypt.
    EncryptedDataInvalid = 0x40, "CKR_ENCRYPTED_DATA_INVALID";
    /// Ciphertext of a wrong length.
    EncryptedDataLenRange = 0x41, "CKR_ENCRYPTED_DATA_LEN_RANGE";
    /// The function was cancelled.
    FunctionCanceled = 0x50, "CKR_FUNCTION_CANCELED";
    /// Nothing runs in parallel.
    FunctionNotParallel = 0x51, "CKR_FUNCTION_NOT_PARALLEL";
    /// The function does not exist here.
    FunctionNotSupported = 0x54, "CKR_FUNCTION_NOT_SUPPORTED";
    /// No key of this handle.
    KeyHandleInvalid = 0x60, "CKR_KEY_HANDLE_INVALID";
    /// The key is too short or too long.
    KeySizeRange = 0x62, "CKR_KEY_SIZE_RANGE";
    /// The key is of another kind than the mechanism takes.
    KeyTypeInconsistent = 0x63, "CKR_KEY_TYPE_INCONSISTENT";
    /// A key was given where none is taken.
    KeyNotNeeded = 0x64, "CKR_KEY_NOT_NEEDED";
    /// A key is missing.
    KeyNeeded = 0x66, "CKR_KEY_NEEDED";
    /// The key may not be digested.
    KeyIndigestible = 0x67, "CKR_KEY_INDIGESTIBLE";
    /// The key may not be used for this.
    KeyFunctionNotPermitted = 0x68, "CKR_KEY_FUNCTION_NOT_PERMITTED";
    /// The mechanism cannot wrap this key.
    KeyNotWrappable = 0x69, "CKR_KEY_NOT_WRAPPABLE";
    /// The key never leaves the token.
    KeyUnextractable = 0x6a, "CKR_KEY_UNEXTRACTABLE";
    /// The mechanism is not known, not permitted or not meant for this.
    MechanismInvalid = 0x70, "CKR_MECHANISM_INVALID";
    /// The mechanism does not take these parameters.
    MechanismParamInvalid = 0x71, "CKR_MECHANISM_PARAM_INVALID";
    /// No object, client or partition of this handle or name.
    ObjectHandleInvalid = 0x82, "CKR_OBJECT_HANDLE_INVALID";
    /// The session has such an operation already.
    OperationActive = 0x90, "CKR_OPERATION_ACTIVE";
    /// The session has no such operation.
    OperationNotInitialized = 0x91, "CKR_OPERATION_NOT_INITIALIZED";
    /// The password is wrong.
    PinIncorrect = 0xa0, "CKR_PIN_INCORRECT";
    /// The new password has characters that are not permitted.
    PinInvalid = 0xa1, "CKR_PIN_INVALID";
    /// The new password is too short or too long.
    PinLenRange = 0xa2, "CKR_PIN_LEN_RANGE";
    /// The initial password has not been changed yet.
    PinExpired = 0xa3, "CKR_PIN_EXPIRED";
    /// The role is locked after too many failed logins.
    PinLocked = 0xa4, "CKR_PIN_LOCKED";
    /// The session was closed meanwhile.
    SessionClosed = 0xb0, "CKR_SESSION_CLOSED";
    /// No more sessions are possible.
    SessionCount = 0xb1, "CKR_SESSION_COUNT";
    /// No session of this handle.
    SessionHandleInvalid = 0xb3, "CKR_SESSION_HANDLE_INVALID";
    /// Sessions are serial.
    SessionParallelNotSupported = 0xb4, "CKR_SESSION_PARALLEL_NOT_SUPPORTED";
    /// The session may not change token objects.
    SessionReadOnly = 0xb5, "CKR_SESSION_READ_ONLY";
    /// Sessions are open.
    SessionExists = 0xb6, "CKR_SESSION_EXISTS";
    /// A read-only session is open.
    SessionReadOnlyExists = 0xb7, "CKR_SESSION_READ_ONLY_EXISTS";
    /// The SO is logged in, who has no read-only sessions.
    SessionReadWriteSoExists = 0xb8, "CKR_SESSION_READ_WRITE_SO_EXISTS";
    /// The signature is not of these data.
    SignatureInvalid = 0xc0, "CKR_SIGNATURE_INVALID";
    /// The signature has a wrong length.
    SignatureLenRange = 0xc1, "CKR_SIGNATURE_LEN_RANGE";
    /// An attribute is missing.
    TemplateIncomplete = 0xd0, "CKR_TEMPLATE_INCOMPLETE";
    /// Attributes contradict each other.
    TemplateInconsistent = 0xd1, "CKR_TEMPLATE_INCONSISTENT";
    /// The partition is not there: no link, or it was deleted.
    TokenNotPresent = 0xe0, "CKR_TOKEN_NOT_PRESENT";
    /// The partition has not been initialized.
    TokenNotRecognized = 0xe1, "CKR_TOKEN_NOT_RECOGNIZED";
    /// The token takes no changes.
    TokenWriteProtected = 0xe2, "CKR_TOKEN_WRITE_PROTECTED";
    /// No unwrapping key of this handle.
    UnwrappingKeyHandleInvalid = 0xf0, "CKR_UNWRAPPING_KEY_HANDLE_INVALID";
    /// The unwrapping key has a wrong size.
    UnwrappingKeySizeRange = 0xf1, "CKR_UNWRAPPING_KEY_SIZE_RANGE";
    /// The unwrapping key is of another kind than the mechanism takes.
    UnwrappingKeyTypeInconsistent = 0xf2, "CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT";
    /// A role is logged in already.
    UserAlreadyLoggedIn = 0x100, "CKR_USER_ALREADY_LOGGED_IN";
    /// The role that this needs is not logged in.
    UserNotLoggedIn = 0x101, "CKR_USER_NOT_LOGGED_IN";
    /// The role has not been initialized.
    UserPinNotInitialized = 0x102, "CKR_USER_PIN_NOT_INITIALIZED";
    /// No such role here.
    UserTypeInvalid = 0x103, "CKR_USER_TYPE_INVALID";
    /// Another role is logged in.
    UserAnotherAlreadyLoggedIn = 0x104, "CKR_USER_ANOTHER_ALREADY_LOGGED_IN";
    /// The wrapped key does not unwrap.
    WrappedKeyInvalid = 0x110, "CKR_WRAPPED_KEY_INVALID";
    /// The wrapped key has a wrong length.
    WrappedKeyLenRange = 0x112, "CKR_WRAPPED_KEY_LEN_RANGE";
    /// No wrapping key of this handle.
    WrappingKeyHandleInvalid = 0x113, "CKR_WRAPPING_KEY_HANDLE_INVALID";
    /// The wrapping key has a wrong size.
    WrappingKeySizeRange = 0x114, "CKR_WRAPPING_KEY_SIZE_RANGE";
    /// The wrapping key is of another kind than the mechanism takes.
    WrappingKeyTypeInconsistent = 0x115, "CKR_WRAPPING_KEY_TYPE_INCONSISTENT";
    /// The random source takes no seeds.
    RandomSeedNotSupported = 0x120, "CKR_RANDOM_SEED_NOT_SUPPORTED";
    /// The domain parameters are not permitted.
    DomainParamsInvalid = 0x130, "CKR_DOMAIN_PARAMS_INVALID";
    /// The curve is not known.
    CurveNotSupported = 0x140, "CKR_CURVE_NOT_SUPPORTED";
    /// The output does not fit into the buffer.
    BufferTooSmall = 0x150, "CKR_BUFFER_TOO_SMALL";
    /// The saved state is of something else.
    SavedStateInvalid = 0x160, "CKR_SAVED_STATE_INVALID";
    /// The operation cannot be saved.
    StateUnsaveable = 0x180, "CKR_STATE_UNSAVEABLE";
    /// The library is not initialized.
    CryptokiNotInitialized = 0x190, "CKR_CRYPTOKI_NOT_INITIALIZED";
    /// The library is initialized already.
    CryptokiAlreadyInitialized = 0x191, "CKR_CRYPTOKI_ALREADY_INITIALIZED";
    /// The mutex is not one.
    MutexBad = 0x1a0, "CKR_MUTEX_BAD";
    /// The mutex is not locked.
    MutexNotLocked = 0x1a1, "CKR_MUTEX_NOT_LOCKED";
    /// The public key is not one.
    PublicKeyInvalid = 0x1b9, "CKR_PUBLIC_KEY_INVALID";
    /// The request was refused by a rule.
    FunctionRejected = 0x200, "CKR_FUNCTION_REJECTED";
    /// The token has no resources left for this.
    TokenResourceExceeded = 0x201, "CKR_TOKEN_RESOURCE_EXCEEDED";
    /// The operation cannot be cancelled.
    OperationCancelFailed = 0x202, "CKR_OPERATION_CANCEL_FAILED";
    /// The parameter set is not known.
    ParameterSetNotSupported = 0x209, "CKR_PARAMETER_SET_NOT_SUPPORTED";
    /// Vendor range: the operation is not permitted to this caller or at this time.
    OperationNotAllowed = 0x8000_0030, "CKR_OPERATION_NOT_ALLOWED";
    /// Vendor range: the audit log is full, and what has to be recorded waits until it is not.
    LogFull = 0x8000_0035, "CKR_LOG_FULL";
    /// Vendor range: what comes from another partition was sealed under a domain that this one
    /// does not have.
    DomainMismatch = 0x8000_000b, "CKR_CERTIFICATE_DATA_INVALID";
    /// Vendor range: the token could not be read.
    StcNoContext = 0x8000_0045, "CKR_STC_NO_CONTEXT";
    /// Vendor range: the client has no identity.
    StcClientIdentityNotConfigured = 0x8000_0046, "CKR_STC_CLIENT_IDENTITY_NOT_CONFIGURED";
    /// Vendor range: no partition identity is registered.
    StcPartitionIdentityNotConfigured = 0x8000_0047, "CKR_STC_PARTITION_IDENTITY_NOT_CONFIGURED";
    /// Vendor range: client and partition permit no suite in common.
    StcCipherSuiteRejected = 0x8000_0049, "CKR_STC_CIPHER_SUITE_REJECTED";
    /// Vendor range: the handshake was refused or did not authenticate.
    StcKeyConfirmationFailed = 0x8000_004e, "CKR_STC_KEY_CONFIRMATION_FAILED";
    /// Vendor range: a message's tag did not hold.
    StcResponseBadMac = 0x8000_0050, "CKR_STC_RESPONSE_BAD_MAC";
    /// Vendor range: no appliance is enabled for STC.
    StcNotEnabled = 0x8000_0051, "CKR_STC_NOT_ENABLED";
    /// Vendor range: no client of this name is registered.
    StcClientHandleInvalid = 0x8000_0052, "CKR_STC_CLIENT_HANDLE_INVALID";
    /// Vendor range: the link is closed.
    StcSessionInvalid = 0x8000_0053, "CKR_STC_SESSION_INVALID";
    /// Vendor range: an identity file or a token is not what it should be.
    StcContainerInvalid = 0x8000_0054, "CKR_STC_CONTAINER_INVALID";
    /// Vendor range: a message's number is outside the window.
    StcSequenceNumInvalid = 0x8000_0055, "CKR_STC_SEQUENCE_NUM_INVALID";
    /// Vendor range: no link.
    StcNoChannel = 0x8000_0056, "CKR_STC_NO_CHANNEL";
    /// Vendor range: a message could not be opened.
    StcResponseDecryptError = 0x8000_0057, "CKR_STC_RESPONSE_DECRYPT_ERROR";
    /// Vendor range: a message came twice.
    StcResponseReplayed = 0x8000_0058, "CKR_STC_RESPONSE_REPLAYED";
    /// Vendor range: the two ends disagree about the keys in use.
    StcRekeyChannelMismatch = 0x8000_0059, "CKR_STC_REKEY_CHANNEL_MISMATCH";
    /// Vendor range: the change of a policy erases objects, and the caller did not agree to that.
    ConfigChangeIllegal = 0x8000_0077, "CKR_CONFIG_CHANGE_ILLEGAL";
    /// Vendor range: no policy of this number.
    PolicyIdInvalid = 0x8000_007b, "CKR_POLICY_ID_INVALID";
    /// Vendor range: a policy cannot have this value here.
    ConfigIllegal = 0x8000_007c, "CKR_CONFIG_ILLEGAL";
    /// Vendor range: policies contradict each other.
    ConfigFailsDependencies = 0x8000_007d, "CKR_CONFIG_FAILS_DEPENDENCIES";
}

impl Status {
    /// The status of this number, if the table has it.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.code() == code)
    }

    /// The closing line of LunaCM's kind: `No Error`, or the number and the name.
    pub fn result_line(self) -> String {
        match self {
            Self::Ok => "Command Result : No Error".to_owned(),
            failure => format!("Command Result : {failure}"),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x} ({})", self.code(), self.symbol())
    }
}

impl From<Status> for u32 {
    fn from(status: Status) -> Self {
        status.code()
    }
}

impl From<u32> for Status {
    /// A number from a newer peer becomes [`Status::GeneralError`].
    fn from(code: u32) -> Self {
        Self::from_code(code).unwrap_or(Self::GeneralError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique() {
        for (at, status) in Status::ALL.iter().enumerate() {
            for other in &Status::ALL[at + 1..] {
                assert_ne!(status.code(), other.code());
                assert_ne!(status.symbol(), other.symbol());
            }
            assert_eq!(Status::from_code(status.code()), Some(*status));
        }
    }

    #[test]
    fn result_lines() {
        assert_eq!(Status::Ok.result_line(), "Command Result : No Error");
        assert_eq!(Status::PinIncorrect.result_line(), "Command Result : 0xa0 (CKR_PIN_INCORRECT)");
    }
}
