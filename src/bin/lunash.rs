//! `lunash`: the shell of the appliance's administrator.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use lunacm::{
    client::AdminLink,
    command::lunash::{Arguments, Lunash, describe},
    shell::{Failure, Source, run_with},
};

fn main() -> ExitCode {
    match start(&Arguments::parse()) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            let _ = writeln!(io::stderr(), "{}", describe(&failure));
            ExitCode::from(failure.code)
        }
    }
}

fn start(arguments: &Arguments) -> Result<u8, Failure> {
    let unusable = |failure: Failure| failure.code(Failure::UNUSABLE);
    let link = AdminLink::open(&arguments.data).map_err(Failure::from);
    let mut link = link.map_err(unusable)?;
    let interactive = arguments.command.is_empty();
    let lunash = Lunash::new(move |request| link.ask(request), interactive);
    let mut lunash = lunash.map_err(unusable)?;
    let source = if interactive {
        Source::standard_input(Some(arguments.data.join("lunash_history")))
    } else {
        Source::command(&arguments.command)
    };
    let source = source.map_err(|error| unusable(Failure::new(error.to_string(), "")))?;
    Ok(run_with(&mut lunash, source, &mut io::stdout(), arguments.run.settings()))
}
