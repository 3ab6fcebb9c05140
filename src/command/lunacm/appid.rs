//! `appid`: logins that processes of this client share.

use std::fmt;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Session, failure::failure};
use crate::{
    model::{ApplicationId, Reply, Request, Status},
    shell::{Outcome, report},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Sets the application ID of this lunacm, whose links are made anew under it
    #[command(visible_alias = "s")]
    Set(Id),
    /// Keeps an application ID's login on the current slot when its last process has ended
    #[command(visible_alias = "o")]
    Open(Id),
    /// Ends an application ID's login on the current slot, in every process
    #[command(visible_alias = "c")]
    Close(Id),
    /// Shows the application ID of this lunacm
    #[command(visible_alias = "i")]
    Info,
}

/// The two numbers.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Id {
    /// The major number, from 0 to 4294967295
    #[arg(long, visible_alias = "ma", value_name = "value")]
    major: u32,
    /// The minor number, from 0 to 4294967295
    #[arg(long, visible_alias = "mi", value_name = "value")]
    minor: u32,
}

impl From<Id> for ApplicationId {
    fn from(Id { major, minor }: Id) -> Self {
        Self { major, minor }
    }
}

impl Command {
    pub(super) fn run(self, session: &mut Session) -> Outcome {
        match self {
            Self::Set(id) => session.set_application(id.into()).map(|()| None),
            Self::Open(id) => session.done(&Request::OpenApplication(id.into())),
            Self::Close(id) => match session.ask(&Request::CloseApplication(id.into()))? {
                Reply::Failed(Status::ObjectHandleInvalid) => {
                    let cause = format_args!("no process has application ID {}", Text(id));
                    Err(failure(Status::ObjectHandleInvalid, cause)
                        .remedy("See appid info, and appid open in a process that has it."))
                }
                reply => Session::expect_done(&reply),
            },
            Self::Info => report(Info { id: session.application()? }),
        }
    }
}

struct Text(Id);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ApplicationId::from(self.0).fmt(f)
    }
}

/// The screen of `appid info`.
#[derive(Serialize)]
struct Info {
    id: Option<ApplicationId>,
}

impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(ApplicationId { major, minor }) => {
                write!(f, "        Application ID:   major {major}, minor {minor}")
            }
            None => write!(f, "        Application ID:   none; the login of each link is its own"),
        }
    }
}
