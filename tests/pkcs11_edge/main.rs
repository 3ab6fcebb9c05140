//! The C functions as a host program in any state calls them: in any order, with null pointers and
//! lengths that do not fit, while the library is given up, while its appliance dies.

#![allow(unsafe_code, reason = "this is a C program in all but name")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]
#![allow(clippy::as_conversions, clippy::wildcard_imports, reason = "as C programs do")]
#![allow(clippy::match_same_arms, reason = "one line a mechanism")]

#[path = "../world/mod.rs"]
mod world;

#[path = "../pkcs11_tools/token.rs"]
#[allow(dead_code, reason = "each test uses a part")]
mod token;

mod arguments;
mod caller;
mod fork;
mod guarded;
mod kept;
mod lengths;
mod lifecycle;
mod mechanisms;
mod returns;
mod unloading;

use std::{
    env,
    sync::{Mutex, MutexGuard, PoisonError},
};

use caller::{Caller, Choices};
use cryptoki_sys::{
    CKR_ARGUMENTS_BAD, CKR_CRYPTOKI_NOT_INITIALIZED, CKR_GENERAL_ERROR, CKR_SESSION_HANDLE_INVALID,
};
use proptest::{
    collection::vec,
    prelude::any,
    test_runner::{Config, TestCaseError, TestRunner},
};
use token::Token;

/// A process has one library.
static TURN: Mutex<()> = Mutex::new(());

/// A partition, with its client's home as this process's, and the right to use the library.
fn in_turn() -> (MutexGuard<'static, ()>, Token) {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let token = Token::new();
    // SAFETY: the tests take turns, and nothing else in this process touches the environment.
    unsafe { env::set_var("ChrystokiConfigurationPath", &token.client.home) };
    (turn, token)
}

#[test]
fn no_calls_in_any_order_do_harm() {
    let (_turn, _token) = in_turn();
    let caller = Mutex::new(Caller::new());
    let mut runner =
        TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&vec(any::<u8>(), 0..300), |bytes| {
        let mut choices = Choices(&bytes);
        let mut caller = caller.lock().unwrap_or_else(PoisonError::into_inner);
        while !choices.0.is_empty() {
            let (function, code) = caller.call(&mut choices);
            returns::check(function, code).map_err(TestCaseError::fail)?;
            if code == CKR_GENERAL_ERROR {
                return Err(TestCaseError::fail(format!(
                    "function {function} fails for no reason"
                )));
            }
        }
        Ok(())
    });
    lifecycle::finalize();
    outcome.unwrap();
}

/// Functions that take a session, by the numbers of `Caller::call`; and every function but the
/// one that gives the library up.
const OF_SESSIONS: [std::ops::RangeInclusive<u8>; 4] = [8..=9, 13..=55, 57..=62, 11..=11];

#[test]
fn a_session_that_is_none_is_no_session_for_any_function() {
    let (_turn, _token) = in_turn();
    let mut caller = Caller::new();
    for function in OF_SESSIONS.into_iter().flatten() {
        for filler in [0, 1, 255] {
            // The byte behind the function's chooses handle 0.
            let bytes = [&[function, 0][..], &[filler; 60]].concat();
            let (_, code) = caller.call(&mut Choices(&bytes));
            returns::check(function, code).unwrap();
            let told = [CKR_SESSION_HANDLE_INVALID, CKR_ARGUMENTS_BAD].contains(&code);
            assert!(told, "function {function}: {code:#x}");
        }
    }
    lifecycle::finalize();
}

#[test]
fn a_library_that_is_none_does_nothing() {
    let (_turn, _token) = in_turn();
    let mut caller = Caller::new();
    lifecycle::finalize();
    for function in 1..64 {
        for filler in [0, 1, 255] {
            let bytes = [&[function][..], &[filler; 60]].concat();
            let (_, code) = caller.call(&mut Choices(&bytes));
            returns::check(function, code).unwrap();
            let told = [CKR_CRYPTOKI_NOT_INITIALIZED, CKR_ARGUMENTS_BAD].contains(&code);
            assert!(told, "function {function}: {code:#x}");
        }
    }
}
