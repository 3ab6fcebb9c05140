//! The function lists, and the interfaces that name them.

#![allow(unsafe_code, reason = "C passes memory as pointers")]

use std::ptr;

use cryptoki_sys::{
    CK_FLAGS, CK_FUNCTION_LIST, CK_FUNCTION_LIST_3_0, CK_FUNCTION_LIST_3_2, CK_INTERFACE,
    CK_UTF8CHAR, CK_VERSION,
};

use super::entry;

/// Version 2.40.
pub(super) const VERSION_2_40: CK_VERSION = CK_VERSION { major: 2, minor: 40 };

/// Version 3.1, which has version 3.0's functions.
pub(super) const VERSION_3_1: CK_VERSION = CK_VERSION { major: 3, minor: 1 };

const VERSION_3_0: CK_VERSION = CK_VERSION { major: 3, minor: 0 };
const VERSION_3_2: CK_VERSION = CK_VERSION { major: 3, minor: 2 };

/// The standard interface's name.
const NAME: &[u8] = b"PKCS 11\0";

macro_rules! function_list {
    ($list:ident, $version:expr, $information:ident;
     $( $( $name:ident in $module:ident, )* );*) => {
        $list {
            version: $version,
            C_GetInfo: Some(entry::general::$information),
            $( $( $name: Some(entry::$module::$name), )* )*
        }
    };
}

/// The functions of each version, with the file of each.
macro_rules! lists {
    ([$($first:tt)*] [$($second:tt)*] [$($third:tt)*]) => {
        static LIST_2_40: CK_FUNCTION_LIST =
            function_list!(CK_FUNCTION_LIST, VERSION_2_40, C_GetInfo_2_40; $($first)*);
        static LIST_3_0: CK_FUNCTION_LIST_3_0 =
            function_list!(CK_FUNCTION_LIST_3_0, VERSION_3_0, C_GetInfo; $($first)*; $($second)*);
        static LIST_3_1: CK_FUNCTION_LIST_3_0 =
            function_list!(CK_FUNCTION_LIST_3_0, VERSION_3_1, C_GetInfo; $($first)*; $($second)*);
        static LIST_3_2: CK_FUNCTION_LIST_3_2 = function_list!(
            CK_FUNCTION_LIST_3_2, VERSION_3_2, C_GetInfo; $($first)*; $($second)*; $($third)*
        );
    };
}

lists! {
    [
        C_Initialize in general,
        C_Finalize in general,
        C_GetFunctionList in general,
        C_GetSlotList in token,
        C_GetSlotInfo in token,
        C_GetTokenInfo in token,
        C_GetMechanismList in token,
        C_GetMechanismInfo in token,
        C_InitToken in token,
        C_InitPIN in token,
        C_SetPIN in token,
        C_OpenSession in session,
        C_CloseSession in session,
        C_CloseAllSessions in session,
        C_GetSessionInfo in session,
        C_GetOperationState in session,
        C_SetOperationState in session,
        C_Login in session,
        C_Logout in session,
        C_CreateObject in object,
        C_CopyObject in object,
        C_DestroyObject in object,
        C_GetObjectSize in object,
        C_GetAttributeValue in object,
        C_SetAttributeValue in object,
        C_FindObjectsInit in object,
        C_FindObjects in object,
        C_FindObjectsFinal in object,
        C_EncryptInit in cipher,
        C_Encrypt in cipher,
        C_EncryptUpdate in cipher,
        C_EncryptFinal in cipher,
        C_DecryptInit in cipher,
        C_Decrypt in cipher,
        C_DecryptUpdate in cipher,
        C_DecryptFinal in cipher,
        C_DigestInit in digest,
        C_Digest in digest,
        C_DigestUpdate in digest,
        C_DigestKey in digest,
        C_DigestFinal in digest,
        C_SignInit in sign,
        C_Sign in sign,
        C_SignUpdate in sign,
        C_SignFinal in sign,
        C_SignRecoverInit in sign,
        C_SignRecover in sign,
        C_VerifyInit in verify,
        C_Verify in verify,
        C_VerifyUpdate in verify,
        C_VerifyFinal in verify,
        C_VerifyRecoverInit in verify,
        C_VerifyRecover in verify,
        C_DigestEncryptUpdate in cipher,
        C_DecryptDigestUpdate in cipher,
        C_SignEncryptUpdate in cipher,
        C_DecryptVerifyUpdate in cipher,
        C_GenerateKey in key,
        C_GenerateKeyPair in key,
        C_WrapKey in key,
        C_UnwrapKey in key,
        C_DeriveKey in key,
        C_SeedRandom in key,
        C_GenerateRandom in key,
        C_GetFunctionStatus in unsupported,
        C_CancelFunction in unsupported,
        C_WaitForSlotEvent in token,
    ]
    [
        C_GetInterfaceList in general,
        C_GetInterface in general,
        C_LoginUser in session,
        C_SessionCancel in session,
        C_MessageEncryptInit in unsupported,
        C_EncryptMessage in unsupported,
        C_EncryptMessageBegin in unsupported,
        C_EncryptMessageNext in unsupported,
        C_MessageEncryptFinal in unsupported,
        C_MessageDecryptInit in unsupported,
        C_DecryptMessage in unsupported,
        C_DecryptMessageBegin in unsupported,
        C_DecryptMessageNext in unsupported,
        C_MessageDecryptFinal in unsupported,
        C_MessageSignInit in unsupported,
        C_SignMessage in unsupported,
        C_SignMessageBegin in unsupported,
        C_SignMessageNext in unsupported,
        C_MessageSignFinal in unsupported,
        C_MessageVerifyInit in unsupported,
        C_VerifyMessage in unsupported,
        C_VerifyMessageBegin in unsupported,
        C_VerifyMessageNext in unsupported,
        C_MessageVerifyFinal in unsupported,
    ]
    [
        C_EncapsulateKey in key,
        C_DecapsulateKey in key,
        C_VerifySignatureInit in verify,
        C_VerifySignature in verify,
        C_VerifySignatureUpdate in verify,
        C_VerifySignatureFinal in verify,
        C_GetSessionValidationFlags in unsupported,
        C_AsyncComplete in unsupported,
        C_AsyncGetID in unsupported,
        C_AsyncJoin in unsupported,
        C_WrapKeyAuthenticated in unsupported,
        C_UnwrapKeyAuthenticated in unsupported,
    ]
}

