//! The arguments of `lunacm`.

use std::path::PathBuf;

use clap::{Parser, ValueHint};

use crate::{command::manual::Kind, shell::RunOptions};

/// Manages the partitions that this client reaches
///
/// Without arguments it is a shell; commands on standard input are a batch.
#[derive(Debug, Parser)]
#[command(name = "lunacm", version)]
pub struct Arguments {
    /// Runs the commands in a file
    #[arg(short, value_name = "FILE", conflicts_with_all = ["command", "words"], value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Runs one command, made of the words that follow
    #[arg(short, requires = "words", conflicts_with = "quiet")]
    pub command: bool,
    /// Shows no banner; with words behind it, runs them as one command
    #[arg(short)]
    pub quiet: bool,
    /// Makes a slot current first; with words behind it, runs them as one command
    #[arg(short, value_name = "SLOT")]
    pub slot: Option<u32>,
    /// How commands run
    #[command(flatten)]
    pub run: RunOptions,
    /// Runs an appliance of its own in this process, with a partition that is ready to use
    #[arg(long)]
    pub embedded: bool,
    /// Writes manuals of all programs into a directory, this one if none is given
    #[arg(long, value_name = "KIND", conflicts_with_all = ["file", "command", "quiet", "slot", "embedded"])]
    pub generate: Option<Kind>,
    /// The words of the command
    #[arg(value_name = "WORDS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,
}
