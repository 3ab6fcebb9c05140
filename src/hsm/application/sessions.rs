//! Sessions of one application (PKCS#11 v3.1 section 5.6).

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use zeroize::Zeroizing;

use super::{Caller, session_objects::SessionObjects, transfer::Transfers, uses::FirstUses};
use crate::{
    hsm::{
        budget::{Account, Charge, OPERATION_BYTES, SESSION_BYTES},
        mechanism::Running,
        object::Object,
    },
    model::{
        MAXIMUM_SESSIONS, Password, Reply, Role, Status,
        cryptoki::{Operation, SessionId},
    },
};

/// What one application has open on its partition.
pub(in crate::hsm) struct Application {
    /// What its memory is charged to.
    account: Arc<Account>,
    sessions: RwLock<HashMap<SessionId, Arc<Session>>>,
    objects: SessionObjects,
    transfers: Transfers,
    uses: FirstUses,
}

/// One session.
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) read_write: bool,
    /// Whether a context-specific login waits to be used up.
    context: AtomicBool,
    operations: Mutex<HashMap<Operation, Active>>,
    account: Arc<Account>,
    _charge: Charge,
}

/// An operation in parts.
struct Active {
    running: Box<dyn Running + Send>,
    /// For what it keeps.
    charge: Charge,
    /// Its key, until its use is recorded.
    unrecorded: Option<Arc<Object>>,
}

impl Application {
    pub(in crate::hsm) fn new(account: Arc<Account>) -> Self {
        Self {
            sessions: RwLock::default(),
            objects: SessionObjects::new(account.clone()),
            transfers: Transfers::default(),
            uses: FirstUses::new(account.clone()),
            account,
        }
    }

    pub(in crate::hsm) const fn account(&self) -> &Arc<Account> {
        &self.account
    }

    pub(super) const fn objects(&self) -> &SessionObjects {
        &self.objects
    }

    pub(super) const fn transfers(&self) -> &Transfers {
        &self.transfers
    }

    pub(super) const fn uses(&self) -> &FirstUses {
        &self.uses
    }

    /// Ends what needs a login: private session objects and operations.
    pub(in crate::hsm) fn log_out(&self) {
        self.objects.remove_private();
        self.transfers.forget();
        self.uses.forget();
        for session in self.read().values() {
            session.reset();
        }
    }

