//! Session objects: they live with the session that made them.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::{
    hsm::{
        budget::{Account, Charge, SESSION_OBJECT_BYTES},
        object::{FIRST_SESSION_HANDLE, Object, Shelf, charge, is_private, to_bytes},
    },
    model::{
        Status,
        cryptoki::{ObjectHandle, SessionId, Template},
    },
};

/// Session objects that one application may have, each of them in memory.
const MOST: usize = 16_384;

/// What the session objects of one application may be charged together, in bytes.
const MOST_BYTES: u64 = 32 << 20;

/// One application's session objects, which all its sessions see.
pub(super) struct SessionObjects {
    account: Arc<Account>,
    inner: RwLock<Inner>,
}

/// Whose an object is, and what it is charged.
struct Owned {
    session: SessionId,
    charge: u64,
    /// The memory that it takes.
    memory: Charge,
}

#[derive(Default)]
pub(super) struct Inner {
    shelf: Shelf,
    owners: HashMap<ObjectHandle, Owned>,
    made: u64,
    charged: u64,
}

impl SessionObjects {
    pub(super) fn new(account: Arc<Account>) -> Self {
        Self { account, inner: RwLock::default() }
    }

    /// Adds an object of a session.
    pub(super) fn add(&self, id: SessionId, attributes: Template) -> Result<Arc<Object>, Status> {
        let bytes = to_bytes(&attributes)?.len();
        let charge = charge(bytes);
        let memory = Charge::take(&self.account, memory(bytes)).ok_or(Status::DeviceMemory)?;
        let mut inner = self.write();
        if inner.shelf.len() >= MOST || inner.charged + charge > MOST_BYTES {
            return Err(Status::DeviceMemory);
        }
        let handle = ObjectHandle(FIRST_SESSION_HANDLE + inner.made);
        inner.made += 1;
        let object = Arc::new(Object::new(handle, attributes));
        inner.shelf.put(object.clone());
        inner.owners.insert(handle, Owned { session: id, charge, memory });
        inner.charged += charge;
        Ok(object)
    }

    pub(super) fn get(&self, handle: ObjectHandle) -> Option<Arc<Object>> {
        self.read().shelf.get(handle)
    }

    /// Puts another version of an object in its place.
    pub(super) fn replace(&self, object: Arc<Object>) -> Result<(), Status> {
        let bytes = to_bytes(object.attributes())?.len();
        let charge = charge(bytes);
        let mut inner = self.write();
        let Inner { shelf, owners, charged, .. } = &mut *inner;
        let owned = owners.get_mut(&object.handle()).ok_or(Status::ObjectHandleInvalid)?;
        let after = (*charged - owned.charge) + charge;
        if after > MOST_BYTES || !owned.memory.set(memory(bytes)) {
            return Err(Status::DeviceMemory);
        }
        (*charged, owned.charge) = (after, charge);
        shelf.put(object);
        Ok(())
    }

    pub(super) fn remove(&self, handle: ObjectHandle) -> Option<Arc<Object>> {
        let mut inner = self.write();
        let owned = inner.owners.remove(&handle)?;
        inner.charged -= owned.charge;
        inner.shelf.remove(handle)
    }

    /// Looks at all of them.
    pub(super) fn with<T>(&self, look: impl FnOnce(&Shelf) -> T) -> T {
        look(&self.read().shelf)
    }

    /// Removes those of one session.
    pub(super) fn remove_of(&self, id: SessionId) {
        self.keep(|_, owner| owner != id);
    }

    /// Removes those that need a login.
    pub(super) fn remove_private(&self) {
        self.keep(|object, _| !is_private(object.attributes()));
    }

    pub(super) fn clear(&self) {
        self.keep(|_, _| false);
    }

    fn keep(&self, wanted: impl Fn(&Object, SessionId) -> bool) {
        let mut inner = self.write();
        let Inner { shelf, owners, charged, .. } = &mut *inner;
        let owner = |one: &Object| owners.get(&one.handle()).map(|owned| owned.session);
        shelf.retain(|one| owner(one).is_some_and(|owner| wanted(one, owner)));
        owners.retain(|handle, _| shelf.get(*handle).is_some());
        *charged = owners.values().map(|owned| owned.charge).sum();
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The memory that an object takes: its attributes, what is made of them, its place in the index.
const fn memory(bytes: usize) -> usize {
    bytes.saturating_mul(2).saturating_add(SESSION_OBJECT_BYTES)
}
