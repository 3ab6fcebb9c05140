//! `audit status`, `archive`, `clear` and `log`: how long the log is, and what has left it.

use std::fmt;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Appliance, audit, failure,
    file::Moment,
    screen::{Sentence, Success},
};
use crate::{
    model::{AdminReply, AdminRequest, ArchiveEntry, ArchiveState, AuditSettings, AuditStatus},
    shell::{Console, Failure, Outcome, report},
};

/// The `audit log` commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists what has left the log
    #[command(visible_alias = "l")]
    List,
    /// Shows the last records
    #[command(visible_alias = "tai")]
    Tail(Tail),
    /// Closes the log into an archive, as 'audit archive' does
    #[command(visible_alias = "tar")]
    Tarlogs,
    /// Deletes archives, as 'audit clear' does
    #[command(visible_alias = "c")]
    Clear(Clear),
    /// Checks the log and its archives, as 'audit verify' does
    #[command(visible_alias = "v")]
    Verify,
}

/// Options of `audit log tail`.
#[derive(Debug, Args)]
pub struct Tail {
    /// How many
    #[arg(long, visible_alias = "e", value_name = "count", default_value_t = 10)]
    pub(super) entries: u32,
}

/// Options of `audit clear`.
#[derive(Debug, Args)]
pub struct Clear {
    /// Does not ask for a confirmation, and deletes the records that are in no archive too
    #[arg(long, visible_alias = "f")]
    force: bool,
}

/// Performs an `audit log` command.
pub fn run(command: Command, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
    match command {
        Command::List => report(List(state(appliance)?.archives)),
        Command::Tail(options) => audit::tail(options.entries, appliance),
        Command::Tarlogs => archive("audit log tarlogs", appliance),
        Command::Clear(options) => options.run("audit log clear", appliance, console),
        Command::Verify => audit::verify(appliance),
    }
}

/// Closes the log into an archive.
pub fn archive(command: &'static str, appliance: &mut Appliance) -> Outcome {
    match appliance.ask(&AdminRequest::ArchiveAudit)? {
        AdminReply::File(name) => report(Sentence(format!(
            "'{command}' successful.\n\nThe archive {name} is among your files: see 'my file list'."
        ))),
        AdminReply::Done => {
            report(Sentence("The audit log holds no record to archive.".to_owned()))
        }
        _ => Err(failure::unexpected_reply()),
    }
}

impl Clear {
    pub(super) fn run(
        &self,
        command: &'static str,
        appliance: &mut Appliance,
        console: &mut dyn Console,
    ) -> Outcome {
        let state = state(appliance)?;
        let archives = state.archives.iter().filter(|archive| archive.file.is_some()).count();
        if archives == 0 && !self.force {
            return Err(failure::bad_arguments(
                "the audit log has no archive that could be deleted",
            )
            .remedy(
                "Make one with 'audit archive', or use -force to delete the records themselves.",
            ));
        }
        let warning = format!(
            "The {archives} archive(s) of the audit log will be deleted from your files. Copy them first.\n\n\
             Type 'proceed' to delete them, or 'quit'\nto quit now."
        );
        console.confirm(&warning, self.force)?;
        appliance.order(&AdminRequest::ClearAudit { records: self.force })?;
        report(Success(command))
    }
}

/// Shows the state of the log.
pub fn status(appliance: &mut Appliance) -> Outcome {
    report(State(state(appliance)?))
}

fn state(appliance: &mut Appliance) -> Result<AuditStatus, Failure> {
    match appliance.ask(&AdminRequest::AuditStatus)? {
        AdminReply::AuditStatus(status) => Ok(*status),
        _ => Err(failure::unexpected_reply()),
    }
}

/// The screen of `audit status`.
#[derive(Serialize)]
struct State(AuditStatus);

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AuditStatus { first, last, bytes, archived_bytes, share, settings, archives } = &self.0;
        if first > last {
            writeln!(f, "Records:               none")?;
        } else {
            writeln!(f, "Records:               {first} to {last}")?;
        }
        writeln!(f, "Size:                  {} KiB", bytes.div_ceil(1 << 10))?;
        writeln!(f, "Closed into archives:  at {}, {}", Size(settings.size), settings.rotation)?;
        let kept = archives.iter().filter(|archive| archive.file.is_some()).count();
        let archived = archived_bytes.div_ceil(1 << 10);
        writeln!(f, "Archives:              {kept}, {archived} KiB among your files")?;
        write!(f, "Ceiling:               {}, {share} % taken", Size(settings.ceiling))?;
        if *share >= AuditSettings::WARNING {
            write!(
                f,
                "\n\nWarning:  The audit log is filling up. Copy the archives from your files, and delete\n          them with 'audit clear'."
            )?;
        }
        Ok(())
    }
}

/// The screen of `audit log list`.
#[derive(Serialize)]
struct List(Vec<ArchiveEntry>);

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("No record has left the audit log.");
        }
        write_archives(f, &self.0)
    }
}

/// Ranges of records, one in a line.
pub fn write_archives(f: &mut fmt::Formatter<'_>, archives: &[ArchiveEntry]) -> fmt::Result {
    for (at, ArchiveEntry { first, last, time, file, state }) in archives.iter().enumerate() {
        if at > 0 {
            writeln!(f)?;
        }
        write!(f, "Records {first} to {last}: ")?;
        match state {
            ArchiveState::Cleared => write!(f, "cleared {} UTC", Moment(*time))?,
            ArchiveState::There => write!(f, "{}", name(file.as_deref()))?,
            ArchiveState::Whole => write!(f, "{}, whole", name(file.as_deref()))?,
            ArchiveState::Absent => write!(f, "{}, not among your files", name(file.as_deref()))?,
            ArchiveState::Broken { record } => {
                write!(f, "{}, broken from record {record} on", name(file.as_deref()))?;
            }
        }
    }
    Ok(())
}

fn name(file: Option<&str>) -> &str {
    file.unwrap_or_default()
}

/// Bytes, in the largest unit that divides them; with `k` and `m` as the command takes them.
pub struct Size(pub u64);

impl Size {
    /// Reads a number of bytes, with `k` for KiB or `m` for MiB behind it.
    pub fn parse(text: &str) -> Option<u64> {
        let text = text.trim().to_ascii_lowercase();
        let (digits, unit) = match text.strip_suffix('k') {
            Some(digits) => (digits, 1 << 10),
            None => match text.strip_suffix('m') {
                Some(digits) => (digits, 1 << 20),
                None => (text.as_str(), 1),
            },
        };
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u64>().ok().filter(|_| plain)?.checked_mul(unit)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes > 0 && bytes.is_multiple_of(1 << 20) => write!(f, "{} MiB", bytes >> 20),
            bytes if bytes > 0 && bytes.is_multiple_of(1 << 10) => write!(f, "{} KiB", bytes >> 10),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        for (text, bytes) in [("4096k", 4 << 20), ("16M", 16 << 20), ("16384", 16384)] {
            assert_eq!(Size::parse(text), Some(bytes));
        }
        for text in ["", "k", "-1", "1g", "+1k", "99999999999999999999", "18446744073709551615m"] {
            assert_eq!(Size::parse(text), None, "{text}");
        }
        assert_eq!(Size(16 << 20).to_string(), "16 MiB");
        assert_eq!(Size(1025).to_string(), "1025 bytes");
    }
}
