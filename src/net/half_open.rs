//! Connections that nobody has authenticated yet: bounded in all and for each source.

use std::{
    collections::{BTreeMap, HashMap},
    future::poll_fn,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use tokio::sync::oneshot;

use super::server::Limits;

/// The connections in handshakes, by age.
///
/// There is always room for one more: it pushes out the oldest one of its source if that source
/// has too many, else the oldest one of the source that has most. Whoever floods pushes out itself.
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
    pub(super) fn enter(&self, source: IpAddr) -> Place {
        let mut table = lock(&self.table);
        let own = table.sources.get(&source).copied().unwrap_or_default();
        if own >= self.limits.half_open_per_source.max(1) {
            table.push_out(source);
        } else if table.entries.len() >= self.limits.half_open.max(1) {
            let most = table.sources.iter().max_by_key(|(_, count)| **count);
            if let Some(source) = most.map(|(source, _)| *source) {
                table.push_out(source);
            }
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

    fn source(number: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, number).into()
    }

    fn is_out(place: &mut Place) -> bool {
        place.poll_pushed_out(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn one_source_pushes_out_its_own_oldest() {
        let table = table(10, 2);
        let mut other = table.enter(source(1));
        let mut first = table.enter(source(2));
        let mut second = table.enter(source(2));
        let mut third = table.enter(source(2));
        assert!(is_out(&mut first));
        assert!(!is_out(&mut second) && !is_out(&mut third) && !is_out(&mut other));
        drop((first, second, third, other));
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn a_full_table_pushes_out_the_heaviest_source() {
        let table = table(3, 3);
        let mut light = table.enter(source(1));
        let mut heavy = [table.enter(source(2)), table.enter(source(2))];
        let mut newcomer = table.enter(source(3));
        assert!(is_out(&mut heavy[0]));
        assert!(!is_out(&mut heavy[1]) && !is_out(&mut light) && !is_out(&mut newcomer));
        assert_eq!(table.len(), 3);
    }

    #[test]
    fn no_flood_outgrows_the_table() {
        let table = table(20, 5);
        assert!(!table.is_under_pressure());
        let mut places: Vec<_> = (0..200).map(|at| table.enter(source(at % 40))).collect();
        assert!(table.is_under_pressure());
        assert_eq!(table.len(), 20);
        assert_eq!(places.iter_mut().map(is_out).filter(|out| !out).count(), 20);
    }
}
