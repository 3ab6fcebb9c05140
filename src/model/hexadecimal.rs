//! Bytes that people read as hexadecimal digits, and programs as they are.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

pub(super) fn serialize<S: Serializer, const N: usize>(
    bytes: &[u8; N],
    serializer: S,
) -> Result<S::Ok, S::Error>
where
    [u8; N]: Serialize,
{
    if !serializer.is_human_readable() {
        return bytes.serialize(serializer);
    }
    serializer.collect_str(&Digits(bytes))
}

struct Digits<'b>(&'b [u8]);

impl fmt::Display for Digits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
    deserializer: D,
) -> Result<[u8; N], D::Error>
where
    [u8; N]: Deserialize<'de>,
{
    if !deserializer.is_human_readable() {
        return <[u8; N]>::deserialize(deserializer);
    }
    let digits = String::deserialize(deserializer)?;
    let pair = |at: usize| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..N).map(pair).collect();
    let bytes = bytes.filter(|_| digits.len() == 2 * N).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| D::Error::custom(format!("{} hexadecimal digits", 2 * N)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Key(#[serde(with = "super")] [u8; 3]);

    #[test]
    fn people_read_digits_and_programs_bytes() {
        let key = Key([0, 0xab, 0xff]);
        assert_eq!(serde_json::to_string(&key).unwrap(), "\"00abff\"");
        assert_eq!(serde_json::from_str::<Key>("\"00abff\"").unwrap(), key);
        for text in ["\"00abf\"", "\"00abffff\"", "\"00abfg\"", "\"äöab\"", "[0,1,2]"] {
            assert!(serde_json::from_str::<Key>(text).is_err(), "{text}");
        }
        assert_eq!(postcard::to_stdvec(&key).unwrap(), [0, 0xab, 0xff]);
    }
}
