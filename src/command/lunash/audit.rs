//! `audit`: who did what to keys, roles and rules, and whether the log is whole.

use std::{fmt, str::FromStr};

use clap::{Args, Subcommand};
use serde::Serialize;
use time::{
    Date, OffsetDateTime, PrimitiveDateTime, Time, format_description::well_known::Rfc3339,
    macros::format_description,
};

use super::{
    Appliance,
    audit_config::Config,
    audit_log::{self, Clear},
    failure, partition, syslog,
};
use crate::{
    model::{
        AdminReply, AdminRequest, ArchiveState, AuditCheck, AuditObject, AuditQuery, AuditRecord,
        Label, Status,
    },
    shell::{Console, Failure, Foreign, Outcome, report},
};

/// The `audit` commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows records of the audit log
    #[command(visible_alias = "s")]
    Show(Show),
    /// Checks that no record is missing, altered or out of place, in the log and in its archives, and
    /// that no row of the store was changed from outside
    #[command(visible_alias = "v")]
    Verify,
    /// Shows what is recorded and how the log is kept, or sets it
    #[command(visible_alias = "c")]
    Config(Config),
    /// Shows how long the log is and how much room it has
    #[command(visible_alias = "st")]
    Status,
    /// Closes the log into an archive among your files
    #[command(visible_alias = "ar")]
    Archive,
    /// Deletes the archives from your files
    #[command(visible_alias = "cl")]
    Clear(Clear),
    /// Manages the log and its archives by Luna's names
    #[command(subcommand, visible_alias = "l")]
    Log(audit_log::Command),
    /// Manages the servers that get records, as 'syslog remotehost' does
    #[command(subcommand, visible_alias = "re")]
    Remotehost(syslog::Remotehost),
}

/// Options of `audit show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Only records from this time on: 2026-01-31, or 2026-01-31T18:00:00Z
    #[arg(long, value_name = "time")]
    from: Option<Moment>,
    /// Only records up to this time; a date alone means its end
    #[arg(long, value_name = "time")]
    to: Option<Moment>,
    /// Only records about this partition
    #[arg(long, visible_aliases = ["par", "p"], value_name = partition::NAME)]
    partition: Option<Label>,
    /// Only the last so many records
    #[arg(long, value_name = "count")]
    last: Option<u32>,
    /// Records of this archive among your files
    #[arg(long, value_name = super::file::NAME)]
    file: Option<String>,
}

/// A time as the command takes it, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    from: OffsetDateTime,
    to: OffsetDateTime,
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(moment) = OffsetDateTime::parse(text, &Rfc3339) {
            return Ok(Self { from: moment, to: moment });
        }
        let date = Date::parse(text, format_description!("[year]-[month]-[day]"))
            .map_err(|_| "neither a date like 2026-01-31 nor a time like 2026-01-31T18:00:00Z")?;
        let last = Time::from_hms(23, 59, 59).unwrap_or(Time::MIDNIGHT);
        let at = |time| PrimitiveDateTime::new(date, time).assume_utc();
        Ok(Self { from: at(Time::MIDNIGHT), to: at(last) })
    }
}

/// Performs an `audit` command.
pub fn run(command: Command, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
    match command {
        Command::Show(options) => report(Records(records(options, appliance)?)),
        Command::Verify => verify(appliance),
        Command::Config(options) => options.run(appliance),
        Command::Status => audit_log::status(appliance),
        Command::Archive => audit_log::archive("audit archive", appliance),
        Command::Clear(options) => options.run("audit clear", appliance, console),
        Command::Remotehost(command) => syslog::run(command, appliance, console),
        Command::Log(command) => audit_log::run(command, appliance, console),
    }
}

/// Shows the last records.
pub(super) fn tail(count: u32, appliance: &mut Appliance) -> Outcome {
    let options = Show { from: None, to: None, partition: None, last: Some(count), file: None };
    report(Records(records(options, appliance)?))
}

fn records(options: Show, appliance: &mut Appliance) -> Result<Vec<AuditRecord>, Failure> {
    let seconds = |moment: OffsetDateTime| u64::try_from(moment.unix_timestamp()).unwrap_or(0);
    if let Some(name) = &options.partition {
        partition::named(partition::entries(appliance)?, name)?;
    }
    let mut query = AuditQuery {
        after: 0,
        from: options.from.map(|moment| seconds(moment.from)),
        to: options.to.map(|moment| seconds(moment.to)),
        partition: options.partition,
        last: options.last,
    };
    let mut all = Vec::new();
    loop {
        let query_now = query.clone();
        let request = match &options.file {
            None => AdminRequest::Audit(query_now),
            Some(file) => AdminRequest::AuditArchive { file: file.clone(), query: query_now },
        };
        let records = match appliance.reply(&request)? {
            AdminReply::Audit(records) => records,
            AdminReply::Failed(Status::ObjectHandleInvalid) => {
                return Err(failure::unknown("archive", "audit log list"));
            }
            AdminReply::Failed(status) => return Err(failure::refused(status)),
            _ => return Err(failure::unexpected_reply()),
        };
        let Some(end) = records.last() else { return Ok(all) };
        query.after = end.sequence;
        all.extend(records);
        if query.last.is_some() {
            return Ok(all);
        }
    }
}

