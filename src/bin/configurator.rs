//! `configurator`: reads and edits the client's configuration file.

use std::{
    env,
    io::{self, Write, stdout},
    process::ExitCode,
};

use lunacm::{
    command::configurator::Configurator,
    shell::{Source, run},
};

fn main() -> ExitCode {
    let mut arguments: Vec<String> =
        env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    if arguments.is_empty() || arguments.iter().any(|word| word == "-h" || word == "--help") {
        arguments = vec!["help".to_owned()];
    }
    match Source::command(&arguments) {
        Ok(source) => ExitCode::from(run(&mut Configurator, source, &mut stdout())),
        Err(error) => {
            let _ = writeln!(io::stderr(), "configurator: {error}");
            ExitCode::FAILURE
        }
    }
}
