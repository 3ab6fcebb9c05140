//! Completions for the shells of the operating system.

use clap::{Arg, ArgAction, Command};
use clap_complete::{Generator, Shell, generate as write_completion};

use super::{Manual, shown};
use crate::shell::tree;

/// The script, and the name that the shell looks for it under.
pub fn generate(manual: &Manual, shell: Shell) -> (String, Vec<u8>) {
    let name = manual.name().to_owned();
    let mut program = Command::new(name.clone()).disable_help_subcommand(true);
    for arg in shown(&manual.arguments).filter(|arg| !arg.is_positional()) {
        program = program.arg(plain(arg));
    }
    for command in manual.commands.iter().flat_map(tree::visible) {
        // `help` is also what clap would add.
        program = program.subcommand(copied(command));
    }
    let mut script = Vec::new();
    write_completion(shell, &mut program, name.clone(), &mut script);
    (shell.file_name(&name), script)
}

/// A command with its words and options alone: what depends on other arguments is left behind.
fn copied(command: &Command) -> Command {
    let mut copy = Command::new(command.get_name().to_owned())
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .visible_aliases(command.get_visible_aliases().map(str::to_owned).collect::<Vec<_>>());
    if let Some(about) = command.get_about() {
        copy = copy.about(about.clone());
    }
    for arg in shown(command) {
        copy = copy.arg(plain(arg));
    }
    for inner in tree::visible(command) {
        copy = copy.subcommand(copied(inner));
    }
    copy
}

fn plain(arg: &Arg) -> Arg {
    let mut copy = Arg::new(arg.get_id().clone());
    // One option takes a whole command; what follows it is completed as a command.
    let flag = !tree::takes_value(arg) || arg.is_trailing_var_arg_set();
    copy = copy.action(if flag { ArgAction::SetTrue } else { ArgAction::Set });
    copy = copy.value_hint(arg.get_value_hint());
    if let Some(long) = arg.get_long() {
        copy = copy.long(long.to_owned());
    }
    if let Some(short) = arg.get_short() {
        copy = copy.short(short);
    }
    if let Some(help) = arg.get_help() {
        copy = copy.help(help.clone());
    }
    let values = arg.get_possible_values();
    if !flag && !values.is_empty() {
        copy = copy.value_parser(values);
    }
    copy
}
