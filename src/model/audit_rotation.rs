//! When the audit log is closed into an archive of its own accord.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use time::{Date, Duration, OffsetDateTime, Time, Weekday};

/// When the log is closed (LunaSH's `audit config -parameter rotation`), in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Rotation {
    /// Not by the clock.
    #[default]
    Never,
    /// Every hour at this minute.
    Hourly {
        /// The minute.
        minute: u8,
    },
    /// Every day.
    Daily {
        /// The hour.
        hour: u8,
        /// The minute.
        minute: u8,
    },
    /// Every week.
    Weekly {
        /// The day, from 0 for Sunday.
        day: u8,
        /// The hour.
        hour: u8,
        /// The minute.
        minute: u8,
    },
    /// Every month.
    Monthly {
        /// The day, from 1; a month that is shorter has it on its last one.
        day: u8,
        /// The hour.
        hour: u8,
        /// The minute.
        minute: u8,
    },
}

impl Rotation {
    /// The last moment up to `now` at which the log was to be closed; both in seconds since 1970
    /// UTC. None if it never is.
    pub fn last_due(self, now: u64) -> Option<u64> {
        let now = OffsetDateTime::from_unix_timestamp(i64::try_from(now).ok()?).ok()?;
        let at = |hour: u8, minute: u8| Time::from_hms(hour, minute, 0).ok();
        let today = |time| now.replace_time(time);
        let due = match self {
            Self::Never => return None,
            Self::Hourly { minute } => {
                let due = today(at(now.hour(), minute)?);
                if due <= now { due } else { due - Duration::HOUR }
            }
            Self::Daily { hour, minute } => {
                let due = today(at(hour, minute)?);
                if due <= now { due } else { due - Duration::DAY }
            }
            Self::Weekly { day, hour, minute } => {
                let behind = i64::from(now.weekday().number_days_from_sunday()) - i64::from(day);
                let due = today(at(hour, minute)?) - Duration::days(behind.rem_euclid(7));
                if due <= now { due } else { due - Duration::WEEK }
            }
            Self::Monthly { day, hour, minute } => {
                let in_month = |date: Date| {
                    let last = date.month().length(date.year());
                    date.replace_day(day.clamp(1, last)).ok()
                };
                let due = now.replace_date(in_month(now.date())?).replace_time(at(hour, minute)?);
                if due <= now {
                    due
                } else {
                    let before = now.date().replace_day(1).ok()?.previous_day()?;
                    due.replace_date(in_month(before)?)
                }
            }
        };
        u64::try_from(due.unix_timestamp()).ok()
    }
}

impl FromStr for Rotation {
    type Err = RotationError;

    /// Reads `hourly@min`, `daily@hour:min`, `weekly@day:hour:min`, `monthly@date:hour:min` or
    /// `never`; without what is behind the `@`, the beginning of the hour, the day, the week or the
    /// month.
    fn from_str(text: &str) -> Result<Self, RotationError> {
        let text = text.trim().to_ascii_lowercase();
        let (word, place) = match text.split_once('@') {
            Some((word, place)) => (word, Some(place)),
            None => (text.as_str(), None),
        };
        let parts = place.map(numbers).transpose()?;
        let parts = parts.as_deref();
        let hour_minute = |hour: u8, minute: u8| match (hour, minute) {
            (..24, ..60) => Ok((hour, minute)),
            _ => Err(RotationError),
        };
        let rotation = match (word, parts) {
            ("never" | "n", None) => Self::Never,
            ("hourly" | "h", None) => Self::Hourly { minute: 0 },
            ("hourly" | "h", Some([minute @ ..60])) => Self::Hourly { minute: *minute },
            ("daily" | "d", None) => Self::Daily { hour: 0, minute: 0 },
            ("daily" | "d", Some([hour, minute])) => {
                let (hour, minute) = hour_minute(*hour, *minute)?;
                Self::Daily { hour, minute }
            }
            ("weekly" | "w", None) => Self::Weekly { day: 0, hour: 0, minute: 0 },
            ("weekly" | "w", Some([day @ ..7, hour, minute])) => {
                let (hour, minute) = hour_minute(*hour, *minute)?;
                Self::Weekly { day: *day, hour, minute }
            }
            ("monthly" | "m", None) => Self::Monthly { day: 1, hour: 0, minute: 0 },
            ("monthly" | "m", Some([day @ 1..32, hour, minute])) => {
                let (hour, minute) = hour_minute(*hour, *minute)?;
                Self::Monthly { day: *day, hour, minute }
            }
            _ => return Err(RotationError),
        };
        Ok(rotation)
    }
}

