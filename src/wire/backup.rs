//! Backups of partitions: a line of text, and the objects behind it, each sealed.
//!
//! ```text
//! lunacm partition backup, version 1
//! ```
//!
//! Behind the line follows a [`Backup`], encoded with postcard. What an object is called and of
//! which kind it is stands beside it, so that a backup can be looked through; the rest opens in a
//! partition of its domain, on an HSM of its HSM's domain, alone.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, SeqAccess, Visitor},
};

use crate::model::{Label, SerialNumber};

/// The greatest size in bytes of a backup: somewhat more than an HSM holds.
pub const MAXIMUM_BACKUP_BYTES: usize = 64 * 1024 * 1024;

/// The first line of a backup.
pub(super) const BACKUP: &str = "lunacm partition backup";

const HEADER: &str = "lunacm partition backup, version 1\n";

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// The label of the partition that was backed up.
    pub label: Option<Label>,
    /// Its serial number.
    pub serial: SerialNumber,
    /// What the key is made of besides the domains.
    pub salt: [u8; 16],
    /// The objects; at most `MAXIMUM_BACKUP_OBJECTS`.
    #[serde(deserialize_with = "objects")]
    pub objects: Vec<BackupObject>,
}

/// One object of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupObject {
    /// The beginning of `CKA_LABEL`, for people: at most `MAXIMUM_BACKUP_LABEL_BYTES`.
    #[serde(serialize_with = "beginning", deserialize_with = "short")]
    pub label: String,
    /// `CKA_CLASS`.
    pub class: u32,
    /// The object identifier.
    pub ouid: [u8; 12],
    /// The object, sealed under the domains.
    pub sealed: Vec<u8>,
}

/// The most objects that a backup holds.
pub const MAXIMUM_BACKUP_OBJECTS: usize = 65_536;

/// The most bytes of an object's label that a backup shows. The label itself is sealed with the
/// object.
pub const MAXIMUM_BACKUP_LABEL_BYTES: usize = 64;

/// Reads objects one by one: a count that says more than the bytes hold costs nothing.
fn objects<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<BackupObject>, D::Error> {
    struct Objects;

    impl<'de> Visitor<'de> for Objects {
        type Value = Vec<BackupObject>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {MAXIMUM_BACKUP_OBJECTS} objects")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
            let mut objects = Vec::new();
            while let Some(object) = all.next_element()? {
                if objects.len() == MAXIMUM_BACKUP_OBJECTS {
                    return Err(A::Error::invalid_length(objects.len() + 1, &self));
                }
                objects.push(object);
            }
            Ok(objects)
        }
    }

    deserializer.deserialize_seq(Objects)
}

fn short<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let label = String::deserialize(deserializer)?;
    let fits = label.len() <= MAXIMUM_BACKUP_LABEL_BYTES;
    fits.then_some(label).ok_or_else(|| D::Error::custom("the label is too long"))
}

fn beginning<S: Serializer>(label: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let end = label.floor_char_boundary(MAXIMUM_BACKUP_LABEL_BYTES);
    serializer.serialize_str(label.get(..end).unwrap_or(label))
}

impl Backup {
    /// The file's content.
    ///
    /// # Errors
    /// The backup is too large.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BackupError> {
        if self.objects.len() > MAXIMUM_BACKUP_OBJECTS {
            return Err(BackupError::TooLarge);
        }
        let bytes = postcard::to_extend(self, HEADER.as_bytes().to_vec());
        let bytes = bytes.map_err(|_| BackupError::TooLarge)?;
        if bytes.len() > MAXIMUM_BACKUP_BYTES { Err(BackupError::TooLarge) } else { Ok(bytes) }
    }

    /// Reads the content of a file.
    ///
    /// # Errors
    /// The content is not exactly one backup of this version.
    pub fn parse(bytes: &[u8]) -> Result<Self, BackupError> {
        if bytes.len() > MAXIMUM_BACKUP_BYTES {
            return Err(BackupError::TooLarge);
        }
        let Some(content) = bytes.strip_prefix(HEADER.as_bytes()) else {
            let other = bytes.starts_with(BACKUP.as_bytes());
            return Err(if other { BackupError::Version } else { BackupError::Foreign });
        };
        match postcard::take_from_bytes(content) {
            Ok((backup, [])) => Ok(backup),
            _ => Err(BackupError::Damaged),
        }
    }
}

/// Why bytes are not a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// Larger than [`MAXIMUM_BACKUP_BYTES`].
    #[error("the file is larger than any backup of a partition")]
    TooLarge,
    /// Something else.
    #[error("the file is no backup of a partition")]
    Foreign,
    /// Another version wrote it.
    #[error("the file is a backup that another version of this program wrote")]
    Version,
    /// Cut short, or altered.
    #[error("the backup is damaged: it was cut short or altered")]
    Damaged,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup(labels: impl Iterator<Item = String>) -> Backup {
        let object = |label| BackupObject { label, class: 3, ouid: [1; 12], sealed: Vec::new() };
        let (serial, salt) = (SerialNumber::new(5), [3; 16]);
        Backup { label: None, serial, salt, objects: labels.map(object).collect() }
    }

    #[test]
    fn a_long_label_is_cut_and_a_crafted_one_refused() {
        let bytes = backup([format!("{}é and more", "a".repeat(63))].into_iter()).to_bytes();
        let bytes = bytes.unwrap();
        assert_eq!(Backup::parse(&bytes).unwrap().objects[0].label, "a".repeat(63));
        // The length stands before the label; one byte more of it is taken from what follows.
        let at = bytes.windows(2).position(|pair| pair == [63, b'a']).unwrap();
        let crafted = [&bytes[..at], &[65], &[b'a'; 65], &bytes[at + 64..]].concat();
        assert_eq!(Backup::parse(&crafted), Err(BackupError::Damaged));
    }

    #[test]
    fn no_backup_holds_more_objects_than_a_partition() {
        let labels = |count| (0..count).map(|_| String::new());
        let most = backup(labels(MAXIMUM_BACKUP_OBJECTS));
        let bytes = most.to_bytes().unwrap();
        assert_eq!(Backup::parse(&bytes).unwrap().objects.len(), MAXIMUM_BACKUP_OBJECTS);
        let more = backup(labels(MAXIMUM_BACKUP_OBJECTS + 1));
        assert_eq!(more.to_bytes(), Err(BackupError::TooLarge));
        let crafted = postcard::to_extend(&more, HEADER.as_bytes().to_vec()).unwrap();
        assert_eq!(Backup::parse(&crafted), Err(BackupError::Damaged));
    }

    #[test]
    fn what_is_written_is_read_back_and_nothing_else() {
        let object =
            BackupObject { label: "a".into(), class: 3, ouid: [1; 12], sealed: vec![2; 9] };
        let (serial, salt) = (SerialNumber::new(5), [3; 16]);
        let backup = Backup { label: None, serial, salt, objects: vec![object] };
        let bytes = backup.to_bytes().unwrap();
        assert_eq!(Backup::parse(&bytes), Ok(backup));
        assert_eq!(Backup::parse(&bytes[..bytes.len() - 1]), Err(BackupError::Damaged));
        assert_eq!(Backup::parse(&[&bytes[..], &[0]].concat()), Err(BackupError::Damaged));
        assert_eq!(Backup::parse(b"text"), Err(BackupError::Foreign));
        assert_eq!(
            Backup::parse(b"lunacm partition backup, version 2\n"),
            Err(BackupError::Version)
        );
    }
}
