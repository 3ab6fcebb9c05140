//! Other people's programs over the module: what users run has to run.
//!
//! `.ci/tools` installs the programs. Without one of them its tests say on standard error that they
//! were skipped; where everything has to be there (`CI` is set) they fail.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

#[path = "../world/mod.rs"]
mod world;

mod gnutls;
mod java;
mod opensc;
mod openssl;
mod python;
mod readme;
mod ssh;
mod token;
