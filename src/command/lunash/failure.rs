//! Failures in LunaSH's form: the HSM's status in the upper half of a code of the appliance.

use crate::{
    client::AdminError,
    model::{PasswordError, PolicyError, Status},
    shell::Failure,
};

/// [`Failure::result`] where a name is not known.
pub const NOT_IN_LIST: &str = "C000040A : RC_OBJECT_NOT_IN_LIST";

/// [`Failure::result`] of the failed login that zeroized the HSM.
const THRESHOLD: &str = "30000F : LUNA_RET_SO_LOGIN_FAILURE_THRESHOLD";

/// The appliance refused: cause and remedy in the administrator's words.
pub fn refused(status: Status) -> Failure {
    let (cause, remedy) = match status {
        Status::UserNotLoggedIn => {
            ("the HSM SO is not logged in", Some("Log in with 'hsm login'."))
        }
        Status::UserAlreadyLoggedIn => ("the HSM SO is logged in already", None),
        Status::UserPinNotInitialized => {
            ("the HSM is not initialized", Some("Initialize it with 'hsm init'."))
        }
        Status::PinIncorrect => ("the password is wrong", None),
        Status::AttributeValueInvalid => {
            ("this name is taken", Some("Use 'partition list' to list the partitions."))
        }
        Status::ObjectHandleInvalid => return unknown("object", "help"),
        Status::DeviceMemory => (
            "the HSM has not enough storage left",
            Some("Use 'hsm show' to see it, and -size for a smaller partition."),
        ),
        Status::PinInvalid => (
            "the new password is not permitted",
            Some("It has to differ from the one in force, and to follow the rules of 'hsm init'."),
        ),
        Status::PinLocked => (
            "the role is locked out after too many failed logins",
            Some("A Partition SO's partition is zeroized then: see 'partition show'."),
        ),
        Status::OperationNotAllowed => ("the HSM does not permit this to the partition", None),
        Status::ConfigChangeIllegal => (
            "the policies were changed by somebody else in this moment",
            Some("Show them, and try again."),
        ),
        Status::FunctionRejected => ("the HSM does not permit this now", None),
        Status::DeviceError => {
            ("the appliance met a fault of its own", Some("Its log holds the reason."))
        }
        _ => ("the appliance refused the request", None),
    };
    let failure = Failure::new(cause, result(status));
    Failure { remedy: remedy.map(str::to_owned), ..failure }
}

/// The named thing does not exist; `list` is the command that lists what does.
pub fn unknown(thing: &str, list: &str) -> Failure {
    Failure::new(format!("the {thing} you specified does not exist"), NOT_IN_LIST)
        .remedy(format!("Use '{list}' to list all that do."))
}

/// A wrong HSM SO password, with the logins left.
pub fn wrong_password(attempts_left: u8) -> Failure {
    match attempts_left {
        0 => Failure::new("the password is wrong, and the HSM has been zeroized", THRESHOLD)
            .remedy("Its partitions are lost. Initialize it with 'hsm init'."),
        left => Failure::new("the password is wrong", result(Status::PinIncorrect))
            .remedy(format!("Login attempts left before HSM zeroization: {left}.")),
    }
}

/// A new password that breaks a rule.
pub fn weak_password(error: PasswordError) -> Failure {
    let status = match error {
        PasswordError::Length => Status::PinLenRange,
        PasswordError::LeadingSpace | PasswordError::Character => Status::PinInvalid,
    };
    Failure::new(error.to_string(), result(status))
}

/// Options or values that the command cannot use.
pub fn bad_arguments(cause: impl Into<String>) -> Failure {
    Failure::new(cause, result(Status::ArgumentsBad))
}

/// Policies that cannot have the values asked for.
pub fn impossible(error: &PolicyError, list: &str) -> Failure {
    let status = match error {
        PolicyError::Unknown(_) => Status::PolicyIdInvalid,
        PolicyError::Capability { .. } | PolicyError::Range { .. } => Status::ConfigIllegal,
        PolicyError::Dependency(..) => Status::ConfigFailsDependencies,
    };
    Failure::new(error.to_string(), result(status)).remedy(format!("See '{list}'."))
}

/// A command that cannot exist here: why, and what to do instead.
pub fn unavailable(cause: &str, remedy: &str) -> Failure {
    Failure::new(cause, result(Status::FunctionNotSupported)).remedy(remedy)
}

/// The appliance could not be asked.
pub fn unreachable(error: &AdminError) -> Failure {
    let remedy = match error {
        AdminError::NotRunning(_) => "Start lunahsmd with the same --data, or correct --data.",
        AdminError::Denied(_) => "Run lunash as the user that runs lunahsmd.",
        AdminError::Untrusted(_) => {
            "Nothing was sent. Run it as the user that runs lunahsmd, on a directory that nobody else may write."
        }
        AdminError::PathTooLong(_) => "Use a data directory with a shorter path.",
        AdminError::Lost(_) => "See 'hsm show' for what was done, and log in again.",
        AdminError::GivenUp => {
            let remedy =
                "Whether it was done is not known: see 'hsm show', and log in again if need be.";
            return Failure::new(error.to_string(), result(Status::FunctionCanceled))
                .remedy(remedy)
                .code(Failure::INTERRUPTED);
        }
    };
    Failure::new(error.to_string(), result(Status::DeviceRemoved)).remedy(remedy)
}

/// The appliance speaks another dialect.
pub fn unexpected_reply() -> Failure {
    Failure::new("the appliance's answer was not understood", result(Status::GeneralError))
        .remedy("Use lunash and lunahsmd of the same version.")
}

/// `A00000 : LUNA_RET_PIN_INCORRECT`: a PKCS#11 number in the upper 16 bits, its name without the
/// prefix. Of a vendor number the lower half counts.
pub fn result(status: Status) -> String {
    let name = status.symbol().trim_start_matches("CKR_");
    format!("{:X} : LUNA_RET_{name}", (status.code() & 0xffff) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_shifted_and_renamed() {
        assert_eq!(result(Status::PinIncorrect), "A00000 : LUNA_RET_PIN_INCORRECT");
        assert_eq!(result(Status::UserNotLoggedIn), "1010000 : LUNA_RET_USER_NOT_LOGGED_IN");
        assert_eq!(result(Status::StcNotEnabled), "510000 : LUNA_RET_STC_NOT_ENABLED");
    }

    #[test]
    fn the_zeroizing_login_has_its_own_code() {
        assert!(wrong_password(0).result.starts_with("30000F : LUNA_RET_SO_LOGIN_FAILURE"));
        assert!(wrong_password(2).result.starts_with("A00000"));
    }
}
