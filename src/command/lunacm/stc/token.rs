//! `stc tokenlist` and `stc tokeninit`.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::super::{Session, failure::failure, session::token_failure, table::Table};
use crate::{
    crypto::SystemRandom,
    model::{Label, Status},
    shell::{Console, Outcome, report},
};

#[derive(Debug, Args)]
pub struct TokenList {}

impl TokenList {
    /// Lists the token, initialized or not.
    #[allow(clippy::unused_self, reason = "every command acts on its arguments")]
    pub(super) fn run(&self, session: &Session) -> Outcome {
        let token = session.token()?.description().map_err(|e| token_failure(&e))?;
        report(match token {
            Some(token) => TokenListReport {
                label: Some(token.label.to_string()),
                serial: Some(token.serial.to_string()),
                initialized: true,
            },
            None => TokenListReport { label: None, serial: None, initialized: false },
        })
    }
}

#[derive(Debug, Args)]
pub struct TokenInit {
    /// The token's label
    #[arg(long, visible_alias = "l", value_name = "token_label")]
    label: String,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl TokenInit {
    /// Initializes the token. One that is initialized already loses its identity and its
    /// registered partitions, after a confirmation.
    pub(super) fn run(&self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let label: Label = self.label.parse().map_err(|error| {
            failure(Status::ArgumentsBad, format_args!("the token label is not permitted: {error}"))
        })?;
        let mut token = session.token()?;
        let present = token.description().map_err(|e| token_failure(&e))?;
        if let Some(present) = present {
            let identity = token.identity().map_err(|e| token_failure(&e))?;
            let mut warning =
                vec![format!("The client token '{}' is already initialized.", present.label)];
            warning.push(match identity {
                Some(identity) => format!(
                    "Initializing it again destroys the client identity '{}' and all registered\npartitions; every STC link of this client will be lost.",
                    identity.label
                ),
                None => "Initializing it again removes all registered partitions.".to_owned(),
            });
            console.confirm(&warning.join("\n"), self.force)?;
        }
        token.initialize(&label, &mut SystemRandom::new()).map_err(|e| token_failure(&e))?;
        session.drop_links();
        report(TokenInitReport { label })
    }
}

#[derive(Debug, Serialize)]
struct TokenListReport {
    label: Option<String>,
    serial: Option<String>,
    initialized: bool,
}

impl fmt::Display for TokenListReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table =
            Table::new(&["Token Slot ID", "Token Label", "Serial Number", "Initialized"]);
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        table.row([
            "1".to_owned(),
            text(&self.label),
            text(&self.serial),
            if self.initialized { "Yes" } else { "No" }.to_owned(),
        ]);
        write!(f, "\n{table}")
    }
}

#[derive(Debug, Serialize)]
struct TokenInitReport {
    label: Label,
}

impl fmt::Display for TokenInitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n        Successfully initialized the client token.")
    }
}
