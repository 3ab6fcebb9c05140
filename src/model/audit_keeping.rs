//! How long the audit log is, what has left it, and whether all of it is sound.

use serde::{Deserialize, Serialize};

use super::Rotation;

/// How the log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditSettings {
    /// When it is closed into an archive, whatever its size.
    pub rotation: Rotation,
    /// The size in bytes at which it is closed into an archive.
    pub size: u64,
    /// The most that the log and its archives in the file area may take, in bytes.
    pub ceiling: u64,
}

impl AuditSettings {
    /// The least size in bytes.
    pub const LEAST_SIZE: u64 = 16 << 10;

    /// The greatest size in bytes: what is closed is written while others wait.
    pub const GREATEST_SIZE: u64 = 256 << 20;

    /// The percentage of the ceiling from which on what needs no login is refused or counted.
    pub const WITHOUT_LOGIN: u64 = 50;

    /// The percentage of the ceiling from which on the appliance warns.
    pub const WARNING: u64 = 80;

    /// The percentage of the ceiling from which on refusals are only counted.
    pub const REFUSALS: u64 = 90;

    /// How much of the ceiling this many bytes are, in percent.
    pub fn share(&self, bytes: u64) -> u64 {
        bytes.saturating_mul(100) / self.ceiling.max(1)
    }

    /// Whether the values fit each other: below the ceiling there is room for two logs.
    pub const fn is_sound(&self) -> bool {
        self.size >= Self::LEAST_SIZE
            && self.size <= Self::GREATEST_SIZE
            && self.ceiling / 2 >= self.size
    }
}

impl Default for AuditSettings {
    /// 16 MiB are some 50,000 records, which are written and checked within seconds; 256 MiB are
    /// years of an appliance whose uses of keys are not recorded.
    fn default() -> Self {
        Self { rotation: Rotation::Never, size: 16 << 20, ceiling: 256 << 20 }
    }
}

/// What of it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditSetting {
    /// When the log is closed.
    Rotation(Rotation),
    /// At which size, in bytes.
    Size(u64),
    /// The most that it and its archives may take, in bytes.
    Ceiling(u64),
}

/// The state of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditStatus {
    /// The number of the first record in the log; one more than the last if there is none.
    pub first: u64,
    /// The number of the last record that was made.
    pub last: u64,
    /// What the log takes, in bytes.
    pub bytes: u64,
    /// What its archives in the file area take, in bytes.
    pub archived_bytes: u64,
    /// How much of the ceiling that is, in percent.
    pub share: u64,
    /// How it is kept.
    pub settings: AuditSettings,
    /// What has left it.
    pub archives: Vec<ArchiveEntry>,
}

/// A range of records that has left the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveEntry {
    /// The number of the first record.
    pub first: u64,
    /// The number of the last one.
    pub last: u64,
    /// When they left, in seconds since 1970 UTC.
    pub time: u64,
    /// The file that holds them; none if they were cleared.
    pub file: Option<String>,
    /// How it stands with the file.
    pub state: ArchiveState,
}

/// How it stands with a range of records that has left the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArchiveState {
    /// The file is there. Only a check says whether it is whole.
    There,
    /// The file is there, and no record is missing, altered or out of place.
    Whole,
    /// The file is not in the file area.
    Absent,
    /// The first record of this file that is missing, altered or out of place.
    Broken {
        /// Its number.
        record: u64,
    },
    /// The records were cleared.
    Cleared,
}

/// What a check of the chain of records found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditCheck {
    /// Records in the log.
    pub records: u64,
    /// The number of the first record that is missing, altered or out of place; none if the chain
    /// holds from the first record that was ever made to the last one, or to where it left the log.
    pub broken: Option<u64>,
    /// What has left the log.
    pub archives: Vec<ArchiveEntry>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_fit_below_the_ceiling() {
        let default = AuditSettings::default();
        assert!(default.is_sound());
        assert_eq!(default.share(default.ceiling / 2), 50);
        assert_eq!(default.share(u64::MAX), u64::MAX / default.ceiling);
        assert!(!AuditSettings { ceiling: default.size, ..default }.is_sound());
        assert!(!AuditSettings { size: 1, ..default }.is_sound());
    }
}
