//! The screen side: paragraphs, result lines, records, and a reader that may go away.
//!
//! This is the floor: whatever a command writes leaves the program here, in text as
//! [`foreign::screened`] shows it and in records as `Record::line` does.

use std::io::Write;

use super::{
    Failure, Report, Settings, Style, fold,
    foreign::{self, screened},
    indented,
    progress::Progress,
    record::Record,
};

/// Where texts go. A closed output is remembered, and never ends the program by itself.
pub struct Output<'a> {
    sink: &'a mut dyn Write,
    style: Style,
    settings: Settings,
    /// The columns of the screen, if the output is one.
    width: Option<usize>,
    progress: Progress,
    /// What the running command has told, for its record.
    messages: Vec<String>,
    /// Whether the running command has shown nothing so far.
    fresh: bool,
    closed: bool,
}

impl<'a> Output<'a> {
    /// An output in this style.
    pub fn new(sink: &'a mut dyn Write, style: Style, settings: Settings) -> Self {
        Self {
            sink,
            style,
            settings,
            width: None,
            progress: Progress::default(),
            messages: Vec::new(),
            fresh: true,
            closed: false,
        }
    }

    /// Whether nobody reads any more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether the output is a terminal for a person to read.
    pub fn is_screen(&self) -> bool {
        self.settings.screen
    }

    /// Writes a text at once, without what a screen would obey. A program that writes records
    /// writes no texts.
    pub fn write(&mut self, text: &str) {
        if !self.settings.json {
            let erased = self.progress.erase();
            self.put(erased);
            self.put(&screened(text));
        }
    }

    /// Has the screen do something.
    pub fn control(&mut self, sequence: &'static str) {
        if !self.settings.json {
            self.put(sequence);
        }
    }

    /// Begins a command on a screen of this width: its first text gets a blank line above.
    pub fn begin(&mut self, width: usize) {
        self.width = self.settings.screen.then_some(width);
        self.messages.clear();
        self.fresh = true;
    }

    /// Writes a text with a blank line above it.
    pub fn paragraph(&mut self, text: &str) {
        self.fresh = true;
        self.line(text);
    }

    /// Writes the blank line above a text that follows.
    pub fn lead_in(&mut self) {
        self.fresh = true;
        self.lead("");
    }

    /// Writes a text below what the command has shown already.
    pub fn line(&mut self, text: &str) {
        let text = self.fitted(text.trim_matches('\n'));
        self.lead(&text);
        self.write("\n");
    }

    /// Writes what a command tells before it is done.
    pub fn tell(&mut self, text: &str) {
        if self.settings.json {
            let lines: Vec<_> = text.trim().lines().map(str::trim).collect();
            self.messages.push(lines.join("\n"));
        }
        self.line(text);
    }

    /// Writes a question, indented, without a line end behind it. The last line of it is left to
    /// the caller and returned.
    pub fn question(&mut self, text: &str) -> String {
        let text = self.fitted(&indented(text, self.style.indent));
        let (above, last) = text.rsplit_once('\n').unwrap_or(("", &text));
        self.lead(above);
        if !above.is_empty() {
            self.write("\n");
        }
        last.to_owned()
    }

    /// Shows how far long work has come, on a screen.
    pub fn progress(&mut self, what: &str, done: u64, total: u64) {
        if self.settings.screen {
            let what = &*foreign::shown(what);
            let drawn = self.progress.draw(what, done, total, self.width.unwrap_or(80));
            self.put(&drawn);
        }
    }

    /// Closes a command that succeeded; the text of its report has been shown.
    pub fn success(&mut self, command: &str, report: Option<&dyn Report>) {
        if self.settings.json {
            let fields = report.map(Report::json).unwrap_or_default();
            let record = Record::success(command, self.style.success, fields);
            let line = record.with_messages(&self.messages).line();
            self.put(&line);
        } else if let Some(result) = self.style.success {
            self.paragraph(result);
            self.write("\n");
        }
    }

    /// Closes a command that failed; `command` holds its words.
    pub fn failure(&mut self, command: &str, failure: &Failure) {
        if self.settings.json {
            let line = Record::failure(command, failure).with_messages(&self.messages).line();
            return self.put(&line);
        }
        self.paragraph(&(self.style.failure)(command, failure));
        if self.style.success.is_some() {
            self.write("\n");
        }
    }

    /// The text as a screen may show it, with lines that fit on it, if the output is one.
    pub fn fitted(&self, text: &str) -> String {
        let text = screened(text);
        self.width.map_or_else(|| text.to_string(), |width| fold::fitted(&text, width))
    }

    fn lead(&mut self, text: &str) {
        if self.fresh && self.style.success.is_some() {
            self.write("\n");
        }
        self.fresh = false;
        self.write(text);
    }

    fn put(&mut self, text: &str) {
        let written = self.sink.write_all(text.as_bytes()).and_then(|()| self.sink.flush());
        self.closed |= written.is_err();
    }
}
