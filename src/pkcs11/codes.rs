//! Statuses as return values: what the specification allows each function to return.
//!
//! The lists are the "Return values" paragraphs of PKCS#11 v3.1 section 5 (3.2 for its functions),
//! folded into groups. A status that a function may not return becomes the nearest one that it
//! may.

#![allow(clippy::enum_glob_use, reason = "the tables are made of statuses")]

use cryptoki_sys::CK_RV;

use crate::model::Status::{self, *};

macro_rules! functions {
    ($( $name:ident: $group:ident $(, $status:ident)*; )*) => {
        /// A function of the specification, by its name without `C_`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(clippy::enum_variant_names, reason = "the specification gives the names")]
        pub(super) enum Function { $( $name, )* }

        impl Function {
            /// Every function.
            #[cfg(test)]
            pub(super) const ALL: &'static [Self] = &[$( Self::$name, )*];

            /// What it may return: its group's statuses and its own.
            const fn statuses(self) -> (&'static [Status], &'static [Status]) {
                match self { $( Self::$name => ($group, &[$( $status ),*]), )* }
            }
        }
    };
}

/// What every function may return. The specification has `CKR_FUNCTION_NOT_SUPPORTED` for what a
/// library does not implement, and `CKR_ARGUMENTS_BAD` for arguments that are wrong in any way
/// (section 5.1.6).
const ALWAYS: &[Status] =
    &[Ok, GeneralError, HostMemory, FunctionFailed, ArgumentsBad, FunctionNotSupported];

const LIBRARY: &[Status] = &[CryptokiNotInitialized];
const SLOT: &[Status] = &[CryptokiNotInitialized, SlotIdInvalid, DeviceError];
const TOKEN: &[Status] = &[
    CryptokiNotInitialized,
    SlotIdInvalid,
    DeviceError,
    DeviceMemory,
    DeviceRemoved,
    TokenNotPresent,
    TokenNotRecognized,
];
const SESSION: &[Status] = &[
    CryptokiNotInitialized,
    DeviceError,
    DeviceMemory,
    DeviceRemoved,
    SessionClosed,
    SessionHandleInvalid,
    OperationActive,
];
const OBJECT: &[Status] = &[
    CryptokiNotInitialized,
    DeviceError,
    DeviceMemory,
    DeviceRemoved,
    SessionClosed,
    SessionHandleInvalid,
    OperationActive,
    AttributeReadOnly,
    AttributeTypeInvalid,
    AttributeValueInvalid,
    TemplateInconsistent,
    TokenWriteProtected,
    SessionReadOnly,
    UserNotLoggedIn,
];
/// What makes a key.
const KEY: &[Status] = &[
    CryptokiNotInitialized,
    DeviceError,
    DeviceMemory,
    DeviceRemoved,
    SessionClosed,
    SessionHandleInvalid,
    OperationActive,
    AttributeReadOnly,
    AttributeTypeInvalid,
    AttributeValueInvalid,
    TemplateInconsistent,
    TokenWriteProtected,
    SessionReadOnly,
    UserNotLoggedIn,
    PinExpired,
    TemplateIncomplete,
    CurveNotSupported,
    MechanismInvalid,
    MechanismParamInvalid,
    FunctionCanceled,
];
/// What begins an operation with a key.
const BEGIN: &[Status] = &[
    CryptokiNotInitialized,
    DeviceError,
    DeviceMemory,
    DeviceRemoved,
    SessionClosed,
    SessionHandleInvalid,
    OperationActive,
    FunctionCanceled,
    KeyFunctionNotPermitted,
    KeyHandleInvalid,
    KeySizeRange,
    KeyTypeInconsistent,
    MechanismInvalid,
    MechanismParamInvalid,
    OperationCancelFailed,
    PinExpired,
    UserNotLoggedIn,
];
/// What goes on with an operation.
const GO_ON: &[Status] = &[
    CryptokiNotInitialized,
    DeviceError,
    DeviceMemory,
    DeviceRemoved,
    SessionClosed,
    SessionHandleInvalid,
    OperationActive,
    FunctionCanceled,
    OperationNotInitialized,
];
/// The same where the specification has no other operation in the way.
const GO_ON_ALONE: &[Status] = &[
    CryptokiNotInitialized,
    DeviceError,
    DeviceMemory,
    DeviceRemoved,
    SessionClosed,
    SessionHandleInvalid,
    FunctionCanceled,
    OperationNotInitialized,
];

