//! PKCS#11 v3.1 sections 5.8, 5.10 and 5.16: encryption, and decryption with digests or signatures.

use cryptoki_sys::{CK_BYTE, CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG};

use super::shapes::{begin, end, part, part_of_two, whole};
use crate::model::cryptoki::Operation;

c_functions! {
    /// `C_EncryptInit`.
    fn C_EncryptInit as EncryptInit(
        session: CK_SESSION_HANDLE,
        mechanism: *mut CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
    ) {
        begin(session, mechanism, (Operation::Encrypt, key))
    }

    /// `C_Encrypt`.
    fn C_Encrypt as Encrypt(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        whole(session, ((data, data_length), (output, output_length)), Operation::Encrypt)
    }

    /// `C_EncryptUpdate`.
    fn C_EncryptUpdate as EncryptUpdate(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        part(session, ((data, data_length), (output, output_length)), Operation::Encrypt)
    }

    /// `C_EncryptFinal`.
    fn C_EncryptFinal as EncryptFinal(
        session: CK_SESSION_HANDLE,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        end(session, (output, output_length), Operation::Encrypt)
    }

    /// `C_DecryptInit`.
    fn C_DecryptInit as DecryptInit(
        session: CK_SESSION_HANDLE,
        mechanism: *mut CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
    ) {
        begin(session, mechanism, (Operation::Decrypt, key))
    }

    /// `C_Decrypt`.
    fn C_Decrypt as Decrypt(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        whole(session, ((data, data_length), (output, output_length)), Operation::Decrypt)
    }

    /// `C_DecryptUpdate`.
    fn C_DecryptUpdate as DecryptUpdate(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        part(session, ((data, data_length), (output, output_length)), Operation::Decrypt)
    }

    /// `C_DecryptFinal`.
    fn C_DecryptFinal as DecryptFinal(
        session: CK_SESSION_HANDLE,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        end(session, (output, output_length), Operation::Decrypt)
    }

    /// `C_DigestEncryptUpdate`: the second operation takes its part once the caller has the first one's.
    fn C_DigestEncryptUpdate as DigestEncryptUpdate(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        let operations = (Operation::Encrypt, Operation::Digest);
        part_of_two(session, ((data, data_length), (output, output_length)), operations)
    }

    /// `C_DecryptDigestUpdate`: the second operation takes its part once the caller has the first one's.
    fn C_DecryptDigestUpdate as DecryptDigestUpdate(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        let operations = (Operation::Decrypt, Operation::Digest);
        part_of_two(session, ((data, data_length), (output, output_length)), operations)
    }

    /// `C_SignEncryptUpdate`: the second operation takes its part once the caller has the first one's.
    fn C_SignEncryptUpdate as SignEncryptUpdate(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        let operations = (Operation::Encrypt, Operation::Sign);
        part_of_two(session, ((data, data_length), (output, output_length)), operations)
    }

    /// `C_DecryptVerifyUpdate`: the second operation takes its part once the caller has the first one's.
    fn C_DecryptVerifyUpdate as DecryptVerifyUpdate(
        session: CK_SESSION_HANDLE,
        data: *mut CK_BYTE,
        data_length: CK_ULONG,
        output: *mut CK_BYTE,
        output_length: *mut CK_ULONG,
    ) {
        let operations = (Operation::Decrypt, Operation::Verify);
        part_of_two(session, ((data, data_length), (output, output_length)), operations)
    }
}
