//! What links may use: ciphers, HMACs, key exchanges.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::{OfSlot, change, settings};
use crate::{
    command::lunacm::{Session, failure::failure, table::Table},
    model::{Status, StcAlgorithm, StcChange, StcFamily},
    shell::{Failure, Outcome, report},
};

#[derive(Debug, Args)]
pub struct CipherChange {
    /// All ciphers
    #[arg(long, required_unless_present = "id", conflicts_with = "id")]
    all: bool,
    /// The cipher's number; see stcconfig ciphershow
    #[arg(long, value_name = "cipher_id")]
    id: Option<u8>,
    #[command(flatten)]
    of: OfSlot,
}

impl CipherChange {
    pub(super) fn run(&self, session: &mut Session, enabled: bool) -> Outcome {
        set(session, &self.of, (StcFamily::Cipher, self.id), enabled)
    }
}

#[derive(Debug, Args)]
pub struct HmacChange {
    /// The HMAC's number; see stcconfig hmacshow
    #[arg(long, value_name = "hmac_id")]
    id: u8,
    #[command(flatten)]
    of: OfSlot,
}

impl HmacChange {
    pub(super) fn run(&self, session: &mut Session, enabled: bool) -> Outcome {
        set(session, &self.of, (StcFamily::Hmac, Some(self.id)), enabled)
    }
}

#[derive(Debug, Args)]
pub struct KeyExchangeChange {
    /// The key exchange's number; see stcconfig keyexchangeshow
    #[arg(long, value_name = "keyexchange_id")]
    id: u8,
    #[command(flatten)]
    of: OfSlot,
}

impl KeyExchangeChange {
    pub(super) fn run(&self, session: &mut Session, enabled: bool) -> Outcome {
        set(session, &self.of, (StcFamily::KeyExchange, Some(self.id)), enabled)
    }
}

#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    of: OfSlot,
}

impl Show {
    pub(super) fn run(&self, session: &mut Session, family: StcFamily) -> Outcome {
        let (_, settings) = settings(session, &self.of)?;
        let entry = |algorithm: StcAlgorithm| Entry {
            id: algorithm.id(),
            name: algorithm.name(),
            enabled: settings.algorithms.permits(algorithm),
        };
        report(Listed { family, algorithms: StcAlgorithm::of(family).map(entry).collect() })
    }
}

fn set(
    session: &mut Session,
    of: &OfSlot,
    (family, id): (StcFamily, Option<u8>),
    enabled: bool,
) -> Outcome {
    let named: Vec<_> =
        StcAlgorithm::of(family).filter(|one| id.is_none_or(|id| one.id() == id)).collect();
    if named.is_empty() {
        return Err(unknown(family, id.unwrap_or_default()));
    }
    let slot = change(session, of, StcChange::Algorithm { family, id, enabled })
        .map_err(|error| last(family, id, error))?;
    report(Switched { slot, enabled, algorithms: named.iter().map(|one| one.name()).collect() })
}

fn unknown(family: StcFamily, id: u8) -> Failure {
    let Words { singular, command, .. } = words(family);
    failure(Status::ArgumentsBad, format_args!("there is no {singular} of the number {id}"))
        .remedy(format!("See stcconfig {command}show."))
}

/// The partition's own words for a change that would leave a family empty.
fn last(family: StcFamily, id: Option<u8>, error: Failure) -> Failure {
    if !error.result.contains("CKR_CONFIG_CHANGE_ILLEGAL") {
        return error;
    }
    let Words { singular, command, .. } = words(family);
    let cause = match family {
        StcFamily::Cipher => {
            "links are always encrypted: one cipher has to stay enabled".to_owned()
        }
        StcFamily::Hmac | StcFamily::KeyExchange => format!("one {singular} has to stay enabled"),
    };
    let remedy = if id.is_some() {
        format!("Enable another one first: stcconfig {command}enable -id <{command}_id>.")
    } else {
        format!("Disable the others by number: stcconfig {command}disable -id <{command}_id>.")
    };
    failure(Status::ConfigChangeIllegal, cause).remedy(remedy)
}

struct Words {
    singular: &'static str,
    heading: &'static str,
    command: &'static str,
}

const fn words(family: StcFamily) -> Words {
    match family {
        StcFamily::Cipher => Words { singular: "cipher", heading: "Cipher", command: "cipher" },
        StcFamily::Hmac => Words { singular: "HMAC", heading: "HMAC", command: "hmac" },
        StcFamily::KeyExchange => {
            Words { singular: "key exchange", heading: "Key Exchange", command: "keyexchange" }
        }
    }
}

#[derive(Debug, Serialize)]
struct Listed {
    family: StcFamily,
    algorithms: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    id: u8,
    name: &'static str,
    enabled: bool,
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Words { singular, heading, .. } = words(self.family);
        writeln!(f, "\n        A new link to the partition uses one enabled {singular}.")?;
        if matches!(self.family, StcFamily::Cipher) {
            writeln!(f, "\n        STC Encryption: On")?;
        }
        let (id, name) = (format!("{heading} ID"), format!("{heading} Name"));
        let mut table = Table::new(&[&id, &name, "Enabled"]);
        for Entry { id, name, enabled } in &self.algorithms {
            let enabled = if *enabled { "Yes" } else { "No" };
            table.row([id.to_string(), (*name).to_owned(), enabled.to_owned()]);
        }
        write!(f, "\n{table}")
    }
}

#[derive(Debug, Serialize)]
struct Switched {
    slot: u32,
    enabled: bool,
    algorithms: Vec<&'static str>,
}

impl fmt::Display for Switched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, slot) = (if self.enabled { "enabled" } else { "disabled" }, self.slot);
        for name in &self.algorithms {
            write!(f, "\n        Successfully {word} {name} for slot {slot}.")?;
        }
        Ok(())
    }
}
