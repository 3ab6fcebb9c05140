//! What the audit log counts instead of recording each time.
//!
//! Whoever needs no login for an act, or is refused it, could repeat it as often as a link carries
//! requests, and fill the disk with records. Of each kind the first one of a minute is recorded;
//! the others are counted, and the count is recorded when the minute ends, or a little after the
//! client's link has. What a sudden end of the process loses is counts, no first one.
//!
//! Minutes are the caller's to end: there is no clock here. The memory is bounded, whatever clients
//! do: kinds of a client, and kinds in all; what goes beyond them is counted together.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Mutex,
};

use super::{LinkClient, wait};
use crate::model::{AuditAct, AuditActor, AuditDetail, AuditEntry, SerialNumber, Status};

/// Kinds of acts that are counted apart for each client and partition, in a minute.
const KINDS_OF_CLIENT: usize = 8;

/// Kinds that are counted apart in all.
const KINDS: usize = 4096;

/// First ones of a partition that are recorded in a minute, of all clients together: identities
/// cost a client nothing where anybody may become the first client.
const FIRST_ONES: u32 = 60;

/// Counts of a partition that are recorded apart at a minute's end.
const COUNTS: usize = 100;

/// Whose acts are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Whose {
    Client(LinkClient),
    Several,
}

/// Acts that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Kind {
    serial: SerialNumber,
    whose: Whose,
    act: AuditAct,
    outcome: Status,
}

impl Kind {
    /// What stands for this kind where there is no room for it: all other kinds of its client, or
    /// of several clients.
    const fn others(self, whose: Whose) -> Self {
        let (act, outcome) = (AuditAct::Refusals, Status::FunctionRejected);
        Self { serial: self.serial, whose, act, outcome }
    }
}

/// A count, and what its record will say.
#[derive(Debug)]
struct Sum {
    entry: AuditEntry,
    more: u64,
    since: u64,
}

/// A count that is due, with what takes it back.
#[derive(Debug)]
pub(super) struct Due {
    kind: Kind,
    sum: Sum,
}

impl Due {
    /// The partition.
    pub(super) const fn serial(&self) -> SerialNumber {
        self.kind.serial
    }

    /// What the log is to say.
    pub(super) fn entry(&self) -> AuditEntry {
        let Sum { entry, more, since } = &self.sum;
        let detail = Some(AuditDetail::Summed { more: *more, since: *since });
        AuditEntry { detail, ..entry.clone() }
    }
}

/// The counts since the last minute's end.
#[derive(Debug, Default)]
pub(super) struct Sums(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    kinds: HashMap<Kind, Sum>,
    /// Kinds of each client.
    clients: HashMap<(SerialNumber, Whose), usize>,
    /// First ones of each partition that were recorded.
    first_ones: HashMap<SerialNumber, u32>,
    /// Clients whose links have ended.
    ended: Vec<(SerialNumber, LinkClient)>,
}

impl Sums {
    /// Whether an act is to be recorded by itself. If not, it has been counted. `only_count` says
    /// that there is no room for records like this one.
    pub(super) fn takes_first(
        &self,
        (serial, client): (SerialNumber, LinkClient),
        entry: &AuditEntry,
        (now, only_count): (u64, bool),
    ) -> bool {
        let whose = Whose::Client(client);
        let kind = Kind { serial, whose, act: entry.act, outcome: entry.outcome };
        wait(&self.0).takes_first(kind, entry, (now, only_count))
    }

    /// Counts an act that was to be recorded and could not be.
    pub(super) fn count(
        &self,
        (serial, client): (SerialNumber, LinkClient),
        entry: &AuditEntry,
        now: u64,
    ) {
        let whose = Whose::Client(client);
        let kind = Kind { serial, whose, act: entry.act, outcome: entry.outcome };
        wait(&self.0).count(kind, entry, now);
    }

    /// Notes that a client's link has ended.
    pub(super) fn note_end(&self, serial: SerialNumber, client: LinkClient) {
        let mut table = wait(&self.0);
        if table.ended.len() < KINDS {
            table.ended.push((serial, client));
        }
    }

