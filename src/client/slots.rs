//! The slots of a client: one for every partition that was ever reached. A number belongs to one
//! partition for as long as the program runs, whether it can be reached or not, and is never given
//! to another one.

use tokio::task::spawn_blocking;

use super::{
    failure::{AskError, ConnectFailure, MOST_PARTITIONS},
    link::PartitionLink,
    round::{Connectors, Found, Job},
    slot::{Missing, Slot},
    target::{PartitionId, Proof, Target, Way},
    targets::{NtlsServer, Targets},
};
use crate::model::{PartitionInfo, SerialNumber};

/// Every partition that this client reaches or reached, and what keeps it from the others.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    targets: Targets,
    known: Vec<Slot>,
    /// Partitions that have come up and have no number yet.
    new: Vec<Slot>,
    missing: Vec<Missing>,
    /// What servers said over NTLS since the slots were last looked at.
    claims: Vec<Claim>,
    /// Servers that have not said anything yet.
    unanswered: usize,
    /// The numbers of slots that are gone.
    former: Vec<Former>,
    /// The next number.
    next: u32,
    /// Whether links were ended to begin anew: slots that lead nowhere go.
    restarting: bool,
}

/// The partitions that a server says it gave to this client.
#[derive(Clone, Debug)]
struct Claim {
    host: String,
    proof: Proof,
    serials: Vec<SerialNumber>,
}

/// The number of a slot that is gone, kept for the same partition.
#[derive(Clone, Debug)]
struct Former {
    id: PartitionId,
    number: u32,
}

impl Slots {
    /// Slots for these targets, none of them tried yet.
    pub fn new(targets: Targets) -> Self {
        Self { targets, ..Self::default() }
    }

    /// Replaces the targets. The next look ends links to partitions that are no target any more.
    pub fn set_targets(&mut self, targets: Targets) {
        self.targets = targets;
    }

    /// Asks every link for a sign of life, brings lost ones back and tries the missing ones.
    /// A slot whose link does not come back stays, lost; partitions that are new get the next
    /// numbers. If this is dropped, everything stays as it was.
    pub async fn refresh(&mut self) {
        let slots = self.clone();
        let refreshing = spawn_blocking(move || Connectors::new(slots).look_at_all());
        // It fails only if refreshing panicked, or the runtime is at its end.
        if let Ok(slots) = refreshing.await {
            *self = slots;
        }
    }

    /// As [`Self::refresh`], for a thread that may block.
    pub fn refresh_blocking(&mut self) {
        *self = Connectors::new(self.clone()).look_at_all();
    }

    /// Ends every link, to begin anew: the next look brings them up again, under the same numbers.
    /// Slots that lead nowhere any more go with it.
    pub fn restart(&mut self) {
        for slot in &mut self.known {
            slot.link.partition().close();
            slot.lost = Some(ConnectFailure::Pending);
        }
        self.restarting = true;
    }

    /// Ends the link to a partition by identity, which is registered no more, and returns its
    /// slot's number.
    pub fn forget(&mut self, serial: SerialNumber) -> Option<u32> {
        self.targets.partitions.retain(|target| target.serial != serial);
        self.targets.by_identity.retain(|known| *known != serial);
        self.missing.retain(|missing| missing.serial != serial);
        let mut numbers = Vec::new();
        self.remove(&mut numbers, |slot| slot.link.target().serial == serial);
        numbers.first().copied()
    }

    /// Ends every link by identity: the identity is gone.
    pub fn forget_stc(&mut self) {
        self.targets.partitions.clear();
        self.missing.clear();
        self.remove(&mut Vec::new(), |slot| matches!(slot.link.target().way, Way::Stc { .. }));
    }

    /// The slots, by number, lost ones among them.
    pub fn slots(&self) -> &[Slot] {
        &self.known
    }

    /// The slots whose partitions were reached when they were last looked at.
    pub fn present(&self) -> impl Iterator<Item = &Slot> {
        self.known.iter().filter(|slot| slot.lost.is_none())
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
        self.known.iter_mut().find(|slot| slot.number == number)
    }

    /// The targets.
    pub(super) const fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Whether a partition is reached, with a number or without one yet.
    pub(super) fn reaches_any(&self) -> bool {
        self.present().next().is_some() || !self.new.is_empty()
    }

    /// Every link, those without numbers too.
    pub(super) fn links(&self) -> impl Iterator<Item = &PartitionLink> {
        self.known.iter().chain(&self.new).map(|slot| &slot.link)
    }

