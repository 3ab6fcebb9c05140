//! Programs that load the library, unload it and end, each a process of its own.

use std::{
    env,
    ffi::{CString, c_void},
    fs, mem, process, ptr, thread,
    time::Duration,
};

use cryptoki_sys::*;

use crate::{in_turn, token::module, world::run};

/// What the child does, by its environment.
const CHILD: &str = "LUNACM_TEST_UNLOADING";

#[test]
fn a_program_unloads_the_library_or_ends_whatever_goes_on() {
    let (_turn, token) = in_turn();
    for what in ["again", "open", "waiting", "unloaded"] {
        let program = env::current_exe().unwrap();
        let child = ["unloading::the_program", "--exact", "--ignored", "--nocapture"];
        let mut command = token.client.command(&program.display().to_string(), &child);
        command.env(CHILD, what);
        run(command, "").ok().has("the program is through");
    }
}

#[test]
#[ignore = "the program that the test above runs"]
fn the_program() {
    let what = env::var(CHILD).unwrap();
    let threads = threads();
    match what.as_str() {
        "again" => {
            for _ in 0..3 {
                let library = Loaded::new();
                library.work();
                assert_eq!(self::threads(), threads, "the library has made a thread");
                library.finalize();
                library.unload();
                // A thread that ends finds no destructor of unloaded code.
                thread::spawn(|| ()).join().unwrap();
            }
        }
        // Neither logged out nor finalized.
        "open" => Loaded::new().work(),
        "unloaded" => {
            let library = Loaded::new();
            library.work();
            library.unload();
        }
        "waiting" => {
            let library = Loaded::new();
            library.work();
            let list = library.list;
            thread::spawn(move || {
                let mut slot = 0;
                // SAFETY: the place is there.
                unsafe { list.C_WaitForSlotEvent.unwrap()(0, &raw mut slot, ptr::null_mut()) }
            });
            // Whether the call has begun by then makes no difference to what is expected.
            thread::sleep(Duration::from_millis(100));
        }
        other => panic!("{other}"),
    }
    println!("the program is through");
    // As a C program's `main` ends: destructors run while threads are where they are.
    process::exit(0);
}

/// The library, loaded as a host program does it.
struct Loaded {
    handle: *mut c_void,
    list: &'static CK_FUNCTION_LIST,
}

impl Loaded {
    fn new() -> Self {
        let name = CString::new(module().display().to_string()).unwrap();
        let mut list = ptr::null_mut();
        // SAFETY: the file is a PKCS#11 module, whose function of this name has this type.
        unsafe {
            let handle = libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
            assert!(!handle.is_null());
            let symbol = libc::dlsym(handle, c"C_GetFunctionList".as_ptr());
            let get: CK_C_GetFunctionList = mem::transmute(symbol);
            assert_eq!(get.unwrap()(&raw mut list), CKR_OK);
            Self { handle, list: &*list }
        }
    }

    /// Initializes the library and has a partition do something over its link.
    fn work(&self) {
        let (mut session, mut bytes) = (0, [0_u8; 16]);
        // SAFETY: every place is there and as large as told.
        unsafe {
            assert_eq!(self.list.C_Initialize.unwrap()(ptr::null_mut()), CKR_OK);
            let (open, nobody) = (self.list.C_OpenSession.unwrap(), ptr::null_mut());
            assert_eq!(open(0, CKF_SERIAL_SESSION, nobody, None, &raw mut session), CKR_OK);
            let random = self.list.C_GenerateRandom.unwrap();
            assert_eq!(random(session, bytes.as_mut_ptr(), 16), CKR_OK);
        }
        assert_ne!(bytes, [0; 16]);
    }

    fn finalize(&self) {
        // SAFETY: as the specification has it.
        assert_eq!(unsafe { self.list.C_Finalize.unwrap()(ptr::null_mut()) }, CKR_OK);
    }

    fn unload(self) {
        // SAFETY: the handle is of a library that is loaded, and nothing of it is used any more.
        assert_eq!(unsafe { libc::dlclose(self.handle) }, 0);
    }
}

/// The threads of this process.
fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}
