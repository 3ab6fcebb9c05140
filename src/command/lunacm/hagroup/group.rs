//! `hagroup creategroup` and `deletegroup`.

use clap::Args;

use super::{
    super::officer_link::OfficerLink,
    Session,
    member::{Member, Sentence, asked, check_policies, keep_or_remove},
    refused_group,
    screen::{Changed, GroupScreen},
};
use crate::{
    client::ha,
    model::Label,
    shell::{Console, Outcome, Secret, report},
};

#[derive(Debug, Args)]
pub struct Create {
    #[command(flatten)]
    member: Member,
    /// The group's label
    #[arg(long, visible_alias = "l", value_name = "group_label")]
    label: Label,
    /// The password of the member's Crypto Officer; asked for without this option
    #[arg(long, visible_alias = "p", value_name = "password")]
    password: Option<Secret>,
}

impl Create {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let label = self.label.as_str();
        let (serial, slot) = self.member.present(session)?;
        // Tried on a copy first: nobody is asked for a password in vain.
        ha::create(&mut session.configuration()?, label, serial)
            .map_err(|error| refused_group(&error))?;
        let password = asked(self.password, console)?;
        let link = OfficerLink::open(session, slot, password)?;
        check_policies(&link)?;
        keep_or_remove(&link, console)?;
        let group = session.configure(|configuration| ha::create(configuration, label, serial));
        let group = group.map_err(|error| refused_group(&error))?;
        report(Changed {
            sentence: format!(
                "New group with label \"{label}\" created with group number {}.",
                group.number
            ),
            group: GroupScreen::new(&group, Some(false), 28),
        })
    }
}

#[derive(Debug, Args)]
pub struct Delete {
    /// The group's label or number
    #[arg(long, visible_aliases = ["l", "group", "g"], value_name = "group")]
    label: String,
    /// Not needed: nothing is asked
    #[arg(long, hide = true, visible_alias = "f")]
    force: bool,
}

impl Delete {
    pub(super) fn run(&self, session: &Session) -> Outcome {
        let deleted = session.configure(|configuration| ha::delete(configuration, &self.label));
        let group = deleted.map_err(|error| refused_group(&error))?;
        report(Sentence { text: format!("The HA group {} was successfully removed.", group.label) })
    }
}
