//! Whether what is stored is as it was written, and whether what was erased is gone.

use super::{Hsm, fault};
use crate::{
    model::{AuditEvents, HsmPolicySet, SerialNumber, Status},
    store::{RoleRow, StoreError},
};

impl Hsm {
    /// Every row of the store that was altered, added, put back or left out from outside, as a
    /// sentence each. What depends on one of them is refused until the store is restored.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn check_rows(&self) -> Result<Vec<String>, Status> {
        self.store.damages().map_err(fault)
    }

    /// Has the disk forget the keys of single objects that were destroyed. Whoever destroys one
    /// does not wait for that; this is to be called at least once a second.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn finish_erasures(&self) -> Result<(), Status> {
        self.store.finish_erasures().map_err(fault)
    }

    /// Brings every partition into memory. One whose rows or keys are damaged is left out: nothing
    /// reaches it, and all others are there.
    pub(super) fn load_all(&self) -> Result<(), StoreError> {
        for partition in self.store.partitions()? {
            self.load_or_leave(partition.serial)?;
        }
        Ok(())
    }

    fn load_or_leave(&self, serial: SerialNumber) -> Result<(), StoreError> {
        match self.load(serial) {
            Err(error) if is_of_its_rows(&error) => {
                tracing::error!(%serial, %error, "a partition is left out");
                Ok(())
            }
            done => done,
        }
    }
}

/// What is permitted where the HSM's policies were changed from outside: nothing, and passwords
/// that others know have to be changed.
pub(super) fn least_policies(error: StoreError) -> Result<HsmPolicySet, StoreError> {
    if !is_of_its_rows(&error) {
        return Err(error);
    }
    tracing::error!(%error, "the HSM permits nothing");
    Ok(HsmPolicySet::least())
}

/// What is recorded where the events of the log were changed from outside: all.
pub(super) fn all_events(error: StoreError) -> Result<Option<AuditEvents>, StoreError> {
    if !is_of_its_rows(&error) {
        return Err(error);
    }
    tracing::error!(%error, "all uses of keys are recorded");
    Ok(Some(AuditEvents::ALL))
}

/// The default of a setting that was changed from outside, where nothing depends on it but comfort.
pub(super) fn no_setting(error: StoreError) -> Result<Option<String>, StoreError> {
    if !is_of_its_rows(&error) {
        return Err(error);
    }
    tracing::error!(%error, "a setting has its default");
    Ok(None)
}

/// What is told of roles that were changed from outside, where others are told of beside them.
pub(super) fn no_roles(error: StoreError) -> Result<Vec<RoleRow>, StoreError> {
    if !is_of_its_rows(&error) {
        return Err(error);
    }
    tracing::error!(%error, "roles are left out");
    Ok(Vec::new())
}

/// Whether an error is about what is stored, not about the store.
const fn is_of_its_rows(error: &StoreError) -> bool {
    matches!(error, StoreError::Damaged(_) | StoreError::Sealed | StoreError::Row(_))
}
