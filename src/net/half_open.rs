//! Connections that nobody has authenticated yet: bounded in all and for each source.

use std::{
    collections::{BTreeMap, HashMap},
    future::poll_fn,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use tokio::sync::oneshot;

use super::server::Limits;

/// The connections in handshakes, by age.
///
/// There is always room for one more: it pushes out the oldest one of its source if that source
/// has too many, else the oldest one of the source that has most. Whoever floods pushes out itself.
/// Of several sources with as many, the one whose oldest connection is the oldest loses it.
#[derive(Clone, Debug)]
pub(super) struct HalfOpen {
    limits: Limits,
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    entries: BTreeMap<u64, Entry>,
    sources: HashMap<IpAddr, usize>,
}

/// Dropping it tells the place.
#[derive(Debug)]
struct Entry {
    source: IpAddr,
    _alive: oneshot::Sender<()>,
}

/// One connection's place in the table, given up when dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    table: Arc<Mutex<Table>>,
    alive: oneshot::Receiver<()>,
}

impl HalfOpen {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, table: Arc::default() }
    }

    /// Takes a place.
    pub(super) fn enter(&self, address: IpAddr) -> Place {
        let source = source(address);
        let mut table = lock(&self.table);
        let own = table.sources.get(&source).copied().unwrap_or_default();
        if own >= self.limits.half_open_per_source.max(1) {
            table.push_out(source);
        } else if table.entries.len() >= self.limits.half_open.max(1) {
            table.push_out_of_the_heaviest();
        }
        table.last += 1;
        let (sender, alive) = oneshot::channel();
        let number = table.last;
        table.entries.insert(number, Entry { source, _alive: sender });
        *table.sources.entry(source).or_default() += 1;
        Place { number, table: self.table.clone(), alive }
    }

    /// Whether the table is so full that strangers have to prove where they come from.
    pub(super) fn is_under_pressure(&self) -> bool {
        lock(&self.table).entries.len() * 2 > self.limits.half_open
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        lock(&self.table).entries.len()
    }
}

impl Table {
    fn push_out(&mut self, source: IpAddr) {
        let oldest = self.entries.iter().find(|(_, entry)| entry.source == source);
        if let Some(number) = oldest.map(|(number, _)| *number) {
            self.remove(number);
        }
    }

    fn push_out_of_the_heaviest(&mut self) {
        let most = self.sources.values().max();
        let is_heaviest = |entry: &Entry| self.sources.get(&entry.source) == most;
        let oldest = self.entries.iter().find(|(_, entry)| is_heaviest(entry));
        if let Some(number) = oldest.map(|(number, _)| *number) {
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) {
        let Some(entry) = self.entries.remove(&number) else { return };
        if let Some(count) = self.sources.get_mut(&entry.source) {
            *count -= 1;
            if *count == 0 {
                self.sources.remove(&entry.source);
            }
        }
    }
}

impl Place {
    /// Returns once another connection has taken this place.
    pub(super) async fn pushed_out(&mut self) {
        poll_fn(|context| self.poll_pushed_out(context)).await;
    }

    /// As [`Self::pushed_out`].
    pub(super) fn poll_pushed_out(&mut self, context: &mut Context<'_>) -> Poll<()> {
        use std::{future::Future, pin::Pin};
        Pin::new(&mut self.alive).poll(context).map(drop)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.table).remove(self.number);
    }
}

