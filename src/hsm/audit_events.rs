//! Which uses of keys are recorded: told by the HSM SO, for the HSM or for one partition.

use super::{AdminSession, Hsm, LinkSession, fault, wait};
use crate::{
    model::{
        AuditConfig, AuditEvents, Label, SerialNumber, Status,
        cryptoki::{CryptokiRequest, Operation},
    },
    store::StoreError,
};

impl Hsm {
    /// What is recorded of each partition.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn audit_config(&self) -> Result<AuditConfig, Status> {
        let hsm = self.store.audit_events(None).map_err(fault)?.unwrap_or_default();
        let partitions = self.store.partitions().map_err(fault)?.into_iter().map(|partition| {
            let events = self.store.audit_events(Some(partition.serial)).map_err(fault)?;
            Ok((partition.name, events))
        });
        Ok(AuditConfig { hsm, partitions: partitions.collect::<Result<_, Status>>()? })
    }

    /// Sets what is recorded of a partition, or of all that have no setting of their own; `None`
    /// takes a setting back.
    ///
    /// # Errors
    /// The HSM SO is not logged in, there is no such partition, or the store cannot be written.
    pub fn configure_audit(
        &self,
        session: &AdminSession,
        partition: Option<&Label>,
        events: Option<AuditEvents>,
    ) -> Result<(), Status> {
        let _turn = wait(&self.turn);
        self.check_auditor(session)?;
        let serial = partition.map(|name| self.named(name)).transpose()?.map(|row| row.serial);
        self.store.set_audit_events(serial, events).map_err(fault)?;
        let partitions = self.store.partitions().map_err(fault)?.into_iter();
        partitions
            .map(|partition| partition.serial)
            .filter(|own| serial.is_none_or(|serial| serial == *own))
            .try_for_each(|serial| self.load(serial))
            .map_err(fault)?;
        tracing::info!(?serial, ?events, "events of the audit log changed");
        Ok(())
    }

    /// Whether a quick request has to wait for the store this once: a use of a key may have to be
    /// recorded, or the partition's objects are not in memory yet. Answers from memory.
    pub fn waits_for_store(&self, link: &LinkSession, request: &CryptokiRequest) -> bool {
        let Some(known) = self.known(link.serial()) else { return false };
        let uses = match request {
            CryptokiRequest::Perform { operation, .. }
            | CryptokiRequest::Update { operation, .. }
            | CryptokiRequest::Finish { operation, .. } => *operation != Operation::Digest,
            CryptokiRequest::UpdateWithKey { .. } => true,
            _ => false,
        };
        (uses && !known.events.is_none()) || !known.vault.is_at_hand()
    }

    /// Has the partition's open objects in memory, so that the next request does not wait.
    ///
    /// # Errors
    /// The store cannot be read, or an object does not open.
    pub fn bring_objects_to_hand(&self, link: &LinkSession) -> Result<(), Status> {
        self.known(link.serial()).map_or(Ok(()), |known| known.vault.bring_to_hand(self))
    }

    /// What is recorded of a partition, as the store has it.
    pub(super) fn stored_events(&self, serial: SerialNumber) -> Result<AuditEvents, StoreError> {
        if let Some(events) = self.store.audit_events(Some(serial))? {
            return Ok(events);
        }
        let hsm = self.store.audit_events(None).or_else(super::integrity::all_events)?;
        Ok(hsm.unwrap_or_default())
    }
}
