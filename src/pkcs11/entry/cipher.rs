//! PKCS#11 v3.1 sections 5.8, 5.10 and 5.16: encryption, and decryption with digests or signatures.

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
    /// `C_EncryptInit`.
    fn C_EncryptInit as EncryptInit(
        session: CK_SESSION_HANDLE,
        mechanism: *mut CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
    ) {
        let session = process::library()?.session(session)?;
        let mechanism = mechanism_or_none(mechanism)?;
        session.begin(Operation::Encrypt, mechanism, Some(ObjectHandle(key)))
    }

    /// `C_Encrypt`.
    fn C_Encrypt as Encrypt(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let (data, output) = (Input::new(data, data_length)?, Output::new(output, output_length)?);
        session.in_one_part(Operation::Encrypt, &data, &output)
    }

    /// `C_EncryptUpdate`.
    fn C_EncryptUpdate as EncryptUpdate(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let (data, output) = (Input::new(data, data_length)?, Output::new(output, output_length)?);
        session.give_part(Operation::Encrypt, &data, &output).map(|_| ())
    }

    /// `C_EncryptFinal`.
    fn C_EncryptFinal as EncryptFinal(
        session: CK_SESSION_HANDLE,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        session.end(Operation::Encrypt, &Output::new(output, output_length)?)
    }

    /// `C_DecryptInit`.
    fn C_DecryptInit as DecryptInit(
        session: CK_SESSION_HANDLE,
        mechanism: *mut CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
    ) {
        let session = process::library()?.session(session)?;
        let mechanism = mechanism_or_none(mechanism)?;
        session.begin(Operation::Decrypt, mechanism, Some(ObjectHandle(key)))
    }

    /// `C_Decrypt`.
    fn C_Decrypt as Decrypt(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let (data, output) = (Input::new(data, data_length)?, Output::new(output, output_length)?);
        session.in_one_part(Operation::Decrypt, &data, &output)
    }

    /// `C_DecryptUpdate`.
    fn C_DecryptUpdate as DecryptUpdate(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let (data, output) = (Input::new(data, data_length)?, Output::new(output, output_length)?);
        session.give_part(Operation::Decrypt, &data, &output).map(|_| ())
    }

    /// `C_DecryptFinal`.
    fn C_DecryptFinal as DecryptFinal(
        session: CK_SESSION_HANDLE,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        session.end(Operation::Decrypt, &Output::new(output, output_length)?)
    }

    /// `C_DigestEncryptUpdate`: the second operation takes its part once the caller has the first one's.
    fn C_DigestEncryptUpdate as DigestEncryptUpdate(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let (data, output) = (Input::new(data, data_length)?, Output::new(output, output_length)?);
        session.in_two(&data, &output, (Operation::Encrypt, Operation::Digest))
    }

    /// `C_DecryptDigestUpdate`: the second operation takes its part once the caller has the first one's.
    fn C_DecryptDigestUpdate as DecryptDigestUpdate(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let (data, output) = (Input::new(data, data_length)?, Output::new(output, output_length)?);
        session.in_two(&data, &output, (Operation::Decrypt, Operation::Digest))
    }

    /// `C_SignEncryptUpdate`: the second operation takes its part once the caller has the first one's.
    fn C_SignEncryptUpdate as SignEncryptUpdate(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let (data, output) = (Input::new(data, data_length)?, Output::new(output, output_length)?);
        session.in_two(&data, &output, (Operation::Encrypt, Operation::Sign))
    }

    /// `C_DecryptVerifyUpdate`: the second operation takes its part once the caller has the first one's.
    fn C_DecryptVerifyUpdate as DecryptVerifyUpdate(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let (data, output) = (Input::new(data, data_length)?, Output::new(output, output_length)?);
        session.in_two(&data, &output, (Operation::Decrypt, Operation::Verify))
    }
}
