//! What functions of one shape do: pointers to values, and the session's method.

use cryptoki_sys::{CK_BYTE, CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG};

use crate::{
    model::{
        Status,
        cryptoki::{ObjectHandle, Operation},
    },
    pkcs11::{
        bounds::Bound,
        memory::{Input, Output},
        parameters::mechanism_or_none,
        process,
        session::Session,
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

/// Memory of the caller's, whose length may be wrong.
///
/// # Safety
/// As [`Input::new`].
unsafe fn input<'a>(data: Data) -> Result<Input<'a>, Status> {
    // SAFETY: passed on.
    unsafe { Input::new(data.0, data.1, Bound::Bulk) }
}

/// What a call needs to go on with an operation. One without it ends the operation, as every
/// failure does but that of a buffer which is too small (section 5.2).
fn needed<T>(
    session: &Session,
    operation: Operation,
    given: Result<T, Status>,
) -> Result<T, Status> {
    if given.is_err() {
        session.cancel(operation);
    }
    given
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
    let (data, output) = unsafe { (input(data), Output::new(output.0, output.1)) };
    let output = needed(&session, operation, output)?;
    session.in_one_part(operation, &needed(&session, operation, data)?, &output)
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
    let (data, output) = unsafe { (input(data), Output::new(output.0, output.1)) };
    let output = needed(&session, operation, output)?;
    session.give_part(operation, &needed(&session, operation, data)?, &output).map(|_| ())
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
    let (data, output) = unsafe { (input(data), Output::new(output.0, output.1)) };
    let output = needed(&session, operations.0, output)?;
    session.in_two(&needed(&session, operations.0, data)?, &output, operations)
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
    let data = needed(&session, operation, unsafe { input(data) })?;
    session.take_part(operation, &data)
}

/// `C_VerifyFinal` and its kind, and `C_Verify`: the signature, if one comes with the call.
///
/// # Safety
/// The pointer is null or leads to as much memory as told.
pub(super) unsafe fn signature(session: &Session, given: Data) -> Result<Vec<u8>, Status> {
    // SAFETY: the contract is the caller's.
    let given = unsafe { Input::new(given.0, given.1, Bound::Signature) };
    needed(session, Operation::Verify, given.and_then(|given| given.plain()))
}

/// `C_Verify` and `C_VerifySignature`: the data.
///
/// # Safety
/// As that of [`signature`].
pub(super) unsafe fn verified<'a>(session: &Session, data: Data) -> Result<Input<'a>, Status> {
    // SAFETY: the contract is the caller's.
    needed(session, Operation::Verify, unsafe { input(data) })
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
    let output = unsafe { Output::new(output.0, output.1) };
    session.end(operation, &needed(&session, operation, output)?)
}
