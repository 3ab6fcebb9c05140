//! The tree of commands, read off a program's clap declarations.

use std::any::TypeId;

use clap::{Arg, Command, CommandFactory};

use super::{Matching, Secret, Style, sourced::with_sources};

/// The name of the built-in command that explains the others.
pub const HELP: &str = "help";

/// The name of the built-in command that leaves the shell.
pub const EXIT: &str = "exit";

/// The tree that `L` declares, with the built-in commands: the one source of parsing, help,
/// completion and masking.
pub fn of<L: CommandFactory>(style: &Style) -> Command {
    let mut root = with_sources(L::command())
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .disable_version_flag(true)
        .no_binary_name(true)
        .subcommand(
            Command::new(HELP).visible_alias("?").about("Lists the commands or explains one"),
        );
    if style.exits {
        root = root.subcommand(
            Command::new(EXIT).visible_alias("quit").alias("q").about("Leaves the shell"),
        );
    }
    root.build();
    root
}

/// What a word means among the commands of one level.
pub enum Found<'t> {
    /// This command.
    One(&'t Command),
    /// The beginning of several.
    Several(Vec<&'t str>),
    /// Nothing.
    Nothing,
}

/// Finds the command that a word names at this level.
pub fn find_command<'t>(node: &'t Command, word: &str, matching: Matching) -> Found<'t> {
    let exact = node
        .get_subcommands()
        .find(|command| names(command).any(|name| name.eq_ignore_ascii_case(word)));
    if let Some(command) = exact {
        return Found::One(command);
    }
    if matching == Matching::Exact || word.is_empty() {
        return Found::Nothing;
    }
    let begins = |name: &str| {
        name.get(..word.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(word))
    };
    let mut begun = node.get_subcommands().filter(|command| begins(command.get_name()));
    match (begun.next(), begun.next()) {
        (Some(command), None) => Found::One(command),
        (Some(first), Some(second)) => Found::Several(
            [first, second].into_iter().chain(begun).map(Command::get_name).collect(),
        ),
        (None, _) => Found::Nothing,
    }
}

/// Every word that names a command: its name, its short names, its other spellings.
pub fn names(command: &Command) -> impl Iterator<Item = &str> {
    std::iter::once(command.get_name()).chain(command.get_all_aliases())
}

/// The commands that help and completion show.
pub fn visible(node: &Command) -> impl Iterator<Item = &Command> {
    node.get_subcommands().filter(|command| !command.is_hide_set())
}

/// The options of a command, positional arguments left out.
pub fn options(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| !arg.is_positional())
}

/// Finds the option of this name, without dashes, in any case.
pub fn find_option<'t>(command: &'t Command, name: &str) -> Option<&'t Arg> {
    let same = |fits: &dyn Fn(&str) -> bool| {
        options(command).find(|arg| option_names(arg).iter().any(|known| fits(known)))
    };
    same(&|known| known == name).or_else(|| same(&|known| known.eq_ignore_ascii_case(name)))
}

/// Every name of an option, without dashes.
pub fn option_names(arg: &Arg) -> Vec<String> {
    let long = arg.get_long().map(str::to_owned);
    let long_aliases = arg.get_all_aliases().unwrap_or_default();
    let short = arg.get_short().map(String::from);
    let short_aliases = arg.get_all_short_aliases().unwrap_or_default();
    let aliases = long_aliases.into_iter().map(str::to_owned);
    long.into_iter()
        .chain(aliases)
        .chain(short)
        .chain(short_aliases.into_iter().map(String::from))
        .collect()
}

/// An argument as users write it: `-label`, or `<file>` for a positional one.
pub fn spelled(arg: &Arg) -> String {
    match (arg.get_long(), arg.get_short()) {
        (Some(long), _) => format!("-{long}"),
        (None, Some(short)) => format!("-{short}"),
        (None, None) => format!("<{}>", value_name(arg)),
    }
}

/// Whether an option takes a value.
pub fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

/// Whether an argument's value is a secret: it is declared with the type [`Secret`].
pub fn is_secret(arg: &Arg) -> bool {
    takes_value(arg) && arg.get_value_parser().type_id() == TypeId::of::<Secret>()
}

/// What an argument's value is called: its first value name as declared.
pub fn value_name(arg: &Arg) -> String {
    let declared = arg.get_value_names().and_then(<[_]>::first).map(ToString::to_string);
    // Clap makes value names in capitals where none is declared.
    declared.filter(|name| *name != name.to_uppercase()).unwrap_or_else(|| kind(arg))
}

/// What kind of value an argument takes: its first value name, in lower case.
pub fn kind(arg: &Arg) -> String {
    arg.get_value_names()
        .and_then(<[_]>::first)
        .map_or_else(|| arg.get_id().as_str().to_lowercase(), |name| name.to_lowercase())
}

/// Every command that takes options, with the words that lead to it.
pub fn leaves(root: &Command) -> Vec<(Vec<&str>, &Command)> {
    let mut found = Vec::new();
    let mut open = vec![(Vec::new(), root)];
    while let Some((path, node)) = open.pop() {
        for command in node.get_subcommands() {
            let path: Vec<_> = path.iter().copied().chain([command.get_name()]).collect();
            if command.has_subcommands() {
                open.push((path, command));
            } else {
                found.push((path, command));
            }
        }
    }
    found
}
