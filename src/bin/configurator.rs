//! `configurator`: reads and edits the client's configuration file.

use std::process::ExitCode;

use lunacm::{command::configurator::Configurator, shell::run_single};

fn main() -> ExitCode {
    run_single("configurator", || Ok(Configurator))
}