    /// Begins a look: what there is to do first.
    pub(super) fn begin(&mut self) -> Vec<Job> {
        self.missing.clear();
        self.claims.clear();
        let asked: Vec<_> = self.targets.servers.iter().map(|server| server.host.clone()).collect();
        self.targets.unasked.retain(|(host, _)| !asked.contains(host));
        self.unanswered = asked.len();
        let mut jobs: Vec<_> = self.targets.servers.iter().cloned().map(Job::Ask).collect();
        let (mut looked_at, mut gone) = (Vec::new(), Vec::new());
        for slot in &mut self.known {
            let target = slot.link.target();
            if leads_to(&self.targets, target) {
                looked_at.push(target.id());
                // One whose partition others have claimed waits for what the servers say now.
                if self.unanswered == 0 || !slot.is_contested() {
                    jobs.push(look_again(slot));
                }
            } else if may_lead_to(&self.targets, &target.id()) {
                // By another way than before: it is made when the server has been asked.
                lose(slot, ConnectFailure::Pending);
            } else {
                lose(slot, ConnectFailure::Withdrawn);
                gone.push(slot.number);
            }
        }
        if std::mem::take(&mut self.restarting) {
            self.remove(&mut Vec::new(), |slot| gone.contains(&slot.number));
        }
        let new = self.targets.partitions.iter();
        let new = new.filter(|target| !looked_at.contains(&target.id()));
        jobs.extend(new.cloned().map(Job::Connect));
        jobs
    }

    /// Takes in what a job found; what there is to do next.
    pub(super) fn take(&mut self, found: Found) -> Vec<Job> {
        match found {
            Found::Asked { server, serials } => {
                self.unanswered = self.unanswered.saturating_sub(1);
                let mut jobs = match serials {
                    Ok(serials) => self.take_claim(&server, serials),
                    Err(failure) => {
                        self.targets.unasked.push((server.host, failure));
                        Vec::new()
                    }
                };
                if self.unanswered == 0 {
                    jobs.extend(self.settled_claims());
                }
                jobs
            }
            Found::Looked { number, link, outcome } => self.take_look(number, &link, outcome),
            Found::Connected { target, outcome: Ok((link, partition)) } => {
                self.take_link(&target, link, partition);
                Vec::new()
            }
            Found::Connected { target, outcome: Err(failure) } => {
                self.miss(&target, failure);
                Vec::new()
            }
        }
    }

    /// Gives those that are new their numbers, in the order of the targets, and brings what is
    /// missing into it.
    pub(super) fn settle(&mut self) {
        let mut new = std::mem::take(&mut self.new);
        new.sort_by_key(|slot| self.rank(&slot.link.target().host, slot.link.target().serial));
        for mut slot in new {
            slot.number = self.number(&slot.link.target().id());
            let at = self.known.partition_point(|known| known.number < slot.number);
            self.known.insert(at, slot);
        }
        let mut missing = std::mem::take(&mut self.missing);
        for missing in &mut missing {
            missing.reasons.sort_by_key(|(host, _)| self.rank(host, missing.serial));
        }
        missing.sort_by_key(|missing| {
            let host = missing.reasons.first().map_or("", |(host, _)| host);
            self.rank(host, missing.serial)
        });
        self.missing = missing;
        self.targets.unasked.sort_by_key(|(host, _)| {
            self.targets.servers.iter().position(|server| server.host == *host)
        });
    }

    /// A server has said what it has.
    fn take_claim(&mut self, server: &NtlsServer, mut serials: Vec<SerialNumber>) -> Vec<Job> {
        serials.sort_unstable();
        serials.dedup();
        if serials.len() > MOST_PARTITIONS {
            let failure = ConnectFailure::TooManyPartitions(serials.len());
            self.targets.unasked.push((server.host.clone(), failure));
            return Vec::new();
        }
        let proof = Proof::Certificate(Some(server.endpoint.certificate.clone()));
        let host = server.host.clone();
        self.claims.push(Claim { host, proof, serials: serials.clone() });
        let targets = serials.into_iter().map(|serial| server.target(serial));
        let wanted = targets.filter(|target| self.may_connect(target));
        let wanted: Vec<_> = wanted.collect();
        wanted.into_iter().map(Job::Connect).collect()
    }

