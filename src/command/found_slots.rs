//! The table of partitions that `vtl verify` and `clientconfig verify` show.

use std::fmt::{self, Write};

use serde::Serialize;

use super::unreachable::unreachable;
use crate::client::{ConnectFailure, Slot, Slots};

/// The partitions that a client reaches.
#[derive(Debug, Serialize)]
pub struct FoundSlots {
    slots: Vec<FoundSlot>,
}

#[derive(Debug, Serialize)]
struct FoundSlot {
    slot: u32,
    serial: String,
    label: Option<String>,
}

impl FoundSlots {
    /// The table of these slots.
    pub fn new<'s>(slots: impl Iterator<Item = &'s Slot>) -> Self {
        let row = |slot: &Slot| FoundSlot {
            slot: slot.number,
            serial: slot.partition.serial.to_string(),
            label: slot.partition.label.as_ref().map(ToString::to_string),
        };
        Self { slots: slots.map(row).collect() }
    }
}

impl fmt::Display for FoundSlots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The following Luna SA Slots/Partitions were found:\n\n")?;
        write!(f, "Slot\tSerial #        \tLabel\n====\t================\t=====")?;
        for FoundSlot { slot, serial, label } in &self.slots {
            let label = label.as_deref().unwrap_or_default();
            write!(f, "\n{slot:>4}\t{serial:>16}\t{label}")?;
        }
        Ok(())
    }
}

/// What to do when nothing is configured that could be found.
const SET_UP: &str = "NTLS: the appliance's administrator registers this client's certificate (vtl createCert, client register) and assigns a partition to it. STC: it has to be enabled for the server (stc enable in lunacm), its partition's identity registered here, and this client at the partition.";

/// That nothing was found, and why, a line for each partition and each server; what to do.
pub fn nothing_found(slots: &Slots) -> (String, String) {
    let (mut cause, mut remedies) =
        ("Unable to find any Luna SA slots/partitions".to_owned(), Vec::new());
    let mut add = |what: String, failure: &ConnectFailure| {
        let (_, reason, remedy) = unreachable(failure);
        let _ = write!(cause, "\n{what}: {reason}.");
        if !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    };
    for missing in slots.missing() {
        for (server, failure) in &missing.reasons {
            add(format!("Partition {} at {server}", missing.serial), failure);
        }
    }
    for (server, failure) in slots.unasked() {
        add(format!("Server {server} over NTLS"), failure);
    }
    (cause, if remedies.is_empty() { SET_UP.to_owned() } else { remedies.join("\n") })
}
