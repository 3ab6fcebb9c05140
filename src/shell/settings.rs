//! How the user wants a run of a shell to go.

use std::io::{IsTerminal, stdout};

use clap::Args;

/// The options of a program that say how its commands run; to be flattened into its arguments.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct RunOptions {
    /// Writes one JSON object on one line for each command, and nothing else
    #[arg(long)]
    pub json: bool,
    /// Goes on after a command that failed, which is the default
    #[arg(long, overrides_with = "stop_at_failure")]
    keep_going: bool,
    /// Ends a batch at its first failure
    #[arg(long, overrides_with = "keep_going")]
    stop_at_failure: bool,
}

impl RunOptions {
    /// The words and the options of a program that runs one command: `--json` may stand first.
    /// Without words it is `help`.
    pub fn of_single(mut arguments: Vec<String>) -> (Vec<String>, Self) {
        let json = arguments.first().is_some_and(|first| first == "--json");
        if json {
            arguments.remove(0);
        }
        if arguments.is_empty() || arguments.iter().any(|word| word == "-h" || word == "--help") {
            arguments = vec!["help".to_owned()];
        }
        (arguments, Self { json, ..Self::default() })
    }

    /// The settings of this process.
    pub fn settings(self) -> Settings {
        let Self { json, keep_going: _, stop_at_failure } = self;
        Settings { json, stop_at_failure, screen: stdout().is_terminal() && !json }
    }
}

/// How a run of a shell goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Each command's outcome is one JSON object on one line, and nothing else is written.
    pub json: bool,
    /// A batch ends at its first failure.
    pub stop_at_failure: bool,
    /// The output is a terminal: long texts are paged, wide ones folded, progress is shown.
    pub screen: bool,
}
