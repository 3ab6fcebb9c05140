//! `partition showinfo` and `contents`: what a partition is and holds.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::{
    super::{super::object_class::class_name, failure::refused},
    OfSlot, Session,
};
use crate::{
    model::{ObjectEntry, PARTITION_OVERHEAD_BYTES, PartitionInfo, Reply, Request, Role, Status},
    shell::{Outcome, report, shown},
};

#[derive(Debug, Args)]
pub struct ShowInfo {
    #[command(flatten)]
    of: OfSlot,
}

impl ShowInfo {
    pub(super) fn run(&self, session: &mut Session) -> Outcome {
        let number = session.number(self.of.slot)?;
        match session.ask_slot(number, &Request::Describe)? {
            Reply::Partition(partition) => report(Info::new(number, &partition)),
            Reply::Failed(status) => Err(refused(status)),
            _ => Err(refused(Status::DeviceError)),
        }
    }
}

#[derive(Debug, Args)]
pub struct Contents {
    #[command(flatten)]
    of: OfSlot,
}

impl Contents {
    pub(super) fn run(&self, session: &mut Session) -> Outcome {
        let number = session.number(self.of.slot)?;
        let role = match session.ask_slot(number, &Request::Describe)? {
            Reply::Partition(PartitionInfo { logged_in: Some(role), .. }) => role,
            Reply::Partition(_) => return Err(refused(Status::UserNotLoggedIn)),
            Reply::Failed(status) => return Err(refused(status)),
            _ => return Err(refused(Status::DeviceError)),
        };
        match session.ask_slot(number, &Request::Contents)? {
            Reply::Objects(objects) => report(ObjectList {
                role: role.name(),
                objects: objects.iter().map(Object::from).collect(),
            }),
            Reply::Failed(status) => Err(refused(status)),
            _ => Err(refused(Status::DeviceError)),
        }
    }
}

#[derive(Debug, Serialize)]
struct Info {
    slot: u32,
    label: Option<String>,
    model: String,
    serial: String,
    user_initialized: bool,
    logged_in: Option<&'static str>,
    ouid: String,
    total_storage: u64,
    used_storage: u64,
    free_storage: u64,
    object_count: u64,
    client_count: u32,
    overhead: u64,
}

impl Info {
    fn new(slot: u32, partition: &PartitionInfo) -> Self {
        Self {
            slot,
            label: partition.label.as_ref().map(ToString::to_string),
            model: partition.model.clone(),
            serial: partition.serial.to_string(),
            user_initialized: partition.user_initialized,
            logged_in: partition.logged_in.map(Role::name),
            ouid: hex(&partition.ouid),
            total_storage: partition.total_storage,
            used_storage: partition.used_storage,
            free_storage: partition.total_storage.saturating_sub(partition.used_storage),
            object_count: partition.objects,
            client_count: partition.clients,
            overhead: PARTITION_OVERHEAD_BYTES,
        }
    }
}

impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line =
            |f: &mut fmt::Formatter<'_>, text: &str| writeln!(f, "        {}", text.trim_end());
        writeln!(f)?;
        line(f, &format!("Partition Label -> {}", self.label.as_deref().unwrap_or_default()))?;
        line(f, "Partition Manufacturer -> lunacm")?;
        line(f, &format!("Partition Model -> {}", self.model))?;
        line(f, &format!("Partition Serial Number -> {}", self.serial))?;
        line(f, "Partition Status -> L3 Device")?;
        line(f, "Token Flags ->")?;
        if self.label.is_some() {
            line(f, "        CKF_TOKEN_INITIALIZED")?;
        }
        if self.user_initialized {
            line(f, "        CKF_USER_PIN_INITIALIZED")?;
        }
        line(f, "RPV Initialized -> Not Supported")?;
        line(f, &format!("Slot Id -> {}", self.slot))?;
        line(f, &format!("Session State -> {}", self.session_state()))?;
        line(f, &format!("Role Status -> {}", self.logged_in.unwrap_or("none logged in")))?;
        line(f, &format!("Partition OUID: {}", self.ouid))?;
        writeln!(f)?;
        line(f, "Partition Storage:")?;
        line(f, &format!("        Total Storage Space:  {}", self.total_storage))?;
        line(f, &format!("        Used Storage Space:   {}", self.used_storage))?;
        line(f, &format!("        Free Storage Space:   {}", self.free_storage))?;
        line(f, &format!("        Object Count:         {}", self.object_count))?;
        line(f, &format!("        Client Identities:    {}", self.client_count))?;
        line(f, &format!("        Overhead:             {}", self.overhead))?;
        writeln!(f)?;
        write!(f, "        *** The partition is NOT in FIPS 140-2 approved operation mode. ***")
    }
}

impl Info {
    fn session_state(&self) -> &'static str {
        match self.logged_in {
            None => "CKS_RW_PUBLIC_SESSION",
            Some(role) if role == Role::PartitionSo.name() => "CKS_RW_SO_FUNCTIONS",
            Some(_) => "CKS_RW_USER_FUNCTIONS",
        }
    }
}

#[derive(Debug, Serialize)]
struct ObjectList {
    role: &'static str,
    objects: Vec<Object>,
}

#[derive(Debug, Serialize)]
struct Object {
    label: String,
    handle: u32,
    kind: &'static str,
    ouid: String,
}

impl From<&ObjectEntry> for Object {
    fn from(entry: &ObjectEntry) -> Self {
        Self {
            label: shown(&entry.label).into_owned(),
            handle: entry.handle,
            kind: class_name(entry.class),
            ouid: hex(&entry.ouid),
        }
    }
}

impl fmt::Display for ObjectList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = self.role;
        write!(f, "\n        The '{role}' is currently logged in. Looking for objects")?;
        write!(f, "\n        accessible by the '{role}'.\n")?;
        if self.objects.is_empty() {
            return write!(
                f,
                "\n        No objects viewable to '{role}' are currently stored in the partition."
            );
        }
        write!(f, "\n        Object list:\n")?;
        for object in &self.objects {
            write!(f, "\n        Label:         {}", object.label)?;
            write!(f, "\n        Handle:        {}", object.handle)?;
            write!(f, "\n        Object Type:   {}", object.kind)?;
            writeln!(f, "\n        Object UID:    {}", object.ouid)?;
        }
        write!(f, "\n        Number of objects:  {}", self.objects.len())
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}
