//! The links that are up now.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::stc;
use crate::{
    hsm::{Effect, LinkClient},
    model::{LinkService, SerialNumber},
    net::Closer,
};

/// Every live link, by its channel number.
#[derive(Debug, Default)]
pub(super) struct LiveLinks {
    last: AtomicU64,
    limits: LinkLimits,
    links: Mutex<HashMap<u64, LiveLink>>,
}

/// How many links an appliance has at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkLimits {
    /// Links in all.
    pub all: usize,
    /// Links of one client.
    pub per_client: usize,
}

impl LinkLimits {
    /// 20,000 links, 2,000 of one client.
    pub const DEFAULT: Self = Self { all: 20_000, per_client: 2_000 };
}

impl Default for LinkLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Which limit a link would go over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TooMany {
    #[error("the appliance has {0} links, which is its limit")]
    InAll(usize),
    #[error("the client has {0} links, which is the limit for one")]
    OfClient(usize),
}

#[derive(Debug)]
struct LiveLink {
    /// None before an NTLS link has its partition.
    serial: Option<SerialNumber>,
    client: LinkClient,
    closer: Closer,
}

impl LiveLinks {
    /// No links yet.
    pub(super) fn new(limits: LinkLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Whether there is room for this link, which has been entered.
    pub(super) fn check_limits(&self, channel: u64) -> Result<(), TooMany> {
        let links = self.lock();
        if links.len() > self.limits.all {
            return Err(TooMany::InAll(self.limits.all));
        }
        let Some(client) = links.get(&channel).map(|link| link.client) else { return Ok(()) };
        if links.values().filter(|link| link.client == client).count() > self.limits.per_client {
            return Err(TooMany::OfClient(self.limits.per_client));
        }
        Ok(())
    }

    /// Enters a link and gives it the next channel number.
    pub(super) fn enter(
        &self,
        serial: Option<SerialNumber>,
        client: LinkClient,
        closer: Closer,
    ) -> u64 {
        let channel = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.lock().insert(channel, LiveLink { serial, client, closer });
        channel
    }

    /// Records the partition that an NTLS link leads to.
    pub(super) fn lead(&self, channel: u64, serial: SerialNumber) {
        if let Some(link) = self.lock().get_mut(&channel) {
            link.serial = Some(serial);
        }
    }

    /// Takes out a link that has ended.
    pub(super) fn leave(&self, channel: u64) {
        self.lock().remove(&channel);
    }

    /// The number of links to this partition.
    pub(super) fn count(&self, serial: SerialNumber) -> u32 {
        let count = self.lock().values().filter(|link| link.serial == Some(serial)).count();
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
                LinkClient::Administrator => continue,
            };
            if of == service {
                link.closer.close();
            }
        }
    }

    /// Does to live links what these effects say.
    pub(super) fn apply(&self, effects: &[Effect]) {
        for effect in effects {
            match *effect {
                Effect::EndLinks { serial, client } => {
                    for link in self.lock().values().filter(|link| link.serial == Some(serial)) {
                        if client.is_none_or(|client| client == link.client) {
                            link.closer.close();
                        }
                    }
                }
                Effect::StcSettings { serial, settings } => {
                    let settings = stc::session_settings(settings);
                    for link in self.lock().values().filter(|link| link.serial == Some(serial)) {
                        link.closer.set(settings);
                    }
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, LiveLink>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
