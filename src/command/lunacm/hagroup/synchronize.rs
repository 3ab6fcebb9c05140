//! `hagroup synchronize`: every member gets the objects that another has.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::{
    super::{
        failure::{failure, refused},
        officer_link::OfficerLink,
        partition::{fresh_salt, refused_transfer},
    },
    Session,
    member::{Sentence, asked},
    refused_group,
};
use crate::{
    client::ha::{self, Group},
    model::{
        Imported, ObjectEntry, Password, Reply, Request, SerialNumber, Status, TransferPurpose,
    },
    shell::{Console, Failure, Outcome, Secret, report},
};

#[derive(Debug, Args)]
pub struct Synchronize {
    /// The group's label or number
    #[arg(long, visible_alias = "g", value_name = "group")]
    group: String,
    /// The password of the members' Crypto Officers; asked for without this option
    #[arg(long, visible_alias = "p", value_name = "password")]
    password: Option<Secret>,
    /// Turn synchronization on
    #[arg(long, visible_alias = "e", conflicts_with_all = ["disable", "password"])]
    enable: bool,
    /// Turn synchronization off
    #[arg(long, visible_alias = "d", conflicts_with = "password")]
    disable: bool,
}

impl Synchronize {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        if self.enable || self.disable {
            let changed = session.configure(|configuration| {
                ha::set_synchronize(configuration, &self.group, self.enable)
            });
            let group = changed.map_err(|error| refused_group(&error))?;
            let state = super::screen::enabled(group.synchronize);
            return report(Sentence {
                text: format!("Synchronization of group {} is {state}.", group.label),
            });
        }
        let group = ha::find(&session.configuration()?, &self.group);
        let group = group.map_err(|error| refused_group(&error))?;
        let password = asked(self.password, console)?;
        let members = open_members(session, &group, &password)?;
        let salt = fresh_salt()?;
        let mut copied = Copied { group: group.label, members: Vec::new() };
        for (serial, target) in &members {
            let count = fill(target, &members, (salt, console))?;
            copied.members.push(Filled { serial: serial.to_string(), copied: count });
        }
        report(copied)
    }
}

/// Links to all members, each with its Crypto Officer logged in.
pub(super) fn open_members(
    session: &Session,
    group: &Group,
    password: &Password,
) -> Result<Vec<(SerialNumber, OfficerLink)>, Failure> {
    let open = |member: &SerialNumber| {
        let slot = session.present().find(|slot| slot.partition.serial == *member);
        let slot = slot.ok_or_else(|| {
            let cause = format_args!("the member {member} has no slot");
            failure(Status::TokenNotPresent, cause).remedy("See slot list.")
        })?;
        Ok((*member, OfficerLink::open(session, slot.number, password.clone())?))
    };
    group.members.iter().map(open).collect()
}

/// The objects of a member.
pub(super) fn objects(link: &OfficerLink) -> Result<Vec<ObjectEntry>, Failure> {
    match link.ask(&Request::Contents)? {
        Reply::Objects(objects) => Ok(objects),
        Reply::Failed(status) => Err(refused(status)),
        _ => Err(refused(Status::DeviceError)),
    }
}

/// Copies what the others have and `target` has not; how many objects that were.
fn fill(
    target: &OfficerLink,
    members: &[(SerialNumber, OfficerLink)],
    (salt, console): ([u8; 16], &mut dyn Console),
) -> Result<usize, Failure> {
    let purpose = TransferPurpose::Clone;
    let mut present: Vec<_> = objects(target)?.into_iter().map(|object| object.ouid).collect();
    let mut copied = 0;
    for (_, source) in members {
        let missing: Vec<_> =
            objects(source)?.into_iter().filter(|object| !present.contains(&object.ouid)).collect();
        for (at, object) in (0..).zip(&missing) {
            let total = u64::try_from(missing.len()).unwrap_or(u64::MAX);
            console.progress("Synchronizing", at, total);
            let export = Request::ExportObject { handle: object.handle.into(), purpose, salt };
            let sealed = match source.ask(&export)? {
                Reply::Sealed(sealed) => sealed,
                Reply::Failed(status) => return Err(refused_transfer(status, purpose)),
                _ => return Err(refused(Status::DeviceError)),
            };
            let import = Request::ImportObject { sealed, purpose, salt, replace: false };
            match target.ask(&import)? {
                Reply::Imported(Imported::Added(_)) => copied += 1,
                Reply::Imported(_) => {}
                Reply::Failed(status) => return Err(refused_transfer(status, purpose)),
                _ => return Err(refused(Status::DeviceError)),
            }
            present.push(object.ouid);
        }
        console.progress("Synchronizing", 1, 1);
    }
    Ok(copied)
}

#[derive(Debug, Serialize)]
struct Copied {
    group: String,
    members: Vec<Filled>,
}

#[derive(Debug, Serialize)]
struct Filled {
    serial: String,
    copied: usize,
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Filled { serial, copied } in &self.members {
            write!(f, "\n        {serial}: {copied} objects copied")?;
        }
        write!(f, "\n\n        Synchronization completed.")
    }
}
