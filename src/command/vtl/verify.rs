//! `vtl verify` and `listSlots`: the partitions that this client reaches now.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::servers::{failed, list, warn};
use crate::{
    client::{Slots, home::Home, targets},
    command::found_slots::{FoundSlots, nothing_found},
    crypto::SystemRandom,
    shell::{Console, Failure, Outcome, report},
    store::{ClientToken, StoreError},
};

#[derive(Debug, Args)]
pub struct Verify {}

impl Verify {
    #[allow(clippy::unused_self, reason = "every command acts on its arguments")]
    pub(super) fn run(&self, home: &Home, console: &mut dyn Console) -> Outcome {
        let slots = reached(home)?;
        warn(home, &list(home)?, console);
        if slots.present().next().is_none() {
            let (cause, remedy) = nothing_found(&slots);
            return Err(Failure::new(cause, "").remedy(remedy));
        }
        report(FoundSlots::new(slots.present()))
    }
}

#[derive(Debug, Args)]
pub struct ListSlots {}

impl ListSlots {
    #[allow(clippy::unused_self, reason = "every command acts on its arguments")]
    pub(super) fn run(&self, home: &Home) -> Outcome {
        let slots = reached(home)?;
        let present = slots.present().map(|slot| ListedSlot {
            slot: Some(slot.number),
            label: slot.partition.label.as_ref().map(ToString::to_string),
            serial: slot.partition.serial.to_string(),
        });
        let absent = slots.missing().iter().map(|missing| ListedSlot {
            slot: None,
            label: None,
            serial: missing.serial.to_string(),
        });
        report(SlotList { slots: present.chain(absent).collect() })
    }
}

/// Connects to everything that is configured.
fn reached(home: &Home) -> Result<Slots, Failure> {
    if list(home)?.is_empty() {
        return Err(Failure::new("There are no registered servers", "")
            .remedy("Register one: vtl addServer -n <host> -c <server_certificate>."));
    }
    let paths = home.paths().map_err(|error| failed(&error, error.remedy()))?;
    let token = ClientToken::open(&paths.soft_token, &mut SystemRandom::new());
    let token = token.map_err(|error| unusable(&error))?;
    let partitions = token.partitions().map_err(|error| unusable(&error))?;
    let identity = token.identity().map_err(|error| unusable(&error))?;
    let targets = targets(home, identity, &partitions);
    let mut slots = Slots::new(targets.map_err(|error| failed(&error, error.remedy()))?);
    slots.refresh_blocking();
    Ok(slots)
}

fn unusable(error: &StoreError) -> Failure {
    Failure::new(error.to_string(), "")
}

#[derive(Debug, Serialize)]
struct SlotList {
    slots: Vec<ListedSlot>,
}

#[derive(Debug, Serialize)]
struct ListedSlot {
    slot: Option<u32>,
    label: Option<String>,
    serial: String,
}

impl fmt::Display for SlotList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number of slots: {}", self.slots.len())?;
        if self.slots.is_empty() {
            return Ok(());
        }
        write!(f, "\n\nThe following slots were found:\n\n")?;
        row(f, ["Slot #", "Description", "Label", "Serial #", "Status"])?;
        writeln!(f)?;
        row(f, ["=========", "===================", "=============", "=============", "========"])?;
        for listed in &self.slots {
            let number = listed.slot.map_or_else(|| "-".to_owned(), |slot| format!("slot #{slot}"));
            let label = listed.label.as_deref().unwrap_or("-");
            let status = if listed.slot.is_some() { "Present" } else { "Not present" };
            writeln!(f)?;
            row(f, [&number, "Net Token Slot", label, &listed.serial, status])?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, cells: [&str; 5]) -> fmt::Result {
    let [slot, description, label, serial, status] = cells;
    write!(f, "{slot:<16}{description:<24}{label:<32} {serial:<16}{status}")
}
