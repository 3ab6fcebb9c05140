//! `partition`: what the HSM SO does with partitions.

use std::fmt;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    super::unavailable::Unavailable,
    Appliance, failure,
    partition_change::{Rename, Resize},
    partition_contents::ShowContents,
    partition_init::Init,
    partition_policy::{ChangePolicy, ShowPolicies},
    partition_roles::{ChangePw, Clear},
    screen::{Sentence, Success, yes_no},
};
use crate::{
    crypto::Fingerprint,
    model::{
        AdminReply, AdminRequest, Label, PartitionEntry, Role, RoleInfo, SerialNumber, StorageSize,
    },
    shell::{Console, Failure, Outcome, report, shown},
};

/// The value name of options that take a partition's name.
pub const NAME: &str = "name";

/// The command that lists the names the others take.
const LIST: &str = "partition list";

/// The `partition` commands.
#[derive(Debug, Subcommand)]
#[command(rename_all = "lower")]
pub enum Command {
    /// Creates a partition
    #[command(visible_alias = "cr")]
    Create(Create),
    /// Lists the partitions
    #[command(visible_alias = "l")]
    List,
    /// Shows one partition, or all of them
    #[command(visible_alias = "sh")]
    Show {
        /// The partition's name
        #[arg(long, visible_aliases = ["par", "p"], value_name = NAME)]
        partition: Option<Label>,
    },
    /// Deletes a partition with all it holds
    #[command(visible_alias = "del")]
    Delete {
        #[command(flatten)]
        partition: Named,
        /// Does not ask for a confirmation
        #[arg(long, visible_alias = "f")]
        force: bool,
    },
    /// Initializes a partition for clients over NTLS, or creates its Crypto Officer
    #[command(visible_alias = "in")]
    Init(Init),
    /// Changes the password of the Crypto Officer or the Crypto User
    #[command(name = "changePw", visible_alias = "changepw")]
    ChangePw(ChangePw),
    /// Destroys all objects of a partition that no client reaches over STC
    #[command(visible_alias = "clr")]
    Clear(Clear),
    /// Gives a partition another name
    #[command(visible_alias = "ren")]
    Rename(Rename),
    /// Gives a partition another size
    #[command(visible_alias = "res")]
    Resize(Resize),
    /// Lists the objects of a partition that no client reaches over STC
    #[command(name = "showContents", visible_alias = "showc")]
    ShowContents(ShowContents),
    /// Shows what a partition can do and what its policies permit
    #[command(name = "showPolicies", visible_alias = "showp")]
    ShowPolicies(ShowPolicies),
    /// Changes a policy of a partition that no client reaches over STC
    #[command(name = "changePolicy", visible_alias = "changepo")]
    ChangePolicy(ChangePolicy),
    /// Manages the identities of partitions for STC
    #[command(subcommand, visible_alias = "stci")]
    StcIdentity(StcIdentity),
    /// Activates a partition (not in software)
    Activate(Unavailable),
    /// Ends a partition's activation (not in software)
    Deactivate(Unavailable),
    /// Creates a challenge secret (not in software)
    #[command(name = "createChallenge")]
    CreateChallenge(Unavailable),
    /// Sets the domain of a legacy HSM (not in software)
    #[command(name = "setLegacyDomain")]
    SetLegacyDomain(Unavailable),
    /// Manages small form factor backups (not in software)
    Sff(Unavailable),
}

/// The `partition stcidentity` commands.
#[derive(Debug, Subcommand)]
pub enum StcIdentity {
    /// Writes a partition's public identity to your files
    #[command(visible_alias = "e")]
    Export(Named),
    /// Shows the hash of a partition's public identity
    #[command(visible_alias = "s")]
    Show(Named),
}

