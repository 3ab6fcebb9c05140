//! `partition changelabel`.

use clap::Args;

use super::{OfSlot, Session};
use crate::{
    model::{Label, Request},
    shell::Outcome,
};

#[derive(Debug, Args)]
pub struct ChangeLabel {
    /// The partition's new label
    #[arg(long, visible_alias = "l", value_name = "label")]
    label: Label,
    #[command(flatten)]
    of: OfSlot,
}

impl ChangeLabel {
    pub(super) fn run(self, session: &mut Session) -> Outcome {
        let number = session.number(self.of.slot)?;
        let reply = session.ask_slot(number, &Request::ChangeLabel { label: self.label })?;
        Session::expect_done(&reply)?;
        session.describe_slot(number)?;
        Ok(None)
    }
}
