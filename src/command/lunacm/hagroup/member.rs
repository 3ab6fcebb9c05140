//! `hagroup addmember`, `removemember`, `addstandby` and `removestandby`; and what makes a
//! partition a member.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::{
    super::{
        failure::{failure, refused},
        officer_link::OfficerLink,
        partition::Different,
        role::typed,
    },
    Session, refused_group,
    screen::{Changed, GroupScreen},
};
use crate::{
    client::{
        Slot,
        ha::{self, Group},
    },
    model::{Password, Policy, Reply, Request, SerialNumber, Status},
    shell::{Console, Failure, Outcome, Secret, report},
};

/// The partition that a command is about.
#[derive(Debug, Args)]
#[group(id = "member", required = true, multiple = false)]
pub struct Member {
    /// The partition's serial number
    #[arg(
        long,
        visible_aliases = ["se", "sn"],
        value_name = "partition_serial_number",
        group = "member"
    )]
    serialnumber: Option<SerialNumber>,
    /// The partition's slot
    #[arg(long, visible_alias = "sl", value_name = "slot_id", group = "member")]
    slot: Option<u32>,
}

impl Member {
    /// The serial number, and the slot if the partition has one.
    pub(super) fn named(&self, session: &Session) -> Result<(SerialNumber, Option<u32>), Failure> {
        if let Some(number) = self.slot {
            session.number(Some(number))?;
        }
        let named = |slot: &&Slot| {
            Some(slot.number) == self.slot || Some(slot.partition.serial) == self.serialnumber
        };
        // A partition whose server was registered anew may have had another slot before.
        let slot = session.present().find(named).or_else(|| session.slots().iter().find(named));
        let serial = slot.map(|slot| slot.partition.serial).or(self.serialnumber);
        let serial = serial.ok_or_else(|| refused(Status::SlotIdInvalid))?;
        Ok((serial, slot.map(|slot| slot.number)))
    }

    /// The serial number and the slot of a partition that has to have one.
    pub(super) fn present(&self, session: &Session) -> Result<(SerialNumber, u32), Failure> {
        let (serial, slot) = self.named(session)?;
        let slot = slot.ok_or_else(|| {
            let cause = format_args!("no slot has the partition {serial}");
            failure(Status::TokenNotPresent, cause).remedy("See slot list.")
        })?;
        Ok((serial, slot))
    }
}

#[derive(Debug, Args)]
pub struct Add {
    #[command(flatten)]
    member: Member,
    /// The group's label or number
    #[arg(long, visible_alias = "g", value_name = "group")]
    group: String,
    /// The password of the members' Crypto Officers; asked for without this option
    #[arg(long, visible_alias = "p", value_name = "password")]
    password: Option<Secret>,
}

impl Add {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let (serial, slot) = self.member.present(session)?;
        let configuration = session.configuration()?;
        let group = ha::find(&configuration, &self.group).map_err(|e| refused_group(&e))?;
        // Tried on a copy first: nobody is asked for a password in vain.
        ha::add_member(&mut configuration.clone(), &self.group, serial)
            .map_err(|error| refused_group(&error))?;
        let password = asked(self.password, console)?;
        let added = OfficerLink::open(session, slot, password.clone())?;
        check_policies(&added)?;
        let first = present_member(session, &group, password)?;
        same_domain(&first, &added)?;
        keep_or_remove(&added, console)?;
        let group =
            session.configure(|configuration| ha::add_member(configuration, &self.group, serial));
        let group = group.map_err(|error| refused_group(&error))?;
        report(Changed {
            sentence: format!("Member {serial} successfully added to group {}.", group.label),
            group: GroupScreen::new(&group, needs_sync(&[first, added])?, 28),
        })
    }
}

#[derive(Debug, Args)]
pub struct Remove {
    #[command(flatten)]
    member: Member,
    /// The group's label or number
    #[arg(long, visible_alias = "g", value_name = "group")]
    group: String,
    /// Not needed: the member is only left out of the configuration
    #[arg(long, hide = true, visible_alias = "p")]
    password: Option<Secret>,
    /// Not needed: nothing is asked
    #[arg(long, hide = true, visible_alias = "f")]
    force: bool,
}

impl Remove {
    pub(super) fn run(&self, session: &Session) -> Outcome {
        let (serial, _) = self.member.named(session)?;
        let group = session
            .configure(|configuration| ha::remove_member(configuration, &self.group, serial))
            .map_err(|error| refused_group(&error))?;
        report(Changed {
            sentence: format!("Member {serial} successfully removed from group {}.", group.label),
            group: GroupScreen::new(&group, None, 28),
        })
    }
}

