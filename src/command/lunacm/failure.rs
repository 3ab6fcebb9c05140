//! Failures as LunaCM shows them: what was wrong, what to do, and the status.

use std::fmt::Display;

use crate::{
    client::{AskError, Slot},
    command::unreachable::unreachable,
    model::{PasswordError, Role, SerialNumber, Status},
    net::LinkError,
    shell::{Failure, Outcome},
};

/// A failure with this status.
pub(super) fn failure(status: Status, cause: impl Display) -> Failure {
    Failure::new(cause.to_string(), status.to_string())
}

/// The answer of a command that cannot exist here: why, and what to do instead.
pub(super) fn unavailable(cause: &str, remedy: &str) -> Outcome {
    Err(failure(Status::FunctionNotSupported, cause).remedy(remedy))
}

const NOT_PERMITTED: &str = "the new password is not permitted";

/// How long passwords are.
const LENGTHS: &str = "The rule: a password has 8 to 255 characters, unless the partition's policies 25 and 26 say otherwise.";

/// The general failure of a status, where the command knows nothing better.
pub(super) fn refused(status: Status) -> Failure {
    let (cause, remedy) = match status {
        Status::UserNotLoggedIn => (
            "the role that this command needs is not logged in",
            "Log in first: role login -name <role>.",
        ),
        Status::UserAlreadyLoggedIn | Status::UserAnotherAlreadyLoggedIn => {
            ("a role is already logged in to this slot", "Log it out first: role logout.")
        }
        Status::UserPinNotInitialized => (
            "the role is not yet initialized",
            "The Partition SO comes with partition init, the others with role init.",
        ),
        Status::PinIncorrect => ("the password is incorrect", "Try again; see role show."),
        Status::PinExpired => (
            "the initial password has not been changed yet",
            "Change it first: role changepw -name <role>.",
        ),
        Status::PinLenRange => (NOT_PERMITTED, LENGTHS),
        Status::PinLocked => (
            "the role is locked out after too many failed logins",
            "The Partition SO can initialize the partition anew, which erases its objects.",
        ),
        Status::DeviceMemory => (
            "there is no room left for it",
            "Ask the HSM SO for a larger partition, or remove what is not needed; see partition showinfo. If that shows room, the appliance has too many long requests under way: try again.",
        ),
        Status::TokenNotPresent => ("the partition is not there any more", "See slot list."),
        Status::DeviceError => ("the appliance met a fault of its own", "Its log says more."),
        _ => return failure(status, "the partition refused the command"),
    };
    failure(status, cause).remedy(remedy)
}

/// Which slot it is that a command has to do with.
pub(super) struct Place {
    slot: u32,
    serial: SerialNumber,
    server: String,
}

impl Place {
    /// The place of this slot.
    pub(super) fn of(slot: &Slot) -> Self {
        let target = slot.link().target();
        Self { slot: slot.number, serial: target.serial, server: target.host.clone() }
    }
}

/// The failure of a slot's link: as [`unasked`], and where the link led if it is lost.
pub(super) fn unasked_at(place: &Place, error: &AskError) -> Failure {
    let AskError::Lost(reason) = error else { return unasked(error) };
    let Place { slot, serial, server } = place;
    let (status, cause, remedy) = unreachable(reason);
    let cause = format_args!("slot {slot}, the partition {serial} at {server}, is lost: {cause}");
    failure(status, cause).remedy(remedy)
}

/// The failure of a link.
pub(super) fn unasked(error: &AskError) -> Failure {
    match error {
        AskError::Lost(reason) => {
            let (status, cause, remedy) = unreachable(reason);
            failure(status, format_args!("the link to the partition is lost: {cause}"))
                .remedy(remedy)
        }
        AskError::Reconnected | AskError::Unanswered(LinkError::NotSent) => {
            failure(Status::DeviceRemoved, "the link was lost before the command was sent")
                .remedy("Nothing was carried out: log in again if need be, and repeat it.")
        }
        AskError::Unanswered(LinkError::Closed) => {
            failure(Status::DeviceRemoved, "the link ended before the partition answered").remedy(
                "Whether the command was carried out is not known: look before you repeat it.",
            )
        }
        AskError::Unanswered(LinkError::Timeout) => {
            failure(Status::DeviceRemoved, "the partition did not answer in time").remedy(
                "Whether the command was carried out is not known: look before you repeat it.",
            )
        }
        AskError::GivenUp { open } => {
            let remedy = if *open {
                "Whether the command was carried out is not known: look before you repeat it, and log in again."
            } else {
                "Nothing was changed. The link was given up: log in again if need be."
            };
            failure(Status::FunctionCanceled, error).remedy(remedy).code(Failure::INTERRUPTED)
        }
        AskError::OtherPartition(_) => failure(Status::DeviceError, error).remedy(
            "The link was ended. Do not use this server before its administrator has explained it.",
        ),
        AskError::Malformed => {
            failure(Status::DeviceError, "the partition's answer makes no sense")
                .remedy("Client and appliance may be of versions that do not fit.")
        }
    }
}

/// A new password that breaks a rule.
pub(super) fn bad_password(error: PasswordError) -> Failure {
    let status = match error {
        PasswordError::Length => Status::PinLenRange,
        PasswordError::LeadingSpace | PasswordError::Character => Status::PinInvalid,
    };
    let rule = match error {
        PasswordError::Length => LENGTHS.to_owned(),
        other => format!("The rule: {other}."),
    };
    failure(status, NOT_PERMITTED).remedy(rule)
}

/// A login or another use of a password that was refused.
pub(super) fn login_refused(role: Role, status: Status, attempts_left: Option<u8>) -> Failure {
    match status {
        Status::PinIncorrect => {
            let wrong = failure(status, format_args!("the password of the {role} is incorrect"));
            match attempts_left {
                Some(1) => wrong.remedy("1 attempt is left."),
                Some(left) => wrong.remedy(format!("{left} attempts are left.")),
                None => wrong,
            }
        }
        Status::UserPinNotInitialized => {
            failure(status, format_args!("{} is not yet initialized", role.abbreviation()))
                .remedy(match role {
                    Role::PartitionSo => "Initialize the partition first: partition init.",
                    Role::CryptoOfficer => "The Partition SO creates it: role init -name co.",
                    _ => "The Crypto Officer creates it: role init.",
                })
        }
        Status::PinLocked => failure(status, format_args!("the {role} is locked out"))
            .remedy("Too many logins failed. The Partition SO can initialize the partition anew, which erases its objects."),
        status => refused(status),
    }
}
