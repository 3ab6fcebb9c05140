//! A partition's settings for STC.

use super::{
    Effect, Hsm, LinkSession, fault,
    partition::{Outcome, check_role},
};
use crate::{
    model::{Reply, Role, SerialNumber, Status, StcAlgorithm, StcChange, StcSettings},
    store::PartitionRow,
};

impl Hsm {
    /// A partition's settings. Answers from memory; a partition that is gone has the defaults.
    pub fn stc_settings(&self, serial: SerialNumber) -> StcSettings {
        self.known(serial).map(|known| known.stc).unwrap_or_default()
    }

    /// Changes one setting (Partition SO).
    pub(super) fn change_stc(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
        change: StcChange,
    ) -> Outcome {
        check_role(session, partition, Role::PartitionSo)?;
        let serial = partition.serial;
        let settings = changed(self.stc_settings(serial), change)?;
        self.store.set_stc_settings(serial, &settings).map_err(fault)?;
        self.load(serial).map_err(fault)?;
        tracing::info!(%serial, ?change, "STC settings changed");
        Ok((Reply::Done, vec![Effect::StcSettings { serial }]))
    }
}

fn changed(mut settings: StcSettings, change: StcChange) -> Result<StcSettings, Status> {
    match change {
        StcChange::ActivationTimeout(seconds) => settings.activation_timeout = seconds,
        StcChange::RekeyThreshold(millions) => settings.rekey_threshold = millions,
        StcChange::ReplayWindow(messages) => settings.replay_window = messages,
        StcChange::Algorithm { family, id, enabled } => {
            let mut named = StcAlgorithm::of(family)
                .filter(|algorithm| id.is_none_or(|id| algorithm.id() == id))
                .peekable();
            named.peek().ok_or(Status::ArgumentsBad)?;
            for algorithm in named {
                let set = settings.algorithms.set(algorithm, enabled);
                settings.algorithms = set.map_err(|_| Status::ConfigChangeIllegal)?;
            }
        }
    }
    if settings.is_valid() { Ok(settings) } else { Err(Status::ArgumentsBad) }
}
