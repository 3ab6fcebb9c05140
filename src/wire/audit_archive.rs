//! The file of an audit archive: text, a line for each record, which stays sealed.

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::model::SerialNumber;

/// The first line of such a file.
pub const ARCHIVE_TITLE: &str = "lunacm audit archive, version 1";

/// The greatest length of a line in bytes: a record names few objects, and their labels are cut.
pub const MAXIMUM_ARCHIVE_LINE: usize = 64 << 10;

/// One record of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedRecord {
    /// Its number.
    pub sequence: u64,
    /// When, in seconds since 1970 UTC.
    pub time: u64,
    /// The partition it is about.
    pub partition: Option<SerialNumber>,
    /// What it says, sealed.
    pub sealed: Vec<u8>,
    /// Its MAC, over the one before.
    pub mac: Vec<u8>,
}

impl ArchivedRecord {
    /// The record's line, without its end.
    pub fn to_line(&self) -> String {
        let Self { sequence, time, partition, sealed, mac } = self;
        let partition = partition.map_or(0, SerialNumber::value);
        let (sealed, mac) = (BASE64_STANDARD.encode(sealed), BASE64_STANDARD.encode(mac));
        format!("{sequence} {time} {partition} {sealed} {mac}")
    }

    /// The record in a line; none if the line is none.
    pub fn from_line(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let mut number = || {
            let word = words.next()?;
            let plain = word.bytes().all(|byte| byte.is_ascii_digit());
            word.parse().ok().filter(|_| plain)
        };
        let (sequence, time, partition): (u64, u64, u64) = (number()?, number()?, number()?);
        let sealed = BASE64_STANDARD.decode(words.next()?).ok()?;
        let mac = BASE64_STANDARD.decode(words.next()?).ok()?;
        let partition = (partition > 0).then(|| SerialNumber::new(partition));
        words.next().is_none().then_some(Self { sequence, time, partition, sealed, mac })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_are_read_as_they_are_written(
            sequence: u64,
            time: u64,
            partition: u64,
            sealed: Vec<u8>,
            mac: Vec<u8>,
        ) {
            let partition = (partition > 0).then(|| SerialNumber::new(partition));
            let record = ArchivedRecord { sequence, time, partition, sealed, mac };
            prop_assert_eq!(ArchivedRecord::from_line(&record.to_line()), Some(record));
        }

        #[test]
        fn any_line_is_read_or_refused(line: String) {
            let _ = ArchivedRecord::from_line(&line);
        }
    }

    #[test]
    fn other_lines_are_refused() {
        for line in
            ["", "1", "1 2 3 AAAA", "1 2 3 AAAA AAAA AAAA", "+1 2 3 AAAA AAAA", "1 2 3 A AAAA"]
        {
            assert_eq!(ArchivedRecord::from_line(line), None, "{line}");
        }
    }
}
