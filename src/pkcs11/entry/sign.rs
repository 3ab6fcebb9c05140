//! PKCS#11 v3.1 section 5.13: signatures and MACs.

use cryptoki_sys::{CK_BYTE, CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG};

use super::shapes::{begin, end, taken_part, whole};
use crate::model::cryptoki::Operation;

c_functions! {
    /// `C_SignInit`.
    fn C_SignInit as SignInit(
        session: CK_SESSION_HANDLE,
        mechanism: *mut CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
    ) {
        begin(session, mechanism, (Operation::Sign, key))
    }

    /// `C_Sign`.
    fn C_Sign as Sign(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        whole(session, ((data, data_length), (output, output_length)), Operation::Sign)
    }

    /// `C_SignUpdate`.
    fn C_SignUpdate as SignUpdate(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
    ) {
        taken_part(session, (data, data_length), Operation::Sign)
    }

    /// `C_SignFinal`.
    fn C_SignFinal as SignFinal(
        session: CK_SESSION_HANDLE,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        end(session, (output, output_length), Operation::Sign)
    }

    /// `C_SignRecoverInit`.
    fn C_SignRecoverInit as SignRecoverInit(
        session: CK_SESSION_HANDLE,
        mechanism: *mut CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
    ) {
        begin(session, mechanism, (Operation::SignRecover, key))
    }

    /// `C_SignRecover`.
    fn C_SignRecover as SignRecover(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        whole(session, ((data, data_length), (output, output_length)), Operation::SignRecover)
    }
}
