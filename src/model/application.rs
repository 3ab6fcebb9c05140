//! Application IDs: how processes share a login.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Two numbers that processes of one application agree on. Links of one client to one partition
/// that have the same share their login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ApplicationId {
    /// The major number.
    pub major: u32,
    /// The minor number.
    pub minor: u32,
}

/// A text that is no application ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an application ID is two numbers from 0 to 4294967295, as 1:40")]
pub struct ApplicationIdError;

impl fmt::Display for ApplicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

impl FromStr for ApplicationId {
    type Err = ApplicationIdError;

    fn from_str(text: &str) -> Result<Self, ApplicationIdError> {
        let (major, minor) = text.split_once(':').ok_or(ApplicationIdError)?;
        let number = |text: &str| text.trim().parse().map_err(|_| ApplicationIdError);
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_two_numbers() {
        let id = ApplicationId { major: 1, minor: 40 };
        assert_eq!((id.to_string().parse(), " 1 : 40 ".parse()), (Ok(id), Ok(id)));
        for text in ["", "1", "1:", ":1", "1:-1", "1:4294967296", "1:2:3", "one:two"] {
            assert_eq!(text.parse::<ApplicationId>(), Err(ApplicationIdError), "{text}");
        }
    }
}
