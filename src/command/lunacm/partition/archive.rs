//! `partition archive`: backups of a partition's objects, in files of this home.
//!
//! Luna has backup HSMs; here a backup is a file. Its objects are sealed under the partition's
//! domain and its HSM's, as they would be on their way to a backup HSM, and open in partitions of
//! the one on HSMs of the other alone.

use std::fmt;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    super::{
        super::object_class::class_name,
        failure::{failure, refused},
        table::Table,
    },
    Session,
    info::hex,
    objects::{
        Chosen, contents, count, exported, fresh_salt, refused_transfer, require_crypto_officer,
    },
    transfer::Transferred,
};
use crate::{
    client::{backups::BackupFileError, file::FileError},
    model::{ClientLabel, Imported, ObjectEntry, Reply, Request, Status, TransferPurpose},
    shell::{Console, Failure, Outcome, Secret, report, shown},
    wire::{Backup, BackupObject},
};

const PURPOSE: TransferPurpose = TransferPurpose::Backup;

#[derive(Debug, Subcommand)]
pub enum Archive {
    /// Backs objects of the current slot's partition up into a file
    #[command(visible_alias = "b")]
    Backup(BackUp),
    /// Restores objects from a backup into the current slot's partition
    #[command(visible_alias = "r")]
    Restore(Restore),
    /// Lists the backups
    #[command(visible_alias = "l")]
    List(List),
    /// Lists the objects of a backup
    #[command(visible_alias = "c")]
    Contents(Named),
    /// Deletes a backup
    #[command(visible_alias = "d")]
    Delete(Delete),
}

impl Archive {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        match self {
            Self::Backup(command) => command.run(session, console),
            Self::Restore(command) => command.run(session, console),
            Self::List(command) => command.run(session),
            Self::Contents(command) => command.run(session),
            Self::Delete(command) => command.run(session, console),
        }
    }
}

/// The backup that a command is about.
#[derive(Debug, Args)]
pub struct Named {
    /// The name of the backup
    #[arg(long, visible_alias = "par", value_name = "backup")]
    partition: ClientLabel,
    #[command(flatten)]
    device: Device,
}

/// Where Luna's backups are.
#[derive(Debug, Args)]
struct Device {
    /// The slot of a backup HSM; there is none here
    #[arg(long, hide = true, visible_alias = "s", value_name = "slot_id")]
    slot: Option<String>,
}

impl Device {
    fn check(&self) -> Result<(), Failure> {
        let Some(slot) = &self.slot else { return Ok(()) };
        let cause = format_args!("there is no backup HSM in slot '{slot}'");
        Err(failure(Status::SlotIdInvalid, cause)
            .remedy("Backups are files here: leave -slot out; see partition archive list."))
    }
}

#[derive(Debug, Args)]
pub struct BackUp {
    #[command(flatten)]
    named: Named,
    /// The handles of the objects, as 3,5,8; all of them without this option
    #[arg(long, visible_alias = "o", value_name = "handles", default_value = "all")]
    objects: Chosen,
    /// Add to the objects that the backup holds
    #[arg(long, visible_alias = "a", conflicts_with = "replace")]
    append: bool,
    /// Replace the backup
    #[arg(long, visible_alias = "r")]
    replace: bool,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl BackUp {
    fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        self.named.device.check()?;
        let name = &self.named.partition;
        let number = session.number(None)?;
        require_crypto_officer(session, number)?;
        let backups = session.backups();
        let mut backup = self.begin(session, number, console)?;
        let objects = self.objects.of(contents(session, number)?)?;
        for (done, object) in objects.iter().enumerate() {
            console.progress("Backing up", count(done), count(objects.len()));
            let sealed = exported(session, number, (object, PURPOSE, backup.salt))?;
            let ObjectEntry { label, class, ouid, .. } = object.clone();
            backup.objects.retain(|known| known.ouid != ouid);
            backup.objects.push(BackupObject { label, class, ouid, sealed });
        }
        console.progress("Backing up", 1, 1);
        backups.write(name, &backup).map_err(|error| unusable(&error))?;
        report(BackedUp {
            backup: name.to_string(),
            file: backups.path(name).display().to_string(),
            objects: objects.len(),
            total: backup.objects.len(),
        })
    }