/// Options of `partition create`.
#[derive(Debug, Args)]
pub struct Create {
    #[command(flatten)]
    partition: Named,
    /// The storage in bytes
    #[arg(long, visible_alias = "s", value_name = "bytes", conflicts_with = "all_free_storage")]
    size: Option<u64>,
    /// Takes all the storage that is left
    #[arg(long = "allfreestorage", visible_alias = "a")]
    all_free_storage: bool,
    /// Does not ask for a confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

/// The option that names a partition.
#[derive(Debug, Args)]
pub struct Named {
    /// The partition's name
    #[arg(long = "partition", visible_aliases = ["par", "pa", "p"], value_name = NAME)]
    pub(super) name: Label,
}

/// Performs a `partition` command.
pub fn run(command: Command, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
    match command {
        Command::Create(options) => create(options, appliance, console),
        Command::List => report(List(entries(appliance)?)),
        Command::Show { partition } => {
            let all = entries(appliance)?;
            report(Details(match partition {
                Some(name) => vec![named(all, &name)?],
                None => all,
            }))
        }
        Command::Delete { partition, force } => delete(partition.name, force, appliance, console),
        Command::Init(options) => options.run(appliance, console),
        Command::ChangePw(options) => options.run(appliance, console),
        Command::Clear(options) => options.run(appliance, console),
        Command::Rename(options) => options.run(appliance),
        Command::Resize(options) => options.run(appliance, console),
        Command::ShowContents(options) => options.run(appliance, console),
        Command::ShowPolicies(options) => options.run(appliance),
        Command::ChangePolicy(options) => options.run(appliance, console),
        Command::Activate(_)
        | Command::Deactivate(_)
        | Command::CreateChallenge(_)
        | Command::SetLegacyDomain(_)
        | Command::Sff(_) => Err(failure::unavailable(
            "this takes a PED or other hardware, and software has none",
            "Roles have passwords, and clients set domains: lunacm, partition init.",
        )),
        Command::StcIdentity(StcIdentity::Export(Named { name })) => export(&name, appliance),
        Command::StcIdentity(StcIdentity::Show(Named { name })) => {
            let PartitionEntry { name, serial, key, .. } = named(entries(appliance)?, &name)?;
            report(Identity { name, serial, hash: Fingerprint::of(&key).to_string() })
        }
    }
}

fn create(options: Create, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
    let size = match (options.size, options.all_free_storage) {
        (Some(0), _) => return Err(failure::bad_arguments("a partition has at least one byte")),
        (Some(bytes), _) => StorageSize::Bytes(bytes),
        (None, true) => StorageSize::AllFree,
        (None, false) => StorageSize::Default,
    };
    let warning = "Type 'proceed' to create the partition, or\n'quit' to quit now.";
    console.confirm(warning, options.force)?;
    match appliance.ask(&AdminRequest::CreatePartition { name: options.partition.name, size })? {
        AdminReply::Created(_) => report(Success("partition create")),
        _ => Err(failure::unexpected_reply()),
    }
}

fn delete(
    name: Label,
    force: bool,
    appliance: &mut Appliance,
    console: &mut dyn Console,
) -> Outcome {
    let entry = named(entries(appliance)?, &name)?;
    let warning = format!(
        "CAUTION:  Are you sure you wish to delete the partition named:\n          {name}\n\
         All data on it will be erased and its {} live links will end.\n\n\
         Type 'proceed' to delete the partition, or\n'quit' to quit now.",
        entry.links
    );
    console.confirm(&warning, force)?;
    appliance.order(&AdminRequest::DeletePartition { name })?;
    report(Success("partition delete"))
}

fn export(name: &Label, appliance: &mut Appliance) -> Outcome {
    let entry = named(entries(appliance)?, name)?;
    match appliance.ask(&AdminRequest::ExportIdentity { name: entry.name })? {
        AdminReply::File(file) => report(Sentence(format!(
            "Successfully exported partition identity for partition {name} to file: {}",
            shown(&file)
        ))),
        _ => Err(failure::unexpected_reply()),
    }
}

/// The partitions, by name.
pub fn entries(appliance: &mut Appliance) -> Result<Vec<PartitionEntry>, Failure> {
    match appliance.ask(&AdminRequest::Partitions)? {
        AdminReply::Partitions(mut entries) => {
            entries.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
            Ok(entries)
        }
        _ => Err(failure::unexpected_reply()),
    }
}

pub fn named(entries: Vec<PartitionEntry>, name: &Label) -> Result<PartitionEntry, Failure> {
    let entry = entries.into_iter().find(|entry| entry.name == *name);
    entry.ok_or_else(|| failure::unknown("partition", LIST))
}

/// The screen of `partition list`.
#[derive(Serialize)]
struct List(Vec<PartitionEntry>);

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return write!(f, "   There are no partitions.");
        }
        let name = self.0.iter().map(|entry| entry.name.as_str().len()).max();
        let name = name.unwrap_or(0).max(21);
        let left = 1 + 16 + name + 11;
        writeln!(f, "{:left$}      Storage (bytes)", "")?;
        writeln!(f, "{:left$}{}", "", "-".repeat(28))?;
        writeln!(
            f,
            " {:<16}{:<name$}{:>11}{:>10}{:>10}{:>10}",
            "Partition", "Name", "Objects", "Total", "Used", "Free"
        )?;
        writeln!(f, " {}", "=".repeat(left - 1 + 30))?;
        for entry in &self.0 {
            let (total, used) = (entry.total_storage, entry.used_storage);
            let free = total.saturating_sub(used);
            let serial = entry.serial.to_string();
            let objects = entry.objects;
            writeln!(
                f,
                " {serial:<16}{:<name$}{objects:>11}{total:>10}{used:>10}{free:>10}",
                entry.name
            )?;
        }
        Ok(())
    }
}

