//! Lines without their secrets, for echoes and the history.

use std::ops::Range;

use clap::Command;

use super::{
    Matching,
    reading::{Given, Reading, read},
    tree::{is_secret, leaves, option_names, options},
    words::{self, Word, split_loosely},
};

/// What stands for a secret, whatever its length.
pub const MASK: &str = "********";

/// The line with every secret value replaced by [`MASK`].
pub fn masked(root: &Command, line: &str, matching: Matching) -> String {
    without(line, secrets(root, line, matching).into_iter().map(|secret| secret.value), MASK)
}

/// A text about these words, with every secret among them replaced by [`MASK`].
pub fn scrubbed(root: &Command, words: &[Word], matching: Matching, text: &str) -> String {
    let line = words::joined(words);
    let mut text = text.to_owned();
    for secret in secrets(root, &line, matching) {
        let value = line.get(secret.value).unwrap_or_default().trim_matches('"');
        if !value.is_empty() {
            text = text.replace(value, MASK);
        }
    }
    text
}

/// The line without its secret options: recalled, it asks for them. Nothing is left of a line that
/// is one word and no command, for it may be a password that missed its prompt.
pub fn memorable(root: &Command, line: &str, matching: Matching) -> String {
    if is_lone_word(root, line, matching) {
        return String::new();
    }
    let kept = without(line, secrets(root, line, matching).into_iter().map(|s| s.whole), "");
    kept.trim().to_owned()
}

/// Whether a line is one word that names no command, not even without its family.
pub fn is_lone_word(root: &Command, line: &str, matching: Matching) -> bool {
    let (words, _) = split_loosely(line);
    let reading = read(root, &words, matching);
    let unknown = reading.complaint.is_some_and(|complaint| complaint.no_command);
    let known = |word: &Word| {
        let same = |(path, _): &(Vec<&str>, &Command)| {
            path.last().is_some_and(|name| name.eq_ignore_ascii_case(&word.text))
        };
        leaves(root).iter().any(same)
    };
    unknown && matches!(words.as_slice(), [word] if !known(word))
}

/// The places of one secret in a line, in bytes.
struct Secret {
    /// The option with its value.
    whole: Range<usize>,
    /// The value alone.
    value: Range<usize>,
}

fn secrets(root: &Command, line: &str, matching: Matching) -> Vec<Secret> {
    let (words, _) = split_loosely(line);
    let reading = read(root, &words, matching);
    let given = reading.given.iter().filter(|given| is_secret(given.arg));
    let mut found: Vec<_> = given.filter_map(|given| place(line, &words, given)).collect();
    if options(reading.node).any(is_secret) {
        found.extend(strays(&words, &reading));
    }
    // An option that was taken for the value of the one before has left its own value alone.
    let swallowed =
        |given: &Given| given.value.as_deref().is_some_and(|value| value.starts_with('-'));
    if reading.complaint.is_some() || reading.given.iter().any(swallowed) {
        found.extend(suspects(root, line, &words));
    }
    found
}

fn place(line: &str, words: &[Word], given: &Given) -> Option<Secret> {
    let first = words.get(given.words.start)?.span.clone();
    let last = words.get(given.words.end.checked_sub(1)?)?.span.clone();
    let whole = first.start..last.end;
    let value = if given.arg.is_positional() {
        whole.clone()
    } else if given.words.len() == 1 {
        behind_sign(line, first)
    } else {
        words.get(given.words.start + 1)?.span.start..last.end
    };
    Some(Secret { whole, value })
}

/// The part of a word behind its `=`, or all of it.
fn behind_sign(line: &str, word: Range<usize>) -> Range<usize> {
    let sign = line.get(word.clone()).and_then(|text| text.find('='));
    sign.map_or(word.start, |at| word.start + at + 1)..word.end
}

fn strays<'a>(words: &'a [Word], reading: &'a Reading) -> impl Iterator<Item = Secret> + 'a {
    let words = reading.strays.iter().filter_map(|at| words.get(*at));
    words.map(|word| Secret { whole: word.span.clone(), value: word.span.clone() })
}

/// In a line that is not understood, whatever follows the name of a secret option of any command.
fn suspects(root: &Command, line: &str, words: &[Word]) -> Vec<Secret> {
    let leaves = leaves(root);
    let secret = leaves.iter().flat_map(|(_, leaf)| options(leaf)).filter(|arg| is_secret(arg));
    let names: Vec<_> = secret.flat_map(option_names).collect();
    let names_secret = |word: &str| {
        let name = word.trim_start_matches('-');
        let clear = name.len() < word.len() || name.len() > 2;
        clear && names.iter().any(|known| known.eq_ignore_ascii_case(name))
    };
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let whole = word.span.clone();
        let sign = word.text.split_once('=').is_some_and(|(name, _)| names_secret(name));
        if sign {
            found.push(Secret { value: behind_sign(line, whole.clone()), whole });
        } else if let Some(next) = words.get(at + 1).filter(|_| names_secret(&word.text)) {
            let value = next.span.clone();
            found.push(Secret { whole: whole.start..value.end, value });
        }
    }
    found
}

