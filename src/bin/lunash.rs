//! `lunash`: the shell of the appliance's administrator.

use std::{io, process::ExitCode};

use lunacm::{
    client::AdminLink,
    command::{
        interrupts::{Waiting, listen},
        lunash::{Arguments, Lunash, describe},
    },
    shell::{Failure, Interrupts, Source, arguments, cannot_begin, run_with},
};

fn main() -> ExitCode {
    // Passwords pass through here. A system that refuses has no dumps to hide them from.
    let _ = lunacm::hardening::hide_memory();
    let arguments = match arguments::<Arguments>() {
        Ok(arguments) => arguments,
        Err(status) => return status,
    };
    let failed = |failure| cannot_begin(&failure, &describe(&failure));
    start(&arguments).map_or_else(failed, ExitCode::from)
}

fn start(arguments: &Arguments) -> Result<u8, Failure> {
    let unusable = |failure: Failure| failure.code(Failure::UNUSABLE);
    let link = AdminLink::open(&arguments.data).map_err(Failure::from);
    let mut link = link.map_err(unusable)?;
    let interactive = arguments.command.is_empty();
    let interrupts = Interrupts::default();
    let waiting = Waiting::new(&interrupts);
    let cannot_listen = |error: io::Error| unusable(Failure::new(error.to_string(), ""));
    listen(interrupts.clone()).map_err(cannot_listen)?;
    let ask = move |request: &_| link.ask_unless(request, waiting.clone().given_up());
    let lunash = Lunash::new(ask, interactive, interrupts);
    let mut lunash = lunash.map_err(unusable)?;
    let source = if interactive {
        Source::standard_input(Some(arguments.data.join("lunash_history")))
    } else {
        Source::command(&arguments.command)
    };
    let source = source.map_err(|error| unusable(Failure::new(error.to_string(), "")))?;
    Ok(run_with(&mut lunash, source, &mut io::stdout(), arguments.run.settings()))
}
