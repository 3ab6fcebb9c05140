//! Completion and hints, from the tree of declarations.

use std::path::{MAIN_SEPARATOR, Path};

use clap::{Arg, ValueHint};

use super::{
    foreign::is_obeyed,
    help,
    input::Vocabulary,
    reading::{Reading, read, shown},
    tree::{is_secret, kind, options, spelled, takes_value, value_name, visible},
    words::{Word, split_loosely},
};

/// What could stand where the cursor is: the place in bytes where the word begins, and the whole
/// words, in order.
pub fn complete(vocabulary: &Vocabulary, before_cursor: &str) -> (usize, Vec<String>) {
    let (words, start, typed) = last_word(before_cursor);
    let reading = read(&vocabulary.root, &words, vocabulary.matching);
    let mut found = match reading.awaits {
        Some(arg) => values(vocabulary, arg, &typed),
        None if reading.complaint.is_some() => Vec::new(),
        None if reading.node.has_subcommands() => {
            visible(reading.node).map(|command| format!("{} ", command.get_name())).collect()
        }
        None => arguments(vocabulary, &reading, &typed),
    };
    let typed = typed.to_lowercase();
    // The editor draws them: names that a screen would obey are left out.
    found.retain(|word| !word.contains(is_obeyed));
    found.retain(|word| word.trim_matches('"').to_lowercase().starts_with(&typed));
    found.sort();
    found.dedup();
    (start, found)
}

/// What could follow, in grey, with the cursor at the end of the line.
pub fn hint(vocabulary: &Vocabulary, line: &str) -> Option<String> {
    let (words, _, typed) = last_word(line);
    let reading = read(&vocabulary.root, &words, vocabulary.matching);
    if !typed.is_empty() {
        let (_, found) = complete(vocabulary, line);
        let [only] = found.as_slice() else { return None };
        let begins = only.to_lowercase().starts_with(&typed.to_lowercase());
        let rest = only.get(typed.len()..).filter(|_| begins)?.trim_end();
        return Some(rest.to_owned()).filter(|rest| !rest.is_empty());
    }
    if words.is_empty() || reading.help {
        return None;
    }
    if let Some(arg) = reading.awaits {
        return Some(format!("<{}>", value_name(arg)));
    }
    if reading.complaint.is_some() || reading.node.has_subcommands() {
        return None;
    }
    let mut missing = reading.node.get_arguments().filter(|arg| arg.is_required_set());
    missing.find(|arg| !is_given(&reading, arg)).map(help::with_value)
}

/// The complete words before the one being typed, where that one begins, and what is typed of it.
fn last_word(before_cursor: &str) -> (Vec<Word>, usize, String) {
    let (mut words, open) = split_loosely(before_cursor);
    let between = before_cursor.ends_with(char::is_whitespace) && !open;
    match words.pop_if(|_| !between) {
        Some(word) => (words, word.span.start, word.text.to_string()),
        None => (words, before_cursor.len(), String::new()),
    }
}

fn arguments(vocabulary: &Vocabulary, reading: &Reading, typed: &str) -> Vec<String> {
    let free = options(reading.node).filter(|arg| !arg.is_hide_set() && !is_given(reading, arg));
    let mut found: Vec<_> = free.map(|arg| format!("{} ", spelled(arg))).collect();
    if let Some(arg) = reading.node.get_positionals().find(|arg| !is_given(reading, arg)) {
        found.extend(values(vocabulary, arg, typed));
    }
    found
}

fn is_given(reading: &Reading, arg: &Arg) -> bool {
    reading.given.iter().any(|given| given.arg.get_id() == arg.get_id())
}

fn values(vocabulary: &Vocabulary, arg: &Arg, typed: &str) -> Vec<String> {
    if !takes_value(arg) || is_secret(arg) {
        return Vec::new();
    }
    let mut found = shown(&arg.get_possible_values());
    found.extend(vocabulary.values.get(&kind(arg)).cloned().unwrap_or_default());
    let mut found: Vec<_> = found.iter().map(|value| format!("{} ", quoted(value))).collect();
    if matches!(arg.get_value_hint(), ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath)
    {
        found.extend(paths(typed));
    }
    found
}

