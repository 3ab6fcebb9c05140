//! The slots of a client: one for every partition whose handshake succeeded.

use std::thread;

use tokio::task::spawn_blocking;

use super::{
    link::PartitionLink,
    partition::{AskError, Attempts, ConnectFailure, Target, Way},
    targets::Targets,
};
use crate::model::{PartitionInfo, Reply, Request, SerialNumber};

/// Every partition that this client can reach, and what keeps it from the others.
#[derive(Debug, Default)]
pub struct Slots {
    targets: Targets,
    present: Vec<Slot>,
    missing: Vec<Missing>,
}

impl Slots {
    /// Slots for these targets, none of them tried yet.
    pub fn new(targets: Targets) -> Self {
        Self { targets, ..Self::default() }
    }

    /// Replaces the targets. Links to partitions that are no target any more end; those to a server
    /// that could not be asked over NTLS stay, because nothing new is known of them.
    pub fn set_targets(&mut self, targets: Targets) {
        let stays = |slot: &Slot| {
            let there = slot.link.target();
            let unasked = || targets.unasked.iter().any(|(server, _)| *server == there.host);
            targets.partitions.iter().any(|target| target.is_same(there))
                || matches!(there.way, Way::Ntls(_)) && unasked()
        };
        self.present.retain(stays);
        self.targets = targets;
    }

    /// Asks every link for a sign of life, brings lost ones back and tries the missing ones.
    /// A slot whose link does not come back becomes a missing partition; one that returns gets
    /// the lowest free number.
    pub async fn refresh(&mut self) {
        let mut slots = std::mem::take(self);
        let refreshing = spawn_blocking(move || {
            slots.refresh_blocking();
            slots
        });
        // It fails only if refreshing panicked, or the runtime is at its end.
        *self = refreshing.await.unwrap_or_default();
    }

    /// As [`Self::refresh`], for a thread that may block.
    pub fn refresh_blocking(&mut self) {
        self.missing.clear();
        let mut lost = Vec::new();
        for mut slot in std::mem::take(&mut self.present) {
            match slot.describe_blocking() {
                Ok(()) => self.present.push(slot),
                Err(error) => lost.push((slot.link.target().serial, host(&slot), error)),
            }
        }
        self.connect_missing();
        for (serial, server, error) in lost {
            let missing = self.missing.iter_mut().find(|missing| missing.serial == serial);
            let told =
                missing.filter(|missing| missing.reasons.iter().all(|(at, _)| *at != server));
            if let (Some(missing), AskError::Lost(failure)) = (told, error) {
                missing.reasons.push((server, failure));
            }
        }
    }

    /// Ends the link to a partition, which is no target any more, and returns its slot's number.
    pub fn forget(&mut self, serial: SerialNumber) -> Option<u32> {
        self.targets.partitions.retain(|target| target.serial != serial);
        self.missing.retain(|missing| missing.serial != serial);
        let at = self.present.iter().position(|slot| slot.partition.serial == serial)?;
        Some(self.present.remove(at).number)
    }

    /// Ends every link by identity: the identity is gone.
    pub fn forget_stc(&mut self) {
        let by_certificate = |target: &Target| matches!(target.way, Way::Ntls(_));
        self.targets.partitions.retain(by_certificate);
        self.present.retain(|slot| by_certificate(slot.link.target()));
        self.missing.clear();
    }

    /// The slots, by number.
    pub fn slots(&self) -> &[Slot] {
        &self.present
    }

    /// The registered partitions without a slot.
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// The servers that could not be asked over NTLS, by name, and why.
    pub fn unasked(&self) -> &[(String, ConnectFailure)] {
        &self.targets.unasked
    }

