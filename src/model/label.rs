//! Labels of tokens, partitions and clients.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// The label of an HSM, a partition or a client token: 1 to 32 characters of Luna's set
/// (letters, digits, space and `` !#$%'()*+,-./:=@[]^_{}~ ``), the first not a space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(String);

impl Label {
    /// The label's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a client, which is also the name of its exported identity file: 1 to 64
/// characters of a [`Label`]'s set without `/`, the first neither a space, a dot nor a hyphen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientLabel(String);

impl ClientLabel {
    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Empty, or longer than the given number of characters.
    #[error("a label has 1 to {0} characters")]
    Length(usize),
    /// A character outside the permitted set.
    #[error("the character {0:?} is not permitted in this label")]
    Character(char),
    /// A first character that would be read as something else.
    #[error("a label does not begin with {0:?}")]
    First(char),
}

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        check(text, 32, " ", "")?;
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for ClientLabel {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        check(text, 64, " .-", "/")?;
        Ok(Self(text.to_owned()))
    }
}

fn check(text: &str, most: usize, not_first: &str, not_inside: &str) -> Result<(), LabelError> {
    let length = text.chars().count();
    if length == 0 || length > most {
        return Err(LabelError::Length(most));
    }
    if let Some(first) = text.chars().next().filter(|first| not_first.contains(*first)) {
        return Err(LabelError::First(first));
    }
    let permitted = |c: char| c.is_ascii_alphanumeric() || " !#$%'()*+,-./:=@[]^_{}~".contains(c);
    match text.chars().find(|c| !permitted(*c) || not_inside.contains(*c)) {
        Some(character) => Err(LabelError::Character(character)),
        None => Ok(()),
    }
}

/// Reads the name of a version or a model: at most 64 printable characters of ASCII, which is all
/// that an appliance has to tell. For `serde(deserialize_with)`.
///
/// # Errors
/// The text is longer, or holds something else.
pub(super) fn plain_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let plain = text.len() <= 64 && text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    plain.then_some(text).ok_or_else(|| D::Error::custom("the text is not plain"))
}

macro_rules! text_conversions {
    ($($name:ident)*) => { $(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = LabelError;

            fn try_from(text: String) -> Result<Self, LabelError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(label: $name) -> Self {
                label.0
            }
        }
    )* };
}

text_conversions! { Label ClientLabel }

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Version(#[serde(deserialize_with = "plain_text")] String);

    #[test]
    fn a_version_is_plain_or_refused() {
        let read = |text: &str| {
            let json = serde_json::to_string(text).unwrap();
            serde_json::from_str::<Version>(&json).map(|version| version.0)
        };
        assert_eq!(read("LunaSA 7.7.0").unwrap(), "LunaSA 7.7.0");
        let long = "7".repeat(65);
        for bad in ["\x1b[2J", "7\n", "7\t", "\u{7f}", "\u{9b}", "\u{202e}", "é", &long] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn labels_are_bounded_and_clean() {
        assert!("par 0".parse::<Label>().is_ok());
        assert_eq!("".parse::<Label>(), Err(LabelError::Length(32)));
        assert_eq!("x".repeat(33).parse::<Label>(), Err(LabelError::Length(32)));
        assert_eq!("a?b".parse::<Label>(), Err(LabelError::Character('?')));
        assert_eq!(" a".parse::<Label>(), Err(LabelError::First(' ')));
    }

    #[test]
    fn client_labels_are_file_names() {
        assert!("client-1.example".parse::<ClientLabel>().is_ok());
        assert_eq!("a/b".parse::<ClientLabel>(), Err(LabelError::Character('/')));
        assert_eq!("..".parse::<ClientLabel>(), Err(LabelError::First('.')));
        assert_eq!("-f".parse::<ClientLabel>(), Err(LabelError::First('-')));
    }
}
