//! PKCS#11 v3.1 section 5.6: sessions and logins.

use std::ffi::c_void;

use cryptoki_sys::{
    CK_BYTE, CK_FLAGS, CK_NOTIFY, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_SESSION_INFO, CK_SLOT_ID,
    CK_ULONG, CK_USER_TYPE, CK_UTF8CHAR, CKF_DECRYPT, CKF_DIGEST, CKF_ENCRYPT, CKF_FIND_OBJECTS,
    CKF_RW_SESSION, CKF_SERIAL_SESSION, CKF_SIGN, CKF_SIGN_RECOVER, CKF_VERIFY, CKF_VERIFY_RECOVER,
};

use super::token::password;
use crate::{
    model::{Role, Status, cryptoki::Operation},
    pkcs11::{
        bounds::Bound,
        library::Library,
        memory::{Input, Output, Place},
        process,
        session::{Session, User},
    },
};

/// The operations that `C_SessionCancel` names by flags.
const BY_FLAG: [(CK_FLAGS, Operation); 7] = [
    (CKF_ENCRYPT, Operation::Encrypt),
    (CKF_DECRYPT, Operation::Decrypt),
    (CKF_DIGEST, Operation::Digest),
    (CKF_SIGN, Operation::Sign),
    (CKF_SIGN_RECOVER, Operation::SignRecover),
    (CKF_VERIFY, Operation::Verify),
    (CKF_VERIFY_RECOVER, Operation::VerifyRecover),
];

c_functions! {
    /// `C_OpenSession`. Nothing is ever notified, so the callback is not called.
    fn C_OpenSession as OpenSession(
        slot: CK_SLOT_ID,
        flags: CK_FLAGS,
        _application: *mut c_void,
        _notify: CK_NOTIFY,
        session: *mut CK_SESSION_HANDLE,
    ) {
        let library = process::library()?;
        let place = Place::new(session)?;
        if flags & CKF_SERIAL_SESSION == 0 {
            return Err(Status::SessionParallelNotSupported);
        }
        place.put(open(&library, slot, flags & CKF_RW_SESSION != 0)?);
        Ok(())
    }

    /// `C_CloseSession`.
    fn C_CloseSession as CloseSession(session: CK_SESSION_HANDLE) {
        process::library()?.close_session(session)
    }

    /// `C_CloseAllSessions`.
    fn C_CloseAllSessions as CloseAllSessions(slot: CK_SLOT_ID) {
        let library = process::library()?;
        let slot = library.slot(slot)?;
        library.close_all_sessions(&slot)
    }

    /// `C_GetSessionInfo`.
    fn C_GetSessionInfo as GetSessionInfo(
        session: CK_SESSION_HANDLE,
        info: *mut CK_SESSION_INFO,
    ) {
        let library = process::library()?;
        let place = Place::new(info)?;
        let session = library.session(session)?;
        session.check_link()?;
        place.put(information(&session));
        Ok(())
    }

    /// `C_SessionCancel` (version 3.0).
    fn C_SessionCancel as SessionCancel(session: CK_SESSION_HANDLE, flags: CK_FLAGS) {
        let session = process::library()?.session(session)?;
        for (_, operation) in BY_FLAG.iter().filter(|(flag, _)| flags & flag != 0) {
            session.cancel(*operation);
        }
        if flags & CKF_FIND_OBJECTS != 0 {
            // Whether there was a search does not matter.
            let _ = session.end_search();
        }
        Ok(())
    }

    /// `C_GetOperationState`. What an operation is in the middle of does not leave the
    /// appliance.
    fn C_GetOperationState as GetOperationState(
        session: CK_SESSION_HANDLE,
        state: *mut CK_BYTE,
        length: *mut CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let _output = Output::new(state, length)?;
        if session.state().operations.is_empty() {
            return Err(Status::OperationNotInitialized);
        }
        Err(Status::StateUnsaveable)
    }

    /// `C_SetOperationState`. No state was ever saved.
    fn C_SetOperationState as SetOperationState(
        session: CK_SESSION_HANDLE,
        state: *mut CK_BYTE,
        length: CK_ULONG,
        _encryption_key: CK_OBJECT_HANDLE,
        _authentication_key: CK_OBJECT_HANDLE,
    ) {
        process::library()?.session(session)?;
        Input::new(state, length, Bound::Bulk)?;
        Err(Status::SavedStateInvalid)
    }

    /// `C_Login`.
    fn C_Login as Login(
        session: CK_SESSION_HANDLE,
        user: CK_USER_TYPE,
        pin: *mut CK_UTF8CHAR,
        pin_length: CK_ULONG,
    ) {
        let library = process::library()?;
        let session = library.session(session)?;
        let user = User::of_type(user)?;
        check_login(&library, &session, user)?;
        session.log_in(user, password(pin, pin_length)?)
    }

    /// `C_LoginUser` (version 3.0). Roles have no user names.
    fn C_LoginUser as LoginUser(
        session: CK_SESSION_HANDLE,
        user: CK_USER_TYPE,
        pin: *mut CK_UTF8CHAR,
        pin_length: CK_ULONG,
        name: *mut CK_UTF8CHAR,
        name_length: CK_ULONG,
    ) {
        let library = process::library()?;
        let session = library.session(session)?;
        let user = User::of_type(user)?;
        if Input::new(name, name_length, Bound::Pin)?.length() > 0 {
            return Err(Status::ArgumentsBad);
        }
        check_login(&library, &session, user)?;
        session.log_in(user, password(pin, pin_length)?)
    }

    /// `C_Logout`.
    fn C_Logout as Logout(session: CK_SESSION_HANDLE) {
        let library = process::library()?;
        let session = library.session(session)?;
        session.log_out()?;
        library.forget_kept(session.slot());
        Ok(())
    }
}

/// The SO has no read-only sessions (section 5.6.1).
fn open(
    library: &Library,
    slot: CK_SLOT_ID,
    read_write: bool,
) -> Result<CK_SESSION_HANDLE, Status> {
    let slot = library.slot(slot)?;
    let role = slot.role(slot.partition.connection());
    if !read_write && role == Some(Role::PartitionSo) {
        return Err(Status::SessionReadWriteSoExists);
    }
    library.open_session(&slot, read_write)
}

/// The SO does not log in beside read-only sessions (section 5.6.8).
fn check_login(library: &Library, session: &Session, user: User) -> Result<(), Status> {
    let is_officer = user == User::Role(Role::PartitionSo);
    let read_only = |read_write: &bool| !read_write;
    if is_officer && library.sessions_of(session.slot()).iter().any(read_only) {
        return Err(Status::SessionReadOnlyExists);
    }
    Ok(())
}

fn information(session: &Session) -> CK_SESSION_INFO {
    let flags = if session.is_read_write() { CKF_RW_SESSION } else { 0 };
    CK_SESSION_INFO {
        slotID: session.slot().number.into(),
        state: session.login_state(),
        flags: flags | CKF_SERIAL_SESSION,
        ulDeviceError: 0,
    }
}
