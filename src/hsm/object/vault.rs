//! A partition's token objects: sealed in the store, open in memory.
//!
//! Public objects are sealed under the HSM's key, private ones under the partition's, which only
//! a role's password opens. What a login opens stays open as long as anybody is logged in, and
//! all who are share it. Both are read from the store when they are first looked at, so that a
//! login takes no longer where there are many.

use std::sync::{
    Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard, Weak,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use super::{Object, Shelf, charge, to_bytes};
use crate::{
    hsm::{Hsm, fault, session::PartitionKey, wait},
    model::{
        CLIENT_IDENTITY_BYTES, SerialNumber, Status,
        cryptoki::{AttributeType as A, ObjectHandle, Template},
    },
    store::{AuditRow, ObjectChange, ObjectRow, ObjectWrite, Sealer, Seat, StoreError, Written},
    wire::decode,
};

/// The first handle of session objects; those of token objects stay below.
pub(in crate::hsm) const FIRST_SESSION_HANDLE: u64 = 0x8000_0000;

/// A partition's token objects, in one generation of the partition.
pub(in crate::hsm) struct Vault {
    serial: SerialNumber,
    generation: u64,
    public: Lazy,
    /// Open while anybody is logged in.
    unlocked: Mutex<Weak<Unlocked>>,
    last_handle: AtomicU64,
    /// Held while an object is changed or destroyed, from the look at it.
    turn: Mutex<()>,
    /// Read while something is written, written while all is erased: memory and store agree.
    whole: RwLock<()>,
}

/// What a login opens: the private objects, and the key for more.
pub(in crate::hsm) struct Unlocked {
    sealer: Sealer,
    private: Lazy,
}

/// Objects that are loaded when they are first looked at.
#[derive(Default)]
struct Lazy {
    shelf: RwLock<Option<Shelf>>,
    loaded: AtomicBool,
}

/// A change of a token object.
pub(in crate::hsm) enum Change {
    /// A new one.
    Add(Arc<Object>),
    /// Another version of one.
    Replace(Arc<Object>),
    /// One goes.
    Remove(Arc<Object>),
}

impl Change {
    pub(in crate::hsm) fn object(&self) -> &Arc<Object> {
        let (Self::Add(object) | Self::Replace(object) | Self::Remove(object)) = self;
        object
    }
}

impl Vault {
    /// The vault of a partition, nothing of it open yet.
    pub(in crate::hsm) fn new(serial: SerialNumber, generation: u64, last_handle: u64) -> Self {
        Self {
            serial,
            generation,
            public: Lazy::default(),
            unlocked: Mutex::default(),
            last_handle: AtomicU64::new(last_handle),
            turn: Mutex::default(),
            whole: RwLock::default(),
        }
    }

    pub(in crate::hsm) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Waits until nobody else changes or destroys an object.
    pub(in crate::hsm) fn turn(&self) -> std::sync::MutexGuard<'_, ()> {
        wait(&self.turn)
    }

    /// A handle that no object of the partition has had since the appliance started.
    ///
    /// # Errors
    /// There are none left.
    pub(in crate::hsm) fn next_handle(&self) -> Result<ObjectHandle, Status> {
        let handle = self.last_handle.fetch_add(1, Ordering::Relaxed) + 1;
        if handle < FIRST_SESSION_HANDLE {
            Ok(ObjectHandle(handle))
        } else {
            Err(Status::DeviceMemory)
        }
    }

    /// Opens the private objects with the partition's key, unless they are open.
    pub(in crate::hsm) fn unlock(&self, key: &PartitionKey) -> Arc<Unlocked> {
        let mut open = wait(&self.unlocked);
        open.upgrade().unwrap_or_else(|| {
            let unlocked = Unlocked { sealer: Sealer::new(key), private: Lazy::default() };
            let unlocked = Arc::new(unlocked);
            *open = Arc::downgrade(&unlocked);
            unlocked
        })
    }

    /// Whether all that is open is in memory. If not, the next look at it takes its time.
    pub(in crate::hsm) fn is_at_hand(&self) -> bool {
        let loaded = |lazy: &Lazy| lazy.loaded.load(Ordering::Acquire);
        loaded(&self.public)
            && wait(&self.unlocked).upgrade().is_none_or(|open| loaded(&open.private))
    }

    /// Has all that is open in memory, so that further looks take no time.
    ///
    /// # Errors
    /// The store cannot be read, or an object does not open.
    pub(in crate::hsm) fn bring_to_hand(&self, hsm: &Hsm) -> Result<(), Status> {
        self.public(hsm, |_| ())?;
        let open = wait(&self.unlocked).upgrade();
        open.map_or(Ok(()), |open| self.private(hsm, &open, |_| ()))
    }

    /// The public objects.
    ///
    /// # Errors
    /// The store cannot be read, or an object does not open.
    pub(in crate::hsm) fn public<T>(
        &self,
        hsm: &Hsm,
        look: impl FnOnce(&Shelf) -> T,
    ) -> Result<T, Status> {
        self.public.look(|| self.load(hsm, &hsm.sealer, false), look)
    }

    /// The private objects.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(in crate::hsm) fn private<T>(
        &self,
        hsm: &Hsm,
        unlocked: &Unlocked,
        look: impl FnOnce(&Shelf) -> T,
    ) -> Result<T, Status> {
        unlocked.private.look(|| self.load(hsm, &unlocked.sealer, true), look)
    }

    /// Forgets what is open, if `erase` empties the store.
    ///
    /// # Errors
    /// Those of `erase`.
    pub(in crate::hsm) fn empty<E>(&self, erase: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let _whole = self.whole.write().unwrap_or_else(PoisonError::into_inner);
        erase()?;
        self.public.forget();
        if let Some(unlocked) = wait(&self.unlocked).upgrade() {
            unlocked.private.forget();
        }
        Ok(())
    }

    /// Makes all changes or none, in the store and then in memory, with the record of them.
    ///
    /// # Errors
    /// There is no room, nobody is logged in who could open a private object, an object has gone,
    /// or the store cannot be written.
    pub(in crate::hsm) fn write(
        &self,
        hsm: &Hsm,
        unlocked: Option<&Arc<Unlocked>>,
        (changes, record): (&[Change], AuditRow),
    ) -> Result<(), Status> {
        let _whole = self.whole.read().unwrap_or_else(PoisonError::into_inner);
        let rows = changes.iter().map(|change| self.row(hsm, unlocked, change));
        let write = ObjectWrite {
            serial: self.serial,
            generation: self.generation,
            changes: rows.collect::<Result<_, _>>()?,
            client_bytes: CLIENT_IDENTITY_BYTES,
            record,
        };
        match hsm.store.write_objects(write).map_err(fault)? {
            Written::Done => {}
            Written::NoRoom => return Err(Status::DeviceMemory),
            Written::Gone => return Err(Status::ObjectHandleInvalid),
        }
        for change in changes {
            let private = is_private(change.object().attributes());
            let lazy = if private {
                unlocked.map(|unlocked| &unlocked.private)
            } else {
                Some(&self.public)
            };
            // What is not loaded yet will be, with the change.
            if let Some(lazy) = lazy
                && let Some(shelf) = lazy.write().as_mut()
            {
                apply(shelf, change);
            }
        }
        Ok(())
    }

    fn row(
        &self,
        hsm: &Hsm,
        unlocked: Option<&Arc<Unlocked>>,
        change: &Change,
    ) -> Result<ObjectChange, Status> {
        let object = change.object();
        let handle = object.handle().0;
        if matches!(change, Change::Remove(_)) {
            return Ok(ObjectChange::Delete(handle));
        }
        let private = is_private(object.attributes());
        let sealer =
            if private { &unlocked.ok_or(Status::UserNotLoggedIn)?.sealer } else { &hsm.sealer };
        let bytes = to_bytes(object.attributes())?;
        let (name, field) = self.seat(handle, private);
        let seat = Seat { store: "object", object: &name, field };
        let sealed = hsm.seal(sealer, seat, &bytes).map_err(fault)?;
        let row = ObjectRow { handle, private, charge: charge(bytes.len()), sealed };
        Ok(match change {
            Change::Add(_) => ObjectChange::Add(row),
            _ => ObjectChange::Replace(row),
        })
    }

    fn load(&self, hsm: &Hsm, sealer: &Sealer, private: bool) -> Result<Shelf, StoreError> {
        let mut shelf = Shelf::default();
        for row in hsm.store.objects(self.serial, private)? {
            let (name, field) = self.seat(row.handle, private);
            let seat = Seat { store: "object", object: &name, field };
            let opened = sealer.open(seat, &row.sealed).and_then(|bytes| {
                decode::<Template>(&bytes).map_err(|_| StoreError::Row("object"))
            });
            match opened {
                Ok(attributes) => {
                    shelf.put(Arc::new(Object::new(ObjectHandle(row.handle), attributes)));
                }
                // One damaged row must not keep everybody from all others.
                Err(error) => {
                    tracing::error!(serial = %self.serial, handle = row.handle, %error, "an object is left out");
                }
            }
        }
        Ok(shelf)
    }

    /// What a sealed object is bound to: it opens in this row, in this generation only.
    fn seat(&self, handle: u64, private: bool) -> (String, &'static str) {
        let name = format!("{}.{}.{handle}", self.serial, self.generation);
        (name, if private { "private" } else { "public" })
    }
}

