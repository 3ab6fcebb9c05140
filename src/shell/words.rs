//! One line into words.

use std::ops::Range;

use zeroize::Zeroizing;

/// One word of a line: its text without quotes, and the bytes of the line it was made from.
#[derive(Clone, PartialEq, Eq)]
pub struct Word {
    /// The text; erased when dropped, because any word may be a password.
    pub text: Zeroizing<String>,
    /// Where it stands in the line, quotes included, in bytes.
    pub span: Range<usize>,
    /// Whether it begins with a quote, which makes it a value and never a command or an option.
    pub quoted: bool,
}

/// Splits a line at white space. Double quotes hold white space together and may stand inside a
/// word; `""` is an empty word. A backslash is a character like any other, so that Windows paths
/// pass unchanged.
///
/// # Errors
/// A quote is not closed.
pub fn split(line: &str) -> Result<Vec<Word>, Unterminated> {
    let (words, open) = split_loosely(line);
    if open { Err(Unterminated) } else { Ok(words) }
}

/// As [`split`], with a quote that is still open closed at the end of the line; tells whether
/// there was one.
pub fn split_loosely(line: &str) -> (Vec<Word>, bool) {
    let mut words = Vec::new();
    let mut current: Option<Word> = None;
    let mut inside = false;
    for (at, character) in line.char_indices() {
        let end = at + character.len_utf8();
        if character.is_whitespace() && !inside {
            words.extend(current.take());
            continue;
        }
        let word = current.get_or_insert_with(|| Word {
            text: Zeroizing::default(),
            span: at..end,
            quoted: character == '"',
        });
        word.span.end = end;
        if character == '"' {
            inside = !inside;
        } else {
            word.text.push(character);
        }
    }
    words.extend(current);
    (words, inside)
}

/// A line of these words; erased when dropped, as they are.
pub fn joined(words: &[Word]) -> Zeroizing<String> {
    let mut line = Zeroizing::new(String::new());
    for word in words {
        let quote = if word.quoted || word.text.contains(char::is_whitespace) { "\"" } else { "" };
        for part in [quote, &word.text, quote, " "] {
            line.push_str(part);
        }
    }
    line
}

/// The words of arguments that are split already, as a process gets them. A single argument with
/// white space in it is split like a line, so that one quoted command is taken too.
///
/// # Errors
/// That single argument has a quote that is not closed.
pub fn from_arguments(arguments: &[String]) -> Result<Vec<Word>, Unterminated> {
    if let [line] = arguments {
        return split(line);
    }
    Ok(arguments
        .iter()
        .map(|text| Word {
            text: Zeroizing::new(text.clone()),
            span: 0..0,
            quoted: text.is_empty() || text.contains(char::is_whitespace),
        })
        .collect())
}

/// A double quote was opened and not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a double quote is not closed")]
pub struct Unterminated;

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).unwrap().into_iter().map(|word| word.text.to_string()).collect()
    }

    #[test]
    fn quotes_hold_spaces_and_backslashes_stay() {
        assert_eq!(texts(r#"  stc  tokeninit -label "my token" "#).len(), 4);
        assert_eq!(texts(r#"a "b c" d"#), ["a", "b c", "d"]);
        assert_eq!(texts(r#"-label="my par""#), ["-label=my par"]);
        assert_eq!(texts(r#"-domain """#), ["-domain", ""]);
        assert_eq!(
            texts(r#"-file "C:\Program Files\x.pid""#),
            ["-file", r"C:\Program Files\x.pid"]
        );
        assert_eq!(texts(""), Vec::<String>::new());
    }

    #[test]
    fn an_open_quote_is_an_error() {
        assert!(split(r#"stc "tokeninit"#).is_err());
        assert!(split("\"").is_err());
    }

    #[test]
    fn spans_are_places_in_the_line() {
        let line = r#"role -password "a é b" x"#;
        let words = split(line).unwrap();
        assert_eq!(&line[words[2].span.clone()], r#""a é b""#);
        assert!(words[2].quoted && !words[3].quoted);
    }

    #[test]
    fn one_argument_is_a_line_and_several_are_words() {
        let one = from_arguments(&["slot list".to_owned()]).unwrap();
        assert_eq!(one.len(), 2);
        let several = from_arguments(&["a".to_owned(), "b \" c".to_owned()]).unwrap();
        assert_eq!(several[1].text.as_str(), "b \" c");
    }
}