    /// The backup that objects are added to.
    fn begin(
        &self,
        session: &mut Session,
        number: u32,
        console: &mut dyn Console,
    ) -> Result<Backup, Failure> {
        let name = &self.named.partition;
        let backups = session.backups();
        let there = backups.path(name).exists();
        if there && self.append {
            return backups.read(name).map_err(|error| unusable(&error));
        }
        if there && !self.replace {
            let cause = format_args!("there is a backup '{name}' already");
            return Err(failure(Status::ArgumentsBad, cause)
                .remedy("Use -append to add to it or -replace to replace it, or another name."));
        }
        if there {
            let warning = format!(
                "You are about to replace the backup '{name}'.\n\n\
                 Are you sure you wish to continue?"
            );
            console.confirm(&warning, self.force)?;
        }
        session.describe_slot(number)?;
        let slot = session.slots().iter().find(|slot| slot.number == number);
        let partition = &slot.ok_or_else(|| refused(Status::TokenNotPresent))?.partition;
        let (label, serial) = (partition.label.clone(), partition.serial);
        Ok(Backup { label, serial, salt: fresh_salt()?, objects: Vec::new() })
    }
}

#[derive(Debug, Args)]
pub struct Restore {
    #[command(flatten)]
    named: Named,
    /// The password of a backup HSM's partition; a backup in a file has none
    #[arg(long, hide = true, visible_alias = "p")]
    password: Option<Secret>,
    /// The objects' numbers in the backup, as 1,2; all of them without this option
    #[arg(long, visible_alias = "o", value_name = "numbers", default_value = "all")]
    objects: Chosen,
    /// Replace objects that are in the partition already
    #[arg(long, visible_alias = "r")]
    replace: bool,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl Restore {
    fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        self.named.device.check()?;
        let number = session.number(None)?;
        require_crypto_officer(session, number)?;
        let backup = session.backups().read(&self.named.partition);
        let backup = backup.map_err(|error| unusable(&error))?;
        let chosen = self.objects.of(numbered(&backup))?;
        if self.replace {
            console.confirm(
                "You are about to replace objects of the partition by those of the backup.\n\n\
                 Are you sure you wish to continue?",
                self.force,
            )?;
        }
        let mut restored = Transferred::default();
        for (done, entry) in chosen.iter().enumerate() {
            console.progress("Restoring", count(done), count(chosen.len()));
            let object = backup.objects.iter().find(|object| object.ouid == entry.ouid);
            let sealed = object.map(|object| object.sealed.clone()).unwrap_or_default();
            let request = Request::ImportObject {
                sealed,
                purpose: PURPOSE,
                salt: backup.salt,
                replace: self.replace,
            };
            restored.note(entry, imported(&session.ask_slot(number, &request)?))?;
        }
        console.progress("Restoring", 1, 1);
        report(restored)
    }
}

fn imported(reply: &Reply) -> Result<Imported, Failure> {
    match reply {
        Reply::Imported(imported) => Ok(*imported),
        Reply::Failed(status) => Err(refused_transfer(*status, PURPOSE)),
        _ => Err(refused(Status::DeviceError)),
    }
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    device: Device,
}

impl List {
    fn run(&self, session: &Session) -> Outcome {
        self.device.check()?;
        let backups = session.backups();
        let names = backups.names().map_err(|error| unreadable(&error))?;
        let entry = |name: ClientLabel| {
            let backup = backups.read(&name).ok();
            ListedBackup {
                backup: name.to_string(),
                label: backup.as_ref().and_then(|backup| backup.label.clone()).map(String::from),
                serial: backup.as_ref().map(|backup| backup.serial.to_string()),
                objects: backup.map(|backup| backup.objects.len()),
            }
        };
        report(BackupList { backups: names.into_iter().map(entry).collect() })
    }
}

impl Named {
    fn run(&self, session: &Session) -> Outcome {
        self.device.check()?;
        let backup = session.backups().read(&self.partition).map_err(|error| unusable(&error))?;
        report(BackupContents::of(&backup))
    }
}

