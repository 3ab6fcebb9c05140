//! A child that has its parent's process number: it begins a namespace of its own.

use std::{
    env,
    ffi::c_long,
    process::{self, Command},
    ptr,
};

use cryptoki_sys::*;
use lunacm::pkcs11::function_list;

use crate::{
    in_turn,
    lifecycle::{finalize, initialize, open, random},
};

/// The environment variable that tells that this is process 1 of a namespace.
const FIRST: &str = "LUNACM_TEST_FIRST_PROCESS";

fn information() -> CK_RV {
    let mut info = CK_INFO::default();
    // SAFETY: the place is there.
    unsafe { function_list().C_GetInfo.unwrap()(&raw mut info) }
}

#[test]
fn a_child_with_the_same_number_uses_nothing_of_its_parents() {
    let (_turn, token) = in_turn();
    let can = Command::new("unshare").args(["-Upfr", "true"]).status();
    if !can.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no namespaces for users and processes can be made here");
        return;
    }
    let this = env::current_exe().unwrap();
    let program = this.display().to_string();
    let arguments =
        ["-Upfr", &program, "--exact", "--nocapture", "--ignored", "fork::is_process_one"];
    let mut command = token.command("unshare", &arguments);
    command.current_dir(&token.client.home).env(FIRST, "1");
    let shown = crate::world::run(command, "");
    shown.ok().has("the child used nothing");
}

#[test]
#[ignore = "process 1 of a namespace that a test makes"]
fn is_process_one() {
    if env::var_os(FIRST).is_none() {
        return;
    }
    assert_eq!(process::id(), 1);
    assert_eq!(initialize(), CKR_OK);
    let session = open(0).unwrap();
    assert_eq!(random(session), CKR_OK);
    // SAFETY: from now on children are in a namespace of their own.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWPID) }, 0);
    for handlers in [true, false] {
        // SAFETY: the child calls nothing but this library, whose locks are not touched if it is
        // right, and ends. Without `fork` no handlers of forks run.
        let child = unsafe {
            if handlers {
                libc::fork()
            } else {
                let nothing = ptr::null_mut::<u8>();
                let made = libc::syscall(
                    libc::SYS_clone,
                    c_long::from(libc::SIGCHLD),
                    nothing,
                    nothing,
                    nothing,
                    nothing,
                );
                libc::pid_t::try_from(made).unwrap()
            }
        };
        if child == 0 {
            let right = process::id() == 1
                && information() == CKR_CRYPTOKI_NOT_INITIALIZED
                && random(session) == CKR_CRYPTOKI_NOT_INITIALIZED;
            // SAFETY: the process ends here.
            unsafe { libc::_exit(i32::from(!right)) };
        }
        let mut status = 0;
        // SAFETY: the place is there.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0, "the child used what is its parent's");
        assert_eq!(random(session), CKR_OK, "the parent goes on");
        // The namespace has ended with its first process: no other child can be made in it.
        break_out(handlers);
    }
    println!("the child used nothing");
    assert_eq!(finalize(), CKR_OK);
}

/// Makes the next child the first of a namespace again.
fn break_out(more: bool) {
    if more {
        // SAFETY: as above.
        let again = unsafe { libc::unshare(libc::CLONE_NEWPID) };
        assert!(again == 0 || again == -1);
    }
}