functions! {
    Initialize: ALWAYS, CantLock, CryptokiAlreadyInitialized, NeedToCreateThreads;
    Finalize: LIBRARY;
    GetInfo: LIBRARY;
    GetFunctionList: ALWAYS;
    GetInterfaceList: ALWAYS, BufferTooSmall;
    GetInterface: ALWAYS;
    GetSlotList: LIBRARY, BufferTooSmall;
    GetSlotInfo: SLOT;
    GetTokenInfo: TOKEN;
    GetMechanismList: TOKEN, BufferTooSmall;
    GetMechanismInfo: TOKEN, MechanismInvalid;
    WaitForSlotEvent: LIBRARY, NoEvent;
    InitToken: TOKEN, FunctionCanceled, PinIncorrect, PinLocked, SessionExists,
        TokenWriteProtected;
    InitPin: SESSION, FunctionCanceled, PinInvalid, PinLenRange, SessionReadOnly,
        TokenWriteProtected, UserNotLoggedIn;
    SetPin: SESSION, FunctionCanceled, PinIncorrect, PinInvalid, PinLenRange, PinLocked,
        SessionReadOnly, TokenWriteProtected;
    OpenSession: TOKEN, SessionCount, SessionParallelNotSupported, SessionReadWriteSoExists,
        TokenWriteProtected;
    CloseSession: SESSION;
    CloseAllSessions: SLOT, DeviceMemory, DeviceRemoved, TokenNotPresent;
    GetSessionInfo: SESSION;
    SessionCancel: SESSION, OperationCancelFailed, TokenNotPresent;
    GetOperationState: SESSION, BufferTooSmall, OperationNotInitialized, StateUnsaveable;
    SetOperationState: SESSION, KeyNeeded, KeyNotNeeded, SavedStateInvalid;
    Login: SESSION, FunctionCanceled, OperationNotInitialized, PinIncorrect, PinLocked,
        SessionReadOnlyExists, UserAlreadyLoggedIn, UserAnotherAlreadyLoggedIn,
        UserPinNotInitialized, UserTypeInvalid;
    LoginUser: SESSION, FunctionCanceled, OperationNotInitialized, PinIncorrect, PinLocked,
        SessionReadOnlyExists, UserAlreadyLoggedIn, UserAnotherAlreadyLoggedIn,
        UserPinNotInitialized, UserTypeInvalid;
    Logout: SESSION, UserNotLoggedIn;
    CreateObject: OBJECT, TemplateIncomplete, CurveNotSupported, DomainParamsInvalid,
        ParameterSetNotSupported, PinExpired;
    CopyObject: OBJECT, ActionProhibited, ObjectHandleInvalid, PinExpired;
    DestroyObject: SESSION, ActionProhibited, ObjectHandleInvalid, PinExpired, SessionReadOnly,
        TokenWriteProtected;
    GetObjectSize: SESSION, ObjectHandleInvalid;
    GetAttributeValue: SESSION, AttributeSensitive, AttributeTypeInvalid, BufferTooSmall,
        ObjectHandleInvalid;
    SetAttributeValue: OBJECT, ActionProhibited, ObjectHandleInvalid;
    FindObjectsInit: SESSION, AttributeTypeInvalid, AttributeValueInvalid, PinExpired;
    FindObjects: SESSION, OperationNotInitialized;
    FindObjectsFinal: SESSION, OperationNotInitialized;
    EncryptInit: BEGIN;
    Encrypt: GO_ON, BufferTooSmall, DataInvalid, DataLenRange;
    EncryptUpdate: GO_ON, BufferTooSmall, DataLenRange;
    EncryptFinal: GO_ON, BufferTooSmall, DataLenRange;
    DecryptInit: BEGIN;
    Decrypt: GO_ON, BufferTooSmall, EncryptedDataInvalid, EncryptedDataLenRange, UserNotLoggedIn;
    DecryptUpdate: GO_ON, BufferTooSmall, EncryptedDataInvalid, EncryptedDataLenRange,
        UserNotLoggedIn;
    DecryptFinal: GO_ON, BufferTooSmall, EncryptedDataInvalid, EncryptedDataLenRange,
        UserNotLoggedIn;
    DigestInit: SESSION, FunctionCanceled, MechanismInvalid, MechanismParamInvalid,
        OperationCancelFailed, PinExpired, UserNotLoggedIn;
    Digest: GO_ON, BufferTooSmall;
    DigestUpdate: GO_ON;
    DigestKey: GO_ON, KeyHandleInvalid, KeyIndigestible, KeySizeRange;
    DigestFinal: GO_ON, BufferTooSmall;
    SignInit: BEGIN;
    Sign: GO_ON, BufferTooSmall, DataInvalid, DataLenRange, FunctionRejected,
        TokenResourceExceeded, UserNotLoggedIn;
    SignUpdate: GO_ON, DataLenRange, TokenResourceExceeded, UserNotLoggedIn;
    SignFinal: GO_ON, BufferTooSmall, DataLenRange, FunctionRejected, TokenResourceExceeded,
        UserNotLoggedIn;
    SignRecoverInit: BEGIN;
    SignRecover: GO_ON, BufferTooSmall, DataInvalid, DataLenRange, TokenResourceExceeded,
        UserNotLoggedIn;
    VerifyInit: BEGIN;
    Verify: GO_ON, DataInvalid, DataLenRange, SignatureInvalid, SignatureLenRange,
        TokenResourceExceeded;
    VerifyUpdate: GO_ON, DataLenRange, TokenResourceExceeded;
    VerifyFinal: GO_ON, DataLenRange, SignatureInvalid, SignatureLenRange, TokenResourceExceeded;
    VerifyRecoverInit: BEGIN;
    VerifyRecover: GO_ON, BufferTooSmall, DataInvalid, DataLenRange, SignatureInvalid,
        SignatureLenRange, TokenResourceExceeded;
    VerifySignatureInit: BEGIN, SignatureLenRange;
    VerifySignature: GO_ON_ALONE, DataInvalid, DataLenRange, SignatureInvalid, SignatureLenRange,
        TokenResourceExceeded;
    VerifySignatureUpdate: GO_ON_ALONE, DataLenRange, TokenResourceExceeded;
    VerifySignatureFinal: GO_ON_ALONE, DataLenRange, SignatureInvalid, SignatureLenRange,
        TokenResourceExceeded;
    DigestEncryptUpdate: GO_ON, BufferTooSmall, DataLenRange;
    DecryptDigestUpdate: GO_ON, BufferTooSmall, EncryptedDataInvalid, EncryptedDataLenRange;
    SignEncryptUpdate: GO_ON, BufferTooSmall, DataLenRange, UserNotLoggedIn;
    DecryptVerifyUpdate: GO_ON, BufferTooSmall, DataLenRange, EncryptedDataInvalid,
        EncryptedDataLenRange;
    GenerateKey: KEY;
    GenerateKeyPair: KEY, DomainParamsInvalid, ParameterSetNotSupported;
    WrapKey: SESSION, BufferTooSmall, FunctionCanceled, KeyHandleInvalid, KeyNotWrappable,
        KeySizeRange, KeyUnextractable, MechanismInvalid, MechanismParamInvalid, PinExpired,
        UserNotLoggedIn, WrappingKeyHandleInvalid, WrappingKeySizeRange,
        WrappingKeyTypeInconsistent;
    UnwrapKey: KEY, BufferTooSmall, DomainParamsInvalid, ParameterSetNotSupported,
        UnwrappingKeyHandleInvalid, UnwrappingKeySizeRange, UnwrappingKeyTypeInconsistent,
        WrappedKeyInvalid, WrappedKeyLenRange;
    DeriveKey: KEY, DomainParamsInvalid, KeyHandleInvalid, KeySizeRange, KeyTypeInconsistent;
    EncapsulateKey: KEY, BufferTooSmall, DomainParamsInvalid, ParameterSetNotSupported, KeyHandleInvalid, KeySizeRange, KeyTypeInconsistent;
    DecapsulateKey: KEY, DomainParamsInvalid, ParameterSetNotSupported,
        UnwrappingKeyHandleInvalid, UnwrappingKeySizeRange, UnwrappingKeyTypeInconsistent,
        WrappedKeyInvalid, WrappedKeyLenRange;
    SeedRandom: SESSION, FunctionCanceled, RandomSeedNotSupported, UserNotLoggedIn;
    GenerateRandom: SESSION, FunctionCanceled, UserNotLoggedIn;
    GetFunctionStatus: LIBRARY, FunctionNotParallel, OperationActive, SessionClosed,
        SessionHandleInvalid;
    CancelFunction: LIBRARY, FunctionNotParallel, OperationActive, SessionClosed,
        SessionHandleInvalid;
    GetSessionValidationFlags: SESSION;
    Unsupported: SESSION;
}

