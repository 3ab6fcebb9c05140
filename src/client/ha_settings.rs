//! What is configured for all HA groups together: recovery, logging, and which slots are shown.

use std::ops::RangeInclusive;

use super::{
    config::{Configuration, EditError},
    ha::GroupError,
};

/// The section about HA.
const SECTION: &str = "HAConfiguration";

/// The section of the groups, where the recovery mode stands.
const GROUPS: &str = "VirtualToken";

/// The least and the greatest interval between attempts, in seconds.
pub const INTERVAL: (u32, u32) = (60, 1200);

/// The greatest number of attempts, besides -1 for no end.
pub const MAXIMUM_RETRIES: i32 = 500;

/// The settings in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaSettings {
    /// How members come back.
    pub mode: RecoveryMode,
    /// How often a lost member is tried; 0 never, -1 without end.
    pub retries: i32,
    /// Seconds between two attempts.
    pub interval: u32,
    /// Whether only the slots of groups are shown.
    pub only: bool,
    /// Whether events are logged.
    pub logging: bool,
    /// The directory of the log.
    pub log_path: Option<String>,
    /// The greatest size of the log in bytes.
    pub log_length: u64,
}

/// How a member that was lost comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveryMode {
    /// Applications log in anew.
    Basic,
    /// Sessions and logins are restored.
    Enhanced,
}

impl RecoveryMode {
    /// Luna's word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Basic => "activeBasic",
            Self::Enhanced => "activeEnhanced",
        }
    }
}

/// A change of one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HaChange {
    /// [`HaSettings::mode`].
    Mode(RecoveryMode),
    /// [`HaSettings::retries`].
    Retries(i32),
    /// [`HaSettings::interval`].
    Interval(u32),
    /// [`HaSettings::only`].
    Only(bool),
    /// [`HaSettings::logging`].
    Logging(bool),
    /// [`HaSettings::log_path`].
    LogPath(String),
    /// [`HaSettings::log_length`].
    LogLength(u64),
}

/// The settings of a configuration; Luna's defaults where it says nothing.
///
/// # Errors
/// An entry has a value that it cannot have.
pub fn settings(configuration: &Configuration) -> Result<HaSettings, GroupError> {
    let get = |section, entry| configuration.get(section, entry).filter(|value| !value.is_empty());
    let mode = get(GROUPS, "VirtualTokenActiveRecovery");
    let enhanced =
        mode.is_some_and(|mode| mode.eq_ignore_ascii_case(RecoveryMode::Enhanced.word()));
    let status = get(SECTION, "haLogStatus");
    Ok(HaSettings {
        mode: if enhanced { RecoveryMode::Enhanced } else { RecoveryMode::Basic },
        retries: number(configuration, "reconnAtt", -1..=i32::MAX.into(), 0)?,
        interval: number(configuration, "AutoReconnectInterval", 1..=u32::MAX.into(), INTERVAL.0)?,
        only: number(configuration, "HAOnly", 0..=1, 0u8)? != 0,
        logging: status.is_some_and(|status| status.eq_ignore_ascii_case("enabled")),
        log_path: get(SECTION, "haLogPath").map(str::to_owned),
        log_length: number(configuration, "logLen", 0..=i64::MAX, 262_144)?,
    })
}

/// Makes a change.
///
/// # Errors
/// The configuration has no way to write it.
pub fn change(configuration: &mut Configuration, change: &HaChange) -> Result<(), EditError> {
    let (section, entry, value) = match change {
        HaChange::Mode(mode) => (GROUPS, "VirtualTokenActiveRecovery", mode.word().to_owned()),
        HaChange::Retries(count) => (SECTION, "reconnAtt", count.to_string()),
        HaChange::Interval(seconds) => (SECTION, "AutoReconnectInterval", seconds.to_string()),
        HaChange::Only(on) => (SECTION, "HAOnly", u8::from(*on).to_string()),
        HaChange::Logging(on) => {
            (SECTION, "haLogStatus", if *on { "enabled" } else { "disabled" }.to_owned())
        }
        HaChange::LogPath(path) => (SECTION, "haLogPath", path.clone()),
        HaChange::LogLength(bytes) => (SECTION, "logLen", bytes.to_string()),
    };
    configuration.set(section, entry, &value)
}

fn number<T: TryFrom<i64>>(
    configuration: &Configuration,
    entry: &str,
    range: RangeInclusive<i64>,
    default: T,
) -> Result<T, GroupError> {
    let found = configuration.number(SECTION, entry, range)?;
    Ok(found.and_then(|number| T::try_from(number).ok()).unwrap_or(default))
}
