//! Groups as LunaCM shows them.

use std::fmt;

use serde::Serialize;

use crate::client::ha::Group;

/// The facts of a group, their colons in one column.
#[derive(Debug, Serialize)]
pub(super) struct GroupScreen {
    label: String,
    number: String,
    synchronization: bool,
    members: Vec<String>,
    needs_sync: Option<bool>,
    standby_members: Vec<String>,
    #[serde(skip)]
    width: usize,
}

impl GroupScreen {
    /// The screen of a group; whether objects are missing somewhere, if that is known. The colons
    /// stand behind `width` columns.
    pub(super) fn new(group: &Group, needs_sync: Option<bool>, width: usize) -> Self {
        let texts = |serials: &[crate::model::SerialNumber]| {
            serials.iter().map(ToString::to_string).collect()
        };
        Self {
            label: group.label.clone(),
            number: group.number.to_string(),
            synchronization: group.synchronize,
            members: texts(&group.members),
            needs_sync,
            standby_members: texts(&group.standby),
            width,
        }
    }
}

impl fmt::Display for GroupScreen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let none = "<none>".to_owned();
        let standby = self.standby_members.join(", ");
        let sync = match self.needs_sync {
            None => "unknown",
            Some(true) => "yes",
            Some(false) => "no",
        };
        let lines = [
            ("HA Group Label", self.label.clone()),
            ("HA Group Number", self.number.clone()),
            ("HA Group Slot ID", none.clone()),
            ("Synchronization", enabled(self.synchronization).to_owned()),
            ("Group Members", self.members.join(", ")),
            ("Needs sync", sync.to_owned()),
            ("Standby Members", if standby.is_empty() { none } else { standby }),
        ];
        let width = self.width;
        for (at, (name, value)) in lines.iter().enumerate() {
            let end = if at == 0 { "" } else { "\n" };
            write!(f, "{end}{name:>width$}:  {value}")?;
        }
        Ok(())
    }
}

/// `enabled` or `disabled`.
pub(super) const fn enabled(on: bool) -> &'static str {
    if on { "enabled" } else { "disabled" }
}

/// A sentence, and the group it is about.
#[derive(Debug, Serialize)]
pub(super) struct Changed {
    #[serde(skip)]
    pub(super) sentence: String,
    #[serde(flatten)]
    pub(super) group: GroupScreen,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n        {}\n        Group configuration is:\n\n{}", self.sentence, self.group)
    }
}
