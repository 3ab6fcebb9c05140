//! `audit config`: which uses of keys the log records, and how it is kept.

use std::fmt;

use clap::{Args, ValueEnum};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{Appliance, audit_log::Size, failure, partition, screen::Success};
use crate::{
    model::{
        AdminReply, AdminRequest, AuditConfig, AuditEvents, AuditSetting, Label, Rotation, Status,
    },
    shell::{Outcome, report},
};

/// A value that takes a partition's setting back.
const DEFAULT: &str = "default";

/// Options of `audit config`.
#[derive(Debug, Args)]
pub struct Config {
    /// What is set
    #[arg(long, visible_alias = "p", value_name = "parameter", requires = "value")]
    parameter: Option<Parameter>,
    /// event: a list with commas of asymmetric, symmetric, first, symfirst, success, failure, all,
    /// none; or default. rotation: never, hourly@min, daily@hour:min, weekly@day:hour:min or
    /// monthly@date:hour:min, in UTC. size, ceiling: bytes, or a number with k or m
    #[arg(long, visible_alias = "v", value_name = "value", requires = "parameter")]
    value: Option<String>,
    /// With event: only this partition; without it all that have no setting of their own
    #[arg(long, visible_aliases = ["par", "pa"], value_name = partition::NAME, requires = "value")]
    partition: Option<Label>,
}

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Parameter {
    /// The events that are recorded
    #[value(alias = "e")]
    Event,
    /// When the log is closed into an archive
    #[value(aliases = ["r", "interval", "i"])]
    Rotation,
    /// The size at which it is
    #[value(alias = "s")]
    Size,
    /// The most that the log and its archives may take
    #[value(alias = "c")]
    Ceiling,
}

impl Config {
    pub(super) fn run(self, appliance: &mut Appliance) -> Outcome {
        let Some(value) = &self.value else { return show(appliance) };
        match self.parameter {
            None | Some(Parameter::Event) => {}
            Some(parameter) => return self.keep(parameter, value, appliance),
        }
        let events = match value.as_str() {
            DEFAULT => None,
            list => Some(list.parse::<AuditEvents>().map_err(|error| {
                failure::bad_arguments(error.to_string()).remedy("Example: asymmetric,failure.")
            })?),
        };
        if let Some(name) = &self.partition {
            partition::named(partition::entries(appliance)?, name)?;
        }
        appliance.order(&AdminRequest::ConfigureAudit { partition: self.partition, events })?;
        report(Success("audit config"))
    }

    /// Sets how the log is kept.
    fn keep(&self, parameter: Parameter, value: &str, appliance: &mut Appliance) -> Outcome {
        if self.partition.is_some() {
            return Err(failure::bad_arguments("-partition goes with -parameter event alone"));
        }
        let bytes = || {
            Size::parse(value).ok_or_else(|| {
                failure::bad_arguments(format!("{value:?} is no size"))
                    .remedy("Examples: 4096k, 16m.")
            })
        };
        let setting = match parameter {
            Parameter::Event | Parameter::Rotation => {
                let rotation = value.parse::<Rotation>();
                AuditSetting::Rotation(rotation.map_err(|error| {
                    failure::bad_arguments(error.to_string()).remedy("Example: daily@12:05.")
                })?)
            }
            Parameter::Size => AuditSetting::Size(bytes()?),
            Parameter::Ceiling => AuditSetting::Ceiling(bytes()?),
        };
        match appliance.order_of(&AdminRequest::KeepAudit(setting))? {
            Ok(()) => report(Success("audit config")),
            Err(Status::ArgumentsBad) => Err(failure::bad_arguments(
                "size and ceiling do not fit each other",
            )
            .remedy(
                "The size is 16k to 256m, and the ceiling at least twice the size: see 'audit status'.",
            )),
            Err(status) => Err(failure::refused(status)),
        }
    }
}

fn show(appliance: &mut Appliance) -> Outcome {
    match appliance.ask(&AdminRequest::AuditConfig)? {
        AdminReply::AuditConfig(config) => report(Shown(config)),
        _ => Err(failure::unexpected_reply()),
    }
}

struct Shown(AuditConfig);

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let AuditConfig { hsm, partitions } = &self.0;
        let partitions: Vec<_> =
            partitions.iter().map(|(name, events)| OfPartition { name, events }).collect();
        let mut fields = serializer.serialize_struct("Shown", 2)?;
        fields.serialize_field("hsm", hsm)?;
        fields.serialize_field("partitions", &partitions)?;
        fields.end()
    }
}

/// A partition's own setting, if it has one.
#[derive(Serialize)]
struct OfPartition<'a> {
    name: &'a Label,
    events: &'a Option<AuditEvents>,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AuditConfig { hsm, partitions } = &self.0;
        writeln!(f, "Access and management of the HSM, its partitions and keys: always recorded")?;
        write!(f, "Uses of keys: {hsm}")?;
        for (name, events) in partitions {
            if let Some(events) = events {
                write!(f, "\nUses of keys of {name}: {events}")?;
            }
        }
        Ok(())
    }
}