    fn get(&self, id: SessionId) -> Option<Arc<Session>> {
        self.read().get(&id).cloned()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<SessionId, Arc<Session>>> {
        self.sessions.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<SessionId, Arc<Session>>> {
        self.sessions.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Uses up the permission of a context-specific login.
    pub(super) fn take_context(&self) -> bool {
        self.context.swap(false, Ordering::AcqRel)
    }

    /// Enters an operation in parts.
    pub(super) fn start(
        &self,
        operation: Operation,
        (running, unrecorded): (Box<dyn Running + Send>, Option<Arc<Object>>),
    ) -> Result<(), Status> {
        match self.operations().entry(operation) {
            std::collections::hash_map::Entry::Occupied(_) => Err(Status::OperationActive),
            std::collections::hash_map::Entry::Vacant(place) => {
                let bytes = OPERATION_BYTES + running.kept_bytes();
                let charge = Charge::take(&self.account, bytes).ok_or(Status::DeviceMemory)?;
                place.insert(Active { running, charge, unrecorded });
                Ok(())
            }
        }
    }

    /// Whether such an operation is under way.
    pub(super) fn is_active(&self, operation: Operation) -> bool {
        self.operations().contains_key(&operation)
    }

    /// The key of an operation whose use is not recorded yet; from now on it is.
    pub(super) fn take_unrecorded(&self, operation: Operation) -> Option<Arc<Object>> {
        self.operations().get_mut(&operation)?.unrecorded.take()
    }

    /// Takes the next part. A failure ends the operation (section 5.2).
    pub(super) fn update(
        &self,
        operation: Operation,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Status> {
        self.run(operation, data.len(), |running| running.update(data))
    }

    /// Digests a key's value as the next part.
    pub(super) fn update_with_key(&self, value: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status> {
        self.run(Operation::Digest, value.len(), |running| running.update(value))
    }

    fn run(
        &self,
        operation: Operation,
        bytes: usize,
        step: impl FnOnce(&mut Box<dyn Running + Send>) -> Result<Zeroizing<Vec<u8>>, Status>,
    ) -> Result<Zeroizing<Vec<u8>>, Status> {
        let mut operations = self.operations();
        let active = operations.get_mut(&operation).ok_or(Status::OperationNotInitialized)?;
        // Before it keeps them: what there is no room for is not there for a moment either.
        let needed = OPERATION_BYTES + active.running.kept_bytes_with(bytes);
        let output = if active.charge.set(needed) {
            step(&mut active.running)
        } else {
            Err(Status::DeviceMemory)
        };
        if output.is_err() {
            operations.remove(&operation);
        }
        output
    }

    /// Ends an operation.
    pub(super) fn finish(
        &self,
        operation: Operation,
        signature: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Status> {
        let active = self.operations().remove(&operation);
        active.ok_or(Status::OperationNotInitialized)?.running.finish(signature)
    }

    /// Gives an operation up.
    pub(super) fn cancel(&self, operation: Operation) -> Result<(), Status> {
        let active = self.operations().remove(&operation);
        active.map(drop).ok_or(Status::OperationNotInitialized)
    }

    fn reset(&self) {
        self.operations().clear();
        self.context.store(false, Ordering::Release);
    }

    fn operations(&self) -> MutexGuard<'_, HashMap<Operation, Active>> {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Caller<'_> {
    pub(super) fn session(&self, id: SessionId) -> Result<Arc<Session>, Status> {
        self.link.application().get(id).ok_or(Status::SessionHandleInvalid)
    }

    /// A session that may make objects of the token's, if asked for.
    pub(super) fn writing_session(
        &self,
        id: SessionId,
        token: bool,
    ) -> Result<Arc<Session>, Status> {
        let session = self.session(id)?;
        if token && !session.read_write { Err(Status::SessionReadOnly) } else { Ok(session) }
    }

    pub(super) fn open_session(&self, id: SessionId, read_write: bool) -> Result<(), Status> {
        if !self.known.initialized {
            return Err(Status::TokenNotRecognized);
        }
        if !read_write && self.role == Some(Role::PartitionSo) {
            return Err(Status::SessionReadWriteSoExists);
        }
        let account = self.link.application().account().clone();
        let mut sessions = self.link.application().write();
        if sessions.len() >= MAXIMUM_SESSIONS {
            return Err(Status::SessionCount);
        }
        if sessions.contains_key(&id) {
            return Err(Status::ArgumentsBad);
        }
        let charge = Charge::take(&account, SESSION_BYTES).ok_or(Status::SessionCount)?;
        let (context, operations) = (AtomicBool::new(false), Mutex::default());
        let session = Session { id, read_write, context, operations, account, _charge: charge };
        sessions.insert(id, Arc::new(session));
        Ok(())
    }

    /// The last session takes the login with it.
    pub(super) fn close_session(&self, id: SessionId) -> Result<(), Status> {
        let application = self.link.application();
        let last = {
            let mut sessions = application.write();
            sessions.remove(&id).ok_or(Status::SessionHandleInvalid)?.reset();
            sessions.is_empty()
        };
        application.objects.remove_of(id);
        if last {
            self.sessions_ended();
        }
        Ok(())
    }

    pub(super) fn close_all_sessions(&self) {
        let application = self.link.application();
        application.write().drain().for_each(|(_, session)| session.reset());
        application.objects.clear();
        self.sessions_ended();
    }

    fn sessions_ended(&self) {
        self.link.sessions_ended(self.known.generation);
        self.hsm.settle(self.link.serial());
    }

    /// `C_Login` with `CKU_CONTEXT_SPECIFIC`: the password of the role that is logged in.
    pub(super) fn log_in_context(
        &self,
        id: SessionId,
        password: &Password,
    ) -> Result<Reply, Status> {
        let session = self.session(id)?;
        let role = self.role.ok_or(Status::UserNotLoggedIn)?;
        self.hsm.check_again(self.link, role, password)?;
        session.context.store(true, Ordering::Release);
        if let Err(ended) = self.check_still() {
            session.take_context();
            return Err(ended);
        }
        Ok(Reply::Done)
    }

    /// Why a role cannot log in now, if it cannot: the SO has no read-only sessions.
    pub(in crate::hsm) fn read_only_sessions(application: &Application) -> bool {
        application.read().values().any(|session| !session.read_write)
    }
}
