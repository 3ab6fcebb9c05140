//! What of the audit log is in memory: counts, the time of the last record, and the room left.

use std::sync::{
    PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use super::{Hsm, LinkSession, audit_keeping, audit_sums::Sums};
use crate::{
    model::{AuditAct, AuditEntry, AuditSettings, Role, Status},
    store::{ApplianceStore, StoreError},
};

/// Seconds that a clock may go back without a word: whole seconds are rounded.
const ROUNDING: u64 = 1;

/// What every record needs.
#[derive(Debug)]
pub(super) struct AuditState {
    /// What is counted instead of recorded.
    pub(super) sums: Sums,
    /// How the log is kept.
    settings: RwLock<AuditSettings>,
    /// The time of the last record, in seconds since 1970 UTC.
    latest: AtomicU64,
    /// What the log takes, in bytes.
    bytes: AtomicU64,
    /// What its archives in the file area take, in bytes.
    archived: AtomicU64,
    /// The last percentage that was warned of.
    warned: AtomicU64,
}

impl AuditState {
    /// What the store has.
    pub(super) fn open(store: &dyn ApplianceStore) -> Result<Self, StoreError> {
        let extent = store.audit_extent()?;
        let archived = store.audit_archives()?.iter().map(|archive| archive.bytes).sum();
        Ok(Self {
            sums: Sums::default(),
            settings: RwLock::new(audit_keeping::stored_settings(store)?),
            latest: AtomicU64::new(extent.time),
            bytes: AtomicU64::new(extent.bytes),
            archived: AtomicU64::new(archived),
            warned: AtomicU64::default(),
        })
    }

    /// How many seconds the clock has gone back since the last record. Said once.
    pub(super) fn went_back(&self, now: u64) -> Option<u64> {
        let latest = self.latest.fetch_max(now, Ordering::AcqRel);
        if latest <= now.saturating_add(ROUNDING) {
            return None;
        }
        let said = self.latest.compare_exchange(latest, now, Ordering::AcqRel, Ordering::Acquire);
        said.is_ok().then(|| latest - now)
    }

    /// How the log is kept.
    pub(super) fn settings(&self) -> AuditSettings {
        *self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, settings: AuditSettings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// What the log takes, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    /// What its archives in the file area take, in bytes.
    pub(super) fn archived(&self) -> u64 {
        self.archived.load(Ordering::Acquire)
    }

    /// Counts a record. Until the log is measured again, one that is not written in the end counts
    /// too.
    pub(super) fn grew(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    pub(super) fn measured(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Release);
    }

    pub(super) fn measured_archives(&self, bytes: u64) {
        self.archived.store(bytes, Ordering::Release);
    }

    /// How much of the ceiling is taken, in percent.
    pub(super) fn share(&self) -> u64 {
        self.settings().share(self.bytes().saturating_add(self.archived()))
    }
}

impl Hsm {
    /// Whether the log has room for what somebody did who may repeat it at will.
    pub(super) fn has_room_for(&self, entry: &AuditEntry) -> bool {
        let limit = match entry.role {
            None => AuditSettings::WITHOUT_LOGIN,
            Some(_) => AuditSettings::REFUSALS,
        };
        self.audit.share() < limit
    }

    /// Whether the log has room for what a client does, with this role logged in. What needs no
    /// login leaves half of it to those who have one.
    ///
    /// # Errors
    /// It has none: [`Status::LogFull`].
    pub(super) fn check_audit_room(&self, role: Option<Role>) -> Result<(), Status> {
        let limit = if role.is_some() { 100 } else { AuditSettings::WITHOUT_LOGIN };
        if self.audit.share() < limit { Ok(()) } else { Err(Status::LogFull) }
    }

    /// Whether the log has room for a request over a link, before it is performed. Logging in is
    /// for roles, whoever asks.
    pub(super) fn check_room_for(
        &self,
        session: &LinkSession,
        (act, role): (AuditAct, Option<Role>),
    ) -> Result<(), Status> {
        match act {
            AuditAct::Logout => Ok(()),
            AuditAct::Login => self.check_audit_room(Some(Role::PartitionSo)),
            _ => self.check_audit_room(role.and(self.role_of(session))),
        }
    }

    /// Says in the daemon's log how full the audit log is, once for each step.
    pub(super) fn warn_of_share(&self) {
        let share = self.audit.share();
        let steps =
            [0, AuditSettings::WITHOUT_LOGIN, AuditSettings::WARNING, AuditSettings::REFUSALS, 100];
        let step = steps.into_iter().filter(|step| *step <= share).max().unwrap_or_default();
        if self.audit.warned.swap(step, Ordering::AcqRel) >= step {
            return;
        }
        let remedy =
            "copy its archives from the file area, and delete them with 'audit clear' in lunash";
        match step {
            100 => tracing::error!(
                share,
                remedy,
                "the audit log is full: what clients do that has to be recorded is refused"
            ),
            AuditSettings::REFUSALS => tracing::warn!(
                share,
                remedy,
                "the audit log is nearly full: refusals are only counted"
            ),
            AuditSettings::WARNING => tracing::warn!(share, remedy, "the audit log is filling up"),
            _ => tracing::warn!(
                share,
                remedy,
                "the audit log is half full: clients do nothing without a login that has to be recorded"
            ),
        }
    }
}
