//! `cmu`: keys and certificates of a token.

use std::{
    env,
    io::{self, Write, stdout},
    process::ExitCode,
};

use lunacm::{
    client::home::Home,
    command::cmu::Cmu,
    shell::{Failure, Source, run},
};

fn main() -> ExitCode {
    match start() {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            let remedy = failure.remedy.map(|remedy| format!("\n{remedy}")).unwrap_or_default();
            let _ = writeln!(io::stderr(), "cmu: {}{remedy}", failure.cause);
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<u8, Failure> {
    let mut arguments: Vec<String> =
        env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    if arguments.is_empty() || arguments.iter().any(|word| word == "-h" || word == "--help") {
        arguments = vec!["help".to_owned()];
    }
    let home = Home::locate()
        .map_err(|error| Failure::new(error.to_string(), "").remedy(error.remedy()))?;
    let source = Source::command(&arguments);
    let source = source.map_err(|error| Failure::new(error.to_string(), ""))?;
    Ok(run(&mut Cmu::new(home), source, &mut stdout()))
}
