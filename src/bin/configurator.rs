//! `configurator`: reads and edits the client's configuration file.

use std::{
    env,
    io::{self, Write, stdout},
    process::ExitCode,
};

use lunacm::{
    command::configurator::Configurator,
    shell::{Failure, RunOptions, Source, run_with},
};

fn main() -> ExitCode {
    let arguments = env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let (words, options) = RunOptions::of_single(arguments.collect());
    match Source::command(&words) {
        Ok(source) => {
            let settings = options.settings();
            ExitCode::from(run_with(&mut Configurator, source, &mut stdout(), settings))
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "configurator: {error}");
            ExitCode::from(Failure::UNUSABLE)
        }
    }
}