    /// Every server has said what it has: slots whose partitions nobody else claims any more are
    /// looked at.
    fn settled_claims(&mut self) -> Vec<Job> {
        let serials = self.known.iter().filter(|slot| slot.is_contested());
        let serials: Vec<_> = serials.map(|slot| slot.link.target().serial).collect();
        let free: Vec<_> =
            serials.into_iter().filter(|serial| !self.is_contested(*serial)).collect();
        let slots = self.known.iter_mut();
        let slots =
            slots.filter(|slot| slot.is_contested() && free.contains(&slot.link.target().serial));
        slots.map(look_again).collect()
    }

    /// Whether a server's claim is to be followed.
    fn may_connect(&mut self, target: &Target) -> bool {
        if self.targets.by_identity.contains(&target.serial) {
            self.miss(target, ConnectFailure::StcOnly);
            return false;
        }
        if self.is_contested(target.serial) {
            self.contest(target.serial);
            return false;
        }
        let id = target.id();
        let linked =
            |slot: &Slot| slot.link.target().id() == id && slot.link.target().is_same(target);
        !self.known.iter().any(linked)
    }

    /// Whether more than one certificate stands for a partition over NTLS: of servers that said so,
    /// and of those that it was reached by in this program.
    fn is_contested(&self, serial: SerialNumber) -> bool {
        let said = self.claims.iter().filter(|claim| claim.serials.contains(&serial));
        let reached = self.known.iter().filter(|slot| {
            slot.link.target().serial == serial
                && !matches!(slot.lost, Some(ConnectFailure::Withdrawn))
        });
        let by_certificate = |id: PartitionId| match id.proof {
            proof @ Proof::Certificate(_) => Some(proof),
            Proof::Identity(_) => None,
        };
        let reached = reached.filter_map(|slot| by_certificate(slot.link.target().id()));
        let mut proofs = said.map(|claim| claim.proof.clone()).chain(reached);
        proofs.next().is_some_and(|first| proofs.any(|other| other != first))
    }

    /// Uses nobody's link to a partition that several say they have.
    fn contest(&mut self, serial: SerialNumber) {
        let mut hosts: Vec<_> = self
            .claims
            .iter()
            .filter(|claim| claim.serials.contains(&serial))
            .map(|claim| claim.host.clone())
            .collect();
        let claiming = hosts.clone();
        for slot in self.known.iter().filter(|slot| slot.link.target().serial == serial) {
            if !hosts.contains(&slot.link.target().host) {
                hosts.push(slot.link.target().host.clone());
            }
        }
        let others = |host: &str| hosts.iter().filter(|other| *other != host).cloned().collect();
        for slot in &mut self.known {
            let target = slot.link.target();
            if target.serial == serial && claiming.contains(&target.host) {
                let failure = ConnectFailure::Contested(others(&target.host));
                lose(slot, failure);
            }
        }
        self.new.retain(|slot| slot.link.target().serial != serial);
        self.missing.retain(|missing| missing.serial != serial);
        let numbered = |host: &str| {
            self.known
                .iter()
                .any(|slot| slot.link.target().serial == serial && slot.link.target().host == host)
        };
        let unnumbered = claiming.iter().filter(|host| !numbered(host));
        let reasons: Vec<_> = unnumbered
            .map(|host| (host.clone(), ConnectFailure::Contested(others(host))))
            .collect();
        if !reasons.is_empty() {
            self.missing.push(Missing { serial, reasons });
        }
    }

    fn take_look(
        &mut self,
        number: u32,
        link: &PartitionLink,
        outcome: Result<PartitionInfo, AskError>,
    ) -> Vec<Job> {
        let Some(slot) = self.known.iter_mut().find(|slot| slot.number == number) else {
            return Vec::new();
        };
        if slot.is_contested() || !slot.link.is(link) {
            return Vec::new();
        }
        match outcome {
            Ok(partition) => {
                slot.partition = partition;
                slot.lost = None;
                Vec::new()
            }
            Err(error) => {
                slot.lost = Some(lost_by(error));
                let target = slot.link.target().clone();
                let id = target.id();
                let others = self.targets.partitions.iter();
                let others = others.filter(|other| other.host != target.host && other.id() == id);
                others.cloned().map(Job::Connect).collect()
            }
        }
    }

    fn take_link(&mut self, target: &Target, link: PartitionLink, partition: PartitionInfo) {
        let id = target.id();
        if matches!(id.proof, Proof::Certificate(_)) && self.is_contested(target.serial) {
            // Dropped; the conflict was noted when the second server answered.
            return;
        }
        // The same partition behind two names of one appliance is one slot.
        let slots = self.known.iter_mut().chain(&mut self.new);
        let Some(slot) = slots.into_iter().find(|slot| slot.link.target().id() == id) else {
            self.missing.retain(|missing| missing.serial != target.serial);
            self.new.push(Slot { number: 0, partition, link, lost: None });
            return;
        };
        if slot.lost.is_some() {
            slot.link.partition().end();
            (slot.link, slot.partition, slot.lost) = (link, partition, None);
        }
    }