    /// The slot of this number.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut Slot> {
        self.present.iter_mut().find(|slot| slot.number == number)
    }

    fn connect_missing(&mut self) {
        let reached = |target: &Target| {
            self.present.iter().any(|slot| slot.link.target().serial == target.serial)
        };
        let attempts: Vec<_> = thread::scope(|scope| {
            let missing = self.targets.partitions.iter().filter(|target| !reached(target));
            let attempts: Vec<_> = missing
                .map(|target| {
                    let connecting = || PartitionLink::connect(target.clone());
                    (target.clone(), scope.spawn(connecting))
                })
                .collect();
            attempts.into_iter().map(|(target, attempt)| (target, attempt.join())).collect()
        });
        let mut failures = Vec::new();
        for (target, attempt) in attempts {
            match attempt {
                Ok(Ok((link, partition))) => self.insert(link, partition),
                Ok(Err(failure)) => failures.push((target, failure)),
                Err(_) => failures.push((target, ConnectFailure::Malformed)),
            }
        }
        for (target, failure) in failures {
            self.miss(&target, failure);
        }
    }

    fn insert(&mut self, link: PartitionLink, partition: PartitionInfo) {
        // The same partition behind two names of one appliance is one slot.
        if self.present.iter().any(|slot| slot.partition.serial == partition.serial) {
            return;
        }
        let taken = |number: &u32| self.present.iter().any(|slot| slot.number == *number);
        let number = (0..u32::MAX).find(|number| !taken(number)).unwrap_or(u32::MAX);
        let at = self.present.partition_point(|slot| slot.number < number);
        self.present.insert(at, Slot { number, partition, link });
    }

    fn miss(&mut self, target: &Target, failure: ConnectFailure) {
        let serial = target.serial;
        if self.present.iter().any(|slot| slot.partition.serial == serial) {
            return;
        }
        let reason = (target.host.clone(), failure);
        match self.missing.iter_mut().find(|missing| missing.serial == serial) {
            Some(missing) => missing.reasons.push(reason),
            None => self.missing.push(Missing { serial, reasons: vec![reason] }),
        }
    }
}

/// A slot: a partition at the other end of a link.
#[derive(Debug)]
pub struct Slot {
    /// The number, stable as long as the link comes back.
    pub number: u32,
    /// The partition as it was when it last told.
    pub partition: PartitionInfo,
    link: PartitionLink,
}

impl Slot {
    /// The link to the partition.
    pub const fn link(&self) -> &PartitionLink {
        &self.link
    }

    /// Asks the partition.
    ///
    /// # Errors
    /// As [`PartitionLink::ask`].
    pub async fn ask(&mut self, request: &Request) -> Result<Reply, AskError> {
        self.link.ask(request).await
    }

    /// As [`Self::ask`], unless `given_up` returns first.
    ///
    /// # Errors
    /// As [`PartitionLink::ask_unless`].
    pub async fn ask_unless(
        &mut self,
        request: &Request,
        given_up: impl Future<Output = ()>,
    ) -> Result<Reply, AskError> {
        self.link.ask_unless(request, given_up).await
    }

    /// Asks the partition what it is now, unless `given_up` returns first.
    ///
    /// # Errors
    /// As [`PartitionLink::ask_unless`].
    pub async fn describe(&mut self, given_up: impl Future<Output = ()>) -> Result<(), AskError> {
        let reply = self.ask_unless(&Request::Describe, given_up).await?;
        self.take(reply)
    }

    fn describe_blocking(&mut self) -> Result<(), AskError> {
        let reply = self.link.partition().ask(&Request::Describe, Attempts::Each)?;
        self.take(reply)
    }

    fn take(&mut self, reply: Reply) -> Result<(), AskError> {
        match reply {
            Reply::Partition(partition) => {
                self.partition = partition;
                Ok(())
            }
            _ => Err(AskError::Malformed),
        }
    }
}

/// A registered partition without a slot.
#[derive(Debug)]
pub struct Missing {
    /// The partition's serial number.
    pub serial: SerialNumber,
    /// What each enabled server's connection came to, by the server's name.
    pub reasons: Vec<(String, ConnectFailure)>,
}

fn host(slot: &Slot) -> String {
    slot.link.target().host.clone()
}
