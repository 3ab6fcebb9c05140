//! What a program brings to its shell.

use clap::Parser;

use super::{Failure, Interrupts, Outcome, Secret, Style};

/// A program with commands: the declarations, the actions and the looks.
pub trait Program {
    /// The commands, declared with clap; the only declaration there is.
    type Line: Parser;

    /// The texts and habits of the program's shell.
    fn style(&self) -> &Style;

    /// The prompt before each command.
    fn prompt(&self) -> String;

    /// The text at the start; none when the program was told to be quiet.
    fn banner(&mut self) -> Option<String> {
        None
    }

    /// Does what a line asks.
    ///
    /// # Errors
    /// The command failed; the shell shows why and goes on.
    fn run(&mut self, line: Self::Line, console: &mut dyn Console) -> Outcome;

    /// A text to show behind the result line of the command that just ran, as a restart's banner.
    fn afterword(&mut self) -> Option<String> {
        None
    }

    /// What tells a running command of Ctrl-C; none if nothing does.
    fn interrupts(&self) -> Option<&Interrupts> {
        None
    }

    /// Values that could be meant where an argument's value name is `kind` (in lower case), for
    /// completion. Asked before each prompt on a terminal, so it has to be quick.
    fn candidates(&self, kind: &str) -> Vec<String> {
        let _ = kind;
        Vec::new()
    }
}

/// What a running command may do with its user.
pub trait Console {
    /// Shows a text at once. What a command has to tell in the end is its report.
    fn say(&mut self, text: &str);

    /// Shows a warning and asks to proceed, unless `forced`.
    ///
    /// # Errors
    /// The user did not proceed, or a batch holds no answer.
    fn confirm(&mut self, warning: &str, forced: bool) -> Result<(), Failure>;

    /// Shows a question and takes one of these words as the answer; its place among them. The
    /// word `quit` cancels and need not be among them.
    ///
    /// # Errors
    /// The user answered something else, or a batch holds no answer.
    fn choose(&mut self, question: &str, choices: &[&str]) -> Result<usize, Failure>;

    /// Shows on a terminal how far long work has come. Work that is done takes the line away; any
    /// other text does so too.
    fn progress(&mut self, what: &str, done: u64, total: u64);

    /// Asks for a secret, which is not shown.
    ///
    /// # Errors
    /// The user left the question, or the input has ended.
    fn secret(&mut self, prompt: &str) -> Result<Secret, Failure>;

    /// Asks for a new secret, twice.
    ///
    /// # Errors
    /// As [`Console::secret`], or the two differ: at once in a batch, for the third time on a
    /// terminal.
    fn new_secret(&mut self, prompt: &str, again: &str) -> Result<Secret, Failure>;
}
