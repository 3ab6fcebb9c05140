//! Commands that cannot exist here: they answer why, with a failing result.

use clap::Args;

use crate::shell::Secret;

/// Whatever was typed behind such a command: it is taken, so that the answer is why and not which
/// option was wrong, and it is not used.
#[derive(Debug, Args)]
pub struct Unavailable {
    /// A password, which is not kept
    #[arg(long, hide = true, aliases = ["p", "pw", "psopin", "oldpw", "newpw", "challengesecret"])]
    password: Option<Secret>,
    /// Anything else
    #[arg(hide = true, allow_hyphen_values = true, num_args = 0..)]
    words: Vec<String>,
}
