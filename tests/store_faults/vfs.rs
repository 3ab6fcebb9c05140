//! A layer under SQLite, through the interface that SQLite has for it, which is one of C: every write,
//! truncation, synchronization and new file asks [`super::disk`] first. All else goes to the system's
//! own layer as it is.

#![allow(unsafe_code, reason = "SQLite takes such a layer as pointers to functions of C")]

use std::{
    collections::BTreeMap,
    ffi::{c_char, c_int, c_void},
    ptr,
    sync::{Mutex, OnceLock},
};

use rusqlite::ffi::{
    SQLITE_FULL, SQLITE_IOERR_FSYNC, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_TRUNCATE,
    SQLITE_IOERR_WRITE, SQLITE_OK, SQLITE_OPEN_CREATE, sqlite3_file, sqlite3_io_methods,
    sqlite3_vfs, sqlite3_vfs_find, sqlite3_vfs_register,
};

use super::disk::{Fault, Step, strike};

/// The system's layer.
struct Original(*mut sqlite3_vfs);

// SAFETY: SQLite's layers are there for the whole process and for all threads.
unsafe impl Send for Original {}
// SAFETY: as above; nothing here writes through the pointer.
unsafe impl Sync for Original {}

/// The functions for files of one kind: ours, which files point to, and behind them those that they
/// had.
#[repr(C)]
struct Methods {
    ours: sqlite3_io_methods,
    theirs: sqlite3_io_methods,
}

static ORIGINAL: OnceLock<Original> = OnceLock::new();
/// By the address of theirs. They are never freed.
static METHODS: Mutex<BTreeMap<usize, &'static Methods>> = Mutex::new(BTreeMap::new());

/// Makes this layer the one that every database of this process is opened through.
pub fn register() {
    ORIGINAL.get_or_init(|| {
        // SAFETY: the default layer is there for the whole process; ours is a copy that is never freed,
        // with another name and another way to open. Its functions take their own layer as the first
        // argument and use of it what was copied.
        unsafe {
            let vfs = sqlite3_vfs_find(ptr::null());
            let ours = Box::leak(Box::new(*vfs));
            ours.pNext = ptr::null_mut();
            ours.zName = c"faulty".as_ptr();
            ours.xOpen = Some(open);
            assert_eq!(sqlite3_vfs_register(ours, 1), SQLITE_OK);
            Original(vfs)
        }
    });
}

/// Ours for files that have these.
fn methods(theirs: &sqlite3_io_methods) -> &'static Methods {
    let mut known = METHODS.lock().unwrap();
    known.entry(ptr::from_ref(theirs).addr()).or_insert_with(|| {
        let mut ours = *theirs;
        ours.xWrite = Some(write);
        ours.xTruncate = Some(truncate);
        ours.xSync = Some(sync);
        if ours.xShmMap.is_some() {
            ours.xShmMap = Some(map);
        }
        Box::leak(Box::new(Methods { ours, theirs: *theirs }))
    })
}

/// Theirs for a file that was opened here.
///
/// # Safety
/// `open` has given the file its functions.
unsafe fn theirs(file: *mut sqlite3_file) -> &'static sqlite3_io_methods {
    // SAFETY: they are the first field of what is never freed.
    unsafe { &(*(*file).pMethods.cast::<Methods>()).theirs }
}

unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    if flags & SQLITE_OPEN_CREATE != 0 && strike(Step::Make).is_some() {
        // SAFETY: SQLite looks at this field to know whether there is something to close.
        unsafe { (*file).pMethods = ptr::null() };
        return SQLITE_FULL;
    }
    let Original(original) = ORIGINAL.get().unwrap();
    // SAFETY: the arguments are SQLite's own, for the layer that ours is a copy of. What it opened has
    // its functions in `pMethods`, which are exchanged for ours.
    unsafe {
        let code = (**original).xOpen.unwrap()(vfs, name, file, flags, out);
        if code == SQLITE_OK
            && let Some(theirs) = (*file).pMethods.as_ref()
        {
            (*file).pMethods = ptr::from_ref(methods(theirs)).cast();
        }
        code
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    bytes: c_int,
    at: i64,
) -> c_int {
    // SAFETY: the arguments are SQLite's own; a part of what it gave is within it.
    let written = |bytes| unsafe { theirs(file).xWrite.unwrap()(file, from, bytes, at) };
    match strike(Step::Write) {
        None => written(bytes),
        Some(Fault::Full) => SQLITE_FULL,
        Some(Fault::Error) => SQLITE_IOERR_WRITE,
        Some(Fault::Short) => {
            written(bytes / 2);
            SQLITE_FULL
        }
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, bytes: i64) -> c_int {
    if strike(Step::Truncate).is_some() {
        return SQLITE_IOERR_TRUNCATE;
    }
    // SAFETY: the arguments are SQLite's own.
    unsafe { theirs(file).xTruncate.unwrap()(file, bytes) }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    if strike(Step::Sync).is_some() {
        return SQLITE_IOERR_FSYNC;
    }
    // SAFETY: the arguments are SQLite's own.
    unsafe { theirs(file).xSync.unwrap()(file, flags) }
}

unsafe extern "C" fn map(
    file: *mut sqlite3_file,
    page: c_int,
    bytes: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // Memory that is shared is a file, too, which grows where it is asked to.
    if extend != 0 && strike(Step::Make).is_some() {
        // SAFETY: SQLite's own place for the answer.
        unsafe { *out = ptr::null_mut() };
        return SQLITE_IOERR_SHMSIZE;
    }
    // SAFETY: the arguments are SQLite's own.
    unsafe { theirs(file).xShmMap.unwrap()(file, page, bytes, extend, out) }
}
