//! Functions that this library does not have: those on messages (PKCS#11 v3.1 sections 5.9, 5.11,
//! 5.14 and 5.17), asynchronous ones and authenticated wrapping (version 3.2). What needs no
//! appliance to be answered is here too.

use std::ffi::c_void;

use cryptoki_sys::{
    CK_ASYNC_DATA, CK_ATTRIBUTE, CK_BYTE, CK_FLAGS, CK_MECHANISM, CK_OBJECT_HANDLE,
    CK_SESSION_HANDLE, CK_SESSION_VALIDATION_FLAGS_TYPE, CK_ULONG, CK_UTF8CHAR,
};

use crate::{
    model::Status,
    pkcs11::{memory::Place, process},
};

/// A function that is not offered, for any arguments.
macro_rules! unsupported {
    ($( fn $name:ident($($argument:ident: $type:ty),*); )*) => {
        c_functions! {
            $(
                /// Not offered.
                fn $name as Unsupported($($argument: $type),*) {
                    process::library()?;
                    Err(Status::FunctionNotSupported)
                }
            )*

            /// `C_GetFunctionStatus`: nothing is parallel (section 5.20).
            fn C_GetFunctionStatus as GetFunctionStatus(session: CK_SESSION_HANDLE) {
                process::library()?.session(session)?;
                Err(Status::FunctionNotParallel)
            }

            /// `C_CancelFunction`: nothing is parallel (section 5.20).
            fn C_CancelFunction as CancelFunction(session: CK_SESSION_HANDLE) {
                process::library()?.session(session)?;
                Err(Status::FunctionNotParallel)
            }

            /// `C_GetSessionValidationFlags` (version 3.2): nothing is validated.
            fn C_GetSessionValidationFlags as GetSessionValidationFlags(
                session: CK_SESSION_HANDLE,
                _kind: CK_SESSION_VALIDATION_FLAGS_TYPE,
                flags: *mut CK_FLAGS,
            ) {
                process::library()?.session(session)?;
                Place::new(flags)?.put(0);
                Ok(())
            }
        }
    };
}

unsupported! {
    fn C_MessageEncryptInit(_a0: CK_SESSION_HANDLE, _a1: *mut CK_MECHANISM, _a2: CK_OBJECT_HANDLE);
    fn C_EncryptMessage(_a0: CK_SESSION_HANDLE, _a1: *mut c_void, _a2: CK_ULONG, _a3: *mut CK_BYTE, _a4: CK_ULONG, _a5: *mut CK_BYTE, _a6: CK_ULONG, _a7: *mut CK_BYTE, _a8: *mut CK_ULONG);
    fn C_EncryptMessageBegin(_a0: CK_SESSION_HANDLE, _a1: *mut c_void, _a2: CK_ULONG, _a3: *mut CK_BYTE, _a4: CK_ULONG);
    fn C_EncryptMessageNext(_a0: CK_SESSION_HANDLE, _a1: *mut c_void, _a2: CK_ULONG, _a3: *mut CK_BYTE, _a4: CK_ULONG, _a5: *mut CK_BYTE, _a6: *mut CK_ULONG, _a7: CK_FLAGS);
    fn C_MessageEncryptFinal(_a0: CK_SESSION_HANDLE);
    fn C_MessageDecryptInit(_a0: CK_SESSION_HANDLE, _a1: *mut CK_MECHANISM, _a2: CK_OBJECT_HANDLE);
    fn C_DecryptMessage(_a0: CK_SESSION_HANDLE, _a1: *mut c_void, _a2: CK_ULONG, _a3: *mut CK_BYTE, _a4: CK_ULONG, _a5: *mut CK_BYTE, _a6: CK_ULONG, _a7: *mut CK_BYTE, _a8: *mut CK_ULONG);
    fn C_DecryptMessageBegin(_a0: CK_SESSION_HANDLE, _a1: *mut c_void, _a2: CK_ULONG, _a3: *mut CK_BYTE, _a4: CK_ULONG);
    fn C_DecryptMessageNext(_a0: CK_SESSION_HANDLE, _a1: *mut c_void, _a2: CK_ULONG, _a3: *mut CK_BYTE, _a4: CK_ULONG, _a5: *mut CK_BYTE, _a6: *mut CK_ULONG, _a7: CK_FLAGS);
    fn C_MessageDecryptFinal(_a0: CK_SESSION_HANDLE);
    fn C_MessageSignInit(_a0: CK_SESSION_HANDLE, _a1: *mut CK_MECHANISM, _a2: CK_OBJECT_HANDLE);
    fn C_SignMessage(_a0: CK_SESSION_HANDLE, _a1: *mut c_void, _a2: CK_ULONG, _a3: *mut CK_BYTE, _a4: CK_ULONG, _a5: *mut CK_BYTE, _a6: *mut CK_ULONG);
    fn C_SignMessageBegin(_a0: CK_SESSION_HANDLE, _a1: *mut c_void, _a2: CK_ULONG);
    fn C_SignMessageNext(_a0: CK_SESSION_HANDLE, _a1: *mut c_void, _a2: CK_ULONG, _a3: *mut CK_BYTE, _a4: CK_ULONG, _a5: *mut CK_BYTE, _a6: *mut CK_ULONG);
    fn C_MessageSignFinal(_a0: CK_SESSION_HANDLE);
    fn C_MessageVerifyInit(_a0: CK_SESSION_HANDLE, _a1: *mut CK_MECHANISM, _a2: CK_OBJECT_HANDLE);
    fn C_VerifyMessage(_a0: CK_SESSION_HANDLE, _a1: *mut c_void, _a2: CK_ULONG, _a3: *mut CK_BYTE, _a4: CK_ULONG, _a5: *mut CK_BYTE, _a6: CK_ULONG);
    fn C_VerifyMessageBegin(_a0: CK_SESSION_HANDLE, _a1: *mut c_void, _a2: CK_ULONG);
    fn C_VerifyMessageNext(_a0: CK_SESSION_HANDLE, _a1: *mut c_void, _a2: CK_ULONG, _a3: *mut CK_BYTE, _a4: CK_ULONG, _a5: *mut CK_BYTE, _a6: CK_ULONG);
    fn C_MessageVerifyFinal(_a0: CK_SESSION_HANDLE);
    fn C_AsyncComplete(_a0: CK_SESSION_HANDLE, _a1: *mut CK_UTF8CHAR, _a2: *mut CK_ASYNC_DATA);
    fn C_AsyncGetID(_a0: CK_SESSION_HANDLE, _a1: *mut CK_UTF8CHAR, _a2: *mut CK_ULONG);
    fn C_AsyncJoin(_a0: CK_SESSION_HANDLE, _a1: *mut CK_UTF8CHAR, _a2: CK_ULONG, _a3: *mut CK_BYTE, _a4: CK_ULONG);
    fn C_WrapKeyAuthenticated(_a0: CK_SESSION_HANDLE, _a1: *mut CK_MECHANISM, _a2: CK_OBJECT_HANDLE, _a3: CK_OBJECT_HANDLE, _a4: *mut CK_BYTE, _a5: CK_ULONG, _a6: *mut CK_BYTE, _a7: *mut CK_ULONG);
    fn C_UnwrapKeyAuthenticated(_a0: CK_SESSION_HANDLE, _a1: *mut CK_MECHANISM, _a2: CK_OBJECT_HANDLE, _a3: *mut CK_BYTE, _a4: CK_ULONG, _a5: *mut CK_ATTRIBUTE, _a6: CK_ULONG, _a7: *mut CK_BYTE, _a8: CK_ULONG, _a9: *mut CK_OBJECT_HANDLE);
}
