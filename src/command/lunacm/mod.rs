//! The commands of `lunacm`.

mod appid;
mod arguments;
mod candidates;
mod clientconfig;
mod failure;
mod file;
mod hagroup;
mod officer_link;
mod partition;
mod role;
mod role_name;
mod session;
mod slot;
mod stc;
mod stcconfig;
mod table;

use clap::{Parser, Subcommand};

pub use self::{arguments::Arguments, session::Session};

use self::failure::unavailable;
use super::unavailable::Unavailable;

use crate::shell::{
    Console, Failure, Interrupts, Manual, Matching, Outcome, Program, Results, Style,
};

/// One line of LunaCM.
#[derive(Debug, Parser)]
#[command(name = "lunacm")]
pub struct Line {
    #[command(subcommand)]
    family: Family,
}

#[derive(Debug, Subcommand)]
enum Family {
    /// Client configuration commands
    #[command(subcommand, visible_alias = "ccfg")]
    Clientconfig(clientconfig::Command),
    /// Application ID commands
    #[command(subcommand, visible_alias = "a")]
    Appid(appid::Command),
    /// HA group commands
    #[command(subcommand, visible_alias = "ha")]
    Hagroup(hagroup::Command),
    /// File commands
    #[command(subcommand, visible_alias = "f")]
    File(file::Command),
    /// Partition commands
    #[command(subcommand, visible_alias = "par")]
    Partition(partition::Command),
    /// Role commands
    #[command(subcommand, visible_alias = "ro")]
    Role(role::Command),
    /// Slot commands
    #[command(subcommand, visible_alias = "s")]
    Slot(slot::Command),
    /// Secure Trusted Channel commands of this client
    #[command(subcommand)]
    Stc(stc::Command),
    /// Secure Trusted Channel commands of the partition
    #[command(subcommand, visible_alias = "stcc")]
    Stcconfig(stcconfig::Command),
    /// HSM commands (on the appliance: lunash hsm)
    #[command(visible_alias = "h")]
    Hsm(Unavailable),
    /// Audit commands (not on a network client)
    #[command(visible_alias = "au")]
    Audit(Unavailable),
    /// PED commands (not in software)
    #[command(visible_alias = "p")]
    Ped(Unavailable),
    /// Remote backup commands (not in software)
    #[command(visible_alias = "rb")]
    Remotebackup(Unavailable),
    /// Secure Transport Mode commands (not in software)
    Stm(Unavailable),
    /// Old name of Secure Transport Mode (not in software)
    #[command(hide = true)]
    Srk(Unavailable),
}

/// LunaCM as its shell runs it.
pub struct Lunacm {
    session: Session,
    style: Style,
    quiet: bool,
    interrupts: Interrupts,
}

impl Lunacm {
    /// LunaCM over a session that these interrupts leave; a quiet one shows no banner.
    pub const fn new(session: Session, quiet: bool, interrupts: Interrupts) -> Self {
        Self { session, style: STYLE, quiet, interrupts }
    }

    /// The banner and the slots, as shown at the start and after a restart.
    fn greeting(&self) -> String {
        format!("{}\n\n\n{}", banner_line(), self.session.listing())
    }
}

impl Program for Lunacm {
    type Line = Line;

    fn style(&self) -> &Style {
        &self.style
    }

    fn prompt(&self) -> String {
        "lunacm:>".to_owned()
    }

    fn banner(&mut self) -> Option<String> {
        (!self.quiet).then(|| self.greeting())
    }

    fn run(&mut self, line: Line, console: &mut dyn Console) -> Outcome {
        let session = &mut self.session;
        session.begin()?;
        match line.family {
            Family::Clientconfig(command) => command.run(session, console),
            Family::Appid(command) => command.run(session),
            Family::File(command) => command.run(session),
            Family::Hagroup(command) => command.run(session, console),
            Family::Partition(command) => command.run(session, console),
            Family::Role(command) => command.run(session, console),
            Family::Slot(command) => command.run(session),
            Family::Stc(command) => command.run(session, console),
            Family::Stcconfig(command) => command.run(session, console),
            Family::Hsm(_) => unavailable(
                "a network client has no slot with the HSM's administrative partition",
                "The HSM SO uses lunash on the appliance: hsm show, hsm login, hsm changePolicy.",
            ),
            Family::Audit(_) => unavailable(
                "the Auditor works at an HSM's administrative partition, which no client has a slot of",
                "The appliance's administrator reads the daemon's log.",
            ),
            Family::Ped(_) => unavailable(
                "software has no PED, and no PED can be connected to it",
                "Roles have passwords: role login.",
            ),
            Family::Remotebackup(_) => unavailable(
                "software has no backup HSM that could be shared with other machines",
                "Back a partition up into a file: partition archive backup.",
            ),
            Family::Stm(_) | Family::Srk(_) => unavailable(
                "software is not shipped in a box: it has no tamper sensors and no transport mode",
                "Compare a partition's hash on both sides instead: stc identityshow.",
            ),
        }
    }

    fn afterword(&mut self) -> Option<String> {
        self.session.take_restarted().then(|| self.greeting())
    }

    fn interrupts(&self) -> Option<&Interrupts> {
        Some(&self.interrupts)
    }

    fn candidates(&self, kind: &str) -> Vec<String> {
        self.session.candidates(kind)
    }
}

/// The manual of the program.
pub fn manual() -> Manual {
    Manual::of_shell::<Arguments, Line>(&STYLE)
}

const STYLE: Style = Style {
    matching: Matching::Exact,
    indent: 8,
    success: Some("Command Result : No Error"),
    proceed: "Type 'proceed' to continue, or 'quit' to quit now ->",
    results: Results {
        unknown_command: "0x1 (Unknown command)",
        wrong_use: "0x7 (CKR_ARGUMENTS_BAD)",
        cancelled: "0xb (User Cancelled Operation)",
    },
    failure: closing,
    exits: true,
};

/// The error lines and the result line of a failed command.
fn closing(_: &str, failure: &Failure) -> String {
    let cause = failure.cause.trim_end_matches('.');
    let remedy = failure.remedy.as_ref().map(|remedy| format!("\n{remedy}")).unwrap_or_default();
    format!("Error in execution: {cause}.{remedy}\n\nCommand Result : {}", failure.result)
}

/// The banner's line, in LunaCM's form with our own name to it.
fn banner_line() -> String {
    format!(
        "lunacm (64-bit) v{}. Copyright (c) 2026 the lunacm authors. All rights reserved.",
        env!("CARGO_PKG_VERSION")
    )
}
