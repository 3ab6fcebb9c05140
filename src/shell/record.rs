//! A command's outcome as a script reads it.

use serde::Serialize;
use serde_json::Value;

use super::{Failure, foreign::screened_json};

/// The JSON object of one command. Its fields are documented in `docs/commands.md`; fields may be
/// added, and none changes its meaning.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    /// The command's words without options; empty if there is no such command.
    command: &'a str,
    success: bool,
    /// The number in the result line; 0 for success, `null` where the program has none.
    status: Option<u64>,
    /// The name in the result line.
    symbol: Option<&'a str>,
    /// The result line without `Command Result :`.
    result: Option<&'a str>,
    /// The exit status that this outcome gives a batch.
    exit: u8,
    /// The fields of the command's report.
    report: Value,
    /// What the command told before it was done.
    messages: &'a [String],
    error: Option<ErrorFields<'a>>,
}

/// Why a command failed, and what to do.
#[derive(Debug, Serialize)]
struct ErrorFields<'a> {
    cause: &'a str,
    remedy: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// The record of a command that succeeded; `closing` is the program's closing line.
    pub fn success(command: &'a str, closing: Option<&'a str>, report: Value) -> Self {
        let result = closing.map(|line| line.rsplit(" : ").next().unwrap_or(line).trim());
        Self {
            command,
            success: true,
            status: Some(0),
            symbol: Some("CKR_OK"),
            result,
            exit: 0,
            report,
            messages: &[],
            error: None,
        }
    }

    /// The record of a command that failed.
    pub fn failure(command: &'a str, failure: &'a Failure) -> Self {
        let (status, symbol) = parts(&failure.result);
        Self {
            command,
            success: false,
            status,
            symbol,
            result: Some(failure.result.as_str()).filter(|result| !result.is_empty()),
            exit: failure.code.max(1),
            report: Value::Null,
            messages: &[],
            error: Some(ErrorFields { cause: &failure.cause, remedy: failure.remedy.as_deref() }),
        }
    }

    /// The same with what the command told.
    pub fn with_messages(self, messages: &'a [String]) -> Self {
        Self { messages, ..self }
    }

    /// The object on one line, its texts as a screen may show them.
    pub fn line(&self) -> String {
        screened_json(&serde_json::to_string(self).unwrap_or_default()) + "\n"
    }
}

/// Number and name of a result: `0xa0 (CKR_PIN_INCORRECT)`, or LunaSH's `A00000 : LUNA_RET_…`.
fn parts(result: &str) -> (Option<u64>, Option<&str>) {
    let parted = result.split_once(" (").map(|(number, name)| (number, name.trim_end_matches(')')));
    let Some((number, name)) = parted.or_else(|| result.split_once(" : ")) else {
        return (None, None);
    };
    let digits = number.trim_start_matches("0x");
    (u64::from_str_radix(digits, 16).ok(), Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_have_a_number_and_a_name() {
        assert_eq!(parts("0xa0 (CKR_PIN_INCORRECT)"), (Some(0xa0), Some("CKR_PIN_INCORRECT")));
        assert_eq!(
            parts("C000040A : RC_OBJECT_NOT_IN_LIST"),
            (Some(0xc000_040a), Some("RC_OBJECT_NOT_IN_LIST"))
        );
        assert_eq!(parts(""), (None, None));
    }

    #[test]
    fn records_are_one_line() {
        let record = Record::success("slot list", Some("\nCommand Result : 0 (Success)"), 1.into());
        let line = record.line();
        assert!(line.contains("\"result\":\"0 (Success)\"") && line.ends_with("}\n"), "{line}");
        let failure = Failure::new("a\nb", "0x1 (Unknown command)").code(Failure::MISUSED);
        let line = Record::failure("", &failure).line();
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.contains("\"exit\":2") && line.contains("\"cause\":\"a\\nb\""), "{line}");
    }
}
