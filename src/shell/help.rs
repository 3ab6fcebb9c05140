//! Help in Luna's layout, from the same tree that parses.

use clap::{Arg, Command};
use unicode_width::UnicodeWidthStr;

use super::{
    Style,
    reading::shown,
    sourced::is_source,
    tree::{spelled, takes_value, value_name, visible},
};

/// The narrowest screen that texts are wrapped for, in columns.
const NARROWEST: usize = 40;

/// The help text at the end of this path: the families, the commands of a family, or one command's
/// syntax and options. Lines are indented in this style and wrapped to `width` columns.
pub fn render(root: &Command, path: &[&Command], style: &Style, width: usize) -> String {
    let width = width.max(NARROWEST).saturating_sub(style.indent);
    let node = path.last().copied().unwrap_or(root);
    // Where there is no shell, the command is typed behind the program's name.
    let program = if style.exits { String::new() } else { format!("{} ", root.get_name()) };
    let text =
        if node.has_subcommands() { level(node, path, width) } else { leaf(&program, path, width) };
    super::indented(&text, style.indent)
}

/// The syntax line of a command: `stc tokeninit -label <label> [-force]`.
pub fn syntax(path: &[&Command]) -> String {
    let mut words: Vec<_> = path.iter().map(|command| command.get_name().to_owned()).collect();
    let arguments = path.last().into_iter().flat_map(|leaf| leaf.get_arguments());
    let (required, optional): (Vec<_>, Vec<_>) = arguments
        .filter(|arg| !arg.is_hide_set() && !is_source(arg))
        .partition(|arg| arg.is_required_set());
    words.extend(required.into_iter().map(with_value));
    words.extend(optional.into_iter().map(|arg| format!("[{}]", with_value(arg))));
    words.join(" ")
}

/// An argument with its value: `-label <label>`.
pub fn with_value(arg: &Arg) -> String {
    if arg.is_positional() || !takes_value(arg) {
        return spelled(arg);
    }
    format!("{} <{}>", spelled(arg), value_name(arg))
}

fn level(node: &Command, path: &[&Command], width: usize) -> String {
    let heading = match path {
        [] => "The following commands are available:".to_owned(),
        _ => format!("The following commands of '{}' are available:", node.get_name()),
    };
    let rows: Vec<_> = visible(node)
        .map(|command| {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let short: Vec<_> = command.get_visible_aliases().collect();
            [command.get_name().to_owned(), short.join(", "), about]
        })
        .collect();
    format!("{heading}\n\n{}", table(["Command", "Short", "Description"], &rows, width))
}

fn leaf(program: &str, path: &[&Command], width: usize) -> String {
    let Some(command) = path.last() else { return String::new() };
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let syntax =
        wrapped(&format!("{program}{}", syntax(path)), width.saturating_sub(8)).join("\n        ");
    let mut text = format!("{}\n\nSyntax: {syntax}", wrapped(&about, width).join("\n"));
    let rows: Vec<_> = command.get_arguments().filter(|arg| !arg.is_hide_set()).map(row).collect();
    if !rows.is_empty() {
        text.push_str("\n\n");
        text.push_str(&table(["Option", "Short", "Description"], &rows, width));
    }
    text
}

fn row(arg: &Arg) -> [String; 3] {
    let short = arg.get_visible_aliases().unwrap_or_default();
    let short: Vec<_> = short.iter().map(|alias| format!("-{alias}")).collect();
    let mut about = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values = if takes_value(arg) { shown(&arg.get_possible_values()) } else { Vec::new() };
    if !values.is_empty() && !arg.is_hide_possible_values_set() {
        about = format!("{about} ({})", values.join(", "));
    }
    [with_value(arg), short.join(", "), about]
}

/// Three columns under a rule; the last one is wrapped.
fn table(heading: [&str; 3], rows: &[[String; 3]], width: usize) -> String {
    let widest = |cells: &dyn Fn(&[String; 3]) -> usize, heading: &str| {
        rows.iter().map(cells).max().unwrap_or(0).max(heading.width())
    };
    let first = widest(&|[cell, ..]| cell.width(), heading[0]);
    let second = widest(&|[_, cell, _]| cell.width(), heading[1]);
    let left = first + second + 4;
    let rest = width.saturating_sub(left).max(20);
    let line = |a: &str, b: &str, c: &str| {
        let gap = |cell: &str, column: usize| " ".repeat(column.saturating_sub(cell.width()) + 2);
        format!("{a}{}{b}{}{c}", gap(a, first), gap(b, second)).trim_end().to_owned()
    };
    let longest = rows.iter().map(|[.., about]| about.width()).max().unwrap_or(0).min(rest);
    let rule = "-".repeat(left + longest.max(heading[2].width()));
    let mut lines = vec![line(heading[0], heading[1], heading[2]), rule];
    for [name, short, about] in rows {
        let mut about = wrapped(about, rest).into_iter();
        lines.push(line(name, short, &about.next().unwrap_or_default()));
        lines.extend(about.map(|more| line("", "", &more)));
    }
    lines.join("\n")
}

/// A text broken at spaces into lines of at most `width` columns, longer words excepted.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