impl Lazy {
    /// Looks at the objects, which `load` loads if nobody has looked yet.
    fn look<T>(
        &self,
        load: impl FnOnce() -> Result<Shelf, StoreError>,
        look: impl FnOnce(&Shelf) -> T,
    ) -> Result<T, Status> {
        if let Some(shelf) = &*self.shelf.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(look(shelf));
        }
        // Held while it is loaded: a change that is written meanwhile waits, and is made twice.
        let mut shelf = self.write();
        if shelf.is_none() {
            *shelf = Some(load().map_err(fault)?);
            self.loaded.store(true, Ordering::Release);
        }
        Ok(look(shelf.get_or_insert_default()))
    }

    fn forget(&self) {
        let mut shelf = self.write();
        self.loaded.store(false, Ordering::Release);
        *shelf = None;
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<Shelf>> {
        self.shelf.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({}, generation {})", self.serial, self.generation)
    }
}

fn apply(shelf: &mut Shelf, change: &Change) {
    match change {
        Change::Add(object) | Change::Replace(object) => shelf.put(object.clone()),
        Change::Remove(object) => drop(shelf.remove(object.handle())),
    }
}

/// Whether an object needs a login.
pub(in crate::hsm) fn is_private(attributes: &Template) -> bool {
    attributes.boolean(A::PRIVATE) != Some(false)
}
