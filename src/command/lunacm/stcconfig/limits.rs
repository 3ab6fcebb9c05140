//! The settings that are numbers: activation timeout, rekey threshold, replay window.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::{OfSlot, change, settings};
use crate::{
    command::lunacm::Session,
    model::StcChange,
    shell::{Outcome, report},
};

#[derive(Debug, Args)]
pub struct ActivationTimeoutSet {
    /// Seconds that a link may take to come up, 1 to 240
    #[arg(long, visible_alias = "t", value_name = "seconds", value_parser = clap::value_parser!(u16).range(1..=240))]
    time: u16,
    #[command(flatten)]
    of: OfSlot,
}

impl ActivationTimeoutSet {
    pub(super) fn run(&self, session: &mut Session) -> Outcome {
        let slot = change(session, &self.of, StcChange::ActivationTimeout(self.time))?;
        report(Changed(Shown { setting: Setting::ActivationTimeout, slot, value: self.time }))
    }
}

#[derive(Debug, Args)]
pub struct ActivationTimeoutShow {
    #[command(flatten)]
    of: OfSlot,
}

impl ActivationTimeoutShow {
    pub(super) fn run(&self, session: &mut Session) -> Outcome {
        let (slot, settings) = settings(session, &self.of)?;
        let value = settings.activation_timeout;
        report(Current(Shown { setting: Setting::ActivationTimeout, slot, value }))
    }
}

#[derive(Debug, Args)]
pub struct RekeyThresholdSet {
    /// Messages after which a link's keys are changed, in millions, 0 to 4000; 0 leaves it to the limits of the cipher
    #[arg(long, visible_alias = "v", value_name = "threshold", value_parser = clap::value_parser!(u16).range(0..=4000))]
    value: u16,
    #[command(flatten)]
    of: OfSlot,
}

impl RekeyThresholdSet {
    pub(super) fn run(&self, session: &mut Session) -> Outcome {
        let slot = change(session, &self.of, StcChange::RekeyThreshold(self.value))?;
        report(Changed(Shown { setting: Setting::RekeyThreshold, slot, value: self.value }))
    }
}

#[derive(Debug, Args)]
pub struct RekeyThresholdShow {
    #[command(flatten)]
    of: OfSlot,
}

impl RekeyThresholdShow {
    pub(super) fn run(&self, session: &mut Session) -> Outcome {
        let (slot, settings) = settings(session, &self.of)?;
        let value = settings.rekey_threshold;
        report(Current(Shown { setting: Setting::RekeyThreshold, slot, value }))
    }
}

#[derive(Debug, Args)]
pub struct ReplayWindowSet {
    /// How many commands behind the newest one may come, 100 to 1000
    #[arg(long, visible_alias = "m", value_name = "number_of_packets", value_parser = clap::value_parser!(u16).range(100..=1000))]
    size: u16,
    #[command(flatten)]
    of: OfSlot,
}

impl ReplayWindowSet {
    pub(super) fn run(&self, session: &mut Session) -> Outcome {
        let slot = change(session, &self.of, StcChange::ReplayWindow(self.size))?;
        report(Changed(Shown { setting: Setting::ReplayWindow, slot, value: self.size }))
    }
}

#[derive(Debug, Args)]
pub struct ReplayWindowShow {
    #[command(flatten)]
    of: OfSlot,
}

impl ReplayWindowShow {
    pub(super) fn run(&self, session: &mut Session) -> Outcome {
        let (slot, settings) = settings(session, &self.of)?;
        let value = settings.replay_window;
        report(Current(Shown { setting: Setting::ReplayWindow, slot, value }))
    }
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Setting {
    ActivationTimeout,
    RekeyThreshold,
    ReplayWindow,
}

impl Setting {
    const fn name(self) -> &'static str {
        match self {
            Self::ActivationTimeout => "activation timeout",
            Self::RekeyThreshold => "rekey threshold",
            Self::ReplayWindow => "replay window size",
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::ActivationTimeout => "seconds",
            Self::RekeyThreshold => "million messages",
            Self::ReplayWindow => "commands",
        }
    }
}

#[derive(Debug, Serialize)]
struct Shown {
    setting: Setting,
    slot: u32,
    value: u16,
}

#[derive(Debug, Serialize)]
struct Changed(Shown);

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown { setting, slot, value } = &self.0;
        let (name, unit) = (setting.name(), setting.unit());
        write!(f, "\n        Successfully changed the {name} for slot {slot} to {value} {unit}.")
    }
}

#[derive(Debug, Serialize)]
struct Current(Shown);

impl fmt::Display for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown { setting, slot, value } = &self.0;
        let (name, unit) = (setting.name(), setting.unit());
        write!(f, "\n        The current {name} for slot {slot} is {value} {unit}.")
    }
}
