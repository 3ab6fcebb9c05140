//! A session: who may do what in it, and the requests that are made in its name.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cryptoki_sys::{
    CK_STATE, CKS_RO_PUBLIC_SESSION, CKS_RO_USER_FUNCTIONS, CKS_RW_PUBLIC_SESSION,
    CKS_RW_SO_FUNCTIONS, CKS_RW_USER_FUNCTIONS, CKU_CONTEXT_SPECIFIC, CKU_SO, CKU_USER,
};
use zeroize::Zeroizing;

use super::{
    operation::Operations,
    search::Search,
    slot::{Era, Slot, answered, done},
};
use crate::model::{
    Password, Reply, Request, Role, Status,
    cryptoki::{
        AttributeRead, AttributeType, CryptokiReply, CryptokiRequest, ObjectHandle, Operation,
        SessionId,
    },
};

/// Luna's `CKU_CRYPTO_USER`.
const CKU_CRYPTO_USER: u64 = 0x8000_0001;

/// The Limited Crypto Officer. Luna's `0x80000002` is the auditor.
const CKU_LIMITED_CRYPTO_OFFICER: u64 = 0x8000_0003;

/// A session of an application with a partition, over one connection: it ends with it.
pub(super) struct Session {
    id: SessionId,
    slot: Arc<Slot>,
    connection: u64,
    read_write: bool,
    state: Mutex<State>,
}

/// What a session is in the middle of.
#[derive(Default)]
pub(super) struct State {
    pub(super) operations: Operations,
    pub(super) search: Option<Search>,
    /// Attributes of which only the lengths were asked for yet.
    lengths_told: Option<LengthsTold>,
}

/// Attributes that were read to tell their lengths, kept for the call that fetches them.
struct LengthsTold {
    object: ObjectHandle,
    types: Vec<AttributeType>,
    read: Vec<AttributeRead>,
    era: Option<Era>,
}

/// What a login is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum User {
    /// A role, for the whole application.
    Role(Role),
    /// The role that is logged in, once more, for one use of a key.
    ContextSpecific,
}

impl User {
    /// The user of this type.
    ///
    /// # Errors
    /// There is none.
    pub(super) const fn of_type(user_type: u64) -> Result<Self, Status> {
        match user_type {
            CKU_SO => Ok(Self::Role(Role::PartitionSo)),
            CKU_USER => Ok(Self::Role(Role::CryptoOfficer)),
            CKU_CONTEXT_SPECIFIC => Ok(Self::ContextSpecific),
            CKU_CRYPTO_USER => Ok(Self::Role(Role::CryptoUser)),
            CKU_LIMITED_CRYPTO_OFFICER => Ok(Self::Role(Role::LimitedCryptoOfficer)),
            _ => Err(Status::UserTypeInvalid),
        }
    }
}

impl Session {
    pub(super) fn new(
        id: SessionId,
        slot: Arc<Slot>,
        (connection, read_write): (u64, bool),
    ) -> Self {
        Self { id, slot, connection, read_write, state: Mutex::default() }
    }

    /// The number that the appliance knows it by.
    pub(super) const fn id(&self) -> SessionId {
        self.id
    }

    /// The slot.
    pub(super) const fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    /// The connection that it lives on.
    pub(super) const fn connection(&self) -> u64 {
        self.connection
    }

    /// Whether it may change token objects.
    pub(super) const fn is_read_write(&self) -> bool {
        self.read_write
    }

    /// What the session is in the middle of. One call of a session goes on at a time.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds that the link that the session lives on is up, as far as this end knows.
    ///
    /// # Errors
    /// It is lost, and the session with it.
    pub(super) fn check_link(&self) -> Result<(), Status> {
        if self.slot.is_connected(self.connection) { Ok(()) } else { Err(Status::DeviceRemoved) }
    }

    /// What a value made with this object now is true for.
    pub(super) fn era(&self, object: Option<ObjectHandle>) -> Option<Era> {
        self.slot.era(self.connection, object)
    }

    /// Changes an object: what is known and kept of it is true neither before nor behind that.
    pub(super) fn changing<T>(&self, object: ObjectHandle, change: impl FnOnce() -> T) -> T {
        self.slot.forget_accepted(self.connection, object);
        let changed = change();
        self.slot.forget_accepted(self.connection, object);
        changed
    }

    /// Forgets what is kept for the caller; a call that goes on forgets it by itself.
    pub(super) fn forget_kept(&self) {
        if let Ok(mut state) = self.state.try_lock() {
            state.lengths_told = None;
            state.operations.forget_kept();
        }
    }

    /// `CK_SESSION_INFO`'s state.
    pub(super) fn login_state(&self) -> CK_STATE {
        match (self.role(), self.read_write) {
            (None, false) => CKS_RO_PUBLIC_SESSION,
            (None, true) => CKS_RW_PUBLIC_SESSION,
            (Some(Role::PartitionSo), _) => CKS_RW_SO_FUNCTIONS,
            (Some(_), false) => CKS_RO_USER_FUNCTIONS,
            (Some(_), true) => CKS_RW_USER_FUNCTIONS,
        }
    }

    /// The role that is logged in.
    pub(super) fn role(&self) -> Option<Role> {
        self.slot.role(self.connection)
    }

    /// Ends the session on the appliance; one whose link is lost has ended with it.
    pub(super) fn close(&self) {
        let _state = self.state();
        let request = CryptokiRequest::CloseSession { session: self.id };
        if let Err(status) = self.ask_nothing(request) {
            tracing::debug!(%status, "a session ended with its link");
        }
    }

