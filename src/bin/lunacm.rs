//! `lunacm`: the client's shell.

use std::{
    io::{self, Write, stdout},
    path::Path,
    process::ExitCode,
    time::SystemTime,
};

use lunacm::{
    client::home::Home,
    command::{
        interrupts::listen,
        located,
        lunacm::{Arguments, Lunacm, Session},
        manual,
    },
    embedded::Embedded,
    shell::{
        Failure, Interrupts, Screen, Source, arguments, cannot_begin, reason, run_with, screened,
    },
};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    // Passwords pass through here. A system that refuses has no dumps to hide them from.
    let _ = lunacm::hardening::hide_memory();
    let arguments = match arguments::<Arguments>() {
        Ok(arguments) => arguments,
        Err(status) => return status,
    };
    if let Ok(filter) = EnvFilter::try_from_default_env() {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(|| Screen(io::stderr()))
            .init();
    }
    let failed = |failure| cannot_begin(&failure, &reason("lunacm", &failure));
    start(&arguments).map_or_else(failed, ExitCode::from)
}

fn start(arguments: &Arguments) -> Result<u8, Failure> {
    if let Some(kind) = arguments.generate {
        return generate(kind, arguments.words.first().map_or(".", String::as_str));
    }
    let one_command = !arguments.words.is_empty();
    if one_command && !arguments.command && !arguments.quiet && arguments.slot.is_none() {
        return Err(Failure::new("Unknown command-line arguments", "")
            .remedy("One command goes behind -c or -q: lunacm -c slot list.")
            .code(Failure::MISUSED));
    }
    let home = located::home()?;
    // The history lies in the home, which has to be there before the editor opens it.
    home.open().map_err(|error| unusable(&error.to_string(), error.remedy()))?;
    let source = source(arguments, &home)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| unusable(&error.to_string(), ""))?;
    let embedded = arguments.embedded.then(|| Embedded::start(&home, SystemTime::now()));
    let embedded = embedded.map(|starting| runtime.block_on(starting)).transpose();
    let embedded = embedded.map_err(|error| unusable(&error.to_string(), ""))?;
    let quiet = arguments.quiet || arguments.run.json;
    if let Some(embedded) = embedded.as_ref().filter(|_| !quiet) {
        let _ = writeln!(stdout(), "{}\n", screened(&embedded.notes().join("\n")));
    }
    let interrupts = Interrupts::default();
    listen(interrupts.clone()).map_err(|error| unusable(&error.to_string(), ""))?;
    let session = Session::start(home, runtime.handle().clone(), &interrupts);
    let mut session = session.map_err(|failure| failure.code(Failure::UNUSABLE))?;
    if let Some(slot) = arguments.slot {
        session.select(slot)?;
    }
    let mut program = Lunacm::new(session, quiet, interrupts);
    let status = run_with(&mut program, source, &mut stdout(), arguments.run.settings());
    if let Some(embedded) = embedded {
        drop(program);
        runtime.block_on(embedded.stop());
    }
    // Work that a command was left with may still wait for somebody who does not answer.
    runtime.shutdown_background();
    Ok(status)
}

/// Where commands come from: the arguments, a file, or standard input.
fn source(arguments: &Arguments, home: &Home) -> Result<Source, Failure> {
    let source = match &arguments.file {
        _ if !arguments.words.is_empty() => Source::command(&arguments.words),
        Some(path) => Source::file(path),
        None => Source::standard_input(Some(home.directory().join(".lunacm_history"))),
    };
    source.map_err(|error| match &arguments.file {
        Some(path) => unusable(&format!("{}: {error}", path.display()), "Name a file of commands."),
        None => unusable(&error.to_string(), ""),
    })
}

fn generate(kind: manual::Kind, directory: &str) -> Result<u8, Failure> {
    let directory = Path::new(directory);
    let names = manual::generate(kind, directory).map_err(|error| {
        unusable(&format!("{}: {error}", directory.display()), "Name a directory to write into.")
    })?;
    let paths = names.iter().map(|name| format!("{}\n", directory.join(name).display()));
    let _ = stdout().write_all(screened(&paths.collect::<String>()).as_bytes());
    Ok(0)
}

fn unusable(cause: &str, remedy: &str) -> Failure {
    let failure = Failure::new(cause, "").code(Failure::UNUSABLE);
    if remedy.is_empty() { failure } else { failure.remedy(remedy) }
}
