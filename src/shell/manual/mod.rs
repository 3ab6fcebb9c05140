//! Manuals of a program, from the declarations that its shell parses with: a reference in
//! Markdown, a manual page, and completions for the shells of the operating system.

mod completion;
mod markdown;
mod page;

use clap::{Arg, ArgAction, Command, CommandFactory};
use clap_complete::Shell;

use super::{Style, tree};

/// One program, as its manuals describe it.
pub struct Manual {
    /// The arguments of the process, without commands.
    arguments: Command,
    /// The root of the commands, if there are any.
    commands: Option<Command>,
    /// Whether the commands are typed into a shell; otherwise they are the arguments.
    has_shell: bool,
}

impl Manual {
    /// A program without commands.
    pub fn of_program<A: CommandFactory>() -> Self {
        Self { arguments: A::command(), commands: None, has_shell: false }
    }

    /// A program with these arguments, into whose shell the commands of `L` are typed.
    pub fn of_shell<A: CommandFactory, L: CommandFactory>(style: &Style) -> Self {
        let commands = tree::of::<L>(style);
        Self { arguments: A::command(), commands: Some(commands), has_shell: true }
    }

    /// A program whose arguments are one of the commands of `L`.
    pub fn of_commands<L: CommandFactory>(style: &Style, about: &'static str) -> Self {
        let commands = tree::of::<L>(style);
        let arguments = Command::new(commands.get_name().to_owned()).about(about);
        Self { arguments, commands: Some(commands), has_shell: false }
    }

    /// The program's name.
    pub fn name(&self) -> &str {
        self.arguments.get_name()
    }

    /// The program's chapter of a reference, in Markdown. `fields` gives path, type and meaning of
    /// each field that a command reports.
    pub fn markdown(&self, fields: &dyn Fn(&str) -> Vec<[String; 3]>) -> String {
        markdown::chapter(self, fields)
    }

    /// The manual page in section 1, in roff; `exits` tells what the exit statuses mean.
    pub fn page(&self, exits: &[(u8, &str)]) -> Vec<u8> {
        page::render(self, exits)
    }

    /// The completions for a shell of the operating system, with the name of their file.
    pub fn completion(&self, shell: Shell) -> (String, Vec<u8>) {
        completion::generate(self, shell)
    }

    /// Every command that takes options, by its full name, in the order of the declarations.
    pub fn command_names(&self) -> Vec<String> {
        self.leaves().iter().map(|(path, _)| path.join(" ")).collect()
    }

    fn leaves(&self) -> Vec<(Vec<&str>, &Command)> {
        let mut found = Vec::new();
        if let Some(root) = &self.commands {
            gather(root, &mut Vec::new(), &mut found);
        }
        found
    }
}

fn gather<'t>(
    node: &'t Command,
    path: &mut Vec<&'t str>,
    found: &mut Vec<(Vec<&'t str>, &'t Command)>,
) {
    for command in tree::visible(node) {
        path.push(command.get_name());
        if command.has_subcommands() {
            gather(command, path, found);
        } else {
            found.push((path.clone(), command));
        }
        path.pop();
    }
}

/// The first paragraph of a declaration's comment.
fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// The whole comment of a declaration.
fn long_about(command: &Command) -> String {
    command.get_long_about().map_or_else(|| about(command), ToString::to_string)
}

/// The arguments that manuals show.
fn shown(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| {
        let builtin = matches!(arg.get_action(), ArgAction::Help | ArgAction::Version);
        !arg.is_hide_set() && !builtin
    })
}

/// What an argument means, with its default.
fn meaning(arg: &Arg) -> String {
    let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let defaults: Vec<_> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if tree::takes_value(arg) && !defaults.is_empty() {
        text = format!("{text} (without it: {})", defaults.join(", "));
    }
    text
}

/// An argument of the process, as POSIX shells have it: `-f <FILE>`, `--json`.
fn posix(arg: &Arg) -> String {
    let names = arg.get_short().map(|short| format!("-{short}")).into_iter();
    let names: Vec<_> = names.chain(arg.get_long().map(|long| format!("--{long}"))).collect();
    let value = arg.get_value_names().and_then(<[_]>::first).filter(|_| tree::takes_value(arg));
    let value = value.map(|name| format!("<{name}>")).unwrap_or_default();
    [names.join(", "), value]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