impl Function {
    /// Whether the specification lets the function return this.
    pub(super) fn allows(self, status: Status) -> bool {
        let (group, own) = self.statuses();
        [ALWAYS, group, own].iter().any(|list| list.contains(&status))
    }

    /// The return value of the function for a status.
    pub(super) fn code(self, status: Status) -> CK_RV {
        if self.allows(status) {
            return status.code().into();
        }
        let nearest = nearest(status).iter().copied().find(|status| self.allows(*status));
        nearest.unwrap_or(FunctionFailed).code().into()
    }
}

/// What comes nearest to a status, best first.
const fn nearest(status: Status) -> &'static [Status] {
    match status {
        DeviceRemoved | StcSessionInvalid | StcNoChannel => {
            &[DeviceRemoved, TokenNotPresent, DeviceError]
        }
        TokenNotPresent => &[DeviceRemoved, DeviceError],
        TokenNotRecognized => &[DeviceError],
        SessionHandleInvalid => &[SessionClosed],
        ObjectHandleInvalid => &[KeyHandleInvalid],
        KeyHandleInvalid => {
            &[ObjectHandleInvalid, WrappingKeyHandleInvalid, UnwrappingKeyHandleInvalid]
        }
        KeyTypeInconsistent | KeyFunctionNotPermitted => &[
            WrappingKeyTypeInconsistent,
            UnwrappingKeyTypeInconsistent,
            KeyTypeInconsistent,
            KeyIndigestible,
        ],
        KeySizeRange => &[WrappingKeySizeRange, UnwrappingKeySizeRange, AttributeValueInvalid],
        KeyUnextractable => &[KeyNotWrappable],
        DataInvalid => &[DataLenRange, EncryptedDataInvalid, WrappedKeyInvalid],
        DataLenRange => &[EncryptedDataLenRange, WrappedKeyLenRange, KeySizeRange],
        EncryptedDataInvalid => &[DataInvalid, WrappedKeyInvalid],
        EncryptedDataLenRange => &[DataLenRange, WrappedKeyLenRange],
        WrappedKeyInvalid => &[EncryptedDataInvalid],
        PublicKeyInvalid => &[MechanismParamInvalid, KeyHandleInvalid],
        MechanismInvalid => &[KeyTypeInconsistent],
        TemplateIncomplete => &[TemplateInconsistent],
        PinLenRange | PinInvalid => &[PinInvalid, PinIncorrect],
        PinExpired => &[UserNotLoggedIn, ActionProhibited],
        UserNotLoggedIn | FunctionRejected => &[ActionProhibited],
        PinLocked | UserPinNotInitialized => &[PinIncorrect],
        LogFull => &[DeviceMemory, DeviceError],
        SessionReadOnly => &[TokenWriteProtected],
        SessionReadOnlyExists | SessionReadWriteSoExists => &[SessionReadOnly],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_becomes_an_allowed_value() {
        for function in Function::ALL {
            for status in Status::ALL {
                let code = u32::try_from(function.code(*status)).unwrap();
                let returned = Status::from_code(code).unwrap();
                assert!(function.allows(returned), "{function:?} returns {returned}");
                assert!(*status == Ok || code != 0, "{function:?} hides {status}");
            }
        }
    }

    /// The specification's lists, which tests of the edge hold calls against too.
    const LISTS: &str = include_str!("../../tests/pkcs11_edge/returns.txt");

    /// What the text has of functions whose lists leave it out: sections 5.1.6 and 5.2.
    const BESIDES: &[(Function, Status)] = &[
        (Function::SessionCancel, SessionClosed),
        (Function::SessionCancel, SessionHandleInvalid),
        (Function::EncapsulateKey, BufferTooSmall),
    ];

    #[test]
    fn the_table_permits_nothing_that_the_specification_does_not() {
        let mut wrong = Vec::new();
        for function in Function::ALL.iter().filter(|one| **one != Function::Unsupported) {
            let name = format!("C_{function:?}:").to_ascii_lowercase();
            let list = LISTS.lines().find(|line| line.to_ascii_lowercase().starts_with(&name));
            let list: Vec<_> = list.unwrap_or_else(|| panic!("{name}")).split(' ').collect();
            for status in Status::ALL.iter().filter(|status| function.allows(**status)) {
                let symbol = status.symbol().trim_start_matches("CKR_");
                let listed = list.contains(&symbol)
                    || ALWAYS.contains(status)
                    || BESIDES.contains(&(*function, *status));
                if !listed {
                    wrong.push(format!("{function:?} may not return {symbol}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// What functions return for statuses that they may not: each way of [`nearest`].
    const NEAREST: &[(Function, Status, CK_RV)] = &[
        (Function::GetSlotInfo, DeviceRemoved, 0x30),
        (Function::GetSlotList, DeviceRemoved, 0x6),
        (Function::Sign, StcSessionInvalid, 0x32),
        (Function::GetTokenInfo, StcNoChannel, 0x32),
        (Function::CloseAllSessions, StcNoChannel, 0x32),
        (Function::Sign, TokenNotPresent, 0x32),
        (Function::GetSlotInfo, TokenNotPresent, 0x30),
        (Function::Sign, TokenNotRecognized, 0x30),
        (Function::SignInit, ObjectHandleInvalid, 0x60),
        (Function::WrapKey, ObjectHandleInvalid, 0x60),
        (Function::CopyObject, KeyHandleInvalid, 0x82),
        (Function::UnwrapKey, KeyHandleInvalid, 0xf0),
        (Function::WrapKey, KeyTypeInconsistent, 0x115),
        (Function::UnwrapKey, KeyTypeInconsistent, 0xf2),
        (Function::DecapsulateKey, KeyFunctionNotPermitted, 0xf2),
        (Function::DeriveKey, KeyFunctionNotPermitted, 0x63),
        (Function::DigestKey, KeyFunctionNotPermitted, 0x67),
        (Function::UnwrapKey, KeySizeRange, 0xf1),
        (Function::GenerateKey, KeySizeRange, 0x13),
        (Function::EncryptUpdate, DataInvalid, 0x21),
        (Function::Decrypt, DataInvalid, 0x40),
        (Function::UnwrapKey, DataInvalid, 0x110),
        (Function::Decrypt, DataLenRange, 0x41),
        (Function::UnwrapKey, DataLenRange, 0x112),
        (Function::DeriveKey, DataLenRange, 0x62),
        (Function::Sign, EncryptedDataInvalid, 0x20),
        (Function::UnwrapKey, EncryptedDataInvalid, 0x110),
        (Function::Encrypt, EncryptedDataLenRange, 0x21),
        (Function::UnwrapKey, EncryptedDataLenRange, 0x112),
        (Function::Decrypt, WrappedKeyInvalid, 0x40),
        (Function::DeriveKey, PublicKeyInvalid, 0x71),
        (Function::DigestKey, PublicKeyInvalid, 0x60),
        (Function::CopyObject, TemplateIncomplete, 0xd1),
        (Function::InitToken, PinLenRange, 0xa0),
        (Function::Login, PinInvalid, 0xa0),
        (Function::Sign, PinExpired, 0x101),
        (Function::DestroyObject, UserNotLoggedIn, 0x1b),
        (Function::CopyObject, FunctionRejected, 0x1b),
        (Function::SetPin, UserPinNotInitialized, 0xa0),
        (Function::OpenSession, SessionReadOnly, 0xe2),
        (Function::InitPin, SessionReadOnlyExists, 0xb5),
        (Function::SetPin, SessionReadWriteSoExists, 0xb5),
        (Function::Encrypt, SignatureInvalid, 0x6),
    ];

    #[test]
    fn what_is_not_allowed_becomes_what_comes_nearest() {
        for (function, status, code) in NEAREST {
            assert!(!function.allows(*status), "{function:?} may return {status}");
            assert_eq!(function.code(*status), *code, "{function:?}, {status}");
        }
    }

    /// Statuses that a partition has for a function, and that the function may return as they are.
    const OWN: &[(Function, &[Status])] = &[
        (Function::InitToken, &[PinIncorrect, PinLocked, SessionExists]),
        (Function::InitPin, &[PinInvalid, PinLenRange, SessionReadOnly, UserNotLoggedIn]),
        (Function::SetPin, &[PinIncorrect, PinInvalid, PinLenRange, PinLocked, SessionReadOnly]),
        (Function::Login, &[PinIncorrect, PinLocked, UserPinNotInitialized, UserTypeInvalid]),
        (Function::Decrypt, &[EncryptedDataInvalid, EncryptedDataLenRange, UserNotLoggedIn]),
        (Function::DecryptUpdate, &[EncryptedDataInvalid, EncryptedDataLenRange]),
        (Function::DecryptFinal, &[EncryptedDataInvalid, EncryptedDataLenRange]),
        (Function::DecryptDigestUpdate, &[EncryptedDataInvalid, EncryptedDataLenRange]),
        (Function::DecryptVerifyUpdate, &[EncryptedDataInvalid, EncryptedDataLenRange]),
        (Function::Encrypt, &[DataInvalid, DataLenRange]),
        (Function::Sign, &[DataInvalid, DataLenRange, FunctionRejected, UserNotLoggedIn]),
        (Function::Verify, &[SignatureInvalid, SignatureLenRange]),
        (Function::VerifyFinal, &[SignatureInvalid, SignatureLenRange]),
        (Function::VerifySignatureInit, &[SignatureLenRange]),
        (Function::WrapKey, &[KeyUnextractable, KeyNotWrappable, WrappingKeyHandleInvalid]),
        (Function::UnwrapKey, &[WrappedKeyInvalid, WrappedKeyLenRange, UnwrappingKeySizeRange]),
        (Function::DecapsulateKey, &[UnwrappingKeyHandleInvalid, UnwrappingKeyTypeInconsistent]),
        (Function::DecapsulateKey, &[WrappedKeyInvalid, WrappedKeyLenRange]),
        (Function::GetAttributeValue, &[AttributeSensitive, AttributeTypeInvalid]),
    ];

    #[test]
    fn what_a_function_has_of_its_own_is_returned_as_it_is() {
        for (function, statuses) in OWN {
            for status in *statuses {
                assert_eq!(
                    function.code(*status),
                    CK_RV::from(status.code()),
                    "{function:?}, {status}"
                );
            }
        }
    }

    #[test]
    fn meaning_is_kept_where_it_can_be() {
        assert_eq!(Function::Sign.code(UserNotLoggedIn), 0x101);
        assert_eq!(Function::OpenSession.code(DeviceRemoved), 0x32);
        assert_eq!(Function::UnwrapKey.code(EncryptedDataInvalid), 0x110);
        assert_eq!(Function::InitToken.code(PinLenRange), 0xa0);
        assert_eq!(Function::Sign.code(KeyHandleInvalid), 0x6);
    }
}
