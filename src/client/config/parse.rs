//! Where the sections and entries of a configuration text lie.
//!
//! ```text
//! Section Name = {
//!    Entry = value;
//!    // a comment
//! }
//! ```
//!
//! An entry is on one line; an opening brace may follow on the next. `#` begins a comment as
//! `//` does, at the beginning of an item only: values may hold both.

use std::ops::Range;

use super::ConfigError;

/// A section: `name = { .. }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: Range<usize>,
    pub(super) entries: Vec<Entry>,
    /// Where the closing brace is.
    pub(super) close: usize,
}

/// An entry: `name = value;`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: Range<usize>,
    /// Without the white space around it.
    pub(super) value: Range<usize>,
    /// Behind the semicolon.
    pub(super) end: usize,
}

/// Finds all sections in their order.
pub(super) fn sections(text: &str) -> Result<Vec<Section>, ConfigError> {
    let mut cursor = Cursor { text, at: usize::from(text.starts_with(MARK)) * MARK.len_utf8() };
    let mut sections = Vec::new();
    while let Some(next) = cursor.next_item()? {
        if next == '}' {
            return Err(cursor.error("a \"}\" closes no section"));
        }
        sections.push(cursor.section()?);
    }
    Ok(sections)
}

/// The byte order mark that some editors put first.
pub(super) const MARK: char = '\u{feff}';

struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, reason: &'static str) -> ConfigError {
        self.error_at(self.at, reason)
    }

    fn error_at(&self, at: usize, reason: &'static str) -> ConfigError {
        let before = self.text.get(..at).unwrap_or_default();
        ConfigError { line: 1 + before.matches('\n').count(), reason }
    }

    /// Skips white space and comments; the first character of what follows.
    fn next_item(&mut self) -> Result<Option<char>, ConfigError> {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches(is_blank).len();
            self.at += blank;
            let rest = self.rest();
            if !is_comment(rest) {
                break;
            }
            let comment = rest.find('\n').unwrap_or(rest.len());
            self.line_is_clean(comment)?;
            self.at += comment;
        }
        Ok(self.rest().chars().next())
    }

    fn section(&mut self) -> Result<Section, ConfigError> {
        let opening = self.at;
        let name = self.name("expected a section: \"Name = {\"")?;
        if self.next_item()? != Some('{') {
            return Err(self.error_at(opening, "the section's name is not followed by \"= {\""));
        }
        self.at += 1;
        let mut entries = Vec::new();
        loop {
            match self.next_item()? {
                None => return Err(self.error_at(opening, "the section is not closed by \"}\"")),
                Some('}') => break,
                Some(_) => entries.push(self.entry()?),
            }
        }
        let close = self.at;
        self.at += 1;
        Ok(Section { name, entries, close })
    }

    fn entry(&mut self) -> Result<Entry, ConfigError> {
        let name = self.name("expected an entry: \"Name = value;\"")?;
        let line = self.rest().lines().next().unwrap_or_default();
        let length =
            line.find(';').ok_or_else(|| self.error("the entry does not end with \";\""))?;
        self.line_is_clean(length)?;
        let value = trimmed(self.text, self.at..self.at + length);
        self.at += length + 1;
        Ok(Entry { name, value, end: self.at })
    }

    /// A name and the equals sign behind it, on one line.
    fn name(&mut self, expected: &'static str) -> Result<Range<usize>, ConfigError> {
        let rest = self.rest();
        let length = rest.find(['=', '{', '}', ';', '\n']).unwrap_or(rest.len());
        if !rest.get(length..).is_some_and(|rest| rest.starts_with('=')) {
            return Err(self.error(expected));
        }
        self.line_is_clean(length)?;
        let name = trimmed(self.text, self.at..self.at + length);
        if name.is_empty() {
            return Err(self.error("a name is missing before \"=\""));
        }
        self.at += length + 1;
        Ok(name)
    }

    /// No control characters in the next `length` bytes, but tabs and the carriage return of a
    /// line end.
    fn line_is_clean(&self, length: usize) -> Result<(), ConfigError> {
        let part = self.rest().get(..length).unwrap_or_default();
        let part = part.strip_suffix('\r').unwrap_or(part);
        if part.contains(|c: char| c.is_control() && c != '\t') {
            return Err(self.error("the line holds a control character"));
        }
        Ok(())
    }
}

/// Whether an item that begins so would be taken for a comment.
pub(super) fn is_comment(text: &str) -> bool {
    text.starts_with("//") || text.starts_with('#')
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = text.get(range.clone()).unwrap_or_default();
    let start = range.start + (part.len() - part.trim_start_matches(is_blank).len());
    start..start + part.trim_matches(is_blank).len()
}