impl From<Rotation> for String {
    fn from(rotation: Rotation) -> Self {
        rotation.to_string()
    }
}

impl TryFrom<String> for Rotation {
    type Error = RotationError;

    fn try_from(text: String) -> Result<Self, RotationError> {
        text.parse()
    }
}

/// Numbers with colons between them; a day of the week may be its name.
fn numbers(text: &str) -> Result<Vec<u8>, RotationError> {
    let number = |word: &str| match weekday(word) {
        Some(day) => Ok(day.number_days_from_sunday()),
        None if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) => {
            word.parse().map_err(|_| RotationError)
        }
        None => Err(RotationError),
    };
    text.split(':').map(number).collect()
}

/// A day of the week by its name, or by three letters of it.
fn weekday(word: &str) -> Option<Weekday> {
    let mut day = Weekday::Sunday;
    for _ in 0..7 {
        let name = day.to_string().to_ascii_lowercase();
        if word == name || name.get(..3) == Some(word) {
            return Some(day);
        }
        day = day.next();
    }
    None
}

/// As [`FromStr`] reads it.
impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::Hourly { minute } => write!(f, "hourly@{minute:02}"),
            Self::Daily { hour, minute } => write!(f, "daily@{hour:02}:{minute:02}"),
            Self::Weekly { day, hour, minute } => {
                write!(f, "weekly@{day}:{hour:02}:{minute:02}")
            }
            Self::Monthly { day, hour, minute } => {
                write!(f, "monthly@{day}:{hour:02}:{minute:02}")
            }
        }
    }
}

/// The text is no time of rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no time of rotation: use hourly@min, daily@hour:min, weekly@day:hour:min with 0 for Sunday, monthly@date:hour:min, or never"
)]
pub struct RotationError;

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn seconds(moment: OffsetDateTime) -> u64 {
        u64::try_from(moment.unix_timestamp()).unwrap()
    }

    #[test]
    fn rotations_are_read_as_they_are_shown() {
        for (text, shown) in [
            ("never", "never"),
            ("HOURLY", "hourly@00"),
            ("hourly@5", "hourly@05"),
            ("daily@12:05", "daily@12:05"),
            ("d", "daily@00:00"),
            ("weekly@fri:23:59", "weekly@5:23:59"),
            ("weekly@0:1:2", "weekly@0:01:02"),
            ("monthly@31:0:30", "monthly@31:00:30"),
        ] {
            let rotation: Rotation = text.parse().unwrap();
            assert_eq!(rotation.to_string(), shown);
            assert_eq!(shown.parse(), Ok(rotation));
        }
        for text in [
            "",
            "yearly",
            "hourly@60",
            "hourly@+5",
            "daily@5",
            "daily@24:00",
            "daily@1:60",
            "weekly@7:0:0",
            "weekly@noday:0:0",
            "monthly@0:0:0",
            "monthly@32:0:0",
            "never@1",
            "daily@256:1",
            "hourly@",
        ] {
            assert_eq!(text.parse::<Rotation>(), Err(RotationError), "{text}");
        }
    }

    #[test]
    fn the_last_moment_is_the_latest_one_up_to_now() {
        // A Monday.
        let now = seconds(datetime!(2026-03-02 10:30:00 UTC));
        for (text, due) in [
            ("hourly@30", datetime!(2026-03-02 10:30:00 UTC)),
            ("hourly@31", datetime!(2026-03-02 09:31:00 UTC)),
            ("daily@10:30", datetime!(2026-03-02 10:30:00 UTC)),
            ("daily@10:31", datetime!(2026-03-01 10:31:00 UTC)),
            ("weekly@mon:10:30", datetime!(2026-03-02 10:30:00 UTC)),
            ("weekly@mon:10:31", datetime!(2026-02-23 10:31:00 UTC)),
            ("weekly@sun:12:00", datetime!(2026-03-01 12:00:00 UTC)),
            ("weekly@tue:00:00", datetime!(2026-02-24 00:00:00 UTC)),
            ("monthly@2:10:30", datetime!(2026-03-02 10:30:00 UTC)),
            ("monthly@31:00:00", datetime!(2026-02-28 00:00:00 UTC)),
        ] {
            let rotation: Rotation = text.parse().unwrap();
            assert_eq!(rotation.last_due(now), Some(seconds(due)), "{text}");
        }
        assert_eq!(Rotation::Never.last_due(now), None);
        let january = seconds(datetime!(2026-01-05 00:00:00 UTC));
        let due = "monthly@6:0:0".parse::<Rotation>().unwrap().last_due(january);
        assert_eq!(due, Some(seconds(datetime!(2025-12-06 00:00:00 UTC))));
    }
}
