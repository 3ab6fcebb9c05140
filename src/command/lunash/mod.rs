//! `lunash`: the shell of the appliance's administrator.

mod arguments;
mod audit;
mod audit_config;
mod audit_log;
mod client;
mod failure;
mod file;
mod hsm;
mod hsm_policy;
mod ntls;
mod ntls_failure;
mod ntls_keep_alive;
mod partition;
mod partition_change;
mod partition_contents;
mod partition_init;
mod partition_policy;
mod partition_roles;
mod policy_table;
mod screen;
mod self_test;
mod service;
mod sysconf;
mod syslog;
mod template;

pub use self::arguments::Arguments;
pub(super) use self::ntls_failure::refused;

use std::cell::RefCell;

use clap::Parser;

use crate::{
    client::AdminError,
    model::{AdminReply, AdminRequest, NtlsReply, NtlsRequest, Password, Status},
    shell::{Console, Failure, Interrupts, Manual, Outcome, Program, Secret, Style, shown},
};

/// The commands.
#[derive(Debug, Parser)]
#[command(name = "lunash")]
pub enum Line {
    /// Manages the HSM
    #[command(subcommand, visible_alias = "h")]
    Hsm(hsm::Command),
    /// Manages the HSM's partitions
    #[command(subcommand, visible_aliases = ["p", "par"])]
    Partition(partition::Command),
    /// Manages the clients that reach partitions over NTLS
    #[command(subcommand, visible_alias = "c")]
    Client(client::Command),
    /// Manages the NTLS service
    #[command(subcommand, visible_alias = "n")]
    Ntls(ntls::Command),
    /// Controls the services for clients
    #[command(subcommand, visible_alias = "se")]
    Service(service::Command),
    /// Manages your files on the appliance
    #[command(subcommand, visible_alias = "m")]
    My(file::My),
    /// Configures the appliance
    #[command(subcommand, visible_alias = "sysc")]
    Sysconf(sysconf::Command),
    /// Shows, checks, keeps and configures the audit log
    #[command(subcommand, visible_alias = "a")]
    Audit(audit::Command),
    /// Sends records of the audit log to syslog servers
    #[command(subcommand, visible_alias = "sysl")]
    Syslog(syslog::Command),
}

/// The program: an administrator's session with one appliance.
pub struct Lunash {
    appliance: RefCell<Appliance>,
    host: String,
    banner: bool,
    interrupts: Interrupts,
}

impl Lunash {
    /// Meets the appliance behind `ask`, which carries one request and brings its answer unless
    /// these interrupts are raised. `banner` tells whether the shell introduces itself.
    ///
    /// # Errors
    /// The appliance did not answer.
    pub fn new(
        ask: impl FnMut(&AdminRequest) -> Result<AdminReply, AdminError> + 'static,
        banner: bool,
        interrupts: Interrupts,
    ) -> Result<Self, Failure> {
        let mut appliance = Appliance { ask: Box::new(ask), answers: true };
        let host = shown(&appliance.describe()?.host).into_owned();
        Ok(Self { appliance: RefCell::new(appliance), host, banner, interrupts })
    }
}

impl Program for Lunash {
    type Line = Line;

    fn style(&self) -> &Style {
        &screen::STYLE
    }

    fn prompt(&self) -> String {
        format!("[{}] lunash:>", self.host)
    }

    fn banner(&mut self) -> Option<String> {
        let version = env!("CARGO_PKG_VERSION");
        self.banner.then(|| {
            format!(
                "lunacm network HSM {version} Command Line Shell - Open software, not by Thales."
            )
        })
    }

    fn run(&mut self, line: Line, console: &mut dyn Console) -> Outcome {
        let appliance = self.appliance.get_mut();
        match line {
            Line::Hsm(command) => hsm::run(command, appliance, console),
            Line::Partition(command) => partition::run(command, appliance, console),
            Line::Client(command) => client::run(command, appliance, console),
            Line::Ntls(command) => ntls::run(command, appliance),
            Line::Service(command) => service::run(&command, appliance, console),
            Line::My(file::My::File(command)) => file::run(command, appliance, console),
            Line::Sysconf(command) => sysconf::run(&command, appliance, console),
            Line::Syslog(syslog::Command::Remotehost(command)) => {
                syslog::run(command, appliance, console)
            }
            Line::Audit(command) => audit::run(command, appliance, console),
        }
    }