/// Checks the log and its archives.
pub(super) fn verify(appliance: &mut Appliance) -> Outcome {
    let AdminReply::Damages(damages) = appliance.ask(&AdminRequest::CheckRows)? else {
        return Err(failure::unexpected_reply());
    };
    if !damages.is_empty() {
        return Err(Failure::new(
            format!("the store was changed from outside: {}", damages.join("; ")),
            failure::result(Status::GeneralError),
        )
        .remedy(
            "What depends on these rows is refused. End lunahsmd, and restore appliance.db and the \
             directory keys together from one copy of the data directory.",
        ));
    }
    let AdminReply::AuditCheck(check) = appliance.ask(&AdminRequest::CheckAudit)? else {
        return Err(failure::unexpected_reply());
    };
    let broken = check.archives.iter().find_map(|archive| match archive.state {
        ArchiveState::Broken { record } => Some((record, archive.file.clone().unwrap_or_default())),
        _ => None,
    });
    if let Some((record, file)) = broken {
        return Err(Failure::new(
            format!("record {record} of the archive {file} is missing, altered or out of place"),
            failure::result(Status::GeneralError),
        )
        .remedy("Records before it are sound. Put a copy of the archive back among your files."));
    }
    match check.broken {
        None => report(Whole(check)),
        Some(number) => Err(Failure::new(
            format!("record {number} of the audit log is missing, altered or out of place"),
            failure::result(Status::GeneralError),
        )
        .remedy("Records before it are sound. Compare the log with a copy of the data directory.")),
    }
}

/// What a sound log says of itself.
#[derive(Serialize)]
struct Whole(AuditCheck);

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The audit log is whole: {} records.", self.0.records)?;
        if self.0.archives.is_empty() {
            return Ok(());
        }
        writeln!(f)?;
        audit_log::write_archives(f, &self.0.archives)
    }
}

/// Records, one below the other.
#[derive(Serialize)]
struct Records(Vec<AuditRecord>);

impl fmt::Display for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("There are no such records.");
        }
        for (at, record) in self.0.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write_record(f, record)?;
        }
        write!(f, "\n\nNumber of records:  {}", self.0.len())
    }
}

fn write_record(f: &mut fmt::Formatter<'_>, record: &AuditRecord) -> fmt::Result {
    let AuditRecord { sequence, time, partition, entry } = record;
    let act = entry.as_ref().map_or("(does not open)", |entry| entry.act.symbol());
    write!(f, "{sequence:>6}  {act:<24}  {}", format_time(*time))?;
    let Some(entry) = entry else { return Ok(()) };
    write!(f, "  {}", entry.outcome.symbol())?;
    write!(f, "\n        by {}", Foreign(&entry.actor))?;
    if let Some(role) = entry.role {
        write!(f, " as {role}")?;
    }
    if let Some(source) = entry.source {
        write!(f, ", {source}")?;
    }
    if let Some(serial) = partition {
        write!(f, ", partition {serial}")?;
    }
    if let Some(detail) = &entry.detail {
        write!(f, "\n        {detail}")?;
    }
    entry.objects.iter().try_for_each(|object| write_object(f, object))
}

/// Seconds since 1970 as a date and a time of day.
fn format_time(seconds: u64) -> String {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    let moment = i64::try_from(seconds).ok();
    let moment = moment.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    let text = moment.and_then(|moment| moment.format(form).ok());
    text.unwrap_or_else(|| seconds.to_string())
}

fn write_object(f: &mut fmt::Formatter<'_>, object: &AuditObject) -> fmt::Result {
    write!(f, "\n        {} ", object.class)?;
    object.ouid.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
    // A label is a client's text: no control character of it reaches the terminal.
    write!(f, " {:?}", object.label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates_or_moments() {
        let day: Moment = "2026-01-31".parse().unwrap();
        assert_eq!(day.to.unix_timestamp() - day.from.unix_timestamp(), 86_399);
        let moment: Moment = "2026-01-31T18:00:00Z".parse().unwrap();
        assert_eq!(moment.from, moment.to);
        assert!("yesterday".parse::<Moment>().is_err());
    }
}
