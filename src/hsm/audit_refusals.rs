//! What clients do without a login, and what they are refused: recorded once, then counted.

use super::{Hsm, LinkSession, audit_sums::Due};
use crate::model::{AuditAct, AuditEntry, Role, Status};

impl Hsm {
    /// Records what a client was refused, or counts it (see [`super::audit_sums`]). A record that
    /// cannot be written is counted too, and written when it can be.
    pub(super) fn record_refusal(
        &self,
        session: &LinkSession,
        (act, role): (AuditAct, Option<Role>),
        outcome: Status,
    ) {
        let entry = self.link_entry(session, (act, role), outcome);
        self.sum_up(session, &entry, true);
    }

    /// Records an act that its client could repeat at will, or counts it.
    pub(super) fn sum_up(&self, session: &LinkSession, entry: &AuditEntry, durable: bool) {
        let who = (session.serial(), session.client());
        let now = (self.now)();
        if !self.audit.sums.takes_first(who, entry, (now, !self.has_room_for(entry))) {
            return;
        }
        if self.append(Some(session.serial()), entry, durable).is_err() {
            self.audit.sums.count(who, entry, now);
        }
    }

    /// Ends a minute of counting: writes the counts into the log. Whoever runs the HSM calls this
    /// once a minute, and before its end.
    pub fn end_audit_minute(&self) {
        self.write_counts(self.audit.sums.of_minute());
    }

    /// Writes the counts of clients whose links have ended into the log.
    pub fn count_ended_links(&self) {
        self.write_counts(self.audit.sums.of_ended());
    }

    /// Notes that a link has ended: what was counted of its client is recorded soon. Waits for
    /// nothing.
    pub fn note_link_end(&self, session: &LinkSession) {
        self.audit.sums.note_end(session.serial(), session.client());
    }

    fn write_counts(&self, due: Vec<Due>) {
        let write = |one: &Due| {
            let entry = one.entry();
            // Known clients' names may have gone since; the count says who it was.
            self.has_room_for(&entry) && self.append(Some(one.serial()), &entry, false).is_ok()
        };
        let left = due.into_iter().filter(|one| !write(one)).collect();
        self.audit.sums.take_back(left);
    }
}
