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
    /// LunaCM's own: the user answered a confirmation with something else than `proceed`.
    UserCancelled = 0xb, "User Cancelled Operation";
    /// A value that an attribute cannot have, or a label that is taken.
    AttributeValueInvalid = 0x13, "CKR_ATTRIBUTE_VALUE_INVALID";
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
    /// The function was cancelled.
    FunctionCanceled = 0x50, "CKR_FUNCTION_CANCELED";
    /// The function does not exist here.
    FunctionNotSupported = 0x54, "CKR_FUNCTION_NOT_SUPPORTED";
    /// No object, client or partition of this handle or name.
    ObjectHandleInvalid = 0x82, "CKR_OBJECT_HANDLE_INVALID";
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
    /// The partition is not there: no link, or it was deleted.
    TokenNotPresent = 0xe0, "CKR_TOKEN_NOT_PRESENT";
    /// The partition has not been initialized.
    TokenNotRecognized = 0xe1, "CKR_TOKEN_NOT_RECOGNIZED";
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
    /// The request was refused by a rule.
    FunctionRejected = 0x200, "CKR_FUNCTION_REJECTED";
    /// Vendor range: the operation is not permitted to this caller or at this time.
    OperationNotAllowed = 0x8000_0030, "CKR_OPERATION_NOT_ALLOWED";
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
