//! A chapter of the reference.

use std::fmt::Write;

use clap::{Arg, Command};

use super::{Manual, about, long_about, meaning, posix, shown};
use crate::shell::{
    help,
    tree::{option_names, spelled},
};

/// The rows of a table: path, type and meaning of each field of a command's report.
pub type Fields<'a> = &'a dyn Fn(&str) -> Vec<[String; 3]>;

/// The chapter of one program; `fields` knows what its commands report.
pub fn chapter(manual: &Manual, fields: Fields<'_>) -> String {
    let mut text = format!("## `{}`\n\n{}\n", manual.name(), long_about(&manual.arguments));
    let arguments: Vec<_> = shown(&manual.arguments).collect();
    if !arguments.is_empty() {
        let rows = arguments.iter().map(|arg| [format!("`{}`", posix(arg)), meaning(arg)]);
        text.push_str(&table(["argument", "meaning"], rows));
    }
    if let Some(root) = &manual.commands {
        Chapter { manual, fields }.level(root, &mut Vec::new(), &mut text);
    }
    text
}

/// What is written about.
struct Chapter<'a> {
    manual: &'a Manual,
    fields: Fields<'a>,
}

impl Chapter<'_> {
    /// A family's commands: a table of them, then one section each.
    fn level<'t>(&self, node: &'t Command, path: &mut Vec<&'t Command>, text: &mut String) {
        let commands: Vec<_> = crate::shell::tree::visible(node).collect();
        let rows = commands.iter().map(|command| {
            let words = words(path, command.get_name());
            [format!("`{words}`"), shorts(command), about(command)]
        });
        text.push_str(&table(["command", "short", "what it does"], rows));
        for command in commands {
            path.push(command);
            let words = words(&path[..path.len() - 1], command.get_name());
            let fields = (self.fields)(&words);
            if command.has_subcommands() {
                let _ = write!(text, "\n### `{words}`\n\n{}\n", long_about(command));
                self.level(command, path, text);
            } else if command.get_arguments().next().is_some() || !fields.is_empty() {
                self.section(path, &words, text);
                report(fields, text);
            }
            path.pop();
        }
    }

    fn section(&self, path: &[&Command], words: &str, text: &mut String) {
        let Some(command) = path.last() else { return };
        let manual = self.manual;
        let program = if manual.has_shell { String::new() } else { format!("{} ", manual.name()) };
        let syntax = help::syntax(path);
        let _ = write!(
            text,
            "\n#### `{words}`\n\n{}\n\n```\n{program}{syntax}\n```\n",
            long_about(command)
        );
        let options: Vec<_> = shown(command).collect();
        if !options.is_empty() {
            let rows = options.iter().map(|arg| {
                let shorts = short_options(arg);
                [format!("`{}`", help::with_value(arg)), shorts, meaning(arg)]
            });
            text.push_str(&table(["option", "short", "meaning"], rows));
        }
    }
}

/// What a command's report holds for scripts.
fn report(fields: Vec<[String; 3]>, text: &mut String) {
    if !fields.is_empty() {
        let rows =
            fields.into_iter().map(|[path, kind, meaning]| [format!("`{path}`"), kind, meaning]);
        text.push_str(&table(["field with `--json`", "type", "meaning"], rows));
    }
}

fn words(path: &[&Command], name: &str) -> String {
    let mut words: Vec<_> = path.iter().map(|command| command.get_name()).collect();
    words.push(name);
    words.join(" ")
}

fn shorts(command: &Command) -> String {
    let shorts: Vec<_> = command.get_visible_aliases().map(|alias| format!("`{alias}`")).collect();
    shorts.join(", ")
}

fn short_options(arg: &Arg) -> String {
    if arg.is_positional() {
        return String::new();
    }
    let own = spelled(arg);
    let names = option_names(arg).into_iter().map(|name| format!("-{name}"));
    let names: Vec<_> = names.filter(|name| *name != own).map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn table<const N: usize>(heading: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let escaped = |cell: String| cell.replace('|', "\\|").replace('\n', " ");
    let mut text = format!("\n{}|{}\n", row(&heading.map(str::to_owned)), "---|".repeat(N));
    for cells in rows {
        text.push_str(&row(&cells.map(escaped)));
    }
    text
}
