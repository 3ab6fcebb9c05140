//! The nearest known word.

use clap::Command;

use super::{
    reading::Complaint,
    tree::{leaves, names, option_names, options, spelled, visible},
};

/// The complaint about a word that names no command at the level of `path`.
pub fn unknown_command(root: &Command, path: &[&Command], word: &str) -> Complaint {
    let node = path.last().copied().unwrap_or(root);
    let mut prefix = String::new();
    for command in path {
        prefix.push_str(command.get_name());
        prefix.push(' ');
    }
    let here = nearest(word, visible(node).flat_map(names).filter(|name| name.len() > 1));
    let meant = here.map(|name| format!("{prefix}{name}")).or_else(|| elsewhere(root, word));
    let remedy = match meant {
        Some(meant) => format!("Did you mean '{meant}'?"),
        None => format!("Type '{prefix}help' for the list of commands."),
    };
    Complaint {
        cause: format!("there is no command '{prefix}{word}'"),
        remedy: Some(remedy),
        no_command: true,
    }
}

/// The spelling of the option of this command that is nearest to a word without dashes.
pub fn option(command: &Command, word: &str) -> Option<String> {
    let all: Vec<_> = options(command)
        .flat_map(|arg| option_names(arg).into_iter().map(|name| (name, spelled(arg))))
        .filter(|(name, _)| name.len() > 1)
        .collect();
    let best = nearest(word, all.iter().map(|(name, _)| name.as_str()))?;
    all.iter().find(|(name, _)| name == best).map(|(_, spelled)| spelled.clone())
}

/// A command whose own name was typed without its family.
fn elsewhere(root: &Command, word: &str) -> Option<String> {
    leaves(root)
        .into_iter()
        .find(|(path, _)| path.last().is_some_and(|name| name.eq_ignore_ascii_case(word)))
        .map(|(path, _)| path.join(" "))
}

fn nearest<'t>(word: &str, known: impl Iterator<Item = &'t str>) -> Option<&'t str> {
    // Longer words are no typing errors, and comparing them would take time for nothing.
    if word.chars().count() > 40 {
        return None;
    }
    let word = word.to_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&word, &name.to_lowercase());
    known
        .map(|name| (distance(name), name))
        .filter(|(far, name)| *far <= (name.chars().count() / 3).max(1))
        .min_by_key(|(far, _)| *far)
        .map(|(_, name)| name)
}
