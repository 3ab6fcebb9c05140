//! The library between `C_Initialize` and `C_Finalize`: slots and sessions.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use cryptoki_sys::{CK_SESSION_HANDLE, CK_SLOT_ID};

use super::{
    process::has_more_rights,
    session::Session,
    slot::{Slot, done},
};
use crate::{
    client::{Application, home::Home},
    crypto::{Random, SystemRandom},
    model::{
        Reply, Request, Status,
        cryptoki::{CryptokiRequest, SessionId},
    },
};

/// Slots are looked at anew when an application asks for their number, but not more often than
/// this: a partition that does not answer costs its time-out.
const SPACING: Duration = Duration::from_secs(3);

/// How often `C_WaitForSlotEvent` looks.
const EVENT_SPACING: Duration = Duration::from_millis(500);

/// An initialized library.
pub(super) struct Library {
    application: Application,
    slots: Mutex<Slots>,
    sessions: RwLock<HashMap<CK_SESSION_HANDLE, Arc<Session>>>,
    next_session: AtomicU32,
    closed: AtomicBool,
    /// Woken when the library closes.
    closing: (Mutex<()>, Condvar),
}

/// The slots as this application knows them: one that was there stays, with or without its
/// partition.
#[derive(Default)]
struct Slots {
    known: BTreeMap<u32, Arc<Slot>>,
    looked: Option<Instant>,
}

impl Library {
    /// The library of this process's home. Nothing is connected before it is needed.
    ///
    /// # Errors
    /// There is no home, or its configuration is broken.
    pub(super) fn new() -> Result<Self, Status> {
        let home = Home::locate_for(has_more_rights()).map_err(|error| {
            tracing::error!(%error, "no home");
            Status::GeneralError
        })?;
        home.configuration_if_any().map_err(|error| {
            tracing::error!(%error, "the configuration cannot be used");
            Status::GeneralError
        })?;
        Ok(Self {
            application: Application::new(home),
            slots: Mutex::default(),
            sessions: RwLock::default(),
            next_session: AtomicU32::new(first_session()?),
            closed: AtomicBool::new(false),
            closing: (Mutex::default(), Condvar::new()),
        })
    }

