//! Beginnings and ends: of the library, of sessions, of the link.

use std::{
    fs,
    process::Command,
    ptr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use cryptoki_sys::*;
use lunacm::pkcs11::function_list;

use crate::{caller::PIN, in_turn};

pub fn initialize() -> CK_RV {
    // SAFETY: no arguments are permitted.
    unsafe { function_list().C_Initialize.unwrap()(ptr::null_mut()) }
}

pub fn finalize() -> CK_RV {
    // SAFETY: as the specification has it.
    unsafe { function_list().C_Finalize.unwrap()(ptr::null_mut()) }
}

pub fn open(flags: CK_FLAGS) -> Result<CK_SESSION_HANDLE, CK_RV> {
    let mut session = 0;
    // SAFETY: the place is there.
    let code = unsafe {
        let open = function_list().C_OpenSession.unwrap();
        open(0, flags | CKF_SERIAL_SESSION, ptr::null_mut(), None, &raw mut session)
    };
    if code == CKR_OK { Ok(session) } else { Err(code) }
}

pub fn log_in(session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: &[u8]) -> CK_RV {
    let mut pin = pin.to_vec();
    let length = pin.len() as CK_ULONG;
    // SAFETY: the PIN is as long as told.
    unsafe { function_list().C_Login.unwrap()(session, user, pin.as_mut_ptr(), length) }
}

pub fn close(session: CK_SESSION_HANDLE) -> CK_RV {
    // SAFETY: no memory is involved.
    unsafe { function_list().C_CloseSession.unwrap()(session) }
}

pub fn random(session: CK_SESSION_HANDLE) -> CK_RV {
    let mut bytes = [0_u8; 16];
    // SAFETY: there is room for sixteen bytes.
    unsafe { function_list().C_GenerateRandom.unwrap()(session, bytes.as_mut_ptr(), 16) }
}

fn state(session: CK_SESSION_HANDLE) -> CK_STATE {
    let mut info = CK_SESSION_INFO::default();
    // SAFETY: the place is there.
    let code = unsafe { function_list().C_GetSessionInfo.unwrap()(session, &raw mut info) };
    assert_eq!(code, CKR_OK);
    info.state
}

unsafe extern "C" fn create(_: *mut *mut std::ffi::c_void) -> CK_RV {
    CKR_OK
}
unsafe extern "C" fn other(_: *mut std::ffi::c_void) -> CK_RV {
    CKR_OK
}

#[test]
fn initialization_is_checked() {
    let (_turn, _token) = in_turn();
    let given = |arguments: &mut CK_C_INITIALIZE_ARGS| {
        // SAFETY: the arguments are there.
        unsafe { function_list().C_Initialize.unwrap()(ptr::from_mut(arguments).cast()) }
    };
    let mut arguments = CK_C_INITIALIZE_ARGS::default();
    arguments.pReserved = ptr::from_mut(&mut arguments).cast();
    assert_eq!(given(&mut arguments), CKR_ARGUMENTS_BAD);
    arguments.pReserved = ptr::null_mut();
    arguments.CreateMutex = Some(create);
    assert_eq!(given(&mut arguments), CKR_ARGUMENTS_BAD, "one mutex function alone");
    arguments.DestroyMutex = Some(other);
    arguments.LockMutex = Some(other);
    arguments.UnlockMutex = Some(other);
    assert_eq!(given(&mut arguments), CKR_CANT_LOCK, "the application's mutexes alone");
    assert_eq!(finalize(), CKR_CRYPTOKI_NOT_INITIALIZED);
    arguments.flags = CKF_OS_LOCKING_OK;
    assert_eq!(given(&mut arguments), CKR_OK);
    assert_eq!(initialize(), CKR_CRYPTOKI_ALREADY_INITIALIZED);
    assert_eq!(finalize(), CKR_OK);
    assert_eq!(open(0), Err(CKR_CRYPTOKI_NOT_INITIALIZED));
}

#[test]
fn a_login_is_the_applications_and_ends_with_its_last_session() {
    let (_turn, _token) = in_turn();
    assert_eq!(initialize(), CKR_OK);
    let read_only = open(0).unwrap();
    let read_write = open(CKF_RW_SESSION).unwrap();
    assert_eq!(log_in(read_only, CKU_SO, b"po-password1"), CKR_SESSION_READ_ONLY_EXISTS);
    assert_eq!(log_in(read_only, 77, PIN), CKR_USER_TYPE_INVALID);
    assert_eq!(log_in(read_only, CKU_USER, b"wrong-password"), CKR_PIN_INCORRECT);
    assert_eq!(log_in(read_only, CKU_CONTEXT_SPECIFIC, PIN), CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(log_in(read_only, CKU_USER, PIN), CKR_OK);
    assert_eq!(state(read_only), CKS_RO_USER_FUNCTIONS);
    assert_eq!(state(read_write), CKS_RW_USER_FUNCTIONS);
    assert_eq!(log_in(read_write, CKU_USER, PIN), CKR_USER_ALREADY_LOGGED_IN);
    assert_eq!(log_in(read_write, 0x8000_0001, PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    assert_eq!(close(read_only), CKR_OK);
    assert_eq!(close(read_only), CKR_SESSION_HANDLE_INVALID);
    assert_eq!(state(read_write), CKS_RW_USER_FUNCTIONS);
    assert_eq!(close(read_write), CKR_OK);
    let again = open(CKF_RW_SESSION).unwrap();
    assert_eq!(state(again), CKS_RW_PUBLIC_SESSION);
    assert_eq!(log_in(again, CKU_SO, b"po-password1"), CKR_OK);
    assert_eq!(state(again), CKS_RW_SO_FUNCTIONS);
    assert_eq!(open(0), Err(CKR_SESSION_READ_WRITE_SO_EXISTS));
    assert_eq!(finalize(), CKR_OK);
}

#[test]
fn the_library_is_given_up_while_threads_call() {
    let (_turn, _token) = in_turn();
    for _ in 0..3 {
        assert_eq!(initialize(), CKR_OK);
        let session = open(0).unwrap();
        let (started, ended) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let calling = || {
                loop {
                    let late = ended.load(Ordering::SeqCst);
                    let code = random(session);
                    started.store(true, Ordering::SeqCst);
                    if code != CKR_OK {
                        return (code, random(session));
                    }
                    assert!(!late, "a call after C_Finalize succeeded");
                }
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(calling)).collect();
            while !started.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            assert_eq!(finalize(), CKR_OK);
            ended.store(true, Ordering::SeqCst);
            for thread in threads {
                let (code, next) = thread.join().unwrap();
                let permitted = [CKR_DEVICE_REMOVED, CKR_CRYPTOKI_NOT_INITIALIZED];
                // The call that was under way may have been performed.
                assert!(permitted.contains(&code) || code == CKR_DEVICE_ERROR, "{code:#x}");
                assert!(permitted.contains(&next), "{next:#x}");
            }
        });
        assert_eq!(random(session), CKR_CRYPTOKI_NOT_INITIALIZED);
    }
}

#[test]
fn a_lost_link_is_told_and_a_new_session_makes_a_new_one() {
    let (_turn, mut token) = in_turn();
    assert_eq!(initialize(), CKR_OK);
    let session = open(0).unwrap();
    assert_eq!(log_in(session, CKU_USER, PIN), CKR_OK);
    // A request under way when the link ends may have been performed; the next one was not.
    let process = token.world.daemon.process();
    signal(process, "-STOP");
    crate::world::eventually("every thread has stopped", || all_stopped(process));
    thread::scope(|scope| {
        let asked = scope.spawn(|| random(session));
        thread::sleep(Duration::from_millis(300));
        token.world.daemon.kill();
        assert_eq!(asked.join().unwrap(), CKR_DEVICE_ERROR);
    });
    assert_eq!(random(session), CKR_DEVICE_REMOVED);
    let refused = open(0).unwrap_err();
    assert!([CKR_TOKEN_NOT_PRESENT, CKR_DEVICE_REMOVED].contains(&refused), "{refused:#x}");
    token.world.start_again();
    let mut opened = open(0);
    crate::world::eventually("a session opens again", || {
        if opened.is_err() {
            opened = open(0);
        }
        opened.is_ok()
    });
    let again = opened.unwrap();
    assert_eq!(state(again), CKS_RO_PUBLIC_SESSION);
    assert_eq!(random(again), CKR_OK);
    assert_eq!(random(session), CKR_DEVICE_REMOVED, "the session was of the lost link");
    assert_eq!(close(session), CKR_OK);
    assert_eq!(log_in(again, CKU_USER, PIN), CKR_OK);
    assert_eq!(finalize(), CKR_OK);
}

/// Neither a session nor the login is lost by an answer that comes too late.
#[test]
fn an_appliance_that_does_not_answer_is_told_in_the_time_that_is_configured() {
    let (_turn, token) = in_turn();
    let patience = ["setValue", "-s", "LunaSA Client", "-e", "ReceiveTimeout", "-v", "5000"];
    token.run(env!("CARGO_BIN_EXE_configurator"), &patience).ok();
    assert_eq!(initialize(), CKR_OK);
    let session = open(0).unwrap();
    assert_eq!(log_in(session, CKU_USER, PIN), CKR_OK);
    let process = token.world.daemon.process();
    signal(process, "-STOP");
    crate::world::eventually("every thread has stopped", || all_stopped(process));
    assert_eq!(random(session), CKR_DEVICE_ERROR);
    signal(process, "-CONT");
    crate::world::eventually("the appliance answers again", || random(session) == CKR_OK);
    assert_eq!(state(session), CKS_RO_USER_FUNCTIONS);
    assert_eq!(finalize(), CKR_OK);
}

fn signal(process: u32, name: &str) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().unwrap().success());
}

