//! What makes one program's shell look different from another's.

use super::Failure;

/// The texts and habits of one program's shell.
#[derive(Clone, Copy)]
pub struct Style {
    /// How command words are compared.
    pub matching: Matching,
    /// Whether `exit` and `quit` are commands.
    pub exits: bool,
    /// Columns that help, warnings and questions are indented by.
    pub indent: usize,
    /// The closing line of a command that succeeded; none for a program without result lines.
    pub success: Option<&'static str>,
    /// What stands between a warning and the answer to it; begins on a new line.
    pub proceed: &'static str,
    /// [`Failure::result`] of the failures that the shell itself finds.
    pub results: Results,
    /// The closing text of a failed command: its error lines and its result line. The first
    /// argument holds the command's words.
    pub failure: fn(&str, &Failure) -> String,
}

impl Style {
    /// The look of the programs whose arguments are the one command they run (`vtl`, `cmu`, ...):
    /// no result lines, and `Error: ` before what was wrong.
    pub const ONE_COMMAND: Self = Self {
        matching: Matching::Exact,
        exits: false,
        indent: 0,
        success: None,
        proceed: "Type 'proceed' to continue, or 'quit' to quit now ->",
        results: Results { unknown_command: "", wrong_use: "", cancelled: "" },
        failure: cause_and_remedy,
    };
}

fn cause_and_remedy(_: &str, failure: &Failure) -> String {
    let remedy = failure.remedy.as_ref().map(|remedy| format!("\n{remedy}")).unwrap_or_default();
    format!("Error: {}{remedy}", failure.cause)
}

/// [`Failure::result`] of the failures that the shell itself finds.
#[derive(Clone, Copy)]
pub struct Results {
    /// No command of this name.
    pub unknown_command: &'static str,
    /// A command's options are wrong.
    pub wrong_use: &'static str,
    /// A confirmation or a question was not answered as needed.
    pub cancelled: &'static str,
}

/// How command words are compared. Case never counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// The full word or a declared short name (LunaCM).
    Exact,
    /// An unambiguous beginning is enough too (LunaSH).
    Beginnings,
}
