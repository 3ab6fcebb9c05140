//! `cmu`: keys and certificates of a token.

use std::{
    env,
    io::{self, Write, stdout},
    process::ExitCode,
};

use lunacm::{
    client::home::Home,
    command::cmu::Cmu,
    shell::{Failure, RunOptions, Source, run_with},
};

fn main() -> ExitCode {
    match start() {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            let remedy = failure.remedy.map(|remedy| format!("\n{remedy}")).unwrap_or_default();
            let _ = writeln!(io::stderr(), "cmu: {}{remedy}", failure.cause);
            ExitCode::from(failure.code)
        }
    }
}

fn start() -> Result<u8, Failure> {
    let arguments = env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let (words, options) = RunOptions::of_single(arguments.collect());
    let unusable =
        |error: &dyn std::fmt::Display| Failure::new(error.to_string(), "").code(Failure::UNUSABLE);
    let home = Home::locate().map_err(|error| unusable(&error).remedy(error.remedy()))?;
    let source = Source::command(&words).map_err(|error| unusable(&error))?;
    Ok(run_with(&mut Cmu::new(home), source, &mut stdout(), options.settings()))
}
