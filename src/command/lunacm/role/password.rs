//! `role init`, `changepw` and `resetpw`: how roles come by their passwords.

use clap::Args;

use super::{
    super::failure::{bad_password, failure, login_refused},
    Named, Session, describe, refused_login, typed,
};
use crate::{
    model::{LEAST_PASSWORD, Password, Reply, Request, Role, Status},
    shell::{Console, Failure, Outcome, Secret},
};

#[derive(Debug, Args)]
pub struct Init {
    #[command(flatten)]
    named: Named,
    /// The role's initial password; asked for without this option
    #[arg(long, visible_alias = "p", value_name = "password")]
    password: Option<Secret>,
}

impl Init {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let role = self.named.role;
        if role == Role::PartitionSo {
            return Err(failure(
                Status::UserTypeInvalid,
                "the Partition SO is not made by role init",
            )
            .remedy("It comes with the partition: partition init -label <label>."));
        }
        session.slot()?;
        let password = new_password(self.password, console)?;
        match session.ask(&Request::CreateRole { role, password })? {
            Reply::Failed(Status::FunctionRejected) => Err(failure(
                Status::FunctionRejected,
                format_args!("the {role} is initialized already"),
            )
            .remedy("See role show; its owner changes its password with role changepw.")),
            reply => Session::expect_done(&reply),
        }
    }
}

#[derive(Debug, Args)]
pub struct ChangePw {
    #[command(flatten)]
    named: Named,
    /// The password in force; asked for without this option
    #[arg(long, visible_alias = "old", value_name = "old_password", requires = "newpw")]
    oldpw: Option<Secret>,
    /// The password to be; asked for without this option
    #[arg(long, visible_alias = "new", value_name = "new_password", requires = "oldpw")]
    newpw: Option<Secret>,
    /// Ask for the primary credential (a PED key; a password has no other)
    #[arg(long, visible_alias = "p")]
    prompt: bool,
    /// End the role's sessions in other applications
    #[arg(long = "logoutOther", visible_alias = "l")]
    logout_other: bool,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl ChangePw {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let role = self.named.role;
        session.slot()?;
        let state = describe(session, role)?;
        if !state.logged_in {
            return Err(failure(
                Status::UserNotLoggedIn,
                format_args!("the {role} must be logged in to change its password"),
            )
            .remedy(format!("Log in first: role login -name {}.", role.abbreviation())));
        }
        // Luna has -force for its confirmation on PED HSMs; a password alone asks nothing.
        let _ = self.force;
        if self.prompt {
            console.say(NO_SECONDARY);
        }
        let old = match self.oldpw {
            Some(old) => typed(&old),
            None => typed(&console.secret("enter existing password: ")?),
        };
        let new = new_password(self.newpw, console)?;
        match session.ask(&Request::ChangePassword { role, old, new })? {
            Reply::Failed(status) => return Err(refused_login(session, role, status)),
            reply => Session::expect_done(&reply)?,
        };
        log_out_others(session, role, self.logout_other)
    }
}

/// What Luna says of `-prompt` where a role has a password only.
const NO_SECONDARY: &str = "\n        Warning: this role has no secondary credentials.\n        \
     -prompt parameter will be ignored.";

#[derive(Debug, Args)]
pub struct ResetPw {
    #[command(flatten)]
    named: Named,
    /// The role's new initial password; asked for without this option
    #[arg(long, visible_alias = "p", value_name = "password")]
    password: Option<Secret>,
    /// The slot of the partition, which has to be the current one
    #[arg(long, visible_alias = "s", value_name = "slot_id")]
    slot: Option<u32>,
    /// End the role's sessions in other applications
    #[arg(long = "logoutOther", visible_alias = "l")]
    logout_other: bool,
}

impl ResetPw {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let role = self.named.role;
        if self.slot.is_some_and(|slot| session.number(None).ok() != Some(slot)) {
            let cause = "only the HSM's administrative partition resets roles of other slots";
            return Err(failure(Status::FunctionNotSupported, cause)
                .remedy("Go to the partition first: slot set -slot <slot_id>."));
        }
        let Some(creator) = role.creator() else {
            let cause = format_args!("nobody can reset the password of the {role}");
            return Err(failure(Status::UserTypeInvalid, cause)
                .remedy("It changes its own: role changepw -name po."));
        };
        require(session, creator, role)?;
        let password = new_password(self.password, console)?;
        match session.ask(&Request::ResetPassword { role, password })? {
            Reply::Failed(Status::OperationNotAllowed) => {
                return Err(failure(
                    Status::OperationNotAllowed,
                    "HSM policy 15 (SO can reset partition PIN) is off",
                )
                .remedy(
                    "Only the HSM SO can turn it on, which erases the HSM's partitions; from then \
                     on a Partition SO's password opens its partition's objects too.",
                ));
            }
            Reply::Failed(Status::UserPinNotInitialized) => {
                return Err(login_refused(role, Status::UserPinNotInitialized, None));
            }
            reply => Session::expect_done(&reply)?,
        };
        log_out_others(session, role, self.logout_other)
    }
}

/// Holds that the role is logged in that resets another one.
fn require(session: &mut Session, officer: Role, role: Role) -> Result<(), Failure> {
    session.describe()?;
    if session.slot()?.partition.logged_in == Some(officer) {
        return Ok(());
    }
    let cause = format_args!("the {officer} must be logged in to reset the {role}");
    Err(failure(Status::UserNotLoggedIn, cause)
        .remedy(format!("Log in first: role login -name {}.", officer.abbreviation())))
}

fn log_out_others(session: &mut Session, role: Role, wanted: bool) -> Outcome {
    if wanted { session.done(&Request::LogOutOthers { role }) } else { Ok(None) }
}

/// A password that is being set: given, or asked twice.
pub fn new_password(given: Option<Secret>, console: &mut dyn Console) -> Result<Password, Failure> {
    let secret = match given {
        Some(secret) => secret,
        None => console.new_secret("enter new password: ", "re-enter new password: ")?,
    };
    let password = typed(&secret);
    password.check_new(LEAST_PASSWORD).map_err(bad_password)?;
    Ok(password)
}