#[derive(Debug, Args)]
pub struct Delete {
    #[command(flatten)]
    named: Named,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl Delete {
    fn run(&self, session: &Session, console: &mut dyn Console) -> Outcome {
        self.named.device.check()?;
        let (name, backups) = (&self.named.partition, session.backups());
        backups.read(name).map_err(|error| unusable(&error))?;
        let warning = format!(
            "You are about to delete the backup '{name}'.\n\nAre you sure you wish to continue?"
        );
        console.confirm(&warning, self.force)?;
        backups.remove(name).map_err(|error| unreadable(&error))?;
        Ok(None)
    }
}

/// A backup's objects under their numbers in it.
fn numbered(backup: &Backup) -> Vec<ObjectEntry> {
    let entry = |(number, object): (u32, &BackupObject)| ObjectEntry {
        label: object.label.clone(),
        handle: number,
        class: object.class,
        ouid: object.ouid,
    };
    (1..).zip(&backup.objects).map(entry).collect()
}

fn unusable(error: &BackupFileError) -> Failure {
    failure(Status::ArgumentsBad, error).remedy(error.remedy())
}

fn unreadable(error: &FileError) -> Failure {
    failure(Status::FunctionFailed, error).remedy(error.remedy())
}

#[derive(Debug, Serialize)]
struct BackedUp {
    backup: String,
    file: String,
    objects: usize,
    total: usize,
}

impl fmt::Display for BackedUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n        Objects backed up:  {}", self.objects)?;
        write!(f, "\n        Objects in backup:  {}", self.total)?;
        write!(f, "\n        Backup:             {} ({})", self.backup, self.file)
    }
}

#[derive(Debug, Serialize)]
struct BackupList {
    backups: Vec<ListedBackup>,
}

#[derive(Debug, Serialize)]
struct ListedBackup {
    backup: String,
    label: Option<String>,
    serial: Option<String>,
    objects: Option<usize>,
}

impl fmt::Display for BackupList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.backups.is_empty() {
            return write!(f, "\n        There are no backups.");
        }
        let mut table = Table::new(&["Backup", "Partition Label", "Serial Number", "Objects"]);
        for listed in &self.backups {
            let objects = listed.objects.map(|count| count.to_string());
            table.row([
                listed.backup.clone(),
                listed.label.clone().unwrap_or_default(),
                listed.serial.clone().unwrap_or_else(|| "(damaged)".to_owned()),
                objects.unwrap_or_default(),
            ]);
        }
        write!(f, "\n{table}")
    }
}

/// The objects of a backup.
#[derive(Debug, Serialize)]
pub(in super::super) struct BackupContents {
    label: Option<String>,
    serial: String,
    objects: Vec<ListedObject>,
}

#[derive(Debug, Serialize)]
struct ListedObject {
    number: u32,
    label: String,
    kind: &'static str,
    ouid: String,
}

impl BackupContents {
    pub(in super::super) fn of(backup: &Backup) -> Self {
        let listed = |(number, object): (u32, &BackupObject)| ListedObject {
            number,
            label: shown(&object.label).into_owned(),
            kind: class_name(object.class),
            ouid: hex(&object.ouid),
        };
        Self {
            label: backup.label.clone().map(String::from),
            serial: backup.serial.to_string(),
            objects: (1..).zip(&backup.objects).map(listed).collect(),
        }
    }
}

impl fmt::Display for BackupContents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\n        Partition Label:         {}",
            self.label.as_deref().unwrap_or_default()
        )?;
        write!(f, "\n        Partition Serial Number: {}", self.serial)?;
        write!(f, "\n\n        Object list:\n")?;
        for object in &self.objects {
            write!(f, "\n        Label:         {}", object.label)?;
            write!(f, "\n        Number:        {}", object.number)?;
            write!(f, "\n        Object Type:   {}", object.kind)?;
            writeln!(f, "\n        Object UID:    {}", object.ouid)?;
        }
        write!(f, "\n        Number of objects:  {}", self.objects.len())
    }
}
