//! Writers that wait for the disk together.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    AuditArchive, AuditClosing, AuditExtent, AuditRow, AuditStore, AuditWalk, LinkedAuditRow,
    NumberedAuditRow, ObjectChange, ObjectRow, ObjectStore, ObjectWrite, SqliteAppliance,
    StoreError, Written, audit, audit_archive,
    objects::{self, Grouped},
    rows::number,
};
use crate::model::SerialNumber;

/// What waits for the next transaction.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Vec<(Grouped, Arc<Ticket>)>>);

/// Where a waiting writer finds what came of it.
#[derive(Debug, Default)]
struct Ticket(Mutex<Option<Result<Written, StoreError>>>);

impl Ticket {
    fn put(&self, outcome: Result<Written, StoreError>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }

    fn take(&self) -> Option<Result<Written, StoreError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl SqliteAppliance {
    /// Joins the group that waits. Who gets the connection first writes for all that have come
    /// until then; the others find that done when their turn comes.
    pub(super) fn join(&self, write: Grouped) -> Result<Written, StoreError> {
        let ticket = Arc::new(Ticket::default());
        self.waiting().push((write, ticket.clone()));
        let mut connection = self.lock();
        if let Some(outcome) = ticket.take() {
            return outcome;
        }
        let (group, tickets): (Vec<_>, Vec<_>) =
            mem::take(&mut *self.waiting()).into_iter().unzip();
        match objects::write_group(&mut connection, &self.chain, group) {
            Ok(outcomes) => {
                for (ticket, outcome) in tickets.iter().zip(outcomes) {
                    ticket.put(outcome);
                }
            }
            Err(error) => {
                let (text, full) = (error.to_string(), error.is_for_room());
                for ticket in &tickets {
                    ticket.put(Err(StoreError::Group { text: text.clone(), full }));
                }
            }
        }
        drop(connection);
        // Every ticket of the group has been answered, and this writer's was among them.
        ticket.take().unwrap_or(Err(StoreError::Row("group of writers")))
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<(Grouped, Arc<Ticket>)>> {
        self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ObjectStore for SqliteAppliance {
    fn objects(&self, serial: SerialNumber, private: bool) -> Result<Vec<ObjectRow>, StoreError> {
        objects::read(&self.lock(), number(serial)?, private)
    }

    fn last_handle(&self, serial: SerialNumber) -> Result<u64, StoreError> {
        objects::last_handle(&self.lock(), number(serial)?)
    }

    fn write_objects(&self, write: ObjectWrite) -> Result<Written, StoreError> {
        if write.changes.iter().any(|change| !matches!(change, ObjectChange::Delete(_))) {
            self.require_room()?;
            return self.join(Grouped::Objects(write));
        }
        // What is destroyed makes room.
        self.urgently(|| self.join(Grouped::Objects(write.clone())))
    }
}

impl AuditStore for SqliteAppliance {
    fn append_audit(&self, record: AuditRow, durable: bool) -> Result<(), StoreError> {
        self.urgently(|| self.join(Grouped::Record { record: record.clone(), durable })).map(drop)
    }

    fn audit(
        &self,
        after: u64,
        partition: Option<SerialNumber>,
        limit: u32,
    ) -> Result<Vec<NumberedAuditRow>, StoreError> {
        audit::read(&self.lock(), after, partition, limit)
    }

    fn audit_extent(&self) -> Result<AuditExtent, StoreError> {
        audit::extent(&self.lock())
    }

    fn check_audit(&self) -> Result<AuditWalk, StoreError> {
        audit::check(&self.lock(), &self.chain)
    }

    fn linked_audit(&self, after: u64, limit: u32) -> Result<Vec<LinkedAuditRow>, StoreError> {
        audit::read_linked(&self.lock(), after, limit)
    }

    fn audit_mac(&self, before: &[u8], record: &NumberedAuditRow) -> Vec<u8> {
        self.chain.link((before, record.sequence), &record.row)
    }

    fn audit_archives(&self) -> Result<Vec<AuditArchive>, StoreError> {
        let archives = audit_archive::read(&self.lock())?;
        Ok(archives.into_iter().map(|(archive, _)| archive).collect())
    }

    fn close_audit(&self, closing: &AuditClosing, record: &AuditRow) -> Result<bool, StoreError> {
        self.write_urgently(|writing| audit_archive::close(writing, &self.chain, (closing, record)))
    }
}