/// Whom an address stands for. Of IPv6 the first 64 bits count: whoever has one address of such a
/// network usually has all 2^64 (RFC 6177, RFC 8981).
fn source(address: IpAddr) -> IpAddr {
    const NETWORK: u128 = u128::MAX << 64;
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        address @ IpAddr::V4(_) => address,
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, task::Waker};

    use super::*;

    fn table(half_open: usize, half_open_per_source: usize) -> HalfOpen {
        HalfOpen::new(Limits { half_open, half_open_per_source, ..Limits::DEFAULT })
    }

    fn address(number: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, number).into()
    }

    fn is_out(place: &mut Place) -> bool {
        place.poll_pushed_out(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn one_source_pushes_out_its_own_oldest() {
        let table = table(10, 2);
        let mut other = table.enter(address(1));
        let mut first = table.enter(address(2));
        let mut second = table.enter(address(2));
        let mut third = table.enter(address(2));
        assert!(is_out(&mut first));
        assert!(!is_out(&mut second) && !is_out(&mut third) && !is_out(&mut other));
        drop((first, second, third, other));
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn a_full_table_pushes_out_the_heaviest_address() {
        let table = table(3, 3);
        let mut light = table.enter(address(1));
        let mut heavy = [table.enter(address(2)), table.enter(address(2))];
        let mut newcomer = table.enter(address(3));
        assert!(is_out(&mut heavy[0]));
        assert!(!is_out(&mut heavy[1]) && !is_out(&mut light) && !is_out(&mut newcomer));
        assert_eq!(table.len(), 3);
    }

    #[test]
    fn no_flood_outgrows_the_table() {
        let table = table(20, 5);
        assert!(!table.is_under_pressure());
        let mut places: Vec<_> = (0..200).map(|at| table.enter(address(at % 40))).collect();
        assert!(table.is_under_pressure());
        assert_eq!(table.len(), 20);
        assert_eq!(places.iter_mut().map(is_out).filter(|out| !out).count(), 20);
    }

    fn sources(table: &HalfOpen) -> usize {
        lock(&table.table).sources.len()
    }

    #[test]
    fn places_that_were_given_up_count_for_nobody() {
        let table = table(3, 2);
        for at in 0..200 {
            drop(table.enter(address(at)));
            drop((table.enter(address(1)), table.enter(address(1))));
        }
        assert_eq!((table.len(), sources(&table)), (0, 0));
        // One whose places came and went has as many as anybody, and is not the heaviest one.
        let mut own = [table.enter(address(1)), table.enter(address(1))];
        let mut other = table.enter(address(2));
        assert!(!own.iter_mut().any(is_out) && !is_out(&mut other));
        let _newcomer = table.enter(address(3));
        assert!(is_out(&mut own[0]) && !is_out(&mut own[1]) && !is_out(&mut other));
        assert_eq!((table.len(), sources(&table)), (3, 3));
        drop(own);
        assert_eq!((table.len(), sources(&table)), (2, 2));
    }

    #[test]
    fn pressure_begins_above_the_half() {
        for (room, half) in [(1, 0), (2, 1), (7, 3), (8, 4), (40, 20)] {
            let table = table(room, room);
            let places: Vec<_> = (0..half).map(|_| table.enter(address(1))).collect();
            assert!(!table.is_under_pressure(), "{half} of {room}");
            let _one_more = table.enter(address(1));
            assert!(table.is_under_pressure(), "more than {half} of {room}");
            drop(places);
        }
    }

    #[test]
    fn a_network_of_ipv6_is_one_source_and_mapped_addresses_are_ipv4() {
        let table = table(10, 2);
        let enter = |address: &str| table.enter(address.parse().unwrap());
        let mut first = enter("2001:db8:1:2::1");
        let mut neighbour = enter("2001:db8:1:3::1");
        let mut mapped = ["::ffff:192.0.2.1", "::ffff:192.0.2.2"].map(enter);
        let mut others = ["2001:db8:1:2::2", "2001:db8:1:2:ffff:ffff:ffff:ffff"].map(enter);
        assert!(is_out(&mut first));
        assert!(!is_out(&mut neighbour) && !others.iter_mut().any(is_out));
        let mut one = [enter("192.0.2.1"), enter("192.0.2.1")];
        assert!(is_out(&mut mapped[0]));
        assert!(!is_out(&mut mapped[1]) && !one.iter_mut().any(is_out));
    }

    #[test]
    fn of_sources_that_have_as_many_the_oldest_connection_goes() {
        for _ in 0..20 {
            let table = table(8, 8);
            let mut places: Vec<_> =
                [3, 1, 2, 1, 2, 4, 4, 3].map(|at| table.enter(address(at))).into_iter().collect();
            drop(places.remove(0));
            // Source 3 has one now, 1, 2 and 4 have two: the first of source 1 is the oldest.
            let (mut newcomer, mut next) = (table.enter(address(5)), table.enter(address(6)));
            let out: Vec<_> = places.iter_mut().map(is_out).collect();
            assert_eq!(out, [true, false, false, false, false, false, false]);
            assert!(!is_out(&mut newcomer) && !is_out(&mut next));
        }
    }
}
