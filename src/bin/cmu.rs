//! `cmu`: keys and certificates of a token.

use std::process::ExitCode;

use lunacm::{
    command::{cmu::Cmu, located},
    shell::run_single,
};

fn main() -> ExitCode {
    // Passwords pass through here. A system that refuses has no dumps to hide them from.
    let _ = lunacm::hardening::hide_memory();
    run_single("cmu", || Ok(Cmu::new(located::home()?)))
}
