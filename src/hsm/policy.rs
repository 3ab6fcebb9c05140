//! Policies: set by officers, within what the capabilities permit.

use std::{ops::RangeInclusive, sync::PoisonError};

use super::{AdminSession, Effect, Hsm, fault, wait};
use crate::{
    model::{
        HsmPolicySet, Password, Policy, PolicyError, PolicySet, PolicyValue, SerialNumber, Status,
    },
    store::{ApplianceStore, PartitionRow, StoreError},
};

impl Hsm {
    /// Whether a partition's policy 37 takes clients over STC only. Answers from memory.
    pub fn requires_stc(&self, serial: SerialNumber) -> bool {
        self.policies(serial).permits(Policy::ForcedStc)
    }

    /// The HSM's policies in force. Answers from memory.
    pub fn hsm_policies(&self) -> HsmPolicySet {
        *self.policies.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A partition's policies in force. Answers from memory; a partition that is gone permits
    /// what a new one does.
    pub(super) fn policies(&self, serial: SerialNumber) -> PolicySet {
        self.known(serial).map_or_else(PolicySet::defaults, |known| known.policies)
    }

    /// What the HSM's policies leave every partition.
    pub(super) fn capabilities(&self) -> PolicySet {
        PolicySet::capabilities(&self.hsm_policies())
    }

    /// A partition's policies as the store has them, within the capabilities.
    pub(super) fn stored_policies(&self, serial: SerialNumber) -> Result<PolicySet, StoreError> {
        let set = self.store.policies(serial)?;
        let capabilities = self.capabilities();
        // A row that capabilities have outgrown stays and waits for them to return.
        Ok(PolicySet::defaults().with(&set).within(&capabilities))
    }

    /// Changes a partition's policies together; what has to happen to live links. Its officer's
    /// right is the caller's to check.
    pub(super) fn change_policies(
        &self,
        partition: &PartitionRow,
        changes: &[PolicyValue],
        erase: bool,
    ) -> Result<Vec<Effect>, Status> {
        let serial = partition.serial;
        let known = self.known(serial).ok_or(Status::TokenNotPresent)?;
        let before = known.policies;
        let after = before.changed(&self.capabilities(), changes).map_err(refusal)?;
        let erases = after.erases_from(&before);
        if erases && !erase {
            return Err(Status::ConfigChangeIllegal);
        }
        let changes = after.changes_from(&before);
        let set = || self.store.set_policies(serial, &changes, erases).map_err(fault);
        if erases {
            known.vault.empty(set)?;
        } else {
            set()?;
        }
        self.load(serial).map_err(fault)?;
        tracing::info!(%serial, ?changes, erases, "policies changed");
        Ok(self.ended_by_policy(serial, &before))
    }

    /// The links by certificate that end because a partition's policy 37 is on now and was not.
    pub(super) fn ended_by_policy(&self, serial: SerialNumber, before: &PolicySet) -> Vec<Effect> {
        let forced = !before.permits(Policy::ForcedStc) && self.requires_stc(serial);
        if forced { self.end_ntls_links(serial) } else { Vec::new() }
    }

    /// Changes the HSM's policies together. A destructive change erases every partition.
    ///
    /// # Errors
    /// The HSM SO is not logged in, a policy cannot have its value, or the change is destructive
    /// and `erase` does not agree to that.
    pub fn change_hsm_policies(
        &self,
        session: &AdminSession,
        changes: &[PolicyValue],
        erase: bool,
    ) -> Result<Vec<Effect>, Status> {
        let _turn = wait(&self.turn);
        self.check_officer(session)?;
        let before = self.hsm_policies();
        let after = before.changed(&HsmPolicySet::factory(), changes).map_err(refusal)?;
        let erases = after.erases_from(&before);
        if erases && !erase {
            return Err(Status::ConfigChangeIllegal);
        }
        let effects = if erases { self.end_all_links()? } else { Vec::new() };
        let changes = after.changes_from(&before);
        self.store.set_hsm_policies(&changes, erases).map_err(fault)?;
        self.reload_hsm_policies()?;
        self.reload_all(&effects)?;
        tracing::info!(?changes, erases, "HSM policies changed");
        Ok(effects)
    }

    /// The policies of the HSM that a template changes.
    pub(super) fn hsm_template(
        &self,
        policies: &[PolicyValue],
    ) -> Result<Vec<PolicyValue>, Status> {
        let before = self.hsm_policies();
        let after = before.changed(&HsmPolicySet::factory(), policies).map_err(refusal)?;
        Ok(after.changes_from(&before))
    }

    /// Brings the HSM's policies in memory up to what is stored.
    pub(super) fn reload_hsm_policies(&self) -> Result<(), Status> {
        let stored = stored_hsm_policies(&*self.store).map_err(fault)?;
        *self.policies.write().unwrap_or_else(PoisonError::into_inner) = stored;
        self.settle_all();
        Ok(())
    }

    /// What a template of policies comes to on a partition whose objects are erased anyway: the
    /// policies to set, and the lengths that passwords have under them.
    pub(super) fn template(
        &self,
        serial: SerialNumber,
        policies: &[PolicyValue],
    ) -> Result<(Vec<PolicyValue>, RangeInclusive<usize>), Status> {
        let before = self.policies(serial);
        let after = before.changed(&self.capabilities(), policies).map_err(refusal)?;
        Ok((after.changes_from(&before), after.password_lengths()))
    }
}

/// The HSM's policies as the store has them.
pub(super) fn stored_hsm_policies(store: &dyn ApplianceStore) -> Result<HsmPolicySet, StoreError> {
    let set = store.hsm_policies()?;
    Ok(HsmPolicySet::defaults().with(&set).within(&HsmPolicySet::factory()))
}

/// Holds a partition's policies 25 and 26 for a password that is being set.
pub(super) fn check_length(
    password: &Password,
    lengths: &RangeInclusive<usize>,
) -> Result<(), Status> {
    let characters = str::from_utf8(password.expose()).map_or(0, |text| text.chars().count());
    if lengths.contains(&characters) { Ok(()) } else { Err(Status::PinLenRange) }
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn refusal(error: PolicyError) -> Status {
    match error {
        PolicyError::Unknown(_) => Status::PolicyIdInvalid,
        PolicyError::Capability { .. } | PolicyError::Range { .. } => Status::ConfigIllegal,
        PolicyError::Dependency(..) => Status::ConfigFailsDependencies,
    }
}
