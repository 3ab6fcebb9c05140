//! Texts that others made, as a screen may show them.
//!
//! A terminal obeys control characters, and bidirectional controls turn a line around; either can
//! make a screen say what no command said. Whatever a program writes goes through [`screened`] at
//! the floor ([`super::output`]), which leaves only the line ends and tabs that layout needs. A
//! text that others can choose goes through [`shown`] before it is put into a layout, so that it
//! cannot begin a line of its own.

use std::{
    borrow::Cow,
    fmt::{self, Write},
    io,
};

/// A text of others as part of a line: with every character that a screen would obey, line ends
/// and tabs included, as `\u{..}`.
pub fn shown(text: &str) -> Cow<'_, str> {
    escaped(text, is_obeyed)
}

/// Bytes of others as part of a line; what is not UTF-8 shows as U+FFFD.
pub fn shown_bytes(bytes: &[u8]) -> String {
    shown(&String::from_utf8_lossy(bytes)).into_owned()
}

/// A text in which this word may be repeated: there the word is [`shown`].
pub fn contained(word: &str, text: String) -> String {
    match shown(word) {
        Cow::Owned(visible) => text.replace(word, &visible),
        Cow::Borrowed(_) => text,
    }
}

/// A text with its layout: as [`shown`], but line ends and tabs stay.
pub fn screened(text: &str) -> Cow<'_, str> {
    escaped(text, |character| !matches!(character, '\n' | '\t') && is_obeyed(character))
}

/// JSON whose texts are [`screened`], as JSON of the texts that show it: whatever reads them may
/// print them.
pub fn screened_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    let mut rest = json.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            put_in_json(&mut safe, character, &character.to_string());
            continue;
        }
        match rest.next() {
            Some('b') => put_in_json(&mut safe, '\x08', ""),
            Some('f') => put_in_json(&mut safe, '\x0c', ""),
            Some('r') => put_in_json(&mut safe, '\r', ""),
            Some('u') => {
                let digits: String = rest.by_ref().take(4).collect();
                let value = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                let value = value.unwrap_or(char::REPLACEMENT_CHARACTER);
                put_in_json(&mut safe, value, &format!("\\u{digits}"));
            }
            Some(other) => safe.extend(['\\', other]),
            None => safe.push('\\'),
        }
    }
    safe
}

/// Puts a character into a JSON string: in its visible form if it needs one, else as `spelled`.
fn put_in_json(json: &mut String, character: char, spelled: &str) {
    match screened(character.encode_utf8(&mut [0; 4])) {
        Cow::Owned(visible) => json.extend(["\\", &visible]),
        Cow::Borrowed(_) => json.push_str(spelled),
    }
}

/// Whether a screen would obey a character instead of showing it, or show nothing in its place:
/// C0, DEL and C1 (ECMA-48), line and paragraph separators, bidirectional controls (UAX #9), and
/// characters without a width of their own that join, hide or tag (Unicode's Cf).
pub fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

fn escaped(text: &str, is_hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_hidden(character) {
            // Writing into a string does not fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// A value whose text others can choose, as part of a line: its `Display` is [`shown`].
#[derive(Clone, Copy, Debug)]
pub struct Foreign<T>(pub T);

impl<T: fmt::Display> fmt::Display for Foreign<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&shown(&self.0.to_string()))
    }
}

/// A stream for a log: what goes through it is [`screened`], but for the colours that the log
/// itself sets.
#[derive(Debug)]
pub struct Screen<W>(pub W);

impl<W: io::Write> io::Write for Screen<W> {
    /// Takes one record whole, as logs write them.
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(record);
        let mut safe = String::with_capacity(text.len());
        let mut rest = &*text;
        while let Some(at) = rest.find('\x1b') {
            let (before, colour) = rest.split_at(at);
            let length = colour_length(colour);
            safe.push_str(&screened(before));
            let (kept, after) = colour.split_at(length.unwrap_or(1));
            safe.push_str(if length.is_some() { kept } else { "\\u{1b}" });
            rest = after;
        }
        safe.push_str(&screened(rest));
        self.0.write_all(safe.as_bytes())?;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The bytes of the sequence that sets colours (SGR) at the beginning of a text, if one is there.
fn colour_length(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\x1b[")?;
    let end = parameters.find(|letter: char| !letter.is_ascii_digit() && letter != ';')?;
    parameters.get(end..)?.starts_with('m').then_some(2 + end + 1)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_screen_would_obey_is_shown() {
        let hostile = "a\x1b]0;t\x07\r\x08\0\x7f\u{9b}\u{202e}\u{2066}\u{2028}\nb\tc";
        let expected = "a\\u{1b}]0;t\\u{7}\\u{d}\\u{8}\\u{0}\\u{7f}\\u{9b}\\u{202e}\\u{2066}\
                        \\u{2028}";
        assert_eq!(shown(hostile), format!("{expected}\\u{{a}}b\\u{{9}}c"));
        assert_eq!(screened(hostile), format!("{expected}\nb\tc"));
        assert_eq!(shown("Grüße, 鍵 ➜ \\u{1b}"), "Grüße, 鍵 ➜ \\u{1b}");
        assert_eq!(shown_bytes(b"\xff\x1b"), "\u{fffd}\\u{1b}");
        assert_eq!(format!("[{:>8}]", Foreign("\n")), "[   \\u{a}]");
    }

    #[test]
    fn json_holds_what_would_be_shown() {
        let value =
            serde_json::json!({ "a\u{7}": ["\u{202e}\n\t\"\\", { "b": "\u{9b}\r\x08\x0c" }] });
        let safe: serde_json::Value =
            serde_json::from_str(&screened_json(&value.to_string())).unwrap();
        let expected = serde_json::json!({
            "a\\u{7}": ["\\u{202e}\n\t\"\\", { "b": "\\u{9b}\\u{d}\\u{8}\\u{c}" }]
        });
        assert_eq!(safe, expected);
    }

    #[test]
    fn a_log_keeps_its_colours_alone() {
        let mut log = Screen(Vec::new());
        log.write_all("\x1b[32m INFO\x1b[0m \x1b[2J\x1b]0;x\x07\u{9b}\x1b".as_bytes()).unwrap();
        let text = String::from_utf8(log.0).unwrap();
        assert_eq!(text, "\x1b[32m INFO\x1b[0m \\u{1b}[2J\\u{1b}]0;x\\u{7}\\u{9b}\\u{1b}");
    }

    proptest! {
        #[test]
        fn nothing_obeyed_is_left(text in any::<String>()) {
            let safe = shown(&text).into_owned();
            prop_assert!(!safe.contains(is_obeyed));
            prop_assert_eq!(shown(&safe), safe.as_str(), "showing twice is showing once");
            let lines = screened(&text);
            prop_assert!(!lines.contains(|c: char| is_obeyed(c) && c != '\n' && c != '\t'));
            prop_assert_eq!(shown(&lines), safe.as_str());
            let json = screened_json(&serde_json::to_string(&text).unwrap());
            let read: String = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(read, lines.into_owned());
        }

        #[test]
        fn other_characters_stay_in_their_order(text in any::<String>()) {
            let kept: String = text.chars().filter(|c| !is_obeyed(*c)).collect();
            let mut rest = kept.chars().peekable();
            for character in shown(&text).chars() {
                if rest.peek() == Some(&character) {
                    rest.next();
                }
            }
            prop_assert!(rest.next().is_none());
        }
    }
}