    fn interrupts(&self) -> Option<&Interrupts> {
        Some(&self.interrupts)
    }

    fn candidates(&self, kind: &str) -> Vec<String> {
        let Ok(mut appliance) = self.appliance.try_borrow_mut() else { return Vec::new() };
        // The prompt does not wait for an appliance that was just seen not to answer.
        if !appliance.answers {
            return Vec::new();
        }
        let names = match kind {
            partition::NAME => partition::entries(&mut appliance)
                .map(|entries| entries.into_iter().map(|entry| entry.name.into()).collect()),
            client::NAME => client::entries(&mut appliance)
                .map(|entries| entries.into_iter().map(|entry| entry.name.into()).collect()),
            file::NAME => file::files(&mut appliance)
                .map(|files| files.into_iter().map(|file| file.name).collect()),
            _ => return Vec::new(),
        };
        names.unwrap_or_default()
    }
}

type Ask = dyn FnMut(&AdminRequest) -> Result<AdminReply, AdminError>;

/// The appliance, as commands ask it.
struct Appliance {
    ask: Box<Ask>,
    /// Whether it answered what it was asked last.
    answers: bool,
}

impl Appliance {
    /// Asks for something that is answered by more than [`AdminReply::Done`].
    fn ask(&mut self, request: &AdminRequest) -> Result<AdminReply, Failure> {
        match self.reply(request)? {
            AdminReply::Failed(status) => Err(failure::refused(status)),
            reply => Ok(reply),
        }
    }

    /// Asks for something whose refusal the command explains itself.
    fn reply(&mut self, request: &AdminRequest) -> Result<AdminReply, Failure> {
        let reply = (self.ask)(request);
        self.answers = reply.is_ok();
        reply.map_err(|error| failure::unreachable(&error))
    }

    /// Asks for something to be done whose refusal the command explains itself.
    fn order_of(&mut self, request: &AdminRequest) -> Result<Result<(), Status>, Failure> {
        match self.reply(request)? {
            AdminReply::Done => Ok(Ok(())),
            AdminReply::Failed(status) => Ok(Err(status)),
            _ => Err(failure::unexpected_reply()),
        }
    }

    /// Asks for something to be done.
    fn order(&mut self, request: &AdminRequest) -> Result<(), Failure> {
        match self.ask(request)? {
            AdminReply::Done => Ok(()),
            _ => Err(failure::unexpected_reply()),
        }
    }

    /// Asks about NTLS for something that is answered by more than [`NtlsReply::Done`].
    fn ask_ntls(&mut self, request: NtlsRequest) -> Result<NtlsReply, Failure> {
        match self.ask(&AdminRequest::Ntls(request))? {
            AdminReply::Ntls(NtlsReply::Refused(refusal)) => Err(refused(&refusal)),
            AdminReply::Ntls(NtlsReply::Failed(status)) => Err(failure::refused(status)),
            AdminReply::Ntls(reply) => Ok(reply),
            _ => Err(failure::unexpected_reply()),
        }
    }

    /// Asks for something to be done about NTLS.
    fn order_ntls(&mut self, request: NtlsRequest) -> Result<(), Failure> {
        match self.ask_ntls(request)? {
            NtlsReply::Done => Ok(()),
            _ => Err(failure::unexpected_reply()),
        }
    }

    fn describe(&mut self) -> Result<crate::model::HsmInfo, Failure> {
        match self.ask(&AdminRequest::DescribeHsm)? {
            AdminReply::Hsm(info) => Ok(*info),
            _ => Err(failure::unexpected_reply()),
        }
    }
}

/// The manual of the program.
pub fn manual() -> Manual {
    Manual::of_shell::<Arguments, Line>(&screen::STYLE)
}

/// A failure before the shell begins, as the screen shows it.
pub fn describe(failure: &Failure) -> String {
    screen::format_cause(failure)
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        failure::unreachable(&error)
    }
}

fn password(secret: &Secret) -> Password {
    Password::new(secret.expose().to_owned())
}