    /// Ends all links and wakes who waits.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let waiting = lock(&self.closing.0);
        self.closing.1.notify_all();
        drop(waiting);
        self.application.close();
    }

    /// The slots, by number; `anew` takes in what has come or changed since.
    ///
    /// # Errors
    /// The home cannot be used.
    pub(super) fn slots(&self, anew: bool) -> Result<Vec<Arc<Slot>>, Status> {
        Ok(self.looked_at(anew)?.known.values().cloned().collect())
    }

    /// The slot of this number.
    ///
    /// # Errors
    /// There is none, or the home cannot be used.
    pub(super) fn slot(&self, number: CK_SLOT_ID) -> Result<Arc<Slot>, Status> {
        let number = u32::try_from(number).map_err(|_| Status::SlotIdInvalid)?;
        self.looked_at(false)?.known.get(&number).cloned().ok_or(Status::SlotIdInvalid)
    }

    /// Waits until a partition comes or goes, or only looks; the slot's number.
    ///
    /// # Errors
    /// [`Status::NoEvent`] if only looking found nothing; the library was closed.
    pub(super) fn slot_event(&self, wait: bool) -> Result<u32, Status> {
        loop {
            let known: Vec<_> = lock(&self.slots).known.keys().copied().collect();
            let slots = self.slots(true)?;
            let new = slots.iter().find(|slot| !known.contains(&slot.number) && wait);
            let event = new.or_else(|| slots.iter().find(|slot| slot.take_event()));
            // The end of all links is no event.
            if self.closed.load(Ordering::Acquire) {
                return Err(Status::CryptokiNotInitialized);
            }
            if let Some(slot) = event {
                return Ok(slot.number);
            }
            if !wait {
                return Err(Status::NoEvent);
            }
            let (waiting, woken) = (&self.closing.0, &self.closing.1);
            let guard = lock(waiting);
            if !self.closed.load(Ordering::Acquire) {
                drop(woken.wait_timeout(guard, EVENT_SPACING));
            }
        }
    }

    /// Opens a session.
    ///
    /// # Errors
    /// As the partition refuses it, or it cannot be reached.
    pub(super) fn open_session(
        &self,
        slot: &Arc<Slot>,
        read_write: bool,
    ) -> Result<CK_SESSION_HANDLE, Status> {
        let number = self.next_number();
        let session = SessionId(number);
        let request = Request::Cryptoki(CryptokiRequest::OpenSession { session, read_write });
        let mut connection = slot.partition.connection();
        let mut opened = slot.ask_on(connection, &request);
        if opened == Err(Status::DeviceRemoved) {
            // The link was found lost: a request that reconnects, then the session on that link.
            slot.ping()?;
            connection = slot.partition.connection();
            opened = slot.ask_on(connection, &request);
        }
        done(&opened?)?;
        let handle = number.into();
        let session = Session::new(session, slot.clone(), (connection, read_write));
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(handle, Arc::new(session));
        Ok(handle)
    }

    /// Has the sessions of a slot forget what they keep for their callers: its login has ended.
    pub(super) fn forget_kept(&self, slot: &Slot) {
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        let sessions = sessions.values().filter(|session| session.slot().number == slot.number);
        sessions.for_each(|session| session.forget_kept());
    }

    /// The session of this handle.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn session(&self, handle: CK_SESSION_HANDLE) -> Result<Arc<Session>, Status> {
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        sessions.get(&handle).cloned().ok_or(Status::SessionHandleInvalid)
    }

    /// Closes a session; with an application's last one on a slot its login ends.
    ///
    /// # Errors
    /// There is none of this handle.
    pub(super) fn close_session(&self, handle: CK_SESSION_HANDLE) -> Result<(), Status> {
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.remove(&handle).ok_or(Status::SessionHandleInvalid)?;
        drop(sessions);
        session.close();
        if self.sessions_of(session.slot()).is_empty() {
            session.slot().set_role(session.connection(), None);
        }
        Ok(())
    }

    /// Closes all sessions of a slot.
    ///
    /// # Errors
    /// The partition refuses; a link that is lost has closed them.
    pub(super) fn close_all_sessions(&self, slot: &Slot) -> Result<(), Status> {
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        let before = sessions.len();
        sessions.retain(|_, session| session.slot().number != slot.number);
        let none = sessions.len() == before;
        drop(sessions);
        let connection = slot.partition.connection();
        slot.set_role(connection, None);
        if none {
            return Ok(());
        }
        let request = Request::Cryptoki(CryptokiRequest::CloseAllSessions);
        match slot.ask_on(connection, &request) {
            Ok(Reply::Done) | Err(Status::DeviceRemoved | Status::TokenNotPresent) => Ok(()),
            Ok(_) => Err(Status::DeviceError),
            Err(status) => Err(status),
        }
    }

    /// The sessions of a slot: whether each is read-write.
    pub(super) fn sessions_of(&self, slot: &Slot) -> Vec<bool> {
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        let sessions = sessions.values().filter(|session| session.slot().number == slot.number);
        sessions.map(|session| session.is_read_write()).collect()
    }

    /// The number of the next session; zero is no handle.
    fn next_number(&self) -> u32 {
        loop {
            let number = self.next_session.fetch_add(1, Ordering::Relaxed);
            if number != 0 {
                return number;
            }
        }
    }

    /// The network is asked while nothing is locked that other calls need.
    fn looked_at(&self, anew: bool) -> Result<MutexGuard<'_, Slots>, Status> {
        let slots = lock(&self.slots);
        let fresh = slots.looked.is_some_and(|at| !anew || at.elapsed() < SPACING);
        if fresh || self.closed.load(Ordering::Acquire) {
            return Ok(slots);
        }
        drop(slots);
        self.application.refresh().map_err(|error| {
            tracing::error!(%error, "the slots cannot be found");
            Status::FunctionFailed
        })?;
        let mut slots = lock(&self.slots);
        let found = self.application.slots();
        for (number, known) in &slots.known {
            known.set_lost(found.iter().all(|found| found.number != *number));
        }
        for found in found {
            let same = |known: &Arc<Slot>| Arc::ptr_eq(&known.partition, &found.partition);
            // Another link to the same partition: a number has no other.
            if !slots.known.get(&found.number).is_some_and(same) {
                slots.known.insert(found.number, Arc::new(Slot::new(&found)));
            }
        }
        slots.looked = Some(Instant::now());
        Ok(slots)
    }
}

/// Where the numbers of sessions begin: somewhere else each time, so that a handle of before
/// `C_Finalize` is none of after it.
fn first_session() -> Result<u32, Status> {
    let mut bytes = [0; 4];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Status::FunctionFailed)?;
    Ok(u32::from_be_bytes(bytes))
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
