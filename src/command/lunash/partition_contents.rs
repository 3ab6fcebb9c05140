//! `partition showContents`.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::{super::object_class::class_name, Appliance, failure, partition::Named, password};
use crate::{
    model::{AdminReply, AdminRequest, Label, ObjectEntry, Status},
    shell::{Console, Failure, Outcome, Secret, report, shown},
};

/// Options of `partition showContents`.
#[derive(Debug, Args)]
pub struct ShowContents {
    #[command(flatten)]
    partition: Named,
    /// The Crypto Officer's password; asked for if missing
    #[arg(long, visible_aliases = ["pw", "copin"])]
    password: Option<Secret>,
}

impl ShowContents {
    pub(super) fn run(self, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
        let name = self.partition.name;
        let password = if let Some(secret) = &self.password {
            password(secret)
        } else {
            password(&console.secret("Please enter the password of the Crypto Officer:\n> ")?)
        };
        let request = AdminRequest::PartitionContents { name: name.clone(), password };
        match appliance.reply(&request)? {
            AdminReply::Objects(objects) => report(Contents {
                partition: name,
                objects: objects.into_iter().map(Listed::from).collect(),
            }),
            AdminReply::Failed(status) => Err(refused(status)),
            _ => Err(failure::unexpected_reply()),
        }
    }
}

fn refused(status: Status) -> Failure {
    let (cause, remedy) = match status {
        Status::ObjectHandleInvalid => return failure::unknown("partition", "partition list"),
        Status::OperationNotAllowed => (
            "clients reach this partition over STC, and its roles are theirs",
            "The Crypto Officer uses lunacm: partition contents.",
        ),
        Status::UserPinNotInitialized => (
            "the partition has no Crypto Officer",
            "Its Partition SO creates one with lunacm: role init -name co.",
        ),
        Status::PinIncorrect => (
            "the password of the Crypto Officer is wrong",
            "Failures are counted as over a link: see 'partition show'.",
        ),
        status => return failure::refused(status),
    };
    Failure::new(cause, failure::result(status)).remedy(remedy)
}

#[derive(Serialize)]
struct Contents {
    partition: Label,
    objects: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    label: String,
    handle: u32,
    class: u32,
}

impl From<ObjectEntry> for Listed {
    fn from(entry: ObjectEntry) -> Self {
        Self { label: shown(&entry.label).into_owned(), handle: entry.handle, class: entry.class }
    }
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Partition Name:                            {}", self.partition)?;
        writeln!(f, "Number of objects:                         {}", self.objects.len())?;
        for Listed { label, handle, class } in &self.objects {
            let kind = class_name(*class);
            writeln!(f, "\nObject Label:   {label}")?;
            writeln!(f, "Object Type:    {kind}")?;
            writeln!(f, "Object Handle:  {handle}")?;
        }
        Ok(())
    }
}
