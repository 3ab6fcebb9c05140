//! `service`: the services behind the appliance's listener.

use std::fmt;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::{Appliance, failure, screen::Sentence};
use crate::{
    model::{AdminReply, AdminRequest, LinkService, ServiceAction},
    shell::{Console, Failure, Outcome, report},
};

/// The `service` commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists the services
    #[command(visible_alias = "l")]
    List,
    /// Shows whether a service runs
    Status(Named),
    /// Lets a service accept links again
    Start(Named),
    /// Ends a service's links and accepts no new ones until it is started
    Stop(Forced),
    /// Ends a service's links; clients connect again by themselves
    Restart(Forced),
}

/// A service that this program controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Service {
    /// Links by certificate
    Ntls,
    /// Links by identity
    Stc,
}

/// The argument that names a service.
#[derive(Debug, Args)]
pub struct Named {
    /// The service
    #[arg(value_name = "service")]
    service: Service,
}

/// A service, and whether its links end unasked.
#[derive(Debug, Args)]
pub struct Forced {
    #[command(flatten)]
    named: Named,
    /// Does not ask for a confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl Service {
    const ALL: [Self; 2] = [Self::Ntls, Self::Stc];

    const fn name(self) -> &'static str {
        match self {
            Self::Ntls => "ntls",
            Self::Stc => "stc",
        }
    }

    const fn purpose(self) -> &'static str {
        match self {
            Self::Ntls => "Network trust links: clients known by their certificates",
            Self::Stc => "Secure Trusted Channel: clients known by their identities",
        }
    }
}

/// Performs a `service` command.
pub fn run(command: &Command, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
    match command {
        Command::List => {
            let state =
                |service| Ok((service, control(service, ServiceAction::Status, appliance)?));
            report(List(Service::ALL.into_iter().map(state).collect::<Result<_, Failure>>()?))
        }
        &Command::Status(Named { service }) => {
            let runs = control(service, ServiceAction::Status, appliance)?;
            report(Sentence(format!("   {} is {}", service.name(), state(runs))))
        }
        &Command::Start(Named { service }) => {
            control(service, ServiceAction::Start, appliance)?;
            report(Sentence(format!("Starting {}:           [  OK  ]", service.name())))
        }
        &Command::Stop(Forced { named: Named { service }, force }) => {
            confirm(service, force, console)?;
            control(service, ServiceAction::Stop, appliance)?;
            report(Sentence(format!("Stopping {}:           [  OK  ]", service.name())))
        }
        // Luna asks nothing here, and scripts restart NTLS after every new certificate.
        &Command::Restart(Forced { named: Named { service }, .. }) => {
            control(service, ServiceAction::Restart, appliance)?;
            let name = service.name();
            report(Sentence(format!(
                "Stopping {name}:           [  OK  ]\nStarting {name}:           [  OK  ]"
            )))
        }
    }
}

fn confirm(service: Service, force: bool, console: &mut dyn Console) -> Result<(), Failure> {
    let name = service.name();
    let warning = format!(
        "WARNING:  Clients lose their links over {name}, and cannot connect until it is started.\n\n\
         Type 'proceed' to stop {name}, or\n'quit' to quit now."
    );
    console.confirm(&warning, force)
}

fn control(
    service: Service,
    action: ServiceAction,
    appliance: &mut Appliance,
) -> Result<bool, Failure> {
    let service = match service {
        Service::Ntls => LinkService::Ntls,
        Service::Stc => LinkService::Stc,
    };
    match appliance.ask(&AdminRequest::Service { service, action })? {
        AdminReply::Running(runs) => Ok(runs),
        _ => Err(failure::unexpected_reply()),
    }
}

const fn state(runs: bool) -> &'static str {
    if runs { "running" } else { "not running" }
}

/// The screen of `service list`.
struct List(Vec<(Service, bool)>);

impl Serialize for List {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(service, runs)| (service.name(), runs)))
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The following are valid LunaSH services:")?;
        for (service, runs) in &self.0 {
            write!(f, "\n   {:<8}{:<14}{}", service.name(), state(*runs), service.purpose())?;
        }
        Ok(())
    }
}
