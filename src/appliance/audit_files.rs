//! The files of audit archives, in the administrator's file area.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use super::data::DataDirectory;
use crate::{
    hsm::{AdminSession, Hsm},
    model::{ArchiveEntry, ArchiveState, AuditCheck, AuditQuery, AuditRecord, AuditStatus, Status},
    store::{AuditArchive, AuditRow, LinkedAuditRow, NumberedAuditRow},
    wire::{ARCHIVE_TITLE, ArchivedRecord, MAXIMUM_ARCHIVE_LINE},
};

/// What keeps the archives.
#[derive(Debug)]
pub(super) struct AuditFiles {
    hsm: Arc<Hsm>,
    data: Arc<DataDirectory>,
    /// Held while an archive is written or deleted.
    turn: Mutex<()>,
}

impl AuditFiles {
    pub(super) fn new(hsm: Arc<Hsm>, data: Arc<DataDirectory>) -> Self {
        Self { hsm, data, turn: Mutex::default() }
    }

    /// Closes the log into an archive, and returns its name; none if the log has no record. First
    /// the file is written, then its records are taken out of the log: whatever ends the process
    /// between the two leaves a file that the next archive replaces.
    ///
    /// # Errors
    /// The administrator who asks may not, or a file or the store cannot be written; no record is
    /// lost.
    pub(super) fn archive(&self, asks: Option<&AdminSession>) -> Result<Option<String>, Status> {
        asks.map_or(Ok(()), |session| self.hsm.may_keep_audit(session))?;
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, last) = self.hsm.audit_range()?;
        if start == last {
            return Ok(None);
        }
        let name = format!("audit-{}-{last}.log", start + 1);
        let bytes = self.write(&name, (start, last))?;
        if !self.hsm.close_audit(asks, (start, last), (name.clone(), bytes))? {
            let _ = fs::remove_file(self.path(&name));
            return Err(Status::FunctionRejected);
        }
        tracing::info!(name, "the audit log was closed into an archive");
        self.measure()?;
        Ok(Some(name))
    }

    /// Closes the log if that is due.
    pub(super) fn rotate(&self) -> Result<(), Status> {
        if self.hsm.is_rotation_due()? {
            self.archive(None)?;
        }
        Ok(())
    }

    /// Measures what the log and the archives in the file area take.
    pub(super) fn measure(&self) -> Result<(), Status> {
        let archives = self.hsm.audit_archives()?;
        let size = |file: &String| fs::metadata(self.path(file)).map_or(0, |facts| facts.len());
        let bytes = archives.iter().filter_map(|archive| archive.file.as_ref()).map(size).sum();
        self.hsm.measured_archives(bytes);
        self.hsm.measure_audit()
    }

    /// Deletes the archives from the file area, and the records of the log too if `records` says so.
    pub(super) fn clear(&self, session: &AdminSession, records: bool) -> Result<(), Status> {
        self.hsm.may_keep_audit(session)?;
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let archives = self.hsm.audit_archives()?;
        // Who cleared them is on record before they are gone.
        self.hsm.clear_audit(session, records)?;
        for file in archives.into_iter().filter_map(|archive| archive.file) {
            match fs::remove_file(self.path(&file)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::error!(file, %error, "an archive of the audit log is left behind");
                }
                _ => {}
            }
        }
        self.measure()
    }

    /// How long the log is, and what has left it.
    pub(super) fn status(&self) -> Result<AuditStatus, Status> {
        self.measure()?;
        let (start, last) = self.hsm.audit_range()?;
        let (bytes, archived_bytes, share) = self.hsm.audit_room();
        let archives = self.hsm.audit_archives()?;
        let archives = archives.into_iter().map(|archive| {
            let state = self.state(&archive, |_| ArchiveState::There);
            entry(archive, state)
        });
        Ok(AuditStatus {
            first: start + 1,
            last,
            bytes,
            archived_bytes,
            share,
            settings: self.hsm.audit_settings(),
            archives: archives.collect(),
        })
    }

    /// Checks the log and every archive that is in the file area.
    pub(super) fn check(&self) -> Result<AuditCheck, Status> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let check = self.hsm.check_audit()?;
        let archives = self.hsm.audit_archives()?.into_iter().map(|archive| {
            let state = self.state(&archive, |file| {
                match self.hsm.check_archived(&archive, records(file)) {
                    None => ArchiveState::Whole,
                    Some(record) => ArchiveState::Broken { record },
                }
            });
            entry(archive, state)
        });
        Ok(AuditCheck { archives: archives.collect(), ..check })
    }

    /// Records of an archive.
    pub(super) fn read(
        &self,
        session: &AdminSession,
        (name, query): (&str, &AuditQuery),
    ) -> Result<Vec<AuditRecord>, Status> {
        self.hsm.may_keep_audit(session)?;
        let archives = self.hsm.audit_archives()?;
        let known = archives.iter().any(|archive| archive.file.as_deref() == Some(name));
        let file = known.then(|| self.open(name)).ok_or(Status::ObjectHandleInvalid)?;
        let file = file.map_err(|_| Status::ObjectHandleInvalid)?;
        self.hsm.read_archived(session, query, records(file))
    }

    fn state(
        &self,
        archive: &AuditArchive,
        there: impl FnOnce(File) -> ArchiveState,
    ) -> ArchiveState {
        let Some(name) = &archive.file else { return ArchiveState::Cleared };
        self.open(name).map_or(ArchiveState::Absent, there)
    }

    /// Opens an archive, and nothing that a link leads to.
    fn open(&self, name: &str) -> io::Result<File> {
        let file = fs::OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(self.path(name))?;
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    /// Writes a range of records; the file's size.
    fn write(&self, name: &str, range: (u64, u64)) -> Result<u64, Status> {
        let new = self.data.files().join(format!(".{name}.new"));
        let written = self.write_new(&new, range).and_then(|bytes| {
            fs::rename(&new, self.path(name)).map_err(disk)?;
            File::open(self.data.files()).and_then(|area| area.sync_all()).map_err(disk)?;
            Ok(bytes)
        });
        if written.is_err() {
            // The first error is the one to tell.
            let _ = fs::remove_file(&new);
        }
        written
    }

    fn write_new(&self, path: &PathBuf, range: (u64, u64)) -> Result<u64, Status> {
        // Left behind by a process that ended in between.
        let _ = fs::remove_file(path);
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(path).map_err(disk)?;
        let mut out = BufWriter::new(file);
        writeln!(out, "{ARCHIVE_TITLE}").map_err(disk)?;
        self.hsm.each_audit_row(range, |row| {
            let LinkedAuditRow { record: NumberedAuditRow { sequence, row }, mac } = row;
            let AuditRow { time, partition, sealed } = row;
            let record = ArchivedRecord { sequence, time, partition, sealed, mac };
            writeln!(out, "{}", record.to_line()).map_err(disk)
        })?;
        let file = out.into_inner().map_err(|error| disk(error.into_error()))?;
        file.sync_all().map_err(disk)?;
        file.metadata().map(|facts| facts.len()).map_err(disk)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.data.files().join(name)
    }
}

