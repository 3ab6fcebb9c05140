//! What functions of one shape do: pointers to values, and the session's method.

use cryptoki_sys::{CK_BYTE, CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG};

use crate::{
    model::{
        Status,
        cryptoki::{ObjectHandle, Operation},
    },
    pkcs11::{
        memory::{Input, Output},
        parameters::mechanism_or_none,
        process,
    },
};

/// Memory of the caller's and its length.
type Data = (*mut CK_BYTE, CK_ULONG);

/// Room of the caller's, and where its length stands.
type Room = (*mut CK_BYTE, *mut CK_ULONG);

/// `C_EncryptInit` and its kind.
///
/// # Safety
/// The mechanism is null or one, as the specification wants it.
pub(super) unsafe fn begin(
    session: CK_SESSION_HANDLE,
    mechanism: *mut CK_MECHANISM,
    (operation, key): (Operation, CK_OBJECT_HANDLE),
) -> Result<(), Status> {
    let session = process::library()?.session(session)?;
    // SAFETY: the contract is the caller's.
    let mechanism = unsafe { mechanism_or_none(mechanism) }?;
    session.begin(operation, mechanism, Some(ObjectHandle(key)))
}

/// `C_Encrypt` and its kind.
///
/// # Safety
/// The pointers are null or lead to as much memory as told.
pub(super) unsafe fn whole(
    session: CK_SESSION_HANDLE,
    (data, output): (Data, Room),
    operation: Operation,
) -> Result<(), Status> {
    let session = process::library()?.session(session)?;
    // SAFETY: the contract is the caller's.
    let (data, output) = unsafe { (Input::new(data.0, data.1)?, Output::new(output.0, output.1)?) };
    session.in_one_part(operation, &data, &output)
}

/// `C_EncryptUpdate` and `C_DecryptUpdate`.
///
/// # Safety
/// As that of [`whole`].
pub(super) unsafe fn part(
    session: CK_SESSION_HANDLE,
    (data, output): (Data, Room),
    operation: Operation,
) -> Result<(), Status> {
    let session = process::library()?.session(session)?;
    // SAFETY: the contract is the caller's.
    let (data, output) = unsafe { (Input::new(data.0, data.1)?, Output::new(output.0, output.1)?) };
    session.give_part(operation, &data, &output).map(|_| ())
}

/// `C_DigestEncryptUpdate` and its kind: the second operation takes its part once the caller has
/// the first one's.
///
/// # Safety
/// As that of [`whole`].
pub(super) unsafe fn part_of_two(
    session: CK_SESSION_HANDLE,
    (data, output): (Data, Room),
    operations: (Operation, Operation),
) -> Result<(), Status> {
    let session = process::library()?.session(session)?;
    // SAFETY: the contract is the caller's.
    let (data, output) = unsafe { (Input::new(data.0, data.1)?, Output::new(output.0, output.1)?) };
    session.in_two(&data, &output, operations)
}

/// `C_DigestUpdate` and its kind.
///
/// # Safety
/// The pointer is null or leads to as much memory as told.
pub(super) unsafe fn taken_part(
    session: CK_SESSION_HANDLE,
    data: Data,
    operation: Operation,
) -> Result<(), Status> {
    let session = process::library()?.session(session)?;
    // SAFETY: the contract is the caller's.
    session.take_part(operation, &unsafe { Input::new(data.0, data.1) }?.copied())
}

/// `C_EncryptFinal` and its kind.
///
/// # Safety
/// As that of [`whole`].
pub(super) unsafe fn end(
    session: CK_SESSION_HANDLE,
    output: Room,
    operation: Operation,
) -> Result<(), Status> {
    let session = process::library()?.session(session)?;
    // SAFETY: the contract is the caller's.
    session.end(operation, &unsafe { Output::new(output.0, output.1) }?)
}
