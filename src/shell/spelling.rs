//! From Luna's spelling to clap's, and from clap's complaints to Luna's.

use std::{error::Error as _, ffi::OsString};

use clap::{
    ArgMatches, Command, Parser,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{
    Failure, Style, help,
    reading::{Complaint, Given, Reading, read},
    tree,
    words::Word,
};

/// What a line asks for.
pub enum Meaning<L> {
    /// Nothing: the line is empty.
    Nothing,
    /// The help text to show.
    Help(String),
    /// The end of the shell.
    Exit,
    /// A command, and its words without options.
    Run(L, String),
}

/// A line that could not be understood.
#[derive(Debug)]
pub struct Misuse {
    /// What was wrong.
    pub failure: Failure,
    /// The words of the command, as far as they were understood.
    pub command: String,
    /// The help text of the command, where there is one.
    pub usage: Option<String>,
}

/// What puts secrets into the place of the options that say where they stand.
pub type Fetch<'a> = &'a mut dyn FnMut(&mut Reading<'_>) -> Result<(), Complaint>;

/// Understands the words of a line. `root` is the tree of `L`'s declarations; help texts are made
/// for `width` columns.
///
/// # Errors
/// There is no such command, or its options are wrong.
pub fn understand<L: Parser>(
    root: &mut Command,
    style: &Style,
    words: &[Word],
    width: usize,
    fetch: Fetch<'_>,
) -> Result<Meaning<L>, Box<Misuse>> {
    let mut reading = read(root, words, style.matching);
    if reading.path.is_empty() && !reading.help && reading.complaint.is_none() {
        return Ok(Meaning::Nothing);
    }
    let command = reading.command_words();
    let usage = help::render(root, &reading.path, style, width);
    if let Some(complaint) = complaint(&reading) {
        return Err(Box::new(misuse(style, complaint, command, usage)));
    }
    if reading.help {
        return Ok(Meaning::Help(usage));
    }
    if command == tree::EXIT && style.exits {
        return Ok(Meaning::Exit);
    }
    fetch(&mut reading).map_err(|complaint| {
        let told = misuse(style, complaint, command.clone(), usage.clone());
        Box::new(Misuse { usage: None, ..told })
    })?;
    let arguments = arguments(&reading);
    let leaf = reading.node.clone();
    let wrong = |error: &clap::Error| {
        let complaint = translate(&leaf, error);
        Box::new(misuse(style, complaint, command.clone(), usage.clone()))
    };
    let mut matches: ArgMatches =
        root.try_get_matches_from_mut(arguments).map_err(|error| wrong(&error))?;
    let line = L::from_arg_matches_mut(&mut matches).map_err(|error| wrong(&error))?;
    Ok(Meaning::Run(line, command))
}

/// What is wrong with a reading. A question for help excuses wrong options.
fn complaint(reading: &Reading) -> Option<Complaint> {
    if let Some(complaint) = &reading.complaint {
        return (!reading.help || complaint.no_command).then(|| complaint.clone());
    }
    let unfinished = reading.node.has_subcommands() && !reading.help;
    unfinished.then(|| Complaint {
        cause: format!("'{}' needs one of its commands behind it", reading.command_words()),
        remedy: None,
        no_command: false,
    })
}

fn misuse(style: &Style, complaint: Complaint, command: String, usage: String) -> Misuse {
    let results = &style.results;
    let result = if complaint.no_command { results.unknown_command } else { results.wrong_use };
    let usage = Some(usage).filter(|_| !complaint.no_command);
    let failure = Failure::new(complaint.cause, result).code(Failure::MISUSED);
    Misuse { failure: Failure { remedy: complaint.remedy, ..failure }, command, usage }
}

/// The line as clap takes it: commands by their names, `--option=value`, and positional arguments
/// behind `--`, so that no value can be taken for an option.
fn arguments(reading: &Reading) -> Vec<OsString> {
    let commands = reading.path.iter().map(|command| command.get_name().to_owned());
    let (positional, options): (Vec<_>, Vec<_>) =
        reading.given.iter().partition(|given| given.arg.is_positional());
    let options = options.into_iter().map(option);
    let mut arguments: Vec<OsString> = commands.chain(options).map(OsString::from).collect();
    if !positional.is_empty() {
        arguments.push(OsString::from("--"));
    }
    let values = positional.into_iter().filter_map(|given| given.value.as_ref());
    arguments.extend(values.map(|value| OsString::from(value.as_str())));
    arguments
}

fn option(given: &Given) -> String {
    let name = match (given.arg.get_long(), given.arg.get_short()) {
        (Some(long), _) => format!("--{long}"),
        (None, short) => format!("-{}", short.map(String::from).unwrap_or_default()),
    };
    match &given.value {
        Some(value) => format!("{name}={}", value.as_str()),
        None => name,
    }
}

/// Clap's complaint in the words of the shell. Clap names options `--label <LABEL>`.
fn translate(leaf: &Command, error: &clap::Error) -> Complaint {
    let named = names(error.get(ContextKind::InvalidArg));
    let prior = names(error.get(ContextKind::PriorArg));
    let list = named.join(", ");
    let cause = match error.kind() {
        ErrorKind::MissingRequiredArgument => format!("{list} is missing"),
        ErrorKind::ArgumentConflict if named == prior || prior.is_empty() => {
            format!("{list} is given more than once")
        }
        ErrorKind::ArgumentConflict => {
            format!("{list} and {} exclude each other", prior.join(", "))
        }
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => wrong_value(leaf, &list, error),
        kind => format!("the options are wrong: {kind}"),
    };
    Complaint { cause, remedy: None, no_command: false }
}

/// The reason that the value's own type gives; the value itself unless it is a secret.
fn wrong_value(leaf: &Command, name: &str, error: &clap::Error) -> String {
    let secret = tree::find_option(leaf, name.trim_start_matches('-')).is_some_and(tree::is_secret);
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) if !secret => format!(" '{value}'"),
        _ => String::new(),
    };
    match error.source() {
        Some(reason) => {
            format!("the value{value} of {name} is wrong: {}", plain(&reason.to_string()))
        }
        None => format!("the value{value} of {name} is wrong"),
    }
}

/// The standard library's words for wrong numbers, as a user would put them.
fn plain(reason: &str) -> &str {
    match reason {
        "invalid digit found in string" => "it is not a whole number",
        "cannot parse integer from empty string" => "it is empty",
        "number too large to fit in target type" => "the number is too large",
        "number too small to fit in target type" => "the number is too small",
        reason => reason,
    }
}

fn names(context: Option<&ContextValue>) -> Vec<String> {
    let texts = match context {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    };
    texts.iter().map(|text| luna_name(text)).collect()
}

/// `--label <LABEL>` and `--label=<LABEL>` become `-label`, `<--a <A>|--b>` becomes `-a or -b`;
/// `<FILE>` stays.
fn luna_name(text: &str) -> String {
    if let Some(several) = text.strip_prefix("<--").and_then(|rest| rest.strip_suffix('>')) {
        let names: Vec<_> = format!("--{several}").split('|').map(luna_name).collect();
        return names.join(" or ");
    }
    match text.strip_prefix("--") {
        Some(name) => format!("-{}", name.split([' ', '=']).next().unwrap_or(name)),
        None => text.to_owned(),
    }
}
