//! `stc partitionregister` and `stc partitionderegister`.

use std::{fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;

use super::super::{Session, failure::failure, session::token_failure};
use crate::{
    client::identity_file,
    crypto::Fingerprint,
    model::{Label, SerialNumber, Status},
    shell::{Console, Outcome, report},
    store::RegisteredPartition,
};

#[derive(Debug, Args)]
pub struct Register {
    /// The partition's exported identity, named after its serial number
    #[arg(long, visible_alias = "f", value_name = "path/IDfile.pid")]
    file: PathBuf,
    /// A label for the partition on this client
    #[arg(long, visible_alias = "l", value_name = "partition_label")]
    label: Option<String>,
}

impl Register {
    pub(super) fn run(self, session: &mut Session) -> Outcome {
        let label =
            self.label.as_deref().map(str::parse::<Label>).transpose().map_err(|error| {
                failure(
                    Status::ArgumentsBad,
                    format_args!("the partition label is not permitted: {error}"),
                )
            })?;
        let file = identity_file::read_partition(&self.file).map_err(|error| {
            failure(Status::StcContainerInvalid, error.to_string()).remedy(error.remedy())
        })?;
        let token = session.initialized_token()?;
        let partitions = token.partitions().map_err(|error| token_failure(&error))?;
        if let Some(present) = partitions.iter().find(|present| present.serial == file.serial) {
            let same = if present.key == file.key { "this" } else { "another" };
            return Err(failure(
                Status::AttributeValueInvalid,
                format_args!(
                    "partition {} is registered already, with {same} identity",
                    file.serial
                ),
            )
            .remedy(format!(
                "See stc identityshow; to replace it: stc partitionderegister -serial {}.",
                file.serial
            )));
        }
        let partition =
            RegisteredPartition { serial: file.serial, label: label.or(file.label), key: file.key };
        token.register_partition(&partition).map_err(|error| token_failure(&error))?;
        let hash = Fingerprint::of(&file.key).to_string();
        report(Registered { serial: file.serial.to_string(), hash })
    }
}

#[derive(Debug, Args)]
pub struct Deregister {
    /// The partition's serial number
    #[arg(long, visible_alias = "s", value_name = "partition_serial_number")]
    serial: String,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl Deregister {
    pub(super) fn run(&self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let unknown = || {
            failure(
                Status::StcPartitionIdentityNotConfigured,
                format_args!(
                    "no partition of the serial number '{}' is registered on this client",
                    self.serial
                ),
            )
            .remedy("See stc identityshow.")
        };
        let serial: SerialNumber = self.serial.parse().map_err(|_| unknown())?;
        let token = session.initialized_token()?;
        let partitions = token.partitions().map_err(|error| token_failure(&error))?;
        if partitions.iter().all(|partition| partition.serial != serial) {
            return Err(unknown());
        }
        let warning = format!(
            "You are about to deregister the partition {serial} from this client.\nIts link will end.\n\nAre you sure you wish to continue?"
        );
        console.confirm(&warning, self.force)?;
        token.deregister_partition(serial).map_err(|error| token_failure(&error))?;
        session.forget(serial);
        report(Deregistered { serial: serial.to_string() })
    }
}

#[derive(Debug, Serialize)]
struct Registered {
    serial: String,
    hash: String,
}

impl fmt::Display for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n        Partition identity {} successfully registered.", self.serial)
    }
}

#[derive(Debug, Serialize)]
struct Deregistered {
    serial: String,
}

impl fmt::Display for Deregistered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n        Partition identity {} successfully deregistered.", self.serial)
    }
}
