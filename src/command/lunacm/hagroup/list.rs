//! `hagroup listgroups`.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::{
    super::{officer_link::OfficerLink, role::typed},
    Session,
    member::needs_sync,
    refused_group,
    screen::{GroupScreen, enabled},
};
use crate::{
    client::{
        ha::{self, Group},
        ha_settings::{self, HaSettings},
    },
    model::Password,
    shell::{Console, Failure, Outcome, Secret, report},
};

#[derive(Debug, Args)]
pub struct ListGroups {
    /// The label or number of the one group to list
    #[arg(long, visible_alias = "g", value_name = "group")]
    group: Option<String>,
    /// The password of the members' Crypto Officers, to see whether objects are missing; empty for
    /// not asking. Asked for without this option
    #[arg(long, visible_alias = "p", value_name = "password")]
    password: Option<Secret>,
}

impl ListGroups {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let configuration = session.configuration()?;
        let settings =
            ha_settings::settings(&configuration).map_err(|error| refused_group(&error))?;
        let groups = match &self.group {
            Some(name) => ha::find(&configuration, name).map(|group| vec![group]),
            None => ha::groups(&configuration),
        };
        let groups = groups.map_err(|error| refused_group(&error))?;
        if groups.is_empty() {
            return report(Groups { settings: (&settings).into(), groups: Vec::new() });
        }
        let password = self.password(&groups, console);
        let mut listed = Vec::new();
        for group in &groups {
            let sync = match &password {
                Some(password) => sync_state(session, group, password)?,
                None => None,
            };
            let members = group.members.iter().map(|member| Row::of(session, *member));
            listed.push(ListedGroup {
                group: GroupScreen::new(group, sync, 23),
                slots: members.collect(),
            });
        }
        report(Groups { settings: (&settings).into(), groups: listed })
    }

    /// The password; none if the answer is empty or nobody answers.
    fn password(&self, groups: &[Group], console: &mut dyn Console) -> Option<Password> {
        let given = if let Some(given) = &self.password {
            typed(given)
        } else {
            let labels: Vec<_> = groups.iter().map(|group| group.label.as_str()).collect();
            console.say(&format!(
                "\n        If you would like to see synchronization data for group {},\n        \
                 please enter the password for the group members. Sync info\n        \
                 not available in HA Only mode.\n",
                labels.join(", ")
            ));
            typed(&console.secret("Enter the password: ").ok()?)
        };
        (!given.expose().is_empty()).then_some(given)
    }
}

/// Whether an object is missing somewhere, if all members are there to be asked.
fn sync_state(
    session: &Session,
    group: &Group,
    password: &Password,
) -> Result<Option<bool>, Failure> {
    let slots = || {
        group
            .members
            .iter()
            .map(|member| session.present().find(|slot| slot.partition.serial == *member))
    };
    if slots().any(|slot| slot.is_none()) {
        return Ok(None);
    }
    let links = slots()
        .flatten()
        .map(|slot| OfficerLink::open(session, slot.number, password.clone()))
        .collect::<Result<Vec<_>, _>>()?;
    needs_sync(&links)
}

#[derive(Debug, Serialize)]
struct Groups {
    #[serde(flatten)]
    settings: ShownSettings,
    groups: Vec<ListedGroup>,
}

#[derive(Debug, Serialize)]
struct ShownSettings {
    auto_recovery: bool,
    recovery_mode: &'static str,
    retries: i32,
    interval_seconds: u32,
    logging: bool,
    only_ha_slots: bool,
}

impl From<&HaSettings> for ShownSettings {
    fn from(settings: &HaSettings) -> Self {
        Self {
            auto_recovery: settings.retries != 0,
            recovery_mode: settings.mode.word(),
            retries: settings.retries,
            interval_seconds: settings.interval,
            logging: settings.logging,
            only_ha_slots: settings.only,
        }
    }
}

#[derive(Debug, Serialize)]
struct ListedGroup {
    #[serde(flatten)]
    group: GroupScreen,
    slots: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    slot: Option<u32>,
    serial: String,
    label: Option<String>,
    status: &'static str,
}

impl Row {
    fn of(session: &Session, member: crate::model::SerialNumber) -> Self {
        let slot = session.present().find(|slot| slot.partition.serial == member);
        Self {
            slot: slot.map(|slot| slot.number),
            serial: member.to_string(),
            label: slot.and_then(|slot| slot.partition.label.clone()).map(String::from),
            status: if slot.is_some() { "alive" } else { "down" },
        }
    }
}

impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.settings;
        let only = if settings.only_ha_slots { "yes" } else { "no" };
        for (name, value) in [
            ("HA auto recovery", enabled(settings.auto_recovery).to_owned()),
            ("HA recovery mode", settings.recovery_mode.to_owned()),
            ("Maximum auto recovery retry", settings.retries.to_string()),
            ("Auto recovery poll interval", format!("{} seconds", settings.interval_seconds)),
            ("HA logging", enabled(settings.logging).to_owned()),
            ("Only Show HA Slots", only.to_owned()),
        ] {
            write!(f, "\n{name:>30}:  {value}")?;
        }
        if self.groups.is_empty() {
            return write!(f, "\n\n        There are no HA groups.");
        }
        self.groups.iter().try_for_each(|group| write!(f, "\n\n\n{group}"))
    }
}

impl fmt::Display for ListedGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n\n", self.group)?;
        row(f, ["Slot #", "  Member S/N", "Member Label", "Status"])?;
        row(f, ["======", "  ==========", "============", "======"])?;
        for listed in &self.slots {
            let slot = listed.slot.map_or_else(|| "------".to_owned(), |slot| slot.to_string());
            let label = listed.label.as_deref().unwrap_or("------------");
            row(f, [&slot, &listed.serial, label, listed.status])?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, [slot, serial, label, status]: [&str; 4]) -> fmt::Result {
    write!(f, "\n{slot:>6}  {serial:<22}{label:>24}{status:>10}")
}
