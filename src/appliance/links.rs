//! The links that are up now.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{crypto::PublicKey, hsm::Effect, model::SerialNumber, net::Closer};

/// Every live link, by its channel number.
#[derive(Debug, Default)]
pub(super) struct LiveLinks {
    last: AtomicU64,
    links: Mutex<HashMap<u64, LiveLink>>,
}

#[derive(Debug)]
struct LiveLink {
    serial: SerialNumber,
    client: PublicKey,
    closer: Closer,
}

impl LiveLinks {
    /// Enters a link and gives it the next channel number.
    pub(super) fn enter(&self, serial: SerialNumber, client: PublicKey, closer: Closer) -> u64 {
        let channel = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.lock().insert(channel, LiveLink { serial, client, closer });
        channel
    }

    /// Takes out a link that has ended.
    pub(super) fn leave(&self, channel: u64) {
        self.lock().remove(&channel);
    }

    /// The number of links to this partition.
    pub(super) fn count(&self, serial: SerialNumber) -> u32 {
        let count = self.lock().values().filter(|link| link.serial == serial).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Ends the links that these effects name.
    pub(super) fn apply(&self, effects: &[Effect]) {
        for effect in effects {
            let Effect::EndLinks { serial, client } = effect;
            for link in self.lock().values().filter(|link| link.serial == *serial) {
                if client.is_none_or(|client| client == link.client) {
                    link.closer.close();
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, LiveLink>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
