//! `partition showmechanism`.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::{super::failure::refused, OfSlot, Session};
use crate::{
    model::{
        Reply, Request, Status,
        cryptoki::{CryptokiReply, CryptokiRequest, MechanismInfo},
    },
    shell::{Outcome, report},
};

#[derive(Debug, Args)]
pub struct ShowMechanism {
    #[command(flatten)]
    of: OfSlot,
}

impl ShowMechanism {
    pub(super) fn run(&self, session: &mut Session) -> Outcome {
        let number = session.number(self.of.slot)?;
        match session.ask_slot(number, &Request::Cryptoki(CryptokiRequest::Mechanisms))? {
            Reply::Cryptoki(CryptokiReply::Mechanisms(mut mechanisms)) => {
                mechanisms.sort_by_key(|info| info.mechanism.0);
                report(Mechanisms { mechanisms: mechanisms.iter().map(Listed::from).collect() })
            }
            Reply::Failed(status) => Err(refused(status)),
            _ => Err(refused(Status::DeviceError)),
        }
    }
}

#[derive(Debug, Serialize)]
struct Mechanisms {
    mechanisms: Vec<Listed>,
}

#[derive(Debug, Serialize)]
struct Listed {
    number: u64,
    name: String,
}

impl From<&MechanismInfo> for Listed {
    fn from(info: &MechanismInfo) -> Self {
        Self { number: info.mechanism.0, name: info.mechanism.to_string() }
    }
}

impl fmt::Display for Mechanisms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n Mechanisms Supported:")?;
        let line = |listed: &Listed| (listed.number, listed.name.clone());
        self.mechanisms
            .iter()
            .map(line)
            .try_for_each(|(number, name)| write!(f, "\n         {number:#010x} - {name}"))
    }
}