/// The records of an archive; nothing in place of one that cannot be read.
fn records(file: File) -> impl Iterator<Item = Option<LinkedAuditRow>> {
    let mut input = BufReader::new(file);
    let mut ended = !matches!(line(&mut input), Some(Some(title)) if title == ARCHIVE_TITLE);
    let mut faulty = ended;
    std::iter::from_fn(move || {
        if std::mem::take(&mut faulty) {
            return Some(None);
        }
        if ended {
            return None;
        }
        let line = line(&mut input)?;
        let record = line.as_deref().and_then(ArchivedRecord::from_line);
        // Where a line ends that is none is anybody's guess.
        ended = record.is_none();
        Some(record.map(linked))
    })
}

/// The next line without its end; nothing in it if it is too long, no text, or has no end.
#[allow(clippy::option_option, reason = "the end, and a line that is none")]
fn line(input: &mut impl BufRead) -> Option<Option<String>> {
    let mut line = Vec::new();
    let longest = u64::try_from(MAXIMUM_ARCHIVE_LINE).unwrap_or(u64::MAX);
    match input.take(longest).read_until(b'\n', &mut line) {
        Ok(0) => None,
        Ok(_) if line.pop() == Some(b'\n') => Some(String::from_utf8(line).ok()),
        Ok(_) | Err(_) => Some(None),
    }
}

fn linked(record: ArchivedRecord) -> LinkedAuditRow {
    let ArchivedRecord { sequence, time, partition, sealed, mac } = record;
    let row = AuditRow { time, partition, sealed };
    LinkedAuditRow { record: NumberedAuditRow { sequence, row }, mac }
}

fn entry(archive: AuditArchive, state: ArchiveState) -> ArchiveEntry {
    let AuditArchive { first, last, time, file, .. } = archive;
    ArchiveEntry { first, last, time, file, state }
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn disk(error: io::Error) -> Status {
    tracing::error!(%error, "an archive of the audit log cannot be written");
    Status::DeviceError
}
