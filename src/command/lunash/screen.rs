//! What LunaSH's screens have in common.

use std::fmt;

use serde::Serialize;

use crate::shell::{Failure, Matching, Results, Style};

/// The texts and habits of `lunash`.
pub const STYLE: Style = Style {
    matching: Matching::Beginnings,
    exits: true,
    indent: 2,
    success: Some("\nCommand Result : 0 (Success)"),
    proceed: "> ",
    results: Results { unknown_command: "", wrong_use: "", cancelled: "" },
    failure,
};

/// The closing line of a failure, whatever its code.
const FAILED: &str = "Command Result : 65535 (Luna Shell execution)";

fn failure(command: &str, failure: &Failure) -> String {
    let mut text = String::new();
    if !command.is_empty() && !failure.result.is_empty() {
        text = format!("Error:  '{command}' failed. ({})\n\n", failure.result);
    }
    text.push_str(&format_cause(failure));
    format!("{text}\n\n\n{FAILED}")
}

/// The cause as a sentence behind `Error:`, and the remedy below it.
pub fn format_cause(failure: &Failure) -> String {
    let mut letters = failure.cause.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let remedy = failure.remedy.as_ref().map(|remedy| format!("\n        {remedy}"));
    format!("Error:  {first}{}.{}", letters.as_str(), remedy.unwrap_or_default())
}

/// `'hsm login' successful.`
#[derive(Serialize)]
pub struct Success(pub &'static str);

impl fmt::Display for Success {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' successful.", self.0)
    }
}

/// One sentence.
#[derive(Serialize)]
pub struct Sentence(pub String);

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `Yes` or `No`.
pub const fn yes_no(fact: bool) -> &'static str {
    if fact { "Yes" } else { "No" }
}