/// The line with these places replaced; places may overlap.
fn without(line: &str, places: impl Iterator<Item = Range<usize>>, by: &str) -> String {
    let mut places: Vec<_> = places.collect();
    places.sort_by_key(|place| place.start);
    let mut text = String::new();
    let mut done = 0;
    for place in places {
        if place.start >= done {
            text.push_str(line.get(done..place.start).unwrap_or_default());
            text.push_str(by);
        }
        done = done.max(place.end);
    }
    text.push_str(line.get(done..).unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ArgAction};

    use super::*;
    use crate::shell::Secret;

    fn root() -> Command {
        let secret = |name: &'static str, alias: &'static str| {
            Arg::new(name).long(name).alias(alias).value_parser(str::parse::<Secret>)
        };
        let login = Command::new("login")
            .arg(Arg::new("name").long("name"))
            .arg(secret("password", "p"))
            .arg(Arg::new("force").long("force").action(ArgAction::SetTrue));
        let list = Command::new("list").arg(Arg::new("slot").long("slot").alias("p"));
        Command::new("demo").subcommand(Command::new("role").subcommand(login).subcommand(list))
    }

    fn masked(line: &str) -> String {
        super::masked(&root(), line, Matching::Exact)
    }

    fn memorable(line: &str) -> String {
        super::memorable(&root(), line, Matching::Exact)
    }

    #[test]
    fn secret_values_are_masked_in_every_spelling() {
        assert_eq!(masked("role login -password x -force"), "role login -password ******** -force");
        assert_eq!(masked("ROLE login --P=x"), "ROLE login --P=********");
        assert_eq!(masked("role login p \"a b\""), "role login p ********");
        assert_eq!(
            masked("role login -password=\"a b\" -force"),
            "role login -password=******** -force"
        );
        assert_eq!(masked("role login -password \"a b"), "role login -password ********");
        assert_eq!(masked("role list -p 3"), "role list -p 3");
        // The first -password has swallowed the second.
        assert_eq!(masked("role login -p -password geheim1"), "role login -p ******** ********");
    }

    #[test]
    fn secrets_in_wrong_lines_are_masked_too() {
        assert_eq!(masked("rloe login -password geheim1"), "rloe login -password ********");
        assert_eq!(masked("rloe login -password=geheim1 x"), "rloe login -password=******** x");
        assert_eq!(masked("role login geheim1"), "role login ********");
        assert_eq!(masked("role login -bogus geheim1"), "role login ******** ********");
        for name in ["password", "-password", "--password", "-p", "--p", "--P"] {
            assert_eq!(
                masked(&format!("rloe login {name} geheim1")),
                format!("rloe login {name} ********")
            );
        }
        for name in ["-p", "--password", "password"] {
            assert_eq!(
                masked(&format!("rloe login {name}=geheim1")),
                format!("rloe login {name}=********")
            );
        }
        // A bare letter names no option, nor does what only begins like one.
        assert_eq!(masked("rloe login p word"), "rloe login p word");
        assert_eq!(masked("rloe login passwords word"), "rloe login passwords word");
    }

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        assert_eq!(
            masked("role login geheim1 -password geheim2"),
            "role login ******** -password ********"
        );
        assert_eq!(
            masked("role login -password geheim2 geheim1"),
            "role login -password ******** ********"
        );
        assert_eq!(
            memorable("role login geheim1 -password geheim2 -name po"),
            "role login   -name po"
        );
    }

    #[test]
    fn a_positional_secret_is_masked_alone() {
        let pin = Arg::new("pin").value_parser(str::parse::<Secret>);
        let open = Command::new("open").arg(Arg::new("name").long("name")).arg(pin);
        let root = Command::new("demo").subcommand(open);
        for pin in ["geheim1", "geh=eim1"] {
            let line = format!("open -name po {pin}");
            let masked = super::masked(&root, &line, Matching::Exact);
            assert_eq!(masked, "open -name po ********");
        }
        let memorable = super::memorable(&root, "open geheim1 -name po", Matching::Exact);
        assert_eq!(memorable, "open  -name po");
    }

    #[test]
    fn texts_lose_the_secrets_of_their_line() {
        let scrubbed = |line: &str, text: &str| {
            scrubbed(&root(), &split_loosely(line).0, Matching::Exact, text)
        };
        assert_eq!(
            scrubbed("role login -password geheim1 -name po", "po: geheim1 is no geheim1"),
            "po: ******** is no ********"
        );
        assert_eq!(scrubbed("role login -password \"\"", "no password"), "no password");
        assert_eq!(scrubbed("role list", "no password"), "no password");
    }

    #[test]
    fn the_history_has_neither_secrets_nor_their_options() {
        assert_eq!(memorable("role login -password x"), "role login");
        assert_eq!(memorable("role login -password x -name po"), "role login  -name po");
        assert_eq!(memorable("userpin1"), "");
        assert_eq!(memorable("slto list"), "slto list");
    }
}
