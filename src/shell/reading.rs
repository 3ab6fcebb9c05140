//! What a line's words mean, as far as they mean anything.
//!
//! One reading serves parsing, masking, completion and hints: it never fails, and keeps the first
//! complaint beside what it understood.

use std::ops::Range;

use clap::{Arg, Command};
use zeroize::Zeroizing;

use super::{
    Matching, suggest, tree,
    tree::{Found, find_command, find_option, is_secret, spelled, takes_value},
    words::Word,
};

/// The meaning of a line's words.
pub struct Reading<'t> {
    /// The commands that were named, from the family down; empty at the root.
    pub path: Vec<&'t Command>,
    /// The last of them, or the root.
    pub node: &'t Command,
    /// The arguments that were given.
    pub given: Vec<Given<'t>>,
    /// Whether help was asked for.
    pub help: bool,
    /// Whether `--` was read: no word behind it is an option.
    pub literal: bool,
    /// The option at the end that still lacks its value.
    pub awaits: Option<&'t Arg>,
    /// Words that mean nothing here, by number.
    pub strays: Vec<usize>,
    /// The first thing that is wrong.
    pub complaint: Option<Complaint>,
}

/// One argument of a line.
pub struct Given<'t> {
    /// What it is.
    pub arg: &'t Arg,
    /// Its value; none for a flag.
    pub value: Option<Zeroizing<String>>,
    /// The words it was made from, by number.
    pub words: Range<usize>,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// In one line, without a full stop.
    pub cause: String,
    /// What to do.
    pub remedy: Option<String>,
    /// Whether there is no such command, and not merely a wrong option.
    pub no_command: bool,
}

/// Reads words against the tree.
pub fn read<'t>(root: &'t Command, words: &[Word], matching: Matching) -> Reading<'t> {
    let mut reading = Reading {
        path: Vec::new(),
        node: root,
        given: Vec::new(),
        help: false,
        literal: false,
        awaits: None,
        strays: Vec::new(),
        complaint: None,
    };
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at = if !reading.literal && reading.asks_help(word) {
            reading.help = true;
            at + 1
        } else if reading.node.has_subcommands() {
            reading.command(root, at, word, matching)
        } else {
            reading.argument(words, at)
        };
    }
    reading
}

impl<'t> Reading<'t> {
    /// The words of the command that was named.
    pub fn command_words(&self) -> String {
        let words: Vec<_> = self.path.iter().map(|command| command.get_name()).collect();
        words.join(" ")
    }

    fn complain(&mut self, cause: String, remedy: Option<String>) {
        let complaint = Complaint { cause, remedy, no_command: false };
        self.complaint.get_or_insert(complaint);
    }

    /// `-help`, `-?`, `?`, `-h` and the bare word `help` ask for help, unless the command has an
    /// option of that name. A word that an option takes as its value never comes here.
    fn asks_help(&self, word: &Word) -> bool {
        if word.quoted {
            return false;
        }
        let text = word.text.to_lowercase();
        let name = text.trim_start_matches('-');
        let dashed = text.starts_with('-');
        let word_asks = match name {
            "?" => true,
            "help" => dashed || self.node.get_positionals().next().is_none(),
            "h" => dashed,
            _ => false,
        };
        word_asks && find_option(self.node, name).is_none()
    }

    fn command(&mut self, root: &Command, at: usize, word: &Word, matching: Matching) -> usize {
        match find_command(self.node, &word.text, matching) {
            Found::One(command) if self.path.is_empty() && command.get_name() == tree::HELP => {
                self.help = true;
            }
            Found::One(command) => {
                self.path.push(command);
                self.node = command;
            }
            Found::Several(names) => {
                self.strays.push(at);
                let cause = format!("'{}' is the beginning of several commands", *word.text);
                self.complain(cause, Some(format!("Type one of: {}.", names.join(", "))));
            }
            Found::Nothing => {
                self.strays.push(at);
                let complaint = suggest::unknown_command(root, &self.path, &word.text);
                self.complaint.get_or_insert(complaint);
                return usize::MAX;
            }
        }
        at + 1
    }

    fn argument(&mut self, words: &[Word], at: usize) -> usize {
        let Some(word) = words.get(at) else { return at };
        if *word.text == "--" && !word.quoted && !self.literal && self.open_positional().is_some() {
            self.literal = true;
            return at + 1;
        }
        let dashed = !word.quoted && !self.literal && word.text.starts_with('-');
        let positional = if dashed { None } else { self.open_positional() };
        if let Some(arg) = positional {
            self.valued(arg, &word.text, at..at + 1);
            return at + 1;
        }
        let name = word.text.strip_prefix("--").or_else(|| word.text.strip_prefix('-'));
        let name = name.unwrap_or(&word.text);
        let plain = !word.quoted && !self.literal;
        if let Some(arg) = find_option(self.node, name).filter(|_| plain) {
            return self.option(arg, words, at);
        }
        let parts = name.split_once('=').filter(|_| plain);
        if let Some((arg, value)) =
            parts.and_then(|(name, value)| find_option(self.node, name).map(|arg| (arg, value)))
        {
            self.valued(arg, value, at..at + 1);
            return at + 1;
        }
        if dashed
            && let Some(arg) = self.open_positional().filter(|arg| arg.is_allow_hyphen_values_set())
        {
            self.give(arg, Some(word.text.clone()), at..at + 1);
            return at + 1;
        }
        self.stray(at, name, dashed);
        at + 1
    }

