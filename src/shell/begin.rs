//! How programs begin, and how they say that they cannot.

use std::{
    env,
    io::{Write, stderr, stdout},
    process::ExitCode,
};

use clap::Parser;

use super::{
    Failure, Program, RunOptions, Source,
    foreign::{is_obeyed, screened},
    record::Record,
    run_with,
};

/// The arguments of this process.
///
/// # Errors
/// They are wrong, or ask for help or the version only. That has been said; the exit status.
pub fn arguments<A: Parser>() -> Result<A, ExitCode> {
    A::try_parse().map_err(|error| {
        if error.use_stderr() && wants_records() {
            let text = error.render().to_string();
            let cause = text.lines().next().unwrap_or_default();
            let cause = cause.trim_start_matches("error: ").trim_end_matches('.');
            let failure = Failure::new(cause, "").remedy("See --help.").code(Failure::MISUSED);
            return cannot_begin(&failure, "");
        }
        // It fails only if nobody reads. An error repeats words of others.
        let _ = if error.use_stderr() {
            stderr().write_all(told(&error).as_bytes())
        } else {
            error.print()
        };
        ExitCode::from(if error.use_stderr() { Failure::MISUSED } else { 0 })
    })
}

/// What is wrong with the arguments. One that a screen would obey is not repeated.
fn told(error: &clap::Error) -> String {
    let mut arguments = env::args_os().skip(1);
    if arguments.any(|argument| argument.to_string_lossy().contains(is_obeyed)) {
        return format!("error: {}\n\nFor more information, try '--help'.\n", error.kind());
    }
    screened(&error.render().to_string()).into_owned()
}

/// Says why a program cannot begin: as `text` on standard error, or as a record if records are
/// wanted. The exit status.
pub fn cannot_begin(failure: &Failure, text: &str) -> ExitCode {
    // There is nobody left to tell that nobody reads.
    let _ = if wants_records() {
        stdout().write_all(Record::failure("", failure).line().as_bytes())
    } else {
        writeln!(stderr(), "{}", screened(text))
    };
    ExitCode::from(failure.code.max(1))
}

/// Why a program of this name cannot begin, in its own words.
pub fn reason(name: &str, failure: &Failure) -> String {
    let remedy = failure.remedy.as_ref().map(|remedy| format!("\n{remedy}"));
    let cause = failure.cause.trim_end_matches('.');
    format!("{name}: {cause}.{}", remedy.unwrap_or_default())
}

/// Runs the one command that the arguments of this process hold, in the program that `make` makes.
pub fn run_single<P: Program>(name: &str, make: impl FnOnce() -> Result<P, Failure>) -> ExitCode {
    let arguments = env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let (words, options) = RunOptions::of_single(arguments.collect());
    let begun = make().and_then(|program| {
        let source = Source::command(&words)
            .map_err(|error| Failure::new(error.to_string(), "").code(Failure::UNUSABLE))?;
        Ok((program, source))
    });
    match begun {
        Ok((mut program, source)) => {
            let status = run_with(&mut program, source, &mut stdout(), options.settings());
            ExitCode::from(status)
        }
        Err(failure) => cannot_begin(&failure, &reason(name, &failure)),
    }
}

/// Asked of the arguments as they are: they may be no ones that can be read.
fn wants_records() -> bool {
    env::args_os().skip(1).any(|argument| argument == "--json")
}
