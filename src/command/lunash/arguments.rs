//! The arguments of `lunash`.

use std::path::PathBuf;

use clap::{Parser, ValueHint};

use crate::shell::RunOptions;

/// The shell of the appliance's administrator, on the appliance itself
///
/// Without -c it is a shell; commands on standard input are a batch.
#[derive(Debug, Parser)]
#[command(name = "lunash", version)]
pub struct Arguments {
    /// The data directory of the appliance, which has to run
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub data: PathBuf,
    /// How commands run
    #[command(flatten)]
    pub run: RunOptions,
    /// Runs one command, made of the rest of the arguments, and ends
    #[arg(
        short,
        value_name = "WORDS",
        num_args = 1..,
        allow_hyphen_values = true,
        trailing_var_arg = true
    )]
    pub command: Vec<String>,
}
