//! Policies as LunaSH lists them.

use std::fmt;

use serde::Serialize;

use crate::model::Destructive;

/// The first column, in characters.
const DESCRIPTION: usize = 51;

/// Capabilities and policies of the HSM or of one partition.
#[derive(Serialize)]
pub struct PolicyTable {
    /// Whose they are, in lines as they stand on the screen.
    #[serde(skip)]
    pub heading: String,
    /// Who changes the policies.
    #[serde(skip)]
    pub officer: &'static str,
    /// What a destructive change erases.
    #[serde(skip)]
    pub erases: &'static str,
    /// What the device can do; left out if empty.
    pub capabilities: Vec<Listed>,
    /// What is in force and can be changed.
    pub policies: Vec<Listed>,
}

/// One line of the table.
#[derive(Serialize)]
pub struct Listed {
    /// The policy's number.
    pub code: u8,
    /// Its text.
    pub description: &'static str,
    /// Its value.
    pub value: u8,
    /// The greatest value it can have: with 1 it is a switch.
    #[serde(skip)]
    pub most: u8,
    /// Which change of it erases.
    #[serde(skip)]
    pub destructive: Option<Destructive>,
}

impl fmt::Display for PolicyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.heading)?;
        if !self.capabilities.is_empty() {
            writeln!(f, "The following capabilities cannot be changed.\n")?;
            writeln!(f, "{:<DESCRIPTION$}Value", "Description")?;
            writeln!(f, "{:<DESCRIPTION$}=====", "===========")?;
            for listed in &self.capabilities {
                let value = match listed.value {
                    0 => "Disallowed".to_owned(),
                    1 => "Allowed".to_owned(),
                    count => count.to_string(),
                };
                writeln!(f, "{:<DESCRIPTION$}{value}", listed.description)?;
            }
            writeln!(f)?;
        }
        writeln!(f, "The following policies may be changed by the {}.", self.officer)?;
        writeln!(f, "Changing a policy marked destructive erases {}.\n", self.erases)?;
        writeln!(f, "{:<DESCRIPTION$}{:<8}{:<8}Destructive", "Description", "Value", "Code")?;
        writeln!(f, "{:<DESCRIPTION$}{:<8}{:<8}===========", "===========", "=====", "====")?;
        for listed in &self.policies {
            let Listed { code, description, .. } = listed;
            let (value, destructive) = (listed.shown(), listed.direction());
            writeln!(f, "{description:<DESCRIPTION$}{value:<8}{code:<8}{destructive}")?;
        }
        Ok(())
    }
}

impl Listed {
    fn shown(&self) -> String {
        match (self.most, self.value) {
            (1, 0) => "Off".to_owned(),
            (1, _) => "On".to_owned(),
            (_, count) => count.to_string(),
        }
    }

    const fn direction(&self) -> &'static str {
        match self.destructive {
            None | Some(Destructive::No) => "No",
            Some(Destructive::OffToOn) => "Off to On",
            Some(Destructive::OnToOff) => "On to Off",
            Some(Destructive::Both) => "Yes",
        }
    }
}
