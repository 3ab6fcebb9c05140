//! `partition clear` and `clone`.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::{
    super::{
        failure::{failure, refused},
        officer_link::OfficerLink,
        role::typed,
    },
    OfSlot, Session,
    objects::{
        Chosen, Different, contents, count, exported, fresh_salt, refused_transfer,
        require_crypto_officer,
    },
};
use crate::{
    model::{Imported, ObjectEntry, Reply, Request, Status, TransferPurpose},
    shell::{Console, Failure, Outcome, Secret, report, shown},
};

#[derive(Debug, Args)]
pub struct Clear {
    #[command(flatten)]
    of: OfSlot,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl Clear {
    pub(super) fn run(&self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let number = session.number(self.of.slot)?;
        require_crypto_officer(session, number)?;
        let total = count(contents(session, number)?.len());
        console.confirm(
            "You are about to delete all the objects of the partition.\n\
             Roles, policies and clients stay.\n\n\
             Are you sure you wish to continue?",
            self.force,
        )?;
        loop {
            match session.ask_slot(number, &Request::Clear)? {
                Reply::Left(0) => break,
                Reply::Left(left) => {
                    console.progress("Deleting", total.saturating_sub(left), total);
                }
                Reply::Failed(status) => return Err(refused(status)),
                _ => return Err(refused(Status::DeviceError)),
            }
        }
        report(Cleared { deleted: total })
    }
}

#[derive(Debug, Serialize)]
struct Cleared {
    deleted: u64,
}

impl fmt::Display for Cleared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n        Objects deleted:  {}", self.deleted)
    }
}

#[derive(Debug, Args)]
pub struct Clone {
    /// The handles of the objects, as 3,5,8; 0 or all for all of them
    #[arg(long, visible_alias = "o", value_name = "handles")]
    objects: Chosen,
    /// The password of the Crypto Officer of the other partition; asked for without this option
    #[arg(long, visible_alias = "p", value_name = "password")]
    password: Option<Secret>,
    /// The slot of the other partition
    #[arg(long, visible_alias = "s", value_name = "slot_id")]
    slot: u32,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl Clone {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let from = session.number(None)?;
        let to = session.number(Some(self.slot))?;
        if from == to {
            return Err(failure(Status::ArgumentsBad, "the slot is the current one")
                .remedy("Name the slot of another partition: slot list."));
        }
        require_crypto_officer(session, from)?;
        let objects = self.objects.of(contents(session, from)?)?;
        let password = match &self.password {
            Some(password) => typed(password),
            None => typed(&console.secret("Enter the password of the other Crypto Officer: ")?),
        };
        let warning = format!(
            "You are about to clone {} objects to slot {to}.\n\n\
             Are you sure you wish to continue?",
            objects.len()
        );
        console.confirm(&warning, self.force)?;
        let target = OfficerLink::open(session, to, password)?;
        let mut both =
            |request: &Request| Ok([session.ask_slot(from, request)?, target.ask(request)?]);
        let different = Different::find(&mut both)?;
        let salt = fresh_salt()?;
        let mut cloned = Transferred::default();
        let purpose = TransferPurpose::Clone;
        for object in &objects {
            let done = exported(session, from, (object, purpose, salt))
                .and_then(|sealed| import(&target, (sealed, purpose, salt), false));
            // Another domain of the target's may be this one's primary one.
            let mismatch = refused_transfer(Status::DomainMismatch, purpose).result;
            let done = done.map_err(|failed| match different {
                Some(different) if failed.result == mismatch => different.failure(),
                _ => failed,
            });
            cloned.note(object, done)?;
            console.progress("Cloning", count(cloned.objects.len()), count(objects.len()));
        }
        report(cloned)
    }
}

/// Takes an object in at the other end.
pub(in super::super) fn import(
    target: &OfficerLink,
    (sealed, purpose, salt): (Vec<u8>, TransferPurpose, [u8; 16]),
    replace: bool,
) -> Result<Imported, Failure> {
    match target.ask(&Request::ImportObject { sealed, purpose, salt, replace })? {
        Reply::Imported(imported) => Ok(imported),
        Reply::Failed(status) => Err(refused_transfer(status, purpose)),
        _ => Err(refused(Status::DeviceError)),
    }
}

/// What came of each object.
#[derive(Debug, Default, Serialize)]
pub(super) struct Transferred {
    objects: Vec<One>,
}

#[derive(Debug, Serialize)]
struct One {
    label: String,
    outcome: &'static str,
    handle: u64,
}

impl Transferred {
    /// Notes what came of an object; the first failure ends it all, and says how far it came.
    pub(super) fn note(
        &mut self,
        object: &ObjectEntry,
        done: Result<Imported, Failure>,
    ) -> Result<(), Failure> {
        let (outcome, handle) = match done {
            Ok(Imported::Added(handle)) => ("added", handle),
            Ok(Imported::Replaced(handle)) => ("replaced", handle),
            Ok(Imported::Present(handle)) => ("already there", handle),
            Err(mut failed) => {
                let count = self.objects.len();
                failed.cause =
                    format!("{} ('{}', after {count} objects)", failed.cause, shown(&object.label));
                return Err(failed);
            }
        };
        self.objects.push(One { label: shown(&object.label).into_owned(), outcome, handle });
        Ok(())
    }
}

impl fmt::Display for Transferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for One { label, outcome, handle } in &self.objects {
            write!(f, "\n        '{label}': {outcome}, handle {handle}")?;
        }
        write!(f, "\n\n        Number of objects:  {}", self.objects.len())
    }
}
