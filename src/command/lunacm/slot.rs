//! `slot`: the partitions that this client reaches.

use std::fmt;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    super::{unavailable::Unavailable, unreachable::unreachable},
    Session,
    failure::unavailable,
};
use crate::{
    client::{ConnectFailure, Missing, Slot, Slots},
    shell::{Outcome, report},
};

/// The words behind a slot's configuration and description.
const CONFIGURATION: &str = "Luna User Partition With SO (PW) Signing With Cloning Mode";
const DESCRIPTION: &str = "Net Token Slot";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists the available slots
    #[command(visible_alias = "l")]
    List(List),
    /// Sets the current slot
    #[command(visible_alias = "s")]
    Set(Set),
    /// Lists the partitions of a local HSM (not on a network client)
    #[command(visible_alias = "pl")]
    Partitionlist(Unavailable),
    /// Sets a configuration item of a slot (not here)
    #[command(visible_alias = "cset")]
    Configset(Unavailable),
    /// Shows the configuration items of a slot (not here)
    #[command(visible_alias = "cs")]
    Configshow(Unavailable),
}

impl Command {
    pub(super) fn run(&self, session: &mut Session) -> Outcome {
        match self {
            Self::List(List {}) => {
                session.refresh()?;
                report(session.listing())
            }
            Self::Set(set) => set.run(session),
            Self::Partitionlist(_) => unavailable(
                "only the administrative partition of a local HSM lists an HSM's partitions",
                "The partitions of this client: slot list. All of an appliance: lunash partition list.",
            ),
            Self::Configset(_) | Self::Configshow(_) => unavailable(
                "slots of a network HSM have no configuration of their own",
                "What the partition's officer decides: partition showpolicies, stcconfig.",
            ),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct List {}

#[derive(Debug, Args)]
pub(super) struct Set {
    /// The slot to make current
    #[arg(long, visible_alias = "s", value_name = "slot_id")]
    slot: u32,
}

impl Set {
    fn run(&self, session: &mut Session) -> Outcome {
        let Some(slot) = session.slots().iter().find(|slot| slot.number == self.slot) else {
            return session.select(self.slot).map(|()| None);
        };
        let lost = slot.lost().map(|failure| unreachable(failure).1);
        let text = SetReport { slot: self.slot, model: slot.partition.model.clone(), lost };
        session.select(self.slot)?;
        report(text)
    }
}

#[derive(Debug, Serialize)]
struct SetReport {
    slot: u32,
    model: String,
    lost: Option<String>,
}

impl fmt::Display for SetReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { slot, lost, .. } = self;
        write!(f, "\n        Current Slot Id:    {slot}     ({CONFIGURATION})")?;
        match lost {
            Some(reason) => write!(f, "\n        The slot is lost: {reason}."),
            None => Ok(()),
        }
    }
}

/// The slots, what keeps other registered partitions from having one, and the current slot.
#[derive(Debug, Serialize)]
pub struct Listing {
    slots: Vec<ListedSlot>,
    missing: Vec<ListedMissing>,
    unasked: Vec<ListedServer>,
    current: Option<u32>,
}

impl Listing {
    pub(super) fn new(slots: &Slots, current: Option<u32>) -> Self {
        Self {
            slots: slots.slots().iter().map(ListedSlot::new).collect(),
            missing: slots.missing().iter().flat_map(ListedMissing::all).collect(),
            unasked: slots.unasked().iter().map(ListedServer::new).collect(),
            current,
        }
    }
}

#[derive(Debug, Serialize)]
struct ListedSlot {
    slot: u32,
    label: Option<String>,
    serial: String,
    model: String,
    firmware: String,
    server: String,
    channel: &'static str,
    lost: Option<String>,
    #[serde(skip)]
    remedy: &'static str,
}

impl ListedSlot {
    fn new(slot: &Slot) -> Self {
        let (partition, target) = (&slot.partition, slot.link().target());
        let lost = slot.lost().map(unreachable);
        Self {
            slot: slot.number,
            label: partition.label.as_ref().map(ToString::to_string),
            serial: partition.serial.to_string(),
            model: partition.model.clone(),
            firmware: partition.firmware.clone(),
            server: target.host.clone(),
            channel: target.way.name(),
            remedy: lost.as_ref().map_or("", |(_, _, remedy)| remedy),
            lost: lost.map(|(_, reason, _)| reason),
        }
    }
}

#[derive(Debug, Serialize)]
struct ListedMissing {
    serial: String,
    server: String,
    reason: String,
    remedy: &'static str,
}

impl ListedMissing {
    fn all(missing: &Missing) -> impl Iterator<Item = Self> {
        missing.reasons.iter().map(|(server, failure)| {
            let (_, reason, remedy) = unreachable(failure);
            let serial = missing.serial.to_string();
            Self { serial, server: server.clone(), reason, remedy }
        })
    }
}

/// A server that could not be asked for its partitions over NTLS.
#[derive(Debug, Serialize)]
struct ListedServer {
    server: String,
    reason: String,
    remedy: &'static str,
}

impl ListedServer {
    fn new((server, failure): &(String, ConnectFailure)) -> Self {
        let (_, reason, remedy) = unreachable(failure);
        Self { server: server.clone(), reason, remedy }
    }
}

impl fmt::Display for ListedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        field(f, "Server", &self.server)?;
        field(f, "Reason", &self.reason)?;
        field(f, "Remedy", self.remedy)
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "        Available HSMs:\n")?;
        for slot in &self.slots {
            writeln!(f, "{slot}")?;
        }
        if self.slots.is_empty() && self.missing.is_empty() && self.unasked.is_empty() {
            writeln!(f)?;
        }
        if !self.missing.is_empty() {
            writeln!(f, "\n        Registered partitions without a slot:\n")?;
            for missing in &self.missing {
                writeln!(f, "{missing}")?;
            }
        }
        if !self.unasked.is_empty() {
            writeln!(f, "\n        Servers that cannot be reached over NTLS:\n")?;
            for server in &self.unasked {
                writeln!(f, "{server}")?;
            }
        }
        match self.current {
            Some(current) => write!(f, "\n        Current Slot Id: {current}"),
            None => write!(f, "\n        Current Slot Id: None"),
        }
    }
}

impl fmt::Display for ListedSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        field(f, "Slot Id", self.slot)?;
        field(f, "Label", self.label.as_deref().unwrap_or_default())?;
        field(f, "Serial Number", &self.serial)?;
        field(f, "Model", &self.model)?;
        field(f, "Firmware Version", &self.firmware)?;
        field(f, "Configuration", CONFIGURATION)?;
        field(f, "Slot Description", DESCRIPTION)?;
        field(f, "Server", &self.server)?;
        field(f, "Channel", self.channel)?;
        let Some(reason) = &self.lost else { return Ok(()) };
        field(f, "Status", "Lost")?;
        field(f, "Reason", reason)?;
        field(f, "Remedy", self.remedy)
    }
}

impl fmt::Display for ListedMissing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        field(f, "Serial Number", &self.serial)?;
        field(f, "Server", &self.server)?;
        field(f, "Reason", &self.reason)?;
        field(f, "Remedy", self.remedy)
    }
}

/// One line of a listing: values start in column 33.
fn field(f: &mut fmt::Formatter<'_>, name: &str, value: impl fmt::Display) -> fmt::Result {
    let line = format!("        {:<24}{value}", format!("{name} ->"));
    writeln!(f, "{}", line.trim_end())
}
