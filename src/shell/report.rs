//! What a command hands back.

use std::fmt;

use serde::Serialize;

/// The result of a command: as a screen shows it, and as a script reads it.
///
/// Every type with `Display` (the screen text) and `Serialize` (the fields) is a report.
pub trait Report {
    /// The screen text, indented as the command wants it.
    fn text(&self) -> String;
    /// The fields.
    fn json(&self) -> serde_json::Value;
}

impl<T: fmt::Display + Serialize> Report for T {
    fn text(&self) -> String {
        self.to_string()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// What a command's action returns: a report, nothing to tell, or a failure.
pub type Outcome = Result<Option<Box<dyn Report>>, Failure>;

/// Boxes a report as a command's successful [`Outcome`].
///
/// # Errors
/// None; the result has the type that actions return.
#[allow(clippy::unnecessary_wraps)]
pub fn report(report: impl Report + 'static) -> Outcome {
    Ok(Some(Box::new(report)))
}

/// Why a command did not do its work, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was wrong, in one line without a full stop.
    pub cause: String,
    /// What to do.
    pub remedy: Option<String>,
    /// The outcome as the program's closing line names it, such as `0xa0 (CKR_PIN_INCORRECT)`.
    pub result: String,
    /// The exit status that this failure gives a batch; never 0.
    pub code: u8,
}

impl Failure {
    /// [`Failure::code`] of a command that could not do its work.
    pub const FAILED: u8 = 1;

    /// [`Failure::code`] of an unknown command, or of wrong options.
    pub const MISUSED: u8 = 2;

    /// [`Failure::code`] of a confirmation or a question that was not answered as needed.
    pub const UNANSWERED: u8 = 3;

    /// [`Failure::code`] of a program that could not begin its work, or not read its commands.
    pub const UNUSABLE: u8 = 4;

    /// [`Failure::code`] of a command that Ctrl-C ended; also the status of a process that it ended.
    pub const INTERRUPTED: u8 = 130;

    /// A failure without a remedy and with exit status [`Self::FAILED`].
    pub fn new(cause: impl Into<String>, result: impl Into<String>) -> Self {
        Self { cause: cause.into(), remedy: None, result: result.into(), code: Self::FAILED }
    }

    /// The same with this exit status.
    pub fn code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// The same with a remedy.
    pub fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

/// Indents every line of a text that is not empty by `width` columns.
pub fn indented(text: &str, width: usize) -> String {
    let lines: Vec<_> = text
        .lines()
        .map(|line| if line.is_empty() { String::new() } else { format!("{:width$}{line}", "") })
        .collect();
    lines.join("\n")
}
