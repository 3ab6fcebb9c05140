//! `vtl`: registers appliances on a client.

use std::process::ExitCode;

use lunacm::{
    command::{located, vtl::Vtl},
    shell::run_single,
};

fn main() -> ExitCode {
    run_single("vtl", || Ok(Vtl::new(located::home()?)))
}
