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
mod lifecycle;

use std::{
    env,
    sync::{Mutex, MutexGuard, PoisonError},
};

use caller::{Caller, Choices};
use lunacm::model::Status;
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
    env::set_current_dir(&token.client.home).unwrap();
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
            let known = u32::try_from(code).ok().and_then(Status::from_code);
            let fine = known.is_some_and(|status| status != Status::GeneralError);
            if !fine {
                return Err(TestCaseError::fail(format!("function {function}: {code:#x}")));
            }
        }
        Ok(())
    });
    lifecycle::finalize();
    outcome.unwrap();
}