/// The functions of version 2.40, as `C_GetFunctionList` gives them.
pub fn function_list() -> &'static CK_FUNCTION_LIST {
    &LIST_2_40
}

/// The functions of version 3.2, as `C_GetInterface` gives them.
pub fn function_list_3_2() -> &'static CK_FUNCTION_LIST_3_2 {
    &LIST_3_2
}

/// The functions of version 2.40 for C, which must not write there.
pub(super) fn function_list_pointer() -> *mut CK_FUNCTION_LIST {
    (&raw const LIST_2_40).cast_mut()
}

/// The interfaces, the one that an application gets which does not care first.
pub(super) fn interfaces() -> [CK_INTERFACE; 4] {
    INTERFACES.each_ref().map(|(_, interface)| interface.0)
}

/// The interface of this version, or the first one, with all of these flags.
pub(super) fn interface(version: Option<CK_VERSION>, flags: CK_FLAGS) -> Option<*mut CK_INTERFACE> {
    let fits = |wanted: CK_VERSION, own: CK_VERSION| {
        (wanted.major, wanted.minor) == (own.major, own.minor)
    };
    let found = INTERFACES.iter().find(|(own, _)| version.is_none_or(|wanted| fits(wanted, *own)));
    // After a fork the child begins anew: no flag applies.
    let (_, Shared(interface)) = found.filter(|_| flags == 0)?;
    Some(ptr::from_ref(interface).cast_mut())
}

/// Whether this is the name of the standard interface.
///
/// # Safety
/// `name` points to a text that ends with zero.
pub(super) unsafe fn is_name(name: *const CK_UTF8CHAR) -> bool {
    // SAFETY: reading ends with the first byte that differs, and the text's zero is one.
    NAME.iter().enumerate().all(|(at, byte)| unsafe { name.add(at).read() } == *byte)
}

/// An interface, which C may read from any thread.
struct Shared(CK_INTERFACE);

// SAFETY: what it points to is constant.
unsafe impl Sync for Shared {}

const fn shared<T>(list: *const T) -> Shared {
    Shared(CK_INTERFACE {
        pInterfaceName: NAME.as_ptr().cast_mut(),
        pFunctionList: list.cast_mut().cast(),
        flags: 0,
    })
}

static INTERFACES: [(CK_VERSION, Shared); 4] = [
    (VERSION_3_1, shared(&raw const LIST_3_1)),
    (VERSION_3_2, shared(&raw const LIST_3_2)),
    (VERSION_3_0, shared(&raw const LIST_3_0)),
    (VERSION_2_40, shared(&raw const LIST_2_40)),
];
