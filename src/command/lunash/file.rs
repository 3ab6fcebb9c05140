//! `my file`: the administrator's file area, from which clients fetch certificates and identities.

use std::fmt;

use clap::Subcommand;
use serde::Serialize;

use super::{Appliance, failure, screen::Success};
use crate::{
    model::{AdminReply, AdminRequest, FileEntry},
    shell::{Console, Failure, Outcome, report, shown},
};

/// The value name of arguments that take a file's name.
pub const NAME: &str = "filename";

/// The `my` commands.
#[derive(Debug, Subcommand)]
pub enum My {
    /// Manages the files
    #[command(subcommand, visible_alias = "f")]
    File(Command),
}

/// The `my file` commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists the files
    #[command(visible_alias = "l")]
    List,
    /// Deletes a file
    #[command(visible_alias = "d")]
    Delete {
        /// The file's name
        #[arg(value_name = NAME, allow_hyphen_values = true)]
        filename: String,
        /// Does not ask for a confirmation
        #[arg(long, visible_alias = "f")]
        force: bool,
    },
}

/// Performs a `my file` command.
pub fn run(command: Command, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
    match command {
        Command::List => report(List(files(appliance)?)),
        Command::Delete { filename, force } => {
            let given = filename.strip_prefix("./").unwrap_or(&filename);
            let names: Vec<_> = entries(appliance)?.into_iter().map(|file| file.name).collect();
            // A name that a screen does not show as it is can be given as it is shown.
            let exact = names.iter().find(|name| *name == given);
            let found = exact.or_else(|| names.iter().find(|name| shown(name) == given));
            let Some(filename) = found.cloned() else {
                return Err(failure::unknown("file", "my file list"));
            };
            let warning = format!(
                "Type 'proceed' to delete the file {}, or\n'quit' to quit now.",
                shown(&filename)
            );
            console.confirm(&warning, force)?;
            appliance.order(&AdminRequest::DeleteFile { name: filename })?;
            report(Success("my file delete"))
        }
    }
}

/// The files, by name, as a screen may show them.
pub fn files(appliance: &mut Appliance) -> Result<Vec<FileEntry>, Failure> {
    let listed = |entry: FileEntry| FileEntry { name: shown(&entry.name).into_owned(), ..entry };
    Ok(entries(appliance)?.into_iter().map(listed).collect())
}

fn entries(appliance: &mut Appliance) -> Result<Vec<FileEntry>, Failure> {
    match appliance.ask(&AdminRequest::Files)? {
        AdminReply::Files(files) => Ok(files),
        _ => Err(failure::unexpected_reply()),
    }
}

/// The screen of `my file list`.
#[derive(Serialize)]
struct List(Vec<FileEntry>);

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return write!(f, "   There are no files.");
        }
        writeln!(f, "   {:>10}   {:<20}   Name", "Bytes", "Changed (UTC)")?;
        for FileEntry { name, size, modified } in &self.0 {
            writeln!(f, "   {size:>10}   {:<20}   {name}", Moment(*modified).to_string())?;
        }
        Ok(())
    }
}

/// Seconds since 1970 UTC, shown as a date and a time of day.
pub struct Moment(pub u64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds) = (self.0 / 86_400, self.0 % 86_400);
        let (year, month, day) = date(days);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

/// The Gregorian date of a number of days since 1970. Years begin in March here, so that the leap
/// day is the last of its year, and 400 years are a cycle of 146097 days.
const fn date(days: u64) -> (u64, u64, u64) {
    let days = days.saturating_add(719_468);
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    (year + cycle * 400, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_868_799, "2000-02-29 23:59:59"),
            (951_868_800, "2000-03-01 00:00:00"),
            (1_709_251_199, "2024-02-29 23:59:59"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ] {
            assert_eq!(Moment(seconds).to_string(), text);
        }
    }
}
