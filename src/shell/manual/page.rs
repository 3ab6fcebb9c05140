//! A manual page.

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use super::{Manual, long_about, meaning, shown};
use crate::shell::{help, tree};

/// The page in roff.
pub fn render(manual: &Manual, exits: &[(u8, &str)]) -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION");
    let arguments = manual.arguments.clone().version(version).disable_help_subcommand(true);
    let page = Man::new(arguments).manual("User Commands").source(format!("lunacm {version}"));
    let mut bytes = Vec::new();
    // A vector takes everything that is written to it.
    let _ = page.render_title(&mut bytes);
    let _ = page.render_name_section(&mut bytes);
    let _ = synopsis(manual).to_writer(&mut bytes);
    let _ = page.render_description_section(&mut bytes);
    if shown(&manual.arguments).next().is_some() {
        let _ = page.render_options_section(&mut bytes);
    }
    let _ = commands(manual).to_writer(&mut bytes);
    let _ = statuses(exits).to_writer(&mut bytes);
    bytes
}

fn synopsis(manual: &Manual) -> Roff {
    let usage = manual.arguments.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    let command = manual.commands.is_some() && !manual.has_shell;
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([roman(if command {
        format!("{} COMMAND [OPTIONS]", manual.name())
    } else {
        usage
    })]);
    roff
}

fn commands(manual: &Manual) -> Roff {
    let mut roff = Roff::new();
    let Some(root) = &manual.commands else { return roff };
    roff.control("SH", ["COMMANDS"]);
    let mut path = Vec::new();
    level(root, &mut path, &mut roff);
    roff
}

fn level<'t>(node: &'t Command, path: &mut Vec<&'t Command>, roff: &mut Roff) {
    for command in tree::visible(node) {
        path.push(command);
        if command.has_subcommands() {
            level(command, path, roff);
        } else {
            section(path, roff);
        }
        path.pop();
    }
}

fn section(path: &[&Command], roff: &mut Roff) {
    let Some(command) = path.last() else { return };
    roff.control("SS", [help::syntax(path).as_str()]);
    let shorts: Vec<_> = command.get_visible_aliases().collect();
    let shorts = match shorts.as_slice() {
        [] => String::new(),
        shorts => format!(" Short: {}.", shorts.join(", ")),
    };
    roff.text([roman(format!("{}.{shorts}", long_about(command).trim_end_matches('.')))]);
    for arg in shown(command) {
        roff.control("TP", []);
        let aliases = arg.get_visible_aliases().unwrap_or_default();
        let names = aliases.iter().map(|alias| format!("-{alias}"));
        let names: Vec<_> = std::iter::once(help::with_value(arg)).chain(names).collect();
        roff.text([bold(names.join(", "))]);
        roff.text([roman(meaning(arg))]);
    }
}

fn statuses(exits: &[(u8, &str)]) -> Roff {
    let mut roff = Roff::new();
    if !exits.is_empty() {
        roff.control("SH", ["EXIT STATUS"]);
    }
    for (status, meaning) in exits {
        roff.control("TP", []);
        roff.text([bold(status.to_string())]);
        roff.text([roman((*meaning).to_owned())]);
    }
    roff
}
