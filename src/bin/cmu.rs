//! `cmu`: keys and certificates of a token.

use std::process::ExitCode;

use lunacm::{
    command::{cmu::Cmu, located},
    shell::run_single,
};

fn main() -> ExitCode {
    run_single("cmu", || Ok(Cmu::new(located::home()?)))
}
