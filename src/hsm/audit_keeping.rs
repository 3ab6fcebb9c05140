//! How the audit log is kept: its settings, and the ranges of records that leave it.
//!
//! The files are the appliance's. What stands here decides who may have them written, which records
//! go into them, and whether they are whole.

use super::{AdminSession, Hsm, audit::appliance_entry, fault, wait};
use crate::{
    model::{
        AuditAct, AuditDetail, AuditQuery, AuditRecord, AuditSetting, AuditSettings, Rotation,
        Status,
    },
    store::{
        ApplianceStore, AuditArchive, AuditClosing, LinkedAuditRow, NumberedAuditRow, StoreError,
    },
};

const ROTATION: &str = "audit rotation";
const SIZE: &str = "audit size";
const CEILING: &str = "audit ceiling";

/// Records read from the store at a time.
const PAGE: u32 = 500;

/// How the log is kept, as the store has it.
pub(super) fn stored_settings(store: &dyn ApplianceStore) -> Result<AuditSettings, StoreError> {
    let default = AuditSettings::default();
    let bytes = |name, default: u64| match store.setting(name)? {
        Some(value) => value.parse().map_err(|_| StoreError::Row("setting")),
        None => Ok(default),
    };
    let rotation: Option<Result<Rotation, _>> = store.setting(ROTATION)?.map(|value| value.parse());
    let rotation = rotation.transpose().map_err(|_| StoreError::Row("setting"))?;
    Ok(AuditSettings {
        rotation: rotation.unwrap_or_default(),
        size: bytes(SIZE, default.size)?,
        ceiling: bytes(CEILING, default.ceiling)?,
    })
}

impl Hsm {
    /// How the log is kept. Answers from memory.
    pub fn audit_settings(&self) -> AuditSettings {
        self.audit.settings()
    }

    /// Sets how the log is kept.
    ///
    /// # Errors
    /// The HSM SO is not logged in, the values do not fit each other ([`Status::ArgumentsBad`]), or
    /// the store cannot be written.
    pub fn keep_audit(&self, session: &AdminSession, setting: AuditSetting) -> Result<(), Status> {
        let _turn = wait(&self.turn);
        self.check_auditor(session)?;
        let before = self.audit.settings();
        let (name, value, after) = match setting {
            AuditSetting::Rotation(rotation) => {
                (ROTATION, rotation.to_string(), AuditSettings { rotation, ..before })
            }
            AuditSetting::Size(size) => (SIZE, size.to_string(), AuditSettings { size, ..before }),
            AuditSetting::Ceiling(ceiling) => {
                (CEILING, ceiling.to_string(), AuditSettings { ceiling, ..before })
            }
        };
        if !after.is_sound() {
            return Err(Status::ArgumentsBad);
        }
        self.store.set_setting(name, &value).map_err(fault)?;
        self.audit.set(after);
        tracing::info!(?after, "keeping of the audit log changed");
        Ok(())
    }