/// A signal stops the threads of a process one after the other.
fn all_stopped(process: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    threads.map(|thread| thread.unwrap().path().join("stat")).all(|stat| {
        let stat = fs::read_to_string(stat).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('T'))
    })
}

#[test]
fn a_wait_for_an_event_ends_with_the_library() {
    let (_turn, _token) = in_turn();
    assert_eq!(initialize(), CKR_OK);
    let session = open(0).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut slot = 0;
            // SAFETY: the place is there.
            unsafe {
                function_list().C_WaitForSlotEvent.unwrap()(0, &raw mut slot, ptr::null_mut())
            }
        });
        // It may be too early for the waiting call to have begun; both ends are the same.
        assert_eq!(random(session), CKR_OK);
        assert_eq!(finalize(), CKR_OK);
        assert_eq!(waiting.join().unwrap(), CKR_CRYPTOKI_NOT_INITIALIZED);
    });
}

unsafe extern "C-unwind" {
    fn pthread_testcancel();
}

/// Calls until it is cancelled, in the handle's session. It has nothing to tidy up.
extern "C-unwind" fn calls(session: *mut std::ffi::c_void) -> *mut std::ffi::c_void {
    loop {
        // SAFETY: there is room for sixteen bytes; a cancelled thread ends in the second call.
        unsafe {
            let mut bytes = [0_u8; 16];
            let session = session as CK_SESSION_HANDLE;
            function_list().C_GenerateRandom.unwrap()(session, bytes.as_mut_ptr(), 16);
            pthread_testcancel();
        }
    }
}

#[test]
fn a_thread_that_is_cancelled_ends_behind_its_call() {
    let (_turn, _token) = in_turn();
    assert_eq!(initialize(), CKR_OK);
    let session = open(0).unwrap();
    for _ in 0..20 {
        // SAFETY: the function has the signature that is wanted but for unwinding, which is how a
        // thread is cancelled; the thread is joined.
        unsafe {
            let begin = std::mem::transmute::<
                extern "C-unwind" fn(*mut std::ffi::c_void) -> *mut std::ffi::c_void,
                extern "C" fn(*mut std::ffi::c_void) -> *mut std::ffi::c_void,
            >(calls);
            let (mut other, mut ended) = (0, ptr::null_mut());
            let session = session as *mut std::ffi::c_void;
            assert_eq!(libc::pthread_create(&raw mut other, ptr::null(), begin, session), 0);
            thread::sleep(Duration::from_millis(10));
            assert_eq!(libc::pthread_cancel(other), 0);
            assert_eq!(libc::pthread_join(other, &raw mut ended), 0);
            assert_eq!(ended as isize, -1, "PTHREAD_CANCELED");
        }
        assert_eq!(random(session), CKR_OK, "nothing is locked");
    }
    assert_eq!(finalize(), CKR_OK);
}
