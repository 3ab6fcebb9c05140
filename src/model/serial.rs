//! Serial numbers of HSMs and partitions.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// The serial number of an HSM or a partition, shown in decimal digits.
///
/// Luna 7 partitions have 12 or 13 digits; any number of up to 16 digits is taken, so that files
/// and scripts survive a change of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SerialNumber(u64);

impl SerialNumber {
    /// A serial number of this value.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The number itself.
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// People and scripts read digits: many read numbers with 53 bits only.
impl Serialize for SerialNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_u64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for SerialNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
        } else {
            u64::deserialize(deserializer).map(Self)
        }
    }
}

impl FromStr for SerialNumber {
    type Err = SerialError;

    fn from_str(text: &str) -> Result<Self, SerialError> {
        let digits = text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits {
            return Err(SerialError);
        }
        text.parse().map(Self).map_err(|_| SerialError)
    }
}

/// The text is not a serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a serial number is 1 to 16 decimal digits")]
pub struct SerialError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_make_a_serial_number() {
        assert_eq!("1238700701509".parse(), Ok(SerialNumber::new(1_238_700_701_509)));
        for text in ["", "+1", "-1", "12 3", "0x10", "12345678901234567"] {
            assert_eq!(text.parse::<SerialNumber>(), Err(SerialError), "{text:?}");
        }
    }
}
