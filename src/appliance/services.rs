//! The two services behind the listener: whether they run, and what they counted.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use crate::model::{KeepAlive, LinkService};

/// Both services. They run from the start of the appliance; a stop lasts until its end.
#[derive(Debug, Default)]
pub(super) struct Services {
    ntls_stopped: AtomicBool,
    stc_stopped: AtomicBool,
    accepted: AtomicU64,
    refused: AtomicU64,
    keep_alive: Mutex<KeepAlive>,
}

impl Services {
    /// Whether a service takes new links.
    pub(super) fn runs(&self, service: LinkService) -> bool {
        !self.stopped(service).load(Ordering::Acquire)
    }

    /// Starts or stops a service.
    pub(super) fn set(&self, service: LinkService, runs: bool) {
        self.stopped(service).store(!runs, Ordering::Release);
        tracing::info!(?service, runs, "service switched");
    }

    /// NTLS links accepted, and NTLS connections refused, since the counters were set to zero.
    pub(super) fn counted(&self) -> (u64, u64) {
        (self.accepted.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }

    /// Counts an NTLS link.
    pub(super) fn count_accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an NTLS connection that was refused.
    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Sets the counters to zero.
    pub(super) fn reset(&self) {
        self.accepted.store(0, Ordering::Relaxed);
        self.refused.store(0, Ordering::Relaxed);
    }

    /// How links by certificate find out that their client is gone.
    pub(super) fn keep_alive(&self) -> KeepAlive {
        *self.keep_alive.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets how links made from now on find out that their client is gone.
    pub(super) fn set_keep_alive(&self, settings: KeepAlive) {
        *self.keep_alive.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    fn stopped(&self, service: LinkService) -> &AtomicBool {
        match service {
            LinkService::Ntls => &self.ntls_stopped,
            LinkService::Stc => &self.stc_stopped,
        }
    }
}
