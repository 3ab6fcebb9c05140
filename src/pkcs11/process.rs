//! What a process has of the library: nothing until `C_Initialize`, nothing after `C_Finalize`,
//! and nothing in the child of a fork.
//!
//! Locks that another thread held at the fork stay locked in the child for ever, and sockets are
//! shared with the parent. So a child makes everything anew and never touches what it inherited.

#![allow(unsafe_code, reason = "what a fork leaves behind is reached by no safe means")]

use std::{
    ptr,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicPtr, Ordering},
    },
    thread,
    time::Duration,
};

use super::{fork, library::Library};
use crate::{model::Status, net::Lineage};

/// How often `C_Finalize` looks whether the calls in flight have left.
const LOOK: Duration = Duration::from_millis(1);

/// The library as one process has it.
struct Process {
    lineage: Lineage,
    library: RwLock<Option<Arc<Library>>>,
    /// Initialization and finalization, one at a time.
    turn: Mutex<()>,
}

static PROCESS: AtomicPtr<Process> = AtomicPtr::new(ptr::null_mut());

/// Whether the process has more rights than whoever started it, as set-uid programs do: what
/// `secure_getenv(3)` asks.
pub(super) fn has_more_rights() -> bool {
    // SAFETY: reads the vector that the kernel put beside the environment, and nothing else.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// The initialized library.
///
/// # Errors
/// It is not initialized in this process.
pub(super) fn library() -> Result<Arc<Library>, Status> {
    let process = existing().ok_or(Status::CryptokiNotInitialized)?;
    let library = process.library.read().unwrap_or_else(PoisonError::into_inner);
    library.clone().ok_or(Status::CryptokiNotInitialized)
}

/// Takes a new library into use.
///
/// # Errors
/// The process has one, or `make` failed.
pub(super) fn initialize(make: impl FnOnce() -> Result<Library, Status>) -> Result<(), Status> {
    fork::watch();
    let process = existing().unwrap_or_else(renewed);
    let _turn = process.turn.lock().unwrap_or_else(PoisonError::into_inner);
    if library().is_ok() {
        return Err(Status::CryptokiAlreadyInitialized);
    }
    let library = Arc::new(make()?);
    stay_loaded();
    *process.library.write().unwrap_or_else(PoisonError::into_inner) = Some(library);
    Ok(())
}

/// Gives the library up: no call gets in any more, those in flight hear that their link is gone,
/// and nothing of it runs when this returns.
///
/// # Errors
/// The process has none.
pub(super) fn finalize() -> Result<(), Status> {
    let process = existing().ok_or(Status::CryptokiNotInitialized)?;
    let _turn = process.turn.lock().unwrap_or_else(PoisonError::into_inner);
    let library = process.library.write().unwrap_or_else(PoisonError::into_inner).take();
    let library = library.ok_or(Status::CryptokiNotInitialized)?;
    library.close();
    while Arc::strong_count(&library) > 1 {
        thread::sleep(LOOK);
        // A call may have made a new link in the meantime.
        library.close();
    }
    Ok(())
}

/// Keeps the library's code in the process when the application unloads it: libraries below it
/// may have left destructors for the ends of threads.
fn stay_loaded() {
    let mut found = libc::Dl_info {
        dli_fname: ptr::null(),
        dli_fbase: ptr::null_mut(),
        dli_sname: ptr::null(),
        dli_saddr: ptr::null_mut(),
    };
    let here: *const AtomicPtr<Process> = &raw const PROCESS;
    // SAFETY: the address is one of this library, and what is found names a loaded file.
    unsafe {
        if libc::dladdr(here.cast(), &raw mut found) != 0 {
            let flags = libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
            libc::dlopen(found.dli_fname, flags);
        }
    }
}

/// What this process has; what its parent had does not count.
fn existing() -> Option<&'static Process> {
    // SAFETY: what is stored was leaked and is never freed.
    let process = unsafe { PROCESS.load(Ordering::Acquire).as_ref() }?;
    process.lineage.is_own().then_some(process)
}

/// Makes what this process has not yet.
fn renewed() -> &'static Process {
    let inherited = PROCESS.load(Ordering::Acquire);
    let lineage = Lineage::own();
    let fresh = Process { lineage, library: RwLock::default(), turn: Mutex::default() };
    let fresh = Box::leak(Box::new(fresh));
    let stored = PROCESS.compare_exchange(inherited, fresh, Ordering::AcqRel, Ordering::Acquire);
    match stored {
        Ok(_) => fresh,
        // Another thread of this process was first.
        Err(_) => existing().unwrap_or(fresh),
    }
}
