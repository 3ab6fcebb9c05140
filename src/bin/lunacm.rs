//! `lunacm`: the client's shell.

use std::{
    io::{self, Write, stdout},
    path::PathBuf,
    process::ExitCode,
    time::SystemTime,
};

use clap::Parser;
use lunacm::{
    client::home::Home,
    command::lunacm::{Lunacm, Session},
    embedded::Embedded,
    shell::{Failure, Source, run},
};
use tracing_subscriber::EnvFilter;

/// Manages the partitions that this client reaches over the Secure Trusted Channel.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Runs the commands in a file
    #[arg(short, value_name = "FILE", conflicts_with_all = ["command", "quiet"])]
    file: Option<PathBuf>,
    /// Runs one command, made of the words that follow
    #[arg(short, requires = "words", conflicts_with = "quiet")]
    command: bool,
    /// Runs one command without the banner
    #[arg(short, requires = "words")]
    quiet: bool,
    /// Makes a slot current first
    #[arg(short, value_name = "SLOT")]
    slot: Option<u32>,
    /// Runs an appliance of its own in this process, with a partition that is ready to use
    #[arg(long)]
    embedded: bool,
    /// The words of the command
    #[arg(value_name = "WORDS", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Ok(filter) = EnvFilter::try_from_default_env() {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    }
    ExitCode::from(start(&arguments).unwrap_or_else(|failure| {
        let remedy = failure.remedy.map(|remedy| format!("\n{remedy}")).unwrap_or_default();
        let _ = writeln!(io::stderr(), "lunacm: {}.{remedy}", failure.cause);
        failure.code
    }))
}

fn start(arguments: &Arguments) -> Result<u8, Failure> {
    let one_command = !arguments.words.is_empty();
    if one_command && !arguments.command && !arguments.quiet && arguments.slot.is_none() {
        return Err(Failure::new("Unknown command-line arguments", "")
            .remedy("One command goes behind -c or -q: lunacm -c slot list."));
    }
    let home = Home::locate().map_err(|error| unusable(&error.to_string(), error.remedy()))?;
    // The history lies in the home, which has to be there before the editor opens it.
    home.open().map_err(|error| unusable(&error.to_string(), error.remedy()))?;
    let history = home.directory().join(".lunacm_history");
    let source = match &arguments.file {
        _ if one_command => Source::command(&arguments.words),
        Some(path) => Source::file(path),
        None => Source::standard_input(Some(history)),
    };
    let source = source.map_err(|error| match &arguments.file {
        Some(path) => unusable(&format!("{}: {error}", path.display()), "Name a file of commands."),
        None => unusable(&error.to_string(), ""),
    })?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| unusable(&error.to_string(), ""))?;
    let embedded = arguments.embedded.then(|| Embedded::start(&home, SystemTime::now()));
    let embedded = embedded.map(|starting| runtime.block_on(starting)).transpose();
    let embedded = embedded.map_err(|error| unusable(&error.to_string(), ""))?;
    if let Some(embedded) = embedded.as_ref().filter(|_| !arguments.quiet) {
        let _ = writeln!(stdout(), "{}\n", embedded.notes().join("\n"));
    }
    let mut session = Session::start(home, runtime.handle().clone())?;
    if let Some(slot) = arguments.slot {
        session.select(slot)?;
    }
    let mut program = Lunacm::new(session, arguments.quiet);
    let status = run(&mut program, source, &mut stdout());
    if let Some(embedded) = embedded {
        drop(program);
        runtime.block_on(embedded.stop());
    }
    Ok(status)
}

fn unusable(cause: &str, remedy: &str) -> Failure {
    let failure = Failure::new(cause, "");
    if remedy.is_empty() { failure } else { failure.remedy(remedy) }
}
