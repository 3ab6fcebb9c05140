//! The links that are up now.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::stc;
use crate::{
    hsm::{Effect, Hsm, LinkClient},
    model::{LinkService, SerialNumber},
    net::Closer,
};

/// Every live link, by its channel number.
#[derive(Debug)]
pub(super) struct LiveLinks {
    last: AtomicU64,
    limits: LinkLimits,
    hsm: Arc<Hsm>,
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
    /// Counts towards the limits.
    admitted: bool,
}

impl LiveLinks {
    /// No links yet; `hsm` is asked for settings.
    pub(super) fn new(limits: LinkLimits, hsm: Arc<Hsm>) -> Self {
        Self { last: AtomicU64::new(0), limits, hsm, links: Mutex::default() }
    }

    /// Counts a link, which has been entered, towards the limits from now on, if there is room for
    /// it. Those count whose client has proven that it is there: whoever replays handshakes takes
    /// nobody's place.
    pub(super) fn admit(&self, channel: u64) -> Result<(), TooMany> {
        let mut links = self.lock();
        let Some((client, false)) = links.get(&channel).map(|link| (link.client, link.admitted))
        else {
            return Ok(());
        };
        let admitted = || links.values().filter(|link| link.admitted);
        if admitted().count() >= self.limits.all {
            return Err(TooMany::InAll(self.limits.all));
        }
        if admitted().filter(|link| link.client == client).count() >= self.limits.per_client {
            return Err(TooMany::OfClient(self.limits.per_client));
        }
        if let Some(link) = links.get_mut(&channel) {
            link.admitted = true;
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
        self.lock().insert(channel, LiveLink { serial, client, closer, admitted: false });
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
                Effect::StcSettings { serial } => {
                    // As they are now, and told in the order in which they are asked for: of two
                    // changes at the same time, the one that is told last knows both.
                    let links = self.lock();
                    let settings = stc::session_settings(self.hsm.stc_settings(serial));
                    for link in links.values().filter(|link| link.serial == Some(serial)) {
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
