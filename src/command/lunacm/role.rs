//! `role`: who may act on the current partition.

use std::fmt;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Session,
    failure::{bad_password, failure, login_refused, refused},
    role_name::RoleName,
};
use crate::{
    model::{Password, Reply, Request, Role, RoleInfo, Status},
    shell::{Console, Failure, Outcome, Secret, report},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists the roles of the current slot
    #[command(visible_alias = "l")]
    List(List),
    /// Shows the state of a role
    #[command(visible_alias = "sh")]
    Show(Show),
    /// Initializes a role
    #[command(visible_alias = "in")]
    Init(Init),
    /// Logs a role in to the current slot
    #[command(visible_alias = "logi")]
    Login(Login),
    /// Logs the role out
    #[command(visible_alias = "logo")]
    Logout(Logout),
    /// Changes the password of the logged-in role
    #[command(visible_alias = "cpw")]
    Changepw(ChangePw),
}

impl Command {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        match self {
            Self::List(List {}) => list(session),
            Self::Show(command) => command.run(session),
            Self::Init(command) => command.run(session, console),
            Self::Login(command) => command.run(session, console),
            Self::Logout(Logout {}) => session.done(&Request::Logout),
            Self::Changepw(command) => command.run(session, console),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct List {}

fn list(session: &mut Session) -> Outcome {
    session.slot()?;
    report(RoleList { roles: Role::OF_PARTITION.map(Role::name) })
}

/// The role that a command is about. LunaCM's reference spells the option `-name`, its
/// procedures `-role`.
#[derive(Debug, Args)]
struct Named {
    /// The role: po, co, lco or cu, or its full name
    #[arg(long = "name", visible_aliases = ["n", "role"], value_name = "role", value_parser = RoleName, hide_possible_values = true)]
    role: Role,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    named: Named,
}

impl Show {
    fn run(&self, session: &mut Session) -> Outcome {
        report(RoleState::from(describe(session, self.named.role)?))
    }
}

#[derive(Debug, Args)]
pub(super) struct Init {
    #[command(flatten)]
    named: Named,
    /// The role's initial password; asked for without this option
    #[arg(long, visible_alias = "p", value_name = "password")]
    password: Option<Secret>,
}

impl Init {
    fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
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
pub(super) struct Login {
    #[command(flatten)]
    named: Named,
    /// The role's password; asked for without this option
    #[arg(long, visible_alias = "p", value_name = "password")]
    password: Option<Secret>,
}

impl Login {
    fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let role = self.named.role;
        session.slot()?;
        let password = match self.password {
            Some(password) => typed(&password),
            None => typed(&console.secret("enter password: ")?),
        };
        match session.ask(&Request::Login { role, password })? {
            Reply::Failed(status) => Err(refused_login(session, role, status)),
            reply => Session::expect_done(&reply),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Logout {}

#[derive(Debug, Args)]
pub(super) struct ChangePw {
    #[command(flatten)]
    named: Named,
    /// The password in force; asked for without this option
    #[arg(long, visible_alias = "old", value_name = "old_password", requires = "newpw")]
    oldpw: Option<Secret>,
    /// The password to be; asked for without this option
    #[arg(long, visible_alias = "new", value_name = "new_password", requires = "oldpw")]
    newpw: Option<Secret>,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl ChangePw {
    fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
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
        let old = match self.oldpw {
            Some(old) => typed(&old),
            None => typed(&console.secret("enter existing password: ")?),
        };
        let new = new_password(self.newpw, console)?;
        match session.ask(&Request::ChangePassword { role, old, new })? {
            Reply::Failed(status) => Err(refused_login(session, role, status)),
            reply => Session::expect_done(&reply),
        }
    }
}

/// A password that is being set: given, or asked twice.
pub(super) fn new_password(
    given: Option<Secret>,
    console: &mut dyn Console,
) -> Result<Password, Failure> {
    let secret = match given {
        Some(secret) => secret,
        None => console.new_secret("enter new password: ", "re-enter new password: ")?,
    };
    let password = typed(&secret);
    password.check_new().map_err(bad_password)?;
    Ok(password)
}

/// A secret as the domain knows it.
pub(super) fn typed(secret: &Secret) -> Password {
    Password::new(secret.expose().to_owned())
}

fn describe(session: &mut Session, role: Role) -> Result<RoleInfo, Failure> {
    match session.ask(&Request::DescribeRole { role })? {
        Reply::Role(state) => Ok(state),
        Reply::Failed(status) => Err(refused(status)),
        _ => Err(refused(Status::DeviceError)),
    }
}

/// The failure of a login or a change of password, with the attempts that are left.
fn refused_login(session: &mut Session, role: Role, status: Status) -> Failure {
    let left = match status {
        Status::PinIncorrect => describe(session, role).ok().map(|state| state.attempts_left),
        _ => None,
    };
    login_refused(role, status, left)
}

#[derive(Debug, Serialize)]
struct RoleList {
    roles: [&'static str; 4],
}

impl fmt::Display for RoleList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n        Roles:")?;
        self.roles.iter().try_for_each(|role| write!(f, "\n        {role}"))
    }
}

#[derive(Debug, Serialize)]
#[allow(clippy::struct_excessive_bools, reason = "each is a field of the screen")]
struct RoleState {
    role: &'static str,
    initialized: bool,
    attempts_left: u8,
    locked_out: bool,
    password_to_be_changed: bool,
    logged_in: bool,
}

impl From<RoleInfo> for RoleState {
    fn from(info: RoleInfo) -> Self {
        Self {
            role: info.role.name(),
            initialized: info.initialized,
            attempts_left: info.attempts_left,
            locked_out: info.locked,
            password_to_be_changed: info.password_to_be_changed,
            logged_in: info.logged_in,
        }
    }
}

impl fmt::Display for RoleState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n        State of role '{}':", self.role)?;
        if !self.initialized {
            return write!(f, "\n           Not initialized");
        }
        write!(f, "\n           Primary authentication type: Password")?;
        write!(f, "\n           Secondary authentication type: None")?;
        if self.locked_out {
            write!(f, "\n           Locked out")?;
        } else {
            write!(f, "\n           Failed login attempts before lockout: {}", self.attempts_left)?;
        }
        if self.password_to_be_changed {
            write!(f, "\n           Password must be changed before use")?;
        }
        if self.logged_in {
            write!(f, "\n           Logged in on this slot")?;
        }
        Ok(())
    }
}
