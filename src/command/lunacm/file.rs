//! `file`: what a file is that this program, or its like, wrote.

use std::{fmt, path::PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Session, failure::failure, partition::BackupContents};
use crate::{
    client::file,
    crypto::Fingerprint,
    model::{Policy, PolicyValue, Status},
    shell::{Outcome, report},
    wire::{
        Backup, ClientIdentityFile, FileKind, MAXIMUM_BACKUP_BYTES, PartitionIdentityFile,
        parse_template,
    },
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows a partition backup, a policy template or an identity file
    #[command(visible_alias = "d")]
    Display(Display),
}

impl Command {
    pub(super) fn run(&self, _: &Session) -> Outcome {
        match self {
            Self::Display(command) => command.run(),
        }
    }
}

#[derive(Debug, Args)]
pub struct Display {
    /// The file
    #[arg(long, visible_aliases = ["f", "file"], value_name = "file")]
    filename: PathBuf,
}

impl Display {
    fn run(&self) -> Outcome {
        let limit = u64::try_from(MAXIMUM_BACKUP_BYTES).unwrap_or(u64::MAX);
        let bytes = file::read(&self.filename, limit)
            .map_err(|error| failure(Status::ArgumentsBad, &error).remedy(error.remedy()))?;
        let facts = |kind, name, label, key: &[u8; 32]| Identity {
            kind,
            name,
            label,
            hash: Fingerprint::of(key).to_string(),
        };
        if let Ok(backup) = Backup::parse(&bytes) {
            return report(BackupContents::of(&backup));
        }
        if let Ok(policies) = parse_template(&bytes) {
            let shown = policies.iter().map(ShownPolicy::from).collect();
            return report(Template { policies: shown });
        }
        if let Ok(client) = ClientIdentityFile::parse(&bytes) {
            let label = Some(client.label.to_string());
            return report(facts("Client identity", String::new(), label, &client.key));
        }
        if let Ok(partition) = PartitionIdentityFile::parse(&bytes) {
            let label = partition.label.map(String::from);
            let serial = partition.serial.to_string();
            return report(facts("Partition identity", serial, label, &partition.key));
        }
        let cause = format_args!("{} is {}", self.filename.display(), FileKind::of(&bytes));
        Err(failure(Status::DataInvalid, cause).remedy(
            "What can be shown: backups (partition archive), policy templates, and identities of clients and partitions.",
        ))
    }
}

#[derive(Debug, Serialize)]
struct Template {
    policies: Vec<ShownPolicy>,
}

#[derive(Debug, Serialize)]
struct ShownPolicy {
    number: u8,
    text: &'static str,
    value: u8,
}

impl From<&PolicyValue> for ShownPolicy {
    fn from(policy: &PolicyValue) -> Self {
        let text = Policy::of(policy.number).map_or("", Policy::text);
        Self { number: policy.number, text, value: policy.value }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n        Partition Policies")?;
        self.policies.iter().try_for_each(|ShownPolicy { number, text, value }| {
            write!(f, "\n{:16}{number:>2}: {text} : {value}", "")
        })
    }
}

#[derive(Debug, Serialize)]
struct Identity {
    kind: &'static str,
    #[serde(rename = "serial")]
    name: String,
    label: Option<String>,
    hash: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n        {}", self.kind)?;
        if !self.name.is_empty() {
            write!(f, "\n        Serial Number:           {}", self.name)?;
        }
        let label = self.label.as_deref().unwrap_or_default();
        write!(f, "\n        {}", format!("Label:                   {label}").trim_end())?;
        write!(f, "\n        Public Key SHA-256 Hash: {}", self.hash)
    }
}
