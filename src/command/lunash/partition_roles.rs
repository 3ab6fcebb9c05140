//! `partition changePw` and `clear`, and what commands with a role's password have in common.

use clap::Args;

use super::{Appliance, failure, partition::Named, password, screen::Success};
use crate::{
    model::{AdminRequest, LEAST_PASSWORD, Password, Role, Status},
    shell::{Console, Failure, Outcome, Secret, report},
};

/// Cause and remedy where a partition's roles are its clients' alone.
pub const STC: (&str, &str) = (
    "clients reach this partition over STC, and its roles are theirs",
    "Its roles use lunacm at the client.",
);

/// Options of `partition changePw`.
#[derive(Debug, Args)]
pub struct ChangePw {
    #[command(flatten)]
    partition: Named,
    /// Changes the Crypto User's password instead of the Crypto Officer's
    #[arg(long = "cu", visible_alias = "c")]
    crypto_user: bool,
    /// The password in force; asked for if missing
    #[arg(long, visible_alias = "o", value_name = "old_password")]
    oldpw: Option<Secret>,
    /// The password to be; asked for if missing
    #[arg(long, visible_alias = "n", value_name = "new_password")]
    newpw: Option<Secret>,
}

/// Options of `partition clear`.
#[derive(Debug, Args)]
pub struct Clear {
    #[command(flatten)]
    partition: Named,
    /// The Crypto Officer's password; asked for if missing
    #[arg(long, visible_aliases = ["pw", "copin"])]
    password: Option<Secret>,
    /// Does not ask for a confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl ChangePw {
    pub(super) fn run(&self, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
        let role = if self.crypto_user { Role::CryptoUser } else { Role::CryptoOfficer };
        let old = match &self.oldpw {
            Some(secret) => password(secret),
            None => asked(role, console)?,
        };
        let new = fresh(self.newpw.as_ref(), role, console)?;
        let name = self.partition.name.clone();
        match appliance.order_of(&AdminRequest::ChangeRolePassword { name, role, old, new })? {
            Ok(()) => report(Success("partition changePw")),
            Err(status) => Err(refused(status, role)),
        }
    }
}

impl Clear {
    pub(super) fn run(&self, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
        let name = self.partition.name.clone();
        let entry =
            super::partition::named(super::partition::entries(appliance)?, &self.partition.name)?;
        let warning = format!(
            "CAUTION:  Are you sure you wish to clear the partition named:\n          {name}\n\
             Its {} objects will be erased. Its roles and policies stay.\n\n\
             Type 'proceed' to clear the partition, or\n'quit' to quit now.",
            entry.objects
        );
        console.confirm(&warning, self.force)?;
        let password = match &self.password {
            Some(secret) => password(secret),
            None => asked(Role::CryptoOfficer, console)?,
        };
        match appliance.order_of(&AdminRequest::ClearPartition { name, password })? {
            Ok(()) => report(Success("partition clear")),
            Err(status) => Err(refused(status, Role::CryptoOfficer)),
        }
    }
}

/// Asks for the password that a role has.
pub fn asked(role: Role, console: &mut dyn Console) -> Result<Password, Failure> {
    let prompt = format!("Please enter the password of the {}:\n> ", role.name());
    Ok(password(&console.secret(&prompt)?))
}

/// The password that a role gets, asked for twice if it is not given.
pub fn fresh(
    given: Option<&Secret>,
    role: Role,
    console: &mut dyn Console,
) -> Result<Password, Failure> {
    let asked;
    let secret = if let Some(secret) = given {
        secret
    } else {
        let prompt = format!("Please enter a new password for the {}:\n> ", role.name());
        asked = console.new_secret(&prompt, "Please re-enter password to confirm:\n> ")?;
        &asked
    };
    let password = password(secret);
    password.check_new(LEAST_PASSWORD).map_err(failure::weak_password)?;
    Ok(password)
}

/// Why something was not done with this role's password.
pub fn refused(status: Status, role: Role) -> Failure {
    let name = role.name();
    let (cause, remedy) = match status {
        Status::ObjectHandleInvalid => return failure::unknown("partition", "partition list"),
        Status::OperationNotAllowed => (STC.0.to_owned(), STC.1),
        Status::UserPinNotInitialized => {
            (format!("the partition has no {name}"), "See 'partition show' for the roles it has.")
        }
        Status::PinIncorrect => (
            format!("the password of the {name} is wrong"),
            "Failures are counted as over a link: see 'partition show'.",
        ),
        Status::PinExpired => (
            format!("the initial password of the {name} has to be changed first"),
            "Change it with 'partition changePw'.",
        ),
        Status::PinLenRange => (
            "the new password is shorter or longer than the partition's policies permit".to_owned(),
            "See policies 25 and 26: 'partition showPolicies'.",
        ),
        status => return failure::refused(status),
    };
    Failure::new(cause, failure::result(status)).remedy(remedy)
}