    /// The counts of clients whose links have ended. Their kinds stay known until the minute ends:
    /// new links do not give new first ones.
    pub(super) fn of_ended(&self) -> Vec<Due> {
        let mut table = wait(&self.0);
        let ended = std::mem::take(&mut table.ended);
        let is_due = |kind: &Kind| {
            let of = |(serial, client): &(_, _)| {
                kind.serial == *serial && kind.whose == Whose::Client(*client)
            };
            ended.iter().any(of)
        };
        let due = table.kinds.iter_mut().filter(|(kind, sum)| sum.more > 0 && is_due(kind));
        due.map(|(kind, sum)| {
            let (entry, since) = (sum.entry.clone(), sum.since);
            let more = std::mem::take(&mut sum.more);
            Due { kind: *kind, sum: Sum { entry, more, since } }
        })
        .collect()
    }

    /// Ends the minute: its counts.
    pub(super) fn of_minute(&self) -> Vec<Due> {
        let table = std::mem::take(&mut *wait(&self.0));
        let mut counted: HashMap<SerialNumber, usize> = HashMap::new();
        let mut together: HashMap<Kind, Sum> = HashMap::new();
        let mut due = Vec::new();
        for (kind, sum) in table.kinds.into_iter().filter(|(_, sum)| sum.more > 0) {
            let count = counted.entry(kind.serial).or_default();
            *count += 1;
            if *count <= COUNTS {
                due.push(Due { kind, sum });
            } else {
                let kind = kind.others(Whose::Several);
                let more = sum.more;
                add(&mut together, kind, (&several(&sum.entry), sum.since, more));
            }
        }
        due.extend(together.into_iter().map(|(kind, sum)| Due { kind, sum }));
        due
    }

    /// Takes back counts that could not be recorded.
    pub(super) fn take_back(&self, due: Vec<Due>) {
        let mut table = wait(&self.0);
        for Due { kind, sum: Sum { entry, more, since } } in due {
            table.enter(kind, (&entry, since, more));
        }
    }
}

impl Table {
    fn takes_first(
        &mut self,
        kind: Kind,
        entry: &AuditEntry,
        (now, only_count): (u64, bool),
    ) -> bool {
        let first_ones = self.first_ones.get(&kind.serial).copied().unwrap_or_default();
        let known = self.kinds.contains_key(&kind) || !self.has_room(kind);
        if known || only_count || first_ones >= FIRST_ONES {
            self.count(kind, entry, now);
            return false;
        }
        self.first_ones.insert(kind.serial, first_ones + 1);
        self.enter(kind, (entry, now, 0));
        true
    }

    fn count(&mut self, kind: Kind, entry: &AuditEntry, now: u64) {
        self.enter(kind, (entry, now, 1));
    }

    /// Adds to a kind's count, or to the one that stands for it.
    fn enter(&mut self, kind: Kind, (entry, since, more): (&AuditEntry, u64, u64)) {
        if self.kinds.contains_key(&kind) {
            add(&mut self.kinds, kind, (entry, since, more));
        } else if self.has_room(kind) {
            *self.clients.entry((kind.serial, kind.whose)).or_default() += 1;
            let entry = AuditEntry { objects: Vec::new(), ..entry.clone() };
            add(&mut self.kinds, kind, (&entry, since, more));
        } else {
            let full = self.kinds.len() >= KINDS;
            let own = kind.others(kind.whose);
            let (kind, entry) = if full && !self.kinds.contains_key(&own) {
                (kind.others(Whose::Several), several(entry))
            } else {
                (own, others(entry))
            };
            add(&mut self.kinds, kind, (&entry, since, more));
        }
    }

    fn has_room(&self, kind: Kind) -> bool {
        let of_client = self.clients.get(&(kind.serial, kind.whose)).copied().unwrap_or_default();
        self.kinds.len() < KINDS && of_client < KINDS_OF_CLIENT
    }
}

fn add(kinds: &mut HashMap<Kind, Sum>, kind: Kind, (entry, since, more): (&AuditEntry, u64, u64)) {
    match kinds.entry(kind) {
        Entry::Occupied(mut sum) => {
            let sum = sum.get_mut();
            if sum.more == 0 {
                sum.since = since;
            }
            sum.more = sum.more.saturating_add(more);
        }
        Entry::Vacant(place) => {
            place.insert(Sum { entry: entry.clone(), more, since });
        }
    }
}

