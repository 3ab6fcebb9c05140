//! `Chrystoki.conf`, read and written without loss.
//!
//! The text is kept as it is, and an edit replaces only the bytes it is about: comments, order,
//! spacing, line ends and whatever this program does not know survive.

mod file;
mod parse;

use std::{
    ops::{Range, RangeInclusive},
    path::PathBuf,
};

pub use file::{ConfigFileError, ConfigurationLock};
use parse::{Entry, MARK, Section, is_comment, sections};

/// The content of a configuration file.
///
/// Names of sections and entries are looked up as they are spelled; if there is none of this
/// spelling, one that differs in case is taken. Of several entries of one name the first counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    text: String,
    sections: Vec<Section>,
    /// Where it was read from.
    file: Option<PathBuf>,
}

impl Configuration {
    /// Reads the content of a file.
    ///
    /// # Errors
    /// The first line that is not of the file's grammar.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Ok(Self { sections: sections(text)?, text: text.to_owned(), file: None })
    }

    /// The content, which is what was parsed but for the edits.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The value of an entry, without the white space around it.
    pub fn get(&self, section: &str, entry: &str) -> Option<&str> {
        self.find(section, entry).map(|found| self.part(&found.value))
    }

    /// The value of an entry that is a decimal number in this range; `None` if it is missing or
    /// empty.
    ///
    /// # Errors
    /// The value is no such number.
    pub fn number(
        &self,
        section: &str,
        entry: &str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<i64>, Box<NumberError>> {
        let Some(value) = self.get(section, entry).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        let digits = value.strip_prefix('-').unwrap_or(value);
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = value.parse().ok().filter(|number| plain && range.contains(number));
        number.map(Some).ok_or_else(|| {
            Box::new(NumberError {
                file: self.file.clone(),
                section: section.to_owned(),
                entry: entry.to_owned(),
                value: value.to_owned(),
                range,
            })
        })
    }

    /// The entries of all sections of this name, in their order, as names and values.
    pub fn entries(&self, section: &str) -> impl Iterator<Item = (&str, &str)> {
        self.sections_of(section)
            .flat_map(|section| &section.entries)
            .map(|entry| (self.part(&entry.name), self.part(&entry.value)))
    }

    /// The names of all sections, in their order.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|section| self.part(&section.name))
    }

    /// Gives an entry a value. A new entry goes to the end of its section and is indented like
    /// the others; a new section goes to the end of the file.
    ///
    /// # Errors
    /// The file's grammar has no way to write the section's name, the entry's name or the value.
    pub fn set(&mut self, section: &str, entry: &str, value: &str) -> Result<(), EditError> {
        if !is_name(section) {
            return Err(EditError::Section(section.to_owned()));
        }
        if !is_name(entry) {
            return Err(EditError::Entry(entry.to_owned()));
        }
        if !is_value(value) {
            return Err(EditError::Value(value.to_owned()));
        }
        let (range, with) = if let Some(found) = self.find(section, entry) {
            (found.value.clone(), spaced_value(&self.text, found, value))
        } else if let Some(found) = self.sections_of(section).next() {
            self.addition(found, entry, value)
        } else {
            let (eol, indent) = (self.line_end(), self.indentation(&self.sections));
            let body = format!("{section} = {{{eol}{indent}{entry} = {value};{eol}}}{eol}");
            let complete = ["", "\u{feff}"].contains(&&*self.text) || self.text.ends_with('\n');
            let end = self.text.len();
            (end..end, if complete { body } else { format!("{eol}{body}") })
        };
        self.replace(range, &with);
        Ok(())
    }

    /// Removes every entry of this name, in whatever case, and its line if nothing else is on it.
    /// Whether there was one.
    pub fn remove(&mut self, section: &str, entry: &str) -> bool {
        let found: Vec<Range<usize>> = self
            .sections
            .iter()
            .filter(|found| self.part(&found.name).eq_ignore_ascii_case(section))
            .flat_map(|found| &found.entries)
            .filter(|found| self.part(&found.name).eq_ignore_ascii_case(entry))
            .map(|found| self.line_of(found))
            .collect();
        for range in found.iter().rev() {
            self.replace(range.clone(), "");
        }
        !found.is_empty()
    }

    fn part(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    fn sections_of(&self, name: &str) -> impl Iterator<Item = &Section> {
        let exact = self.sections().any(|section| section == name);
        self.sections.iter().filter(move |section| {
            let found = self.part(&section.name);
            if exact { found == name } else { found.eq_ignore_ascii_case(name) }
        })
    }

    fn find(&self, section: &str, entry: &str) -> Option<&Entry> {
        let entries = || self.sections_of(section).flat_map(|section| &section.entries);
        entries()
            .find(|found| self.part(&found.name) == entry)
            .or_else(|| entries().find(|found| self.part(&found.name).eq_ignore_ascii_case(entry)))
    }

    /// What a new entry of this section looks like, and where it goes: before the line of the
    /// closing brace, or before the brace if its line holds more.
    fn addition(&self, section: &Section, entry: &str, value: &str) -> (Range<usize>, String) {
        let (eol, indent) = (self.line_end(), self.indentation(std::slice::from_ref(section)));
        let before = self.part(&(0..section.close));
        let line = before.rfind('\n').map_or(0, |at| at + 1);
        if line > 0 && self.part(&(line..section.close)).trim().is_empty() {
            (line..line, format!("{indent}{entry} = {value};{eol}"))
        } else {
            let at = section.close;
            (at..at, format!("{eol}{indent}{entry} = {value};{eol}"))
        }
    }

    /// The white space before the last entry that begins its line, in these sections or anywhere.
    fn indentation(&self, preferred: &[Section]) -> String {
        let entries = |sections: &[Section]| {
            sections.iter().flat_map(|section| &section.entries).rev().find_map(|entry| {
                let before = self.part(&(0..entry.name.start));
                let indent = before.rsplit_once('\n')?.1;
                indent.trim().is_empty().then(|| indent.to_owned())
            })
        };
        entries(preferred)
            .or_else(|| entries(&self.sections))
            .unwrap_or_else(|| DEFAULT_INDENTATION.to_owned())
    }

    fn line_end(&self) -> &'static str {
        match self.text.find('\n') {
            Some(at) if self.part(&(0..at)).ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    /// The entry with the rest of its line if that is blank, else the entry alone.
    fn line_of(&self, entry: &Entry) -> Range<usize> {
        let start = self.part(&(0..entry.name.start)).rfind('\n').map_or(0, |at| at + 1);
        let rest = self.part(&(entry.end..self.text.len()));
        let end = entry.end + rest.find('\n').map_or(rest.len(), |at| at + 1);
        let blank = |range: Range<usize>| self.part(&range).trim().is_empty();
        if blank(start..entry.name.start) && blank(entry.end..end) {
            start..end
        } else {
            entry.name.start..entry.end
        }
    }

    /// The edits above yield texts of the grammar only; the spans are found anew because that
    /// is simpler than moving them, and files are small.
    fn replace(&mut self, range: Range<usize>, with: &str) {
        self.text.replace_range(range, with);
        debug_assert!(sections(&self.text).is_ok(), "{}", self.text);
        self.sections = sections(&self.text).unwrap_or_default();
    }
}

const DEFAULT_INDENTATION: &str = "   ";

/// A value that was empty has no space of its own before it: `Entry =;`.
fn spaced_value(text: &str, entry: &Entry, value: &str) -> String {
    let touches = text.get(..entry.value.start).is_some_and(|before| before.ends_with('='));
    let needs_blank = entry.value.is_empty() && touches && !value.is_empty();
    if needs_blank { format!(" {value}") } else { value.to_owned() }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && is_value(text) && !text.contains(['=', '{', '}']) && !is_comment(text)
}

fn is_value(text: &str) -> bool {
    let plain = |c: char| !c.is_control() && c != MARK && c != ';';
    text.chars().all(plain) && !text.starts_with(' ') && !text.ends_with(' ')
}

/// Where and why a text is not a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ConfigError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// An entry whose value is not the number that it has to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{}: entry {entry} of section {section} is \"{value}\"; it has to be a whole number from {} to {}",
    file.as_deref().unwrap_or(std::path::Path::new("Chrystoki.conf")).display(),
    range.start(),
    range.end()
)]
pub struct NumberError {
    /// The file, if the configuration was read from one.
    pub file: Option<PathBuf>,
    /// The section's name.
    pub section: String,
    /// The entry's name.
    pub entry: String,
    /// Its value.
    pub value: String,
    /// What it may be.
    pub range: RangeInclusive<i64>,
}

impl NumberError {
    /// What the user can do about it.
    pub const REMEDY: &'static str = "Correct it with \"configurator setValue\", or take it out with \"configurator deleteValue\".";
}

/// A text that the grammar of the file cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The name of a section.
    #[error("{0:?} cannot be the name of a section")]
    Section(String),
    /// The name of an entry.
    #[error("{0:?} cannot be the name of an entry")]
    Entry(String),
    /// A value.
    #[error("{0:?} cannot be the value of an entry")]
    Value(String),
}
