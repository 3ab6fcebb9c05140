//! The links that are up now.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    hsm::{Effect, LinkClient},
    model::{LinkService, SerialNumber},
    net::Closer,
};

/// Every live link, by its channel number.
#[derive(Debug, Default)]
pub(super) struct LiveLinks {
    last: AtomicU64,
    links: Mutex<HashMap<u64, LiveLink>>,
}

#[derive(Debug)]
struct LiveLink {
    serial: SerialNumber,
    client: LinkClient,
    closer: Closer,
}

impl LiveLinks {
    /// Enters a link and gives it the next channel number.
    pub(super) fn enter(&self, serial: SerialNumber, client: LinkClient, closer: Closer) -> u64 {
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

    /// The number of links of this client.
    pub(super) fn count_of(&self, client: LinkClient) -> u32 {
        let count = self.lock().values().filter(|link| link.client == client).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Ends all links of a service.
    pub(super) fn end_service(&self, service: LinkService) {
        for link in self.lock().values() {
            let of = match link.client {
                LinkClient::Stc(_) => LinkService::Stc,
                LinkClient::Ntls(_) => LinkService::Ntls,
            };
            if of == service {
                link.closer.close();
            }
        }
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