    /// Logs a role in, for all sessions of the application, or permits one use of a key.
    ///
    /// # Errors
    /// The partition's refusal, or the order of calls.
    pub(super) fn log_in(&self, user: User, password: Password) -> Result<(), Status> {
        let role = match user {
            User::Role(role) => role,
            User::ContextSpecific => return self.log_in_again(password),
        };
        match self.role() {
            Some(present) if present == role => return Err(Status::UserAlreadyLoggedIn),
            Some(_) => return Err(Status::UserAnotherAlreadyLoggedIn),
            None => {}
        }
        self.ask_done(&Request::Login { role, password })?;
        self.slot.set_role(self.connection, Some(role));
        Ok(())
    }

    /// Logs the application out.
    ///
    /// # Errors
    /// Nobody is logged in.
    pub(super) fn log_out(&self) -> Result<(), Status> {
        self.ask_done(&Request::Logout)?;
        self.slot.set_role(self.connection, None);
        Ok(())
    }

    /// Changes the password of the role that is logged in; of the Crypto Officer if none is.
    ///
    /// # Errors
    /// The partition's refusal; the session is read-only.
    pub(super) fn change_password(&self, old: Password, new: Password) -> Result<(), Status> {
        if !self.read_write {
            return Err(Status::SessionReadOnly);
        }
        if let Some(role) = self.role() {
            return self.ask_done(&Request::ChangePassword { role, old, new });
        }
        self.check_link()?;
        // A link of its own, for as long as this takes: nobody else has the login.
        let role = Role::CryptoOfficer;
        let link = self.slot.beside()?;
        let ask = |request: &Request| done(&answered(link.call(request))?);
        let changed = ask(&Request::Login { role, password: old.clone() })
            .and_then(|()| ask(&Request::ChangePassword { role, old, new }));
        link.end();
        changed
    }

    /// Makes the Crypto Officer, with an initial password, or resets the password of the one that
    /// there is.
    ///
    /// # Errors
    /// The Partition SO is not logged in, or the partition's refusal.
    pub(super) fn initialize_user(&self, password: Password) -> Result<(), Status> {
        if self.role() != Some(Role::PartitionSo) {
            return Err(Status::UserNotLoggedIn);
        }
        let role = Role::CryptoOfficer;
        if self.slot.describe_role(role)?.initialized {
            return self.ask_done(&Request::ResetPassword { role, password });
        }
        self.ask_done(&Request::CreateRole { role, password })
    }

    /// Reads attributes. Those of which only the lengths are asked for are kept, so that the
    /// call that fetches them need not ask again.
    ///
    /// # Errors
    /// The partition's refusal.
    pub(super) fn attributes(
        &self,
        object: ObjectHandle,
        types: Vec<AttributeType>,
        lengths_only: bool,
    ) -> Result<Vec<AttributeRead>, Status> {
        let mut state = self.state();
        if let Some(told) = state.lengths_told.take()
            && told.object == object
            && told.types == types
            && !lengths_only
            && told.era.is_some()
            && told.era == self.era(Some(object))
        {
            return Ok(told.read);
        }
        let era = if lengths_only { self.era(Some(object)) } else { None };
        let request =
            CryptokiRequest::GetAttributes { session: self.id, object, types: types.clone() };
        let Some(CryptokiReply::Attributes(read)) = self.ask(request)? else {
            return Err(Status::DeviceError);
        };
        if lengths_only {
            state.lengths_told = Some(LengthsTold { object, types, read: read.clone(), era });
        }
        Ok(read)
    }

    /// Asks something about objects and keys.
    ///
    /// # Errors
    /// The partition's refusal, or what kept the answer away.
    pub(super) fn ask(&self, request: CryptokiRequest) -> Result<Option<CryptokiReply>, Status> {
        self.ask_by(&Request::Cryptoki(request))
    }

    /// As [`Self::ask`], for a request that the caller wants back.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) fn ask_by(&self, request: &Request) -> Result<Option<CryptokiReply>, Status> {
        match self.slot.ask_on(self.connection, request)? {
            Reply::Cryptoki(reply) => Ok(Some(reply)),
            Reply::Done => Ok(None),
            _ => Err(Status::DeviceError),
        }
    }

    /// Asks for something to be done.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) fn ask_nothing(&self, request: CryptokiRequest) -> Result<(), Status> {
        self.ask_done(&Request::Cryptoki(request))
    }

    /// Asks for bytes.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) fn ask_bytes(&self, request: &Request) -> Result<Zeroizing<Vec<u8>>, Status> {
        match self.ask_by(request)? {
            Some(CryptokiReply::Bytes(bytes)) => Ok(bytes),
            _ => Err(Status::DeviceError),
        }
    }

    /// Asks for what an operation gives at its end: bytes, or of a verification nothing.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) fn ask_result(
        &self,
        operation: Operation,
        request: &Request,
    ) -> Result<Zeroizing<Vec<u8>>, Status> {
        if operation == Operation::Verify {
            return self.ask_done(request).map(|()| Zeroizing::default());
        }
        self.ask_bytes(request)
    }

    /// Asks for an object to be made.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) fn ask_object(&self, request: CryptokiRequest) -> Result<ObjectHandle, Status> {
        match self.ask(request)? {
            Some(CryptokiReply::Object(object)) => Ok(object),
            _ => Err(Status::DeviceError),
        }
    }

    fn ask_done(&self, request: &Request) -> Result<(), Status> {
        done(&self.slot.ask_on(self.connection, request)?)
    }

    fn log_in_again(&self, password: Password) -> Result<(), Status> {
        if self.state().operations.is_empty() {
            return Err(Status::OperationNotInitialized);
        }
        self.ask_nothing(CryptokiRequest::LoginContext { session: self.id, password })
    }
}
