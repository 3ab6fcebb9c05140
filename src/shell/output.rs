//! The screen side: paragraphs, result lines, and a reader that may go away.

use std::io::Write;

use super::{Failure, Style, indented};

/// Where texts go. A closed output is remembered, and never ends the program by itself.
pub struct Output<'a> {
    sink: &'a mut dyn Write,
    style: Style,
    /// Whether the running command has shown nothing so far.
    fresh: bool,
    closed: bool,
}

impl<'a> Output<'a> {
    /// An output in this style.
    pub fn new(sink: &'a mut dyn Write, style: Style) -> Self {
        Self { sink, style, fresh: true, closed: false }
    }

    /// Whether nobody reads any more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Writes a text as it is, at once.
    pub fn write(&mut self, text: &str) {
        let written = self.sink.write_all(text.as_bytes()).and_then(|()| self.sink.flush());
        self.closed |= written.is_err();
    }

    /// Begins a command: its first text gets a blank line above.
    pub fn begin(&mut self) {
        self.fresh = true;
    }

    /// Writes a text with a blank line above it.
    pub fn paragraph(&mut self, text: &str) {
        self.fresh = true;
        self.line(text);
    }

    /// Writes a text below what the command has shown already.
    pub fn line(&mut self, text: &str) {
        let text = text.trim_matches('\n');
        self.lead(text);
        self.write("\n");
    }

    /// Writes a question, indented, without a line end behind it. The last line of it is left to
    /// the caller and returned.
    pub fn question(&mut self, text: &str) -> String {
        let text = indented(text, self.style.indent);
        let (above, last) = text.rsplit_once('\n').unwrap_or(("", &text));
        self.lead(above);
        if !above.is_empty() {
            self.write("\n");
        }
        last.to_owned()
    }

    /// Closes a command that succeeded.
    pub fn success(&mut self) {
        if let Some(result) = self.style.success {
            self.paragraph(result);
            self.write("\n");
        }
    }

    /// Closes a command that failed; `command` holds its words.
    pub fn failure(&mut self, command: &str, failure: &Failure) {
        self.paragraph(&(self.style.failure)(command, failure));
        if self.style.success.is_some() {
            self.write("\n");
        }
    }

    fn lead(&mut self, text: &str) {
        if self.fresh && self.style.success.is_some() {
            self.write("\n");
        }
        self.fresh = false;
        self.write(text);
    }
}
