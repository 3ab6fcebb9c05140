//! Secrets people type.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::limits::MAXIMUM_PASSWORD;

/// A password, a domain string or another typed secret: erased when dropped, never printed.
///
/// Any text can be held, because old secrets keep working and a wrong one must reach the counter
/// of failures; [`Password::check_new`] holds the rules for one that is being set.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret's bytes, for a key derivation only.
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Holds the rules for a password that is being set: characters out of Luna client 10.8's set,
    /// the first not a space, `least` of them at least and 255 at most.
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn check_new(&self, least: usize) -> Result<(), PasswordError> {
        let length = self.0.chars().count();
        if !(least..=MAXIMUM_PASSWORD).contains(&length) {
            return Err(PasswordError::Length);
        }
        if self.0.starts_with(' ') {
            return Err(PasswordError::LeadingSpace);
        }
        if !self.0.chars().all(allowed) {
            return Err(PasswordError::Character);
        }
        Ok(())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// The rule that a new password breaks. No variant holds any of its characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer characters than asked for, or more than 255.
    #[error("a password has 8 to 255 characters")]
    Length,
    /// The first character is a space.
    #[error("a password does not begin with a space")]
    LeadingSpace,
    /// A character outside the permitted set.
    #[error(
        "a password is made of letters, digits, spaces and the characters ! # $ % ' ( ) * + , - . / : = ? @ [ ] ^ _ {{ }} ~"
    )]
    Character,
}

fn allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || " !#$%'()*+,-./:=?@[]^_{}~".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), PasswordError> {
        Password::new(text.to_owned()).check_new(8)
    }

    #[test]
    fn new_passwords_follow_the_rules() {
        assert_eq!(check("userpin1"), Ok(()));
        assert_eq!(check("with a space"), Ok(()));
        assert_eq!(check("short77"), Err(PasswordError::Length));
        assert_eq!(check(&"x".repeat(255)), Ok(()));
        assert_eq!(check(&"x".repeat(256)), Err(PasswordError::Length));
        assert_eq!(check(" leading1"), Err(PasswordError::LeadingSpace));
        assert_eq!(check("quote\"inside"), Err(PasswordError::Character));
        assert_eq!(check("passwörter"), Err(PasswordError::Character));
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Password::new("userpin1".into())), "Password(..)");
    }
}
