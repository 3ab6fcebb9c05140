//! `hagroup recoverymode`, `retry`, `interval`, `haonly` and `halog`.

use std::{fmt, path::PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{super::failure::failure, Session, member::Sentence, refused_group, screen::enabled};
use crate::{
    client::ha_settings::{self, HaChange, HaSettings, INTERVAL, MAXIMUM_RETRIES, RecoveryMode},
    model::Status,
    shell::{Failure, Outcome, report},
};

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    #[value(name = "activeBasic")]
    Basic,
    #[value(name = "activeEnhanced")]
    Enhanced,
}

#[derive(Debug, Args)]
pub struct RecoveryModeOption {
    /// The mode
    #[arg(long, visible_alias = "m", value_name = "mode")]
    mode: Mode,
}

impl RecoveryModeOption {
    pub(super) fn run(&self, session: &Session) -> Outcome {
        let mode = match self.mode {
            Mode::Basic => RecoveryMode::Basic,
            Mode::Enhanced => RecoveryMode::Enhanced,
        };
        apply(session, &[HaChange::Mode(mode)])?;
        report(Sentence {
            text: format!("HA auto recovery mode has been set to {} mode.", mode.word()),
        })
    }
}

#[derive(Debug, Args)]
pub struct Retry {
    /// How often a lost member is tried: -1 without end, 0 never, up to 500
    #[arg(long, visible_alias = "c", value_name = "retries", allow_negative_numbers = true)]
    count: i32,
}

impl Retry {
    pub(super) fn run(&self, session: &Session) -> Outcome {
        if !(-1..=MAXIMUM_RETRIES).contains(&self.count) {
            let cause = format_args!("{} is no number of retries", self.count);
            return Err(failure(Status::ArgumentsBad, cause)
                .remedy("Give -1 (no end), 0 (never) or a number up to 500."));
        }
        apply(session, &[HaChange::Retries(self.count)])?;
        report(Sentence { text: format!("HA auto recovery retry has been set to {}.", self.count) })
    }
}

#[derive(Debug, Args)]
pub struct Interval {
    /// Seconds between two attempts, 60 to 1200
    #[arg(long, visible_alias = "i", value_name = "seconds")]
    interval: u32,
}

impl Interval {
    pub(super) fn run(&self, session: &Session) -> Outcome {
        if !(INTERVAL.0..=INTERVAL.1).contains(&self.interval) {
            let cause = format_args!("{} seconds are no such interval", self.interval);
            return Err(failure(Status::ArgumentsBad, cause).remedy("Give 60 to 1200 seconds."));
        }
        apply(session, &[HaChange::Interval(self.interval)])?;
        report(Sentence {
            text: format!("HA auto recovery interval has been set to {} seconds.", self.interval),
        })
    }
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct HaOnly {
    /// Show only the slots of HA groups
    #[arg(long, visible_alias = "e")]
    enable: bool,
    /// Show all slots
    #[arg(long, visible_alias = "d")]
    disable: bool,
    /// Show the setting
    #[arg(long, visible_alias = "s")]
    show: bool,
}

impl HaOnly {
    pub(super) fn run(&self, session: &Session) -> Outcome {
        if !self.show {
            apply(session, &[HaChange::Only(self.enable)])?;
        }
        let on = load(session)?.only;
        let state = if on { "ON" } else { "OFF" };
        let note = if on {
            "\n        This version presents no HA slots yet, and shows the members' all the same."
        } else {
            ""
        };
        report(Sentence { text: format!("This system is {state} for HA only mode.{note}") })
    }
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct HaLog {
    /// Log HA events
    #[arg(long, visible_alias = "e", conflicts_with = "disable")]
    enable: bool,
    /// Do not log HA events
    #[arg(long, visible_alias = "d")]
    disable: bool,
    /// The directory of the log
    #[arg(long, visible_alias = "p", value_name = "directory")]
    path: Option<PathBuf>,
    /// The greatest size of the log in bytes
    #[arg(long, visible_alias = "m", value_name = "bytes")]
    maxlength: Option<u64>,
    /// Show the settings
    #[arg(long, visible_alias = "s", conflicts_with_all = ["enable", "disable", "path", "maxlength"])]
    show: bool,
}

impl HaLog {
    pub(super) fn run(&self, session: &Session) -> Outcome {
        let mut changes = Vec::new();
        if self.enable || self.disable {
            changes.push(HaChange::Logging(self.enable));
        }
        if let Some(path) = &self.path {
            if !path.is_dir() {
                let cause = format_args!("{} is no directory", path.display());
                return Err(failure(Status::ArgumentsBad, cause).remedy("Make it first."));
            }
            changes.push(HaChange::LogPath(path.display().to_string()));
        }
        changes.extend(self.maxlength.map(HaChange::LogLength));
        apply(session, &changes)?;
        let settings = load(session)?;
        report(Log {
            logging: settings.logging,
            path: settings.log_path,
            maximum_bytes: settings.log_length,
        })
    }
}

#[derive(Debug, Serialize)]
struct Log {
    logging: bool,
    path: Option<String>,
    maximum_bytes: u64,
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.as_deref().unwrap_or("<none>");
        write!(f, "\n        HA Log: {}", enabled(self.logging))?;
        write!(f, "\n        Log File: {path}")?;
        write!(f, "\n        Max File Length: {} bytes", self.maximum_bytes)
    }
}

fn load(session: &Session) -> Result<HaSettings, Failure> {
    ha_settings::settings(&session.configuration()?).map_err(|error| refused_group(&error))
}

fn apply(session: &Session, changes: &[HaChange]) -> Result<(), Failure> {
    session
        .configure(|configuration| {
            for change in changes {
                ha_settings::change(configuration, change)?;
            }
            Ok(())
        })
        .map_err(|error| refused_group(&error))
}
