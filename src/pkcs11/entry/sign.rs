//! PKCS#11 v3.1 section 5.13: signatures and MACs.

use cryptoki_sys::{CK_BYTE, CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG};

use crate::{
    model::cryptoki::{ObjectHandle, Operation},
    pkcs11::{
        memory::{Input, Output},
        parameters::mechanism_or_none,
        process,
    },
};

c_functions! {
    /// `C_SignInit`.
    fn C_SignInit as SignInit(
        session: CK_SESSION_HANDLE,
        mechanism: *mut CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
    ) {
        let session = process::library()?.session(session)?;
        let mechanism = mechanism_or_none(mechanism)?;
        session.begin(Operation::Sign, mechanism, Some(ObjectHandle(key)))
    }

    /// `C_Sign`.
    fn C_Sign as Sign(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let (data, output) = (Input::new(data, data_length)?, Output::new(output, output_length)?);
        session.in_one_part(Operation::Sign, &data, &output)
    }

    /// `C_SignUpdate`.
    fn C_SignUpdate as SignUpdate(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        session.take_part(Operation::Sign, &Input::new(data, data_length)?.copied())
    }

    /// `C_SignFinal`.
    fn C_SignFinal as SignFinal(
        session: CK_SESSION_HANDLE,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        session.end(Operation::Sign, &Output::new(output, output_length)?)
    }

    /// `C_SignRecoverInit`.
    fn C_SignRecoverInit as SignRecoverInit(
        session: CK_SESSION_HANDLE,
        mechanism: *mut CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
    ) {
        let session = process::library()?.session(session)?;
        let mechanism = mechanism_or_none(mechanism)?;
        session.begin(Operation::SignRecover, mechanism, Some(ObjectHandle(key)))
    }

    /// `C_SignRecover`.
    fn C_SignRecover as SignRecover(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let (data, output) = (Input::new(data, data_length)?, Output::new(output, output_length)?);
        session.in_one_part(Operation::SignRecover, &data, &output)
    }
}
