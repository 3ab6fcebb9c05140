//! The objects that a command is about.

use std::{convert::Infallible, str::FromStr};

use super::{
    super::failure::{failure, refused},
    Session,
};
use crate::{
    crypto::{Random, SystemRandom},
    model::{ObjectEntry, PartitionInfo, Policy, Reply, Request, Role, Status, TransferPurpose},
    shell::Failure,
};

/// The value of `-objects`: handles, or all there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    All,
    Handles(Vec<String>),
}

impl FromStr for Chosen {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let all = text == "0" || text.eq_ignore_ascii_case("all");
        let handles = text.split(',').map(|handle| handle.trim().to_owned());
        Ok(if all { Self::All } else { Self::Handles(handles.collect()) })
    }
}

impl Chosen {
    /// Those of the objects that are meant.
    ///
    /// # Errors
    /// A handle is not a number, or there is no object of it.
    pub(super) fn of(&self, objects: Vec<ObjectEntry>) -> Result<Vec<ObjectEntry>, Failure> {
        let Self::Handles(handles) = self else { return Ok(objects) };
        let find = |text: &String| {
            let handle = text.parse::<u32>().ok();
            let object = objects.iter().find(|object| Some(object.handle) == handle).cloned();
            object.ok_or_else(|| {
                let cause = format_args!("there is no object with the handle '{text}'");
                failure(Status::ObjectHandleInvalid, cause)
                    .remedy("See partition contents; -objects all means all of them.")
            })
        };
        handles.iter().map(find).collect()
    }
}

/// Holds that the Crypto Officer is logged in to a slot.
pub(super) fn require_crypto_officer(session: &mut Session, number: u32) -> Result<(), Failure> {
    match session.ask_slot(number, &Request::Describe)? {
        Reply::Partition(PartitionInfo { logged_in: Some(Role::CryptoOfficer), .. }) => Ok(()),
        Reply::Partition(_) => {
            Err(failure(Status::UserNotLoggedIn, "the Crypto Officer is not logged in")
                .remedy("Log in first: role login -name co."))
        }
        Reply::Failed(status) => Err(refused(status)),
        _ => Err(refused(Status::DeviceError)),
    }
}

/// The objects of a slot that the logged-in role sees.
pub(super) fn contents(session: &mut Session, number: u32) -> Result<Vec<ObjectEntry>, Failure> {
    match session.ask_slot(number, &Request::Contents)? {
        Reply::Objects(objects) => Ok(objects),
        Reply::Failed(status) => Err(refused(status)),
        _ => Err(refused(Status::DeviceError)),
    }
}

/// An object out of a slot, sealed.
pub(super) fn exported(
    session: &mut Session,
    number: u32,
    (object, purpose, salt): (&ObjectEntry, TransferPurpose, [u8; 16]),
) -> Result<Vec<u8>, Failure> {
    let request = Request::ExportObject { handle: object.handle.into(), purpose, salt };
    match session.ask_slot(number, &request)? {
        Reply::Sealed(sealed) => Ok(sealed),
        Reply::Failed(status) => Err(refused_transfer(status, purpose)),
        _ => Err(refused(Status::DeviceError)),
    }
}

/// Why an object did not leave or arrive.
pub(in super::super) fn refused_transfer(status: Status, purpose: TransferPurpose) -> Failure {
    let (hsm, what) = match purpose {
        TransferPurpose::Clone => ("16 (Allow network replication)", "cloned"),
        TransferPurpose::Backup => ("22 (Allow offboard storage)", "backed up or restored"),
    };
    match status {
        Status::OperationNotAllowed => {
            let cause = format_args!("policies do not permit the object to be {what}");
            let private = Policy::PrivateKeyCloning.text();
            let secret = Policy::SecretKeyCloning.text();
            failure(status, cause).remedy(format!(
                "It takes partition policy 0 ({private}) or 4 ({secret}) and HSM policy {hsm}, at both ends."
            ))
        }
        Status::DomainMismatch => failure(
            status,
            "the partitions, or their HSMs, have no cloning domain in common",
        )
        .remedy(
            "Objects go only to partitions of their own domain (partition domainlist), on HSMs \
             that were initialized with one domain (lunash: hsm init -domain).",
        ),
        Status::KeyUnextractable => failure(
            status,
            "the key is not extractable, and the domain of its partition or of its HSM is the \
             default one, which everybody knows",
        )
        .remedy(
            "Give the partition a domain of its own (partition domainadd -primary) and the HSM \
             one (lunash: hsm init -domain, which erases it), at both ends the same.",
        ),
        status => refused(status),
    }
}

/// Which of two domains keeps objects from going from one partition to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Different {
    Partitions,
    Hsms,
}

impl Different {
    /// Compares both; each end proves its own, and neither tells it.
    pub(in super::super) fn find(
        ask: &mut dyn FnMut(&Request) -> Result<[Reply; 2], Failure>,
    ) -> Result<Option<Self>, Failure> {
        let salt = fresh_salt()?;
        let mut same = |request| -> Result<bool, Failure> {
            match ask(&request)? {
                [Reply::DomainProof(one), Reply::DomainProof(other)] => Ok(one == other),
                [Reply::Failed(status), _] | [_, Reply::Failed(status)] => Err(refused(status)),
                _ => Err(refused(Status::DeviceError)),
            }
        };
        if same(Request::TransferProof { salt })? {
            return Ok(None);
        }
        let hsms = same(Request::DomainProof { salt })?;
        Ok(Some(if hsms { Self::Hsms } else { Self::Partitions }))
    }

    /// What is to be said where objects cannot go therefore.
    pub(in super::super) fn failure(self) -> Failure {
        let (cause, remedy) = match self {
            Self::Partitions => (
                "the partitions have no cloning domain in common",
                "Objects go only to partitions of their own domain; see partition domainlist.",
            ),
            Self::Hsms => (
                "the partitions' HSMs have no cloning domain in common",
                "Initialize both HSMs with one domain (lunash: hsm init -domain); what is on an \
                 HSM that is initialized anew is erased.",
            ),
        };
        failure(Status::DomainMismatch, cause).remedy(remedy)
    }
}

/// What a transfer's key is made of besides the domain.
pub(in super::super) fn fresh_salt() -> Result<[u8; 16], Failure> {
    let mut salt = [0; 16];
    SystemRandom::new()
        .fill(&mut salt)
        .map_err(|error| failure(Status::FunctionFailed, error).remedy("Try again."))?;
    Ok(salt)
}

/// A number of objects, for a progress line.
pub(super) fn count(objects: usize) -> u64 {
    u64::try_from(objects).unwrap_or(u64::MAX)
}
