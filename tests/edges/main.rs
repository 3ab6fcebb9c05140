//! Where other people's files and texts meet ours: homes, data directories, secrets that stand
//! elsewhere, and what a screen shows of it all.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod certificates;
mod files;
mod homes;
mod hostile;
mod secrets;
#[path = "../world/mod.rs"]
mod world;
