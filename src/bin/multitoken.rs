//! `multitoken`: how many operations a second a token does.

use std::process::ExitCode;

use lunacm::{
    command::{located, multitoken::Multitoken},
    shell::run_single,
};

fn main() -> ExitCode {
    run_single("multitoken", || Ok(Multitoken::new(located::home()?)))
}
