//! How often a client may have keys changed.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::client_key::ClientKey;

/// Changes of keys that a client may start at once, over all of its links.
const AT_ONCE: u32 = 128;

/// The time after which it may start another one. A change costs a third of a millisecond, so that
/// one client takes a fiftieth of one processor.
const INTERVAL: Duration = Duration::from_millis(15);

/// The changes of keys of all clients.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<HashMap<ClientKey, Instant>>);

impl Pace {
    /// Counts changes of keys; how long the link is to be left alone for them.
    pub(super) fn count(&self, client: ClientKey, changes: u32, now: Instant) -> Duration {
        if changes == 0 {
            return Duration::ZERO;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Who has nothing left to pay for needs no place.
        all.retain(|_, paid| *paid > now);
        let paid = all.entry(client).or_insert(now);
        *paid += INTERVAL * changes;
        (*paid - now).saturating_sub(INTERVAL * AT_ONCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_changes_keys_without_pause_is_slowed_down() {
        let (pace, now) = (Pace::default(), Instant::now());
        let (busy, other) = (ClientKey::Stc([1; 32]), ClientKey::Stc([2; 32]));
        for _ in 0..AT_ONCE {
            assert_eq!(pace.count(busy, 1, now), Duration::ZERO);
        }
        assert_eq!(pace.count(busy, 1, now), INTERVAL);
        assert_eq!(pace.count(busy, 2, now), INTERVAL * 3);
        assert_eq!(pace.count(other, 1, now), Duration::ZERO, "others are not");
        assert_eq!(pace.count(busy, 0, now), Duration::ZERO);
        let later = now + INTERVAL * (AT_ONCE + 3);
        assert_eq!(pace.count(busy, 1, later), Duration::ZERO, "time passes");
        assert_eq!(pace.0.lock().unwrap().len(), 1, "who has paid is forgotten");
    }
}
