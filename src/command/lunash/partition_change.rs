//! `partition rename` and `resize`.

use clap::Args;

use super::{Appliance, failure, partition::Named, screen::Success};
use crate::{
    model::{AdminRequest, Label, Status, StorageSize},
    shell::{Console, Failure, Outcome, report},
};

/// Options of `partition rename`.
#[derive(Debug, Args)]
pub struct Rename {
    /// The name that the partition has
    #[arg(long = "oldname", visible_aliases = ["o", "partition", "par"], value_name = "name")]
    name: Label,
    /// The name that it is to have
    #[arg(long = "newname", visible_alias = "n", value_name = "new_name")]
    new: Label,
}

/// Options of `partition resize`.
#[derive(Debug, Args)]
pub struct Resize {
    #[command(flatten)]
    partition: Named,
    /// The storage in bytes
    #[arg(
        long,
        visible_alias = "s",
        value_name = "bytes",
        conflicts_with = "all_free_storage",
        required_unless_present = "all_free_storage"
    )]
    size: Option<u64>,
    /// Takes all the storage that is left besides
    #[arg(long = "allfreestorage", visible_alias = "a")]
    all_free_storage: bool,
    /// Does not ask for a confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl Rename {
    pub(super) fn run(self, appliance: &mut Appliance) -> Outcome {
        let request = AdminRequest::RenamePartition { name: self.name, new: self.new };
        match appliance.order_of(&request)? {
            Ok(()) => report(Success("partition rename")),
            Err(status) => Err(refused(status)),
        }
    }
}

impl Resize {
    pub(super) fn run(self, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
        let size = self.size.map_or(StorageSize::AllFree, StorageSize::Bytes);
        let warning = "Type 'proceed' to resize the partition, or\n'quit' to quit now.";
        console.confirm(warning, self.force)?;
        let request = AdminRequest::ResizePartition { name: self.partition.name, size };
        match appliance.order_of(&request)? {
            Ok(()) => report(Success("partition resize")),
            Err(status) => Err(refused(status)),
        }
    }
}

fn refused(status: Status) -> Failure {
    match status {
        Status::ObjectHandleInvalid => failure::unknown("partition", "partition list"),
        Status::ArgumentsBad => {
            failure::bad_arguments("a partition is large enough for one client identity at least")
        }
        Status::OperationNotAllowed => {
            Failure::new("the partition holds more than that", failure::result(status))
                .remedy("Use 'partition show' to see how much it uses.")
        }
        status => failure::refused(status),
    }
}
