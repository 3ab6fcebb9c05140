//! A partition's settings for STC as the channel takes them.

use std::time::Duration;

use crate::{
    channel::{KeyLimits, SessionSettings, Suite, SuiteSet, WindowSize},
    model::StcSettings,
};

/// What holds for a link's channel.
pub(super) fn session_settings(settings: StcSettings) -> SessionSettings {
    let messages = u64::from(settings.rekey_threshold) * 1_000_000;
    SessionSettings {
        limits: KeyLimits { messages, ..KeyLimits::DEFAULT },
        window: WindowSize::try_from(settings.replay_window).unwrap_or_default(),
    }
}

/// The suites whose every part is permitted.
pub(super) fn suites(settings: StcSettings) -> SuiteSet {
    let permitted = |suite: &Suite| {
        suite.algorithms().into_iter().all(|algorithm| settings.algorithms.permits(algorithm))
    };
    Suite::ALL.into_iter().filter(permitted).collect()
}

/// How long a link may take to come up.
pub(super) fn activation_timeout(settings: StcSettings) -> Duration {
    Duration::from_secs(settings.activation_timeout.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StcAlgorithm;

    #[test]
    fn a_new_partition_permits_the_hybrid_suites() {
        let mut settings = StcSettings::default();
        assert_eq!(suites(settings), SuiteSet::HYBRID);
        assert_eq!(session_settings(settings), SessionSettings::default());
        settings.algorithms = settings.algorithms.set(StcAlgorithm::Classic, true).unwrap();
        assert_eq!(suites(settings), SuiteSet::ALL);
        settings.algorithms = settings.algorithms.set(StcAlgorithm::Hybrid, false).unwrap();
        assert_eq!(suites(settings), SuiteSet::CLASSIC);
    }
}
