//! `lunash`: the shell of the appliance's administrator.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use lunacm::{
    client::AdminLink,
    command::lunash::{Lunash, describe},
    shell::{Failure, Source, run},
};

/// The shell of the appliance's administrator, on the appliance itself.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The data directory of the appliance, which has to run
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Runs one command, made of the rest of the arguments, and ends
    #[arg(
        short,
        value_name = "WORDS",
        num_args = 1..,
        allow_hyphen_values = true,
        trailing_var_arg = true
    )]
    command: Vec<String>,
}

fn main() -> ExitCode {
    match start(&Arguments::parse()) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            let _ = writeln!(io::stderr(), "{}", describe(&failure));
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &Arguments) -> Result<u8, Failure> {
    let mut link = AdminLink::open(&arguments.data).map_err(Failure::from)?;
    let interactive = arguments.command.is_empty();
    let mut lunash = Lunash::new(move |request| link.ask(request), interactive)?;
    let source = if interactive {
        Source::standard_input(Some(arguments.data.join("lunash_history")))
    } else {
        Source::command(&arguments.command)
    };
    let source = source.map_err(|error| Failure::new(error.to_string(), ""))?;
    Ok(run(&mut lunash, source, &mut io::stdout()))
}