/// The files that a path could be the beginning of; a folder ends in a separator and no space.
fn paths(typed: &str) -> Vec<String> {
    let cut = typed.rfind(['/', MAIN_SEPARATOR]).map_or(0, |at| at + 1);
    let (folder, beginning) = typed.split_at(cut);
    let place = if folder.is_empty() { Path::new(".") } else { Path::new(folder) };
    let Ok(entries) = place.read_dir() else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let hidden = name.starts_with('.') && !beginning.starts_with('.');
            let path = format!("{folder}{name}");
            let word = if entry.path().is_dir() {
                quoted(&format!("{path}{MAIN_SEPARATOR}"))
            } else {
                quoted(&path) + " "
            };
            (!hidden && name.starts_with(beginning)).then_some(word)
        })
        .collect()
}

fn quoted(value: &str) -> String {
    let needed = value.is_empty() || value.contains(char::is_whitespace);
    if needed { format!("\"{value}\"") } else { value.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, rc::Rc};

    use clap::Command;

    use super::*;
    use crate::shell::{Matching, Secret};

    fn vocabulary() -> Vocabulary {
        let login = Command::new("login")
            .arg(
                Arg::new("name").long("name").required(true).value_parser(["po", "crypto officer"]),
            )
            .arg(
                Arg::new("password")
                    .long("password")
                    .value_parser(|text: &str| text.parse::<Secret>()),
            )
            .arg(Arg::new("file").long("file").value_hint(ValueHint::FilePath));
        let set = Command::new("set").arg(Arg::new("slot").long("slot").value_name("SLOT"));
        let root = Command::new("demo")
            .subcommand(Command::new("role").subcommand(login))
            .subcommand(Command::new("slot").subcommand(set).subcommand(Command::new("show")));
        let values = HashMap::from([("slot".to_owned(), vec!["0".to_owned(), "13".to_owned()])]);
        Vocabulary { root: Rc::new(root), matching: Matching::Exact, values }
    }

    fn words(line: &str) -> Vec<String> {
        complete(&vocabulary(), line).1
    }

    #[test]
    fn commands_options_and_values_are_completed() {
        assert_eq!(words(""), ["role ", "slot "]);
        assert_eq!(words("RO"), ["role "]);
        assert_eq!(words("slot s"), ["set ", "show "]);
        assert_eq!(words("role login -n"), ["-name "]);
        assert_eq!(words("role login -name po "), ["-file ", "-password "]);
        assert_eq!(words("role login -name "), ["\"crypto officer\" ", "po "]);
        assert_eq!(words("slot set -slot 1"), ["13 "]);
        assert_eq!(complete(&vocabulary(), "slot set -slot 1").0, 15);
    }

    #[test]
    fn secrets_and_nonsense_are_not_completed() {
        assert!(words("role login -password ").is_empty());
        assert!(words("bogus ").is_empty());
        assert!(words("slot set 3 ").is_empty());
    }

    #[test]
    fn paths_are_completed_and_quoted() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a b.pid"), "").unwrap();
        std::fs::create_dir(folder.path().join("abc")).unwrap();
        let beginning = format!("{}/a", folder.path().display());
        let found = words(&format!("role login -file {beginning}"));
        assert_eq!(found, [format!("\"{beginning} b.pid\" "), format!("{beginning}bc/")]);
    }

    #[test]
    fn hints_show_what_is_missing() {
        let hint = |line| hint(&vocabulary(), line);
        assert_eq!(hint("role login "), Some("-name <name>".to_owned()));
        assert_eq!(hint("role login -name "), Some("<name>".to_owned()));
        assert_eq!(hint("role login -name po "), None);
        assert_eq!(hint("ro"), Some("le".to_owned()));
        assert_eq!(hint("slot s"), None);
        assert_eq!(hint(""), None);
    }
}
