//! PKCS#11 v3.1 section 5.12: digests.

use cryptoki_sys::{CK_BYTE, CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG};

use super::shapes::{end, taken_part, whole};
use crate::{
    model::cryptoki::{ObjectHandle, Operation},
    pkcs11::{parameters::mechanism_or_none, process},
};

c_functions! {
    /// `C_DigestInit`.
    fn C_DigestInit as DigestInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM) {
        let session = process::library()?.session(session)?;
        session.begin(Operation::Digest, mechanism_or_none(mechanism)?, None)
    }

    /// `C_Digest`.
    fn C_Digest as Digest(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        whole(session, ((data, data_length), (output, output_length)), Operation::Digest)
    }

    /// `C_DigestUpdate`.
    fn C_DigestUpdate as DigestUpdate(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
    ) {
        taken_part(session, (data, data_length), Operation::Digest)
    }

    /// `C_DigestKey`.
    fn C_DigestKey as DigestKey(session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE) {
        process::library()?.session(session)?.take_key(ObjectHandle(key))
    }

    /// `C_DigestFinal`.
    fn C_DigestFinal as DigestFinal(
        session: CK_SESSION_HANDLE,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        end(session, (output, output_length), Operation::Digest)
    }
}