#[derive(Debug, Args)]
pub struct Standby {
    #[command(flatten)]
    member: Member,
    /// The group's label or number
    #[arg(long, visible_alias = "g", value_name = "group")]
    group: String,
}

impl Standby {
    pub(super) fn run(&self, session: &Session, standby: bool) -> Outcome {
        let (serial, _) = self.member.named(session)?;
        let group = session
            .configure(|configuration| {
                ha::set_standby(configuration, (&self.group, serial), standby)
            })
            .map_err(|error| refused_group(&error))?;
        let what = if standby { "stands by now" } else { "takes part again" };
        report(Sentence { text: format!("Member {serial} of group {} {what}.", group.label) })
    }
}

/// One sentence.
#[derive(Debug, Serialize)]
pub(super) struct Sentence {
    #[serde(skip)]
    pub(super) text: String,
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n        {}", self.text)
    }
}

/// A password that was given or is asked for.
pub(super) fn asked(given: Option<Secret>, console: &mut dyn Console) -> Result<Password, Failure> {
    match given {
        Some(password) => Ok(typed(&password)),
        None => Ok(typed(&console.secret("Enter the password: ")?)),
    }
}

/// Holds what a group needs of a member: its keys can be cloned.
pub(super) fn check_policies(link: &OfficerLink) -> Result<(), Failure> {
    let policies = match link.ask(&Request::Policies)? {
        Reply::Policies { policies, .. } => policies,
        Reply::Failed(status) => return Err(refused(status)),
        _ => return Err(refused(Status::DeviceError)),
    };
    for policy in [Policy::PrivateKeyCloning, Policy::SecretKeyCloning] {
        if !policies.permits(policy) {
            let (number, text) = (policy.number(), policy.text());
            let cause = format_args!("partition policy {number} ({text}) of the member is off");
            return Err(failure(Status::OperationNotAllowed, cause).remedy(
                "Its Partition SO can turn it on, which erases its objects: partition changepolicy.",
            ));
        }
    }
    Ok(())
}

/// The first member of a group that has a slot, its Crypto Officer logged in with this password.
fn present_member(
    session: &Session,
    group: &Group,
    password: Password,
) -> Result<OfficerLink, Failure> {
    let slot = group
        .members
        .iter()
        .find_map(|member| session.present().find(|slot| slot.partition.serial == *member));
    let Some(slot) = slot else {
        let cause = format_args!("no member of the group '{}' has a slot", group.label);
        return Err(failure(Status::TokenNotPresent, cause)
            .remedy("A new member is compared with one: see slot list."));
    };
    OfficerLink::open(session, slot.number, password)
}

/// Holds that objects can go from one partition to the other: that the two have one domain, and
/// their HSMs have one.
fn same_domain(one: &OfficerLink, other: &OfficerLink) -> Result<(), Failure> {
    let mut both = |request: &Request| Ok([one.ask(request)?, other.ask(request)?]);
    match Different::find(&mut both)? {
        None => Ok(()),
        Some(Different::Partitions) => Err(failure(
            Status::DomainMismatch,
            "the members have different cloning domains",
        )
        .remedy(
            "Initialize the new member with the domain of the others: partition init -domain.",
        )),
        Some(hsms @ Different::Hsms) => Err(hsms.failure()),
    }
}

/// Asks what happens to objects that are on a new member.
pub(super) fn keep_or_remove(link: &OfficerLink, console: &mut dyn Console) -> Result<(), Failure> {
    if super::synchronize::objects(link)?.is_empty() {
        return Ok(());
    }
    let question = "Warning:  There are objects currently on the new member.\n\
         Do you wish to propagate these objects within the HA group, or remove them?\n\n\
         Type 'copy' to keep and propagate the existing objects,\n\
         'remove' to remove them before continuing, or\n\
         'quit' to stop: ";
    if console.choose(question, &["copy", "remove"])? == 0 {
        return Ok(());
    }
    loop {
        match link.ask(&Request::Clear)? {
            Reply::Left(0) => return Ok(()),
            Reply::Left(_) => {}
            Reply::Failed(status) => return Err(refused(status)),
            _ => return Err(refused(Status::DeviceError)),
        }
    }
}

/// Whether an object of one member is missing on another.
pub(super) fn needs_sync(links: &[OfficerLink]) -> Result<Option<bool>, Failure> {
    let mut all = Vec::new();
    for link in links {
        let mut objects: Vec<_> =
            super::synchronize::objects(link)?.into_iter().map(|object| object.ouid).collect();
        objects.sort_unstable();
        all.push(objects);
    }
    Ok(Some(all.windows(2).any(|pair| pair.first() != pair.last())))
}
