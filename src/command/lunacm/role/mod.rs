//! `role`: who may act on the current partition.

mod password;

use std::fmt;

use clap::{Args, Subcommand};
use serde::Serialize;

use self::password::{ChangePw, Init, ResetPw};
use super::{
    super::unavailable::Unavailable,
    Session,
    failure::unavailable,
    failure::{failure, login_refused, refused},
    role_name::RoleName,
};
use crate::{
    model::{Password, Reply, Request, Role, RoleInfo, Status},
    shell::{Console, Failure, Outcome, Secret, report},
};

pub(super) use self::password::new_password;

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
    /// Resets the password of a role below the logged-in one
    #[command(visible_alias = "rpw")]
    Resetpw(ResetPw),
    /// Creates a challenge secret (not in software)
    #[command(visible_alias = "cc")]
    Createchallenge(Unavailable),
    /// Ends a role's activation (not in software)
    #[command(visible_alias = "d")]
    Deactivate(Unavailable),
    /// Sets the Auditor's domain (not on a client)
    #[command(visible_alias = "sd")]
    Setdomain(Unavailable),
    /// Prepares HA login recovery (not here)
    #[command(visible_alias = "ri")]
    Recoveryinit(Unavailable),
    /// Logs in by HA login recovery (not here)
    #[command(visible_alias = "rl")]
    Recoverylogin(Unavailable),
}

impl Command {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        match self {
            Self::List(List {}) => list(session),
            Self::Show(command) => command.run(session),
            Self::Init(command) => command.run(session, console),
            Self::Login(command) => command.run(session, console),
            Self::Logout(Logout {}) => log_out(session),
            Self::Changepw(command) => command.run(session, console),
            Self::Resetpw(command) => command.run(session, console),
            Self::Createchallenge(_) => unavailable(
                "challenge secrets go with PED keys, and software has no PED",
                "The role's password is all it takes: role login.",
            ),
            Self::Deactivate(_) => unavailable(
                "roles are activated by a PED, and software has none",
                "Log the role out: role logout.",
            ),
            Self::Setdomain(_) => unavailable(
                "this command is the Auditor's, and a network client sees no Auditor",
                "The domains of a partition: partition domainlist, partition domainadd.",
            ),
            Self::Recoveryinit(_) | Self::Recoverylogin(_) => unavailable(
                "policy 21 (Allow high availability recovery) is off and cannot be turned on",
                "Log in to each member with its password: role login.",
            ),
        }
    }
}

#[derive(Debug, Args)]
pub struct List {}

fn list(session: &mut Session) -> Outcome {
    session.done(&Request::Ping)?;
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
pub struct Show {
    #[command(flatten)]
    named: Named,
}

impl Show {
    fn run(&self, session: &mut Session) -> Outcome {
        report(RoleState::from(describe(session, self.named.role)?))
    }
}

#[derive(Debug, Args)]
pub struct Login {
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
pub struct Logout {}

/// Logs the role out, and says so if it is out though the appliance could not record it.
fn log_out(session: &mut Session) -> Outcome {
    match session.ask(&Request::Logout)? {
        Reply::Failed(Status::DeviceError) => {
            session.describe()?;
            if session.slot()?.partition.logged_in.is_some() {
                return Err(refused(Status::DeviceError));
            }
            let cause = "the role is logged out, but the appliance could not record it";
            Err(failure(Status::DeviceError, cause)
                .remedy("Its disk may be full: tell its administrator."))
        }
        reply => Session::expect_done(&reply),
    }
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
