//! Backups of partitions: a line of text, and the objects behind it, each sealed.
//!
//! ```text
//! lunacm partition backup, version 1
//! ```
//!
//! Behind the line follows a [`Backup`], encoded with postcard. What an object is called and of
//! which kind it is stands beside it, so that a backup can be looked through; the rest opens in a
//! partition of its domain, on an HSM of its HSM's domain, alone.

use serde::{Deserialize, Serialize};

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
    /// The objects.
    pub objects: Vec<BackupObject>,
}

/// One object of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupObject {
    /// `CKA_LABEL`.
    pub label: String,
    /// `CKA_CLASS`.
    pub class: u32,
    /// The object identifier.
    pub ouid: [u8; 12],
    /// The object, sealed under the domains.
    pub sealed: Vec<u8>,
}

impl Backup {
    /// The file's content.
    ///
    /// # Errors
    /// The backup is too large.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BackupError> {
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
