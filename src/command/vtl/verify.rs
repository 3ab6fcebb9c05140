//! `vtl verify`: the partitions that this client reaches now.

use std::fmt;

use clap::Args;
use serde::Serialize;
use tokio::runtime::Handle;

use super::servers::{failed, list};
use crate::{
    client::{ConnectFailure, Slots, home::Home, targets},
    crypto::SystemRandom,
    shell::{Failure, Outcome, report},
    store::{ClientToken, StoreError},
};

#[derive(Debug, Args)]
pub struct Verify {}

impl Verify {
    #[allow(clippy::unused_self, reason = "every command acts on its arguments")]
    pub(super) fn run(&self, home: &Home, runtime: &Handle) -> Outcome {
        let servers = list(home)?;
        if servers.is_empty() {
            return Err(Failure::new("There are no registered servers", "")
                .remedy("Register one: vtl addServer -n <host> -c <server_certificate>."));
        }
        let paths = home.paths().map_err(|error| failed(&error, error.remedy()))?;
        let token = ClientToken::open(&paths.soft_token, &mut SystemRandom::new());
        let token = token.map_err(|error| unusable(&error))?;
        let partitions = token.partitions().map_err(|error| unusable(&error))?;
        let identity = token.identity().map_err(|error| unusable(&error))?;
        let targets = targets(home, &partitions);
        let targets = targets.map_err(|error| failed(&error, error.remedy()))?;
        let mut slots = identity.map_or_else(Slots::default, |one| Slots::new(one, targets));
        runtime.block_on(slots.refresh());
        if slots.slots().is_empty() {
            return Err(Failure::new(nothing(&slots), "").remedy(
                "STC has to be enabled for the server (stc enable in lunacm), its partition's identity registered here, and this client at the partition.",
            ));
        }
        report(Verified {
            slots: slots
                .slots()
                .iter()
                .map(|slot| Verifying {
                    slot: slot.number,
                    serial: slot.partition.serial.to_string(),
                    label: slot.partition.label.as_ref().map(ToString::to_string),
                })
                .collect(),
        })
    }
}

fn nothing(slots: &Slots) -> String {
    let reasons = slots.missing().iter().flat_map(|missing| {
        let line = |(server, reason): &(String, ConnectFailure)| {
            format!("\nPartition {} at {server}: {reason}.", missing.serial)
        };
        missing.reasons.iter().map(line).collect::<Vec<_>>()
    });
    format!("Unable to find any Luna SA slots/partitions{}", reasons.collect::<String>())
}

fn unusable(error: &StoreError) -> Failure {
    Failure::new(error.to_string(), "")
}

#[derive(Debug, Serialize)]
struct Verified {
    slots: Vec<Verifying>,
}

#[derive(Debug, Serialize)]
struct Verifying {
    slot: u32,
    serial: String,
    label: Option<String>,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The following Luna SA Slots/Partitions were found:\n\n")?;
        write!(f, "Slot\tSerial #        \tLabel\n====\t================\t=====")?;
        for Verifying { slot, serial, label } in &self.slots {
            let label = label.as_deref().unwrap_or_default();
            write!(f, "\n{slot:>4}\t{serial:>16}\t{label}")?;
        }
        Ok(())
    }
}