    /// The numbers of the record before the first one in the log, and of the last one.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn audit_range(&self) -> Result<(u64, u64), Status> {
        let extent = self.store.audit_extent().map_err(fault)?;
        Ok((extent.start, extent.last))
    }

    /// What the log, its archives, and both together take: bytes, bytes, and percents of the
    /// ceiling.
    pub fn audit_room(&self) -> (u64, u64, u64) {
        (self.audit.bytes(), self.audit.archived(), self.audit.share())
    }

    /// Whether the log is to be closed now: it has its size, or is older than its last time of
    /// rotation.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn is_rotation_due(&self) -> Result<bool, Status> {
        let settings = self.audit.settings();
        if self.audit.bytes() >= settings.size {
            return Ok(true);
        }
        let Some(due) = settings.rotation.last_due((self.now)()) else { return Ok(false) };
        let extent = self.store.audit_extent().map_err(fault)?;
        Ok(extent.since.is_some_and(|since| since < due))
    }

    /// Whether this session may have the log closed and cleared.
    ///
    /// # Errors
    /// The HSM SO is not logged in.
    pub fn may_keep_audit(&self, session: &AdminSession) -> Result<(), Status> {
        self.check_auditor(session)
    }

    /// Gives each record behind a number up to another to `each`, as it is stored.
    ///
    /// # Errors
    /// The store cannot be read, or those of `each`.
    pub fn each_audit_row(
        &self,
        (start, last): (u64, u64),
        mut each: impl FnMut(LinkedAuditRow) -> Result<(), Status>,
    ) -> Result<(), Status> {
        let mut after = start;
        while after < last {
            let page = self.store.linked_audit(after, PAGE).map_err(fault)?;
            let Some(end) = page.last() else { return Err(Status::DeviceError) };
            after = end.record.sequence;
            page.into_iter().filter(|row| row.record.sequence <= last).try_for_each(&mut each)?;
        }
        Ok(())
    }

    /// Takes a range of records out of the log that is in a file now, and records that; `session`
    /// is the administrator's who asked for it, none if the appliance did it by itself. `false` if
    /// the log begins elsewhere by now.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    pub fn close_audit(
        &self,
        session: Option<&AdminSession>,
        (start, last): (u64, u64),
        (file, bytes): (String, u64),
    ) -> Result<bool, Status> {
        let detail = AuditDetail::Archived { first: start + 1, last, file: file.clone() };
        let closing = AuditClosing {
            start,
            last,
            time: (self.now)(),
            file: Some((file, bytes)),
            forget: false,
        };
        self.close(session, (AuditAct::ArchiveAudit, detail), &closing)
    }

    /// Notes that the archives are gone, and deletes the records in the log too if `records` says
    /// so. The end of the chain stays: what is recorded from now on goes on from there.
    ///
    /// # Errors
    /// The HSM SO is not logged in, or the store cannot be written; nothing has changed.
    pub fn clear_audit(&self, session: &AdminSession, records: bool) -> Result<(), Status> {
        self.check_auditor(session)?;
        let (start, end) = self.audit_range()?;
        let last = if records { end } else { start };
        let closing = AuditClosing { start, last, time: (self.now)(), file: None, forget: true };
        let first = self.audit_archives()?.into_iter().find(|archive| archive.file.is_some());
        let first = first.map_or(start + 1, |archive| archive.first);
        let detail = AuditDetail::Cleared { first, last };
        if self.close(Some(session), (AuditAct::ClearAudit, detail), &closing)? {
            Ok(())
        } else {
            // Somebody else closed it in this moment.
            Err(Status::FunctionRejected)
        }
    }

    fn close(
        &self,
        session: Option<&AdminSession>,
        (act, detail): (AuditAct, AuditDetail),
        closing: &AuditClosing,
    ) -> Result<bool, Status> {
        let mut entry = match session {
            Some(session) => self.administrator_entry(session, act, Status::Ok),
            None => appliance_entry(act, None),
        };
        entry.detail = Some(detail);
        let record = self.record(None, &entry)?;
        let closed = self.store.close_audit(closing, &record).map_err(fault)?;
        self.measure_audit()?;
        Ok(closed)
    }

    /// The ranges of records that have left the log, by number.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn audit_archives(&self) -> Result<Vec<AuditArchive>, Status> {
        self.store.audit_archives().map_err(fault)
    }

    /// Notes what the archives in the file area take, in bytes.
    pub fn measured_archives(&self, bytes: u64) {
        self.audit.measured_archives(bytes);
        self.warn_of_share();
    }

    /// Measures the log.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn measure_audit(&self) -> Result<(), Status> {
        self.audit.measured(self.store.audit_extent().map_err(fault)?.bytes);
        self.warn_of_share();
        Ok(())
    }

    /// The number of the first record of an archive that is missing, altered or out of place; a
    /// record that cannot be read is none.
    pub fn check_archived(
        &self,
        archive: &AuditArchive,
        records: impl Iterator<Item = Option<LinkedAuditRow>>,
    ) -> Option<u64> {
        let (mut before, mut number) = (archive.before.clone(), archive.first);
        for row in records {
            let holds = row.filter(|row| {
                row.record.sequence == number
                    && number <= archive.last
                    && self.store.audit_mac(&before, &row.record) == row.mac
            });
            let Some(row) = holds else { return Some(number) };
            (before, number) = (row.mac, number + 1);
        }
        let whole = number == archive.last + 1 && before == archive.mac;
        (!whole).then_some(number)
    }

    /// Records of an archive.
    ///
    /// # Errors
    /// The HSM SO is not logged in, or there is no such partition.
    pub fn read_archived(
        &self,
        session: &AdminSession,
        query: &AuditQuery,
        records: impl Iterator<Item = Option<LinkedAuditRow>>,
    ) -> Result<Vec<AuditRecord>, Status> {
        self.check_auditor(session)?;
        let mut records = records.flatten().map(|row| row.record);
        let most = usize::try_from(PAGE).unwrap_or(usize::MAX);
        self.found(query, |after, partition| {
            let behind = |record: &NumberedAuditRow| {
                let about = partition.is_none_or(|serial| record.row.partition == Some(serial));
                record.sequence > after && about
            };
            Ok(records.by_ref().filter(behind).take(most).collect())
        })
    }
}
