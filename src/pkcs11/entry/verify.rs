//! PKCS#11 v3.1 section 5.15, and 3.2 for signatures that come before the data: verification.

use cryptoki_sys::{CK_BYTE, CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG};

use super::shapes::{begin, signature as given_signature, taken_part, verified, whole};
use crate::{
    model::cryptoki::{ObjectHandle, Operation},
    pkcs11::{bounds::Bound, memory::Input, parameters::mechanism_or_none, process},
};

c_functions! {
    /// `C_VerifyInit`.
    fn C_VerifyInit as VerifyInit(
        session: CK_SESSION_HANDLE,
        mechanism: *mut CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
    ) {
        begin(session, mechanism, (Operation::Verify, key))
    }

    /// `C_Verify`.
    fn C_Verify as Verify(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        signature: *mut CK_BYTE,
        signature_length: CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let signature = given_signature(&session, (signature, signature_length))?;
        session.verify(&verified(&session, (data, data_length))?, Some(signature))
    }

    /// `C_VerifyUpdate`.
    fn C_VerifyUpdate as VerifyUpdate(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
    ) {
        taken_part(session, (data, data_length), Operation::Verify)
    }

    /// `C_VerifyFinal`.
    fn C_VerifyFinal as VerifyFinal(
        session: CK_SESSION_HANDLE,
        signature: *mut CK_BYTE,
        signature_length: CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let signature = given_signature(&session, (signature, signature_length))?;
        session.end_verification(Some(signature))
    }

    /// `C_VerifyRecoverInit`.
    fn C_VerifyRecoverInit as VerifyRecoverInit(
        session: CK_SESSION_HANDLE,
        mechanism: *mut CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
    ) {
        begin(session, mechanism, (Operation::VerifyRecover, key))
    }

    /// `C_VerifyRecover`.
    fn C_VerifyRecover as VerifyRecover(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        whole(session, ((data, data_length), (output, output_length)), Operation::VerifyRecover)
    }

    /// `C_VerifySignatureInit` (version 3.2).
    fn C_VerifySignatureInit as VerifySignatureInit(
        session: CK_SESSION_HANDLE,
        mechanism: *mut CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
        signature: *mut CK_BYTE,
        signature_length: CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let mechanism = mechanism_or_none(mechanism)?;
        let signature = Input::new(signature, signature_length, Bound::Signature)?.plain()?;
        let given = (Some(ObjectHandle(key)), Some(signature));
        session.begin_with_signature(Operation::Verify, mechanism, given)
    }

    /// `C_VerifySignature` (version 3.2).
    fn C_VerifySignature as VerifySignature(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        session.verify(&verified(&session, (data, data_length))?, None)
    }

    /// `C_VerifySignatureUpdate` (version 3.2).
    fn C_VerifySignatureUpdate as VerifySignatureUpdate(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
    ) {
        taken_part(session, (data, data_length), Operation::Verify)
    }

    /// `C_VerifySignatureFinal` (version 3.2).
    fn C_VerifySignatureFinal as VerifySignatureFinal(session: CK_SESSION_HANDLE) {
        process::library()?.session(session)?.end_verification(None)
    }
}