    fn option(&mut self, arg: &'t Arg, words: &[Word], at: usize) -> usize {
        if !takes_value(arg) {
            self.give(arg, None, at..at + 1);
            return at + 1;
        }
        let Some(following) = words.get(at + 1..).filter(|rest| !rest.is_empty()) else {
            self.awaits = Some(arg);
            self.complain(format!("{} needs a value", spelled(arg)), None);
            return at + 1;
        };
        let (value, count) = gather(arg, following);
        self.valued(arg, &value, at..at + 1 + count);
        at + 1 + count
    }

    fn valued(&mut self, arg: &'t Arg, value: &str, words: Range<usize>) {
        if !takes_value(arg) {
            self.complain(format!("{} takes no value", spelled(arg)), None);
        }
        let possible = possible_values(arg);
        if possible.is_empty() {
            self.give(arg, Some(Zeroizing::new(value.to_owned())), words);
            return;
        }
        let meant = possible.iter().find(|known| known.matches(value, true));
        if meant.is_none() {
            let cause = format!("'{value}' is not a value of {}", spelled(arg));
            self.complain(cause, Some(format!("Give one of: {}.", shown(&possible).join(", "))));
        }
        let value = meant.map_or(value, |known| known.get_name());
        self.give(arg, Some(Zeroizing::new(value.to_owned())), words);
    }

    fn give(&mut self, arg: &'t Arg, value: Option<Zeroizing<String>>, words: Range<usize>) {
        self.given.push(Given { arg, value, words });
    }

    /// The next positional argument that has no value yet; the last one may take several.
    fn open_positional(&self) -> Option<&'t Arg> {
        let taken = self.given.iter().filter(|given| given.arg.is_positional()).count();
        let mut all = self.node.get_positionals();
        all.nth(taken).or_else(|| {
            let last = self.node.get_positionals().last()?;
            last.get_num_args().is_some_and(|count| count.max_values() > 1).then_some(last)
        })
    }

    /// A word without a meaning. Where a password could have been meant it is not repeated.
    fn stray(&mut self, at: usize, name: &str, dashed: bool) {
        self.strays.push(at);
        let command = self.command_words();
        if tree::options(self.node).any(is_secret) && !dashed {
            let cause = format!("'{command}' does not expect word {} of the line", at + 1);
            let remedy = "Put a value behind its option, and double quotes around one with spaces.";
            return self.complain(cause, Some(remedy.to_owned()));
        }
        let dash = if dashed { "-" } else { "" };
        let cause = format!("'{command}' has no option '{dash}{name}'");
        let remedy = suggest::option(self.node, name);
        self.complain(cause, remedy.map(|known| format!("Did you mean '{known}'?")));
    }
}

/// The value that follows an option and the number of words it takes. It is always at least the
/// next word. Where the declared values have spaces in them, as role names do, words are gathered
/// while they still are the beginning of one.
fn gather(arg: &Arg, following: &[Word]) -> (Zeroizing<String>, usize) {
    let possible = possible_values(arg);
    let mut joined = Zeroizing::new(String::new());
    let mut best = (Zeroizing::new(String::new()), 1);
    for (number, word) in following.iter().enumerate() {
        if number > 0 {
            joined.push(' ');
        }
        joined.push_str(&word.text);
        let complete = possible.iter().any(|known| known.matches(&joined, true));
        if number == 0 || complete {
            best = (joined.clone(), number + 1);
        }
        if !possible.iter().any(|known| continues(known, &joined)) {
            break;
        }
    }
    best
}

/// Whether more words behind these could still make one of the names of this value.
fn continues(known: &clap::builder::PossibleValue, words: &str) -> bool {
    known.get_name_and_aliases().any(|name| {
        name.get(..words.len()).is_some_and(|start| start.eq_ignore_ascii_case(words))
            && name.as_bytes().get(words.len()) == Some(&b' ')
    })
}

fn possible_values(arg: &Arg) -> Vec<clap::builder::PossibleValue> {
    if takes_value(arg) { arg.get_possible_values() } else { Vec::new() }
}

/// The declared values that users see.
pub fn shown(possible: &[clap::builder::PossibleValue]) -> Vec<String> {
    let visible = possible.iter().filter(|value| !value.is_hide_set());
    visible.map(|value| value.get_name().to_owned()).collect()
}
