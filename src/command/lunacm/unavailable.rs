//! Commands that cannot exist here: they answer why, with a failing result.

use clap::Args;

use super::failure::failure;
use crate::{
    model::Status,
    shell::{Outcome, Secret},
};

/// Whatever was typed behind the command: it is taken, so that the answer is why and not which
/// option was wrong, and it is not used.
#[derive(Debug, Args)]
pub(super) struct Unavailable {
    /// A password, which is not kept
    #[arg(long, hide = true, aliases = ["p", "pw", "psopin", "oldpw", "newpw", "challengesecret"])]
    password: Option<Secret>,
    /// Anything else
    #[arg(hide = true, allow_hyphen_values = true, num_args = 0..)]
    words: Vec<String>,
}

/// The answer of such a command: why, and what to do instead.
pub(super) fn unavailable(cause: &str, remedy: &str) -> Outcome {
    Err(failure(Status::FunctionNotSupported, cause).remedy(remedy))
}