/// What is said of other kinds of the same client.
fn others(entry: &AuditEntry) -> AuditEntry {
    let (act, outcome) = (AuditAct::Refusals, Status::FunctionRejected);
    AuditEntry { act, outcome, role: None, objects: Vec::new(), ..entry.clone() }
}

/// What is said of several clients together.
fn several(entry: &AuditEntry) -> AuditEntry {
    AuditEntry { actor: AuditActor::Several, source: None, ..others(entry) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIAL: SerialNumber = SerialNumber::new(1);

    fn client(number: u8, second: u8) -> LinkClient {
        let mut key = [0; 32];
        (key[0], key[1]) = (number, second);
        LinkClient::Stc(key)
    }

    fn entry(act: AuditAct, outcome: Status) -> AuditEntry {
        AuditEntry {
            actor: AuditActor::Administrator,
            role: None,
            act,
            objects: Vec::new(),
            outcome,
            source: None,
            detail: None,
        }
    }

    fn first(sums: &Sums, client: LinkClient, act: AuditAct, outcome: Status) -> bool {
        sums.takes_first((SERIAL, client), &entry(act, outcome), (7, false))
    }

    fn counts(due: &[Due]) -> u64 {
        due.iter().map(|due| due.sum.more).sum()
    }

    #[test]
    fn the_first_of_a_minute_is_recorded_and_the_others_are_counted() {
        let sums = Sums::default();
        let (one, other) = (client(1, 0), client(2, 0));
        let refused = |client| first(&sums, client, AuditAct::GenerateKey, Status::UserNotLoggedIn);
        assert!(refused(one) && refused(other));
        assert!((0..2_999).all(|_| !refused(one)));
        let due = sums.of_minute();
        assert_eq!((due.len(), counts(&due)), (1, 2_999));
        let detail = due[0].entry().detail;
        assert_eq!(detail, Some(AuditDetail::Summed { more: 2_999, since: 7 }));
        assert!(sums.of_minute().is_empty());
        assert!(refused(one), "a new minute records its first one");
    }

    #[test]
    fn the_end_of_a_link_makes_its_count_due_and_gives_no_new_first_one() {
        let sums = Sums::default();
        let one = client(1, 0);
        let refused = || first(&sums, one, AuditAct::GenerateKey, Status::UserNotLoggedIn);
        assert!(refused() && !refused());
        assert!(sums.of_ended().is_empty());
        sums.note_end(SERIAL, one);
        assert_eq!(counts(&sums.of_ended()), 1);
        assert!(sums.of_ended().is_empty() && !refused());
        assert_eq!(counts(&sums.of_minute()), 1);
    }

    #[test]
    fn what_could_not_be_recorded_is_taken_back() {
        let sums = Sums::default();
        let one = client(1, 0);
        let record = entry(AuditAct::GenerateKey, Status::UserNotLoggedIn);
        assert!(!sums.takes_first((SERIAL, one), &record, (7, true)));
        sums.take_back(sums.of_minute());
        sums.count((SERIAL, one), &record, 8);
        assert_eq!(counts(&sums.of_minute()), 2);
    }

    #[test]
    fn kinds_and_clients_are_bounded_and_nothing_is_left_uncounted() {
        let sums = Sums::default();
        let mut recorded = 0;
        for act in AuditAct::ALL {
            for outcome in Status::ALL {
                recorded += u64::from(first(&sums, client(1, 0), *act, *outcome));
            }
        }
        assert_eq!(recorded, u64::try_from(KINDS_OF_CLIENT).unwrap());
        let mut asked = u64::try_from(AuditAct::ALL.len() * Status::ALL.len()).unwrap();
        for number in 0..20_000_u32 {
            let [.., one, other] = number.to_be_bytes();
            let mut key = [9; 32];
            (key[0], key[1]) = (one, other);
            let refused = Status::UserNotLoggedIn;
            for act in [AuditAct::GenerateKey, AuditAct::GenerateKey] {
                asked += 1;
                recorded += u64::from(first(&sums, LinkClient::Stc(key), act, refused));
            }
        }
        assert_eq!(recorded, u64::from(FIRST_ONES));
        assert!(wait(&sums.0).kinds.len() <= KINDS + 2);
        let due = sums.of_minute();
        assert!(due.len() <= COUNTS + 1, "{}", due.len());
        assert_eq!(recorded + counts(&due), asked);
    }
}
