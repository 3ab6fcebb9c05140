//! `audit config`: which uses of keys the log records.

use std::fmt;

use clap::{Args, ValueEnum};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{Appliance, failure, partition, screen::Success};
use crate::{
    model::{AdminReply, AdminRequest, AuditConfig, AuditEvents, Label},
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
    /// Events, separated by commas: asymmetric, symmetric, first, symfirst, success, failure, all, none; or default
    #[arg(long, visible_alias = "v", value_name = "value", requires = "parameter")]
    value: Option<String>,
    /// Only this partition; without it all that have no setting of their own
    #[arg(long, visible_aliases = ["par", "pa"], value_name = partition::NAME, requires = "value")]
    partition: Option<Label>,
}

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Parameter {
    /// The events that are recorded
    #[value(alias = "e")]
    Event,
}

impl Config {
    pub(super) fn run(self, appliance: &mut Appliance) -> Outcome {
        let Some(value) = self.value else { return show(appliance) };
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
