//! `clientconfig deploy`: an NTLS connection in one step.

use std::{fmt, path::PathBuf, time::SystemTime};

use clap::Args;
use serde::Serialize;

use super::super::{Session, failure::failure};
use crate::{
    client::{
        deploy::{DeployError, Deployment},
        servers::Host,
    },
    command::lunash,
    model::{ClientLabel, Label, Status},
    shell::{Failure, Outcome, Secret, report},
};

#[derive(Debug, Args)]
pub(in super::super) struct Deploy {
    /// The appliance's host name or IP address
    #[arg(long, visible_alias = "s", value_name = "host")]
    server: Host,
    /// This client's host name or IP address
    #[arg(long, visible_alias = "c", value_name = "client")]
    client: Host,
    /// The partition to assign to this client
    #[arg(long, visible_alias = "pa", value_name = "partition")]
    partition: Label,
    /// The data directory of the appliance, which runs on this machine
    #[arg(long, visible_alias = "da", value_name = "dir")]
    data: Option<PathBuf>,
    /// The appliance's account, which is not needed: the directory's owner administers it
    #[arg(long, visible_alias = "u", value_name = "user")]
    user: Option<String>,
    /// The account's password, which is not needed
    #[arg(long, visible_alias = "pw", value_name = "password")]
    password: Option<Secret>,
    /// Makes a new certificate for this client
    #[arg(long, visible_alias = "rg")]
    regen: bool,
    /// Replaces registrations with other certificates
    #[arg(long, visible_alias = "f")]
    force: bool,
    /// Shows the steps
    #[arg(long, visible_alias = "v")]
    verbose: bool,
}

impl Deploy {
    pub(super) fn run(self, session: &mut Session) -> Outcome {
        let Some(data) = self.data else {
            return Err(failure(
                Status::FunctionNotSupported,
                "the appliance has no accounts to log in to from here",
            )
            .remedy("On its own machine give -data <dir>, the directory that lunahsmd runs on. From another one, follow the steps: vtl createCert, vtl addServer; in lunash client register, client assignPartition."));
        };
        let client: Result<ClientLabel, _> = self.client.as_str().parse();
        let client = client.map_err(|error| failure(Status::ArgumentsBad, error))?;
        let deployment = Deployment {
            data,
            server: self.server,
            host: self.client,
            client,
            partition: self.partition,
            regenerate: self.regen,
            force: self.force,
        };
        let steps = deployment.run(session.home(), SystemTime::now());
        let steps = steps.map_err(|error| undone(&error))?;
        session.refresh()?;
        let unused = self.user.is_some() || self.password.is_some();
        report(Deployed {
            steps: if self.verbose { steps } else { Vec::new() },
            unused,
            slots: session.present().count(),
        })
    }
}

fn undone(error: &DeployError) -> Failure {
    match error {
        DeployError::Refused(refusal) => {
            let refused = lunash::refused(refusal);
            let known = failure(Status::FunctionRejected, refused.cause);
            known.remedy(error.remedy())
        }
        error => failure(Status::FunctionFailed, error).remedy(error.remedy()),
    }
}

#[derive(Debug, Serialize)]
struct Deployed {
    steps: Vec<String>,
    /// Whether an account was given, for which there is no use.
    unused: bool,
    slots: usize,
}

impl fmt::Display for Deployed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            write!(f, "\n        {step}")?;
        }
        if self.unused {
            write!(f, "\n        The appliance has no accounts: user and password were not used.")?;
        }
        write!(f, "\n        The client is deployed; it has {} slots. See slot list.", self.slots)
    }
}