    fn miss(&mut self, target: &Target, failure: ConnectFailure) {
        let (serial, id) = (target.serial, target.id());
        let mut slots = self.known.iter_mut().chain(&mut self.new);
        if let Some(slot) = slots.find(|slot| slot.link.target().id() == id) {
            if matches!(slot.lost, Some(ConnectFailure::Pending)) {
                slot.lost = Some(failure);
            } else if matches!(failure, ConnectFailure::StcOnly) {
                lose(slot, failure);
            }
            return;
        }
        let reason = (target.host.clone(), failure);
        match self.missing.iter_mut().find(|missing| missing.serial == serial) {
            Some(missing) => missing.reasons.push(reason),
            None => self.missing.push(Missing { serial, reasons: vec![reason] }),
        }
    }

    /// The number of a partition: the one that it had, or the next.
    fn number(&mut self, id: &PartitionId) -> u32 {
        let own = self.former.iter().position(|former| former.id == *id);
        let by_identity = matches!(id.proof, Proof::Identity(_));
        // Whoever registers the identity of a partition that was reached over NTLS goes on with it.
        let same = |former: &Former| {
            former.id.serial == id.serial && matches!(former.id.proof, Proof::Certificate(_))
        };
        let before = || self.former.iter().position(same).filter(|_| by_identity);
        if let Some(at) = own.or_else(before) {
            return self.former.remove(at).number;
        }
        let number = self.next;
        self.next += 1;
        number
    }

    fn remove(&mut self, numbers: &mut Vec<u32>, goes: impl Fn(&Slot) -> bool) {
        let (gone, stay) = std::mem::take(&mut self.known).into_iter().partition(goes);
        self.known = stay;
        for slot in gone {
            slot.link.partition().end();
            numbers.push(slot.number);
            self.former.push(Former { id: slot.link.target().id(), number: slot.number });
        }
    }

    /// The place of a partition among the targets: those over STC first, then the servers'.
    fn rank(&self, host: &str, serial: SerialNumber) -> (usize, SerialNumber) {
        let targets = &self.targets;
        let stc = |target: &Target| target.host == host && target.serial == serial;
        let over_stc = targets.partitions.iter().position(stc);
        let over_ntls = || {
            let at = targets.servers.iter().position(|server| server.host == host);
            at.map_or(usize::MAX, |at| at + targets.partitions.len())
        };
        (over_stc.unwrap_or_else(over_ntls), serial)
    }
}

/// Whether a link to this target is one to keep.
fn leads_to(targets: &Targets, target: &Target) -> bool {
    match &target.way {
        Way::Stc { .. } => targets.partitions.iter().any(|known| known.is_same(target)),
        Way::Ntls(_) => {
            let unasked = targets.unasked.iter().any(|(host, _)| *host == target.host);
            unasked
                || targets.servers.iter().any(|server| server.target(target.serial).is_same(target))
        }
    }
}

/// Whether any target may lead to this partition.
fn may_lead_to(targets: &Targets, id: &PartitionId) -> bool {
    targets.partitions.iter().any(|target| target.id() == *id)
        || targets.servers.iter().any(|server| server.target(id.serial).id() == *id)
}

/// Has links to a slot's partition made again, and it looked at.
fn look_again(slot: &mut Slot) -> Job {
    if slot.is_contested() {
        slot.lost = Some(ConnectFailure::Pending);
    }
    slot.link.partition().permit();
    Job::Look(slot.number, slot.link.clone())
}

fn lose(slot: &mut Slot, failure: ConnectFailure) {
    slot.link.partition().bar(failure.clone());
    slot.lost = Some(failure);
}

/// What a request without a reply says of its link.
fn lost_by(error: AskError) -> ConnectFailure {
    match error {
        AskError::Lost(failure) => failure,
        AskError::OtherPartition(other) => ConnectFailure::OtherPartition(other),
        AskError::Unanswered(error) => ConnectFailure::Link(error),
        AskError::Reconnected | AskError::GivenUp { .. } => ConnectFailure::Pending,
        AskError::Malformed => ConnectFailure::Malformed,
    }
}