/// The screen of `partition show`.
#[derive(Serialize)]
struct Details(Vec<PartitionEntry>);

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return write!(f, "There are no partitions.");
        }
        for (number, entry) in self.0.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            details(f, entry)?;
        }
        Ok(())
    }
}

fn details(f: &mut fmt::Formatter<'_>, entry: &PartitionEntry) -> fmt::Result {
    let label = entry.label.as_ref().map(ToString::to_string).unwrap_or_default();
    line(f, "Partition Name:", entry.name.as_str())?;
    line(f, "Partition SN:", &entry.serial.to_string())?;
    line(f, "Partition Label:", &label)?;
    line(f, "Partition Initialized:", yes_no(entry.label.is_some()))?;
    for info in entry.roles.iter().filter(|info| info.initialized) {
        role(f, *info)?;
    }
    line(f, "Registered STC Clients:", &entry.clients.to_string())?;
    line(f, "Live Links:", &entry.links.to_string())?;
    let (total, used) = (entry.total_storage, entry.used_storage);
    let free = total.saturating_sub(used);
    let storage = format!("Total={total}, Used={used}, Free={free}");
    line(f, "Partition Storage Information (Bytes):", &storage)?;
    line(f, "Partition Object Count:", &entry.objects.to_string())
}

fn role(f: &mut fmt::Formatter<'_>, info: RoleInfo) -> fmt::Result {
    let name = info.role.name();
    let end = match info.role {
        Role::PartitionSo => "Partition is Zeroized".to_owned(),
        _ => format!("{name} is Locked Out"),
    };
    let left = if info.locked {
        format!("None - {name} is Locked Out")
    } else {
        format!("{} before {end}", info.attempts_left)
    };
    line(f, &format!("{name} Locked Out:"), yes_no(info.locked))?;
    line(f, &format!("{name} PIN To Be Changed:"), yes_no(info.password_to_be_changed))?;
    line(f, &format!("{name} Login Attempts Left:"), &left)
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    writeln!(f, "{}", format!("{name:<43}{value}").trim_end())
}

/// The screen of `partition stcidentity show`.
#[derive(Serialize)]
struct Identity {
    name: Label,
    serial: SerialNumber,
    hash: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, "Partition Name:", self.name.as_str())?;
        line(f, "Partition SN:", &self.serial.to_string())?;
        line(f, "Partition Identity Public Key Hash:", &self.hash)
    }
}
