//! Threads for requests that take a while, clients in turn.
//!
//! A lane is one kind of work: its threads, and for each client what it has queued. A thread takes
//! the next request of the client that has waited longest, however many another one has sent and
//! over however many links.

use std::{
    collections::{HashMap, VecDeque},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use rustix::process::setpriority_process;

use super::client_key::ClientKey;

/// Requests of one client that a lane keeps; one more is refused.
const MOST_QUEUED: usize = 4096;

/// How long a thread that has nothing to do stays, if it is not the lane's last one.
const IDLE_PATIENCE: Duration = Duration::from_secs(10);

/// What a lane is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// Threads at most.
    pub(super) threads: usize,
    /// How many of them one client may have at a time.
    pub(super) per_client: usize,
    /// Their niceness: 0 is as important as the links themselves, 19 has what is left over.
    pub(super) niceness: i32,
}

/// One request on its way.
pub(super) struct Job {
    /// The link that it came over.
    pub(super) link: u64,
    pub(super) run: Box<dyn FnOnce() + Send>,
}

/// Threads for one kind of work. They end when this is dropped, with what they are doing.
pub(super) struct Lane(Arc<Inner>);

/// How the system is asked for a thread.
type Spawn = dyn Fn(Box<dyn FnOnce() + Send>) -> io::Result<()> + Send + Sync;

struct Inner {
    kind: Kind,
    spawn: Box<Spawn>,
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Default)]
struct State {
    clients: HashMap<ClientKey, Client>,
    /// Those that have something queued, who has waited longest first.
    turn: VecDeque<ClientKey>,
    threads: usize,
    /// Those that wait for something to do.
    idle: usize,
    /// How many of these are called already.
    called: usize,
    stopped: bool,
}

#[derive(Default)]
struct Client {
    queue: VecDeque<Job>,
    running: usize,
}

impl Lane {
    /// A lane with one thread, so that there is always one; the others come as they are needed.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(super) fn start(kind: Kind) -> io::Result<Self> {
        let name = kind.name;
        let spawn = move |work| thread::Builder::new().name(name.to_owned()).spawn(work).map(drop);
        Self::start_with(kind, Box::new(spawn))
    }

    fn start_with(kind: Kind, spawn: Box<Spawn>) -> io::Result<Self> {
        let (state, more) = (Mutex::default(), Condvar::new());
        let inner = Arc::new(Inner { kind, spawn, state, more });
        inner.lock().threads = 1;
        inner.spawn()?;
        Ok(Self(inner))
    }

    /// Whether a client may queue another request.
    pub(super) fn has_room(&self, client: ClientKey) -> bool {
        let queued = self.0.lock().clients.get(&client).map_or(0, |own| own.queue.len());
        queued < MOST_QUEUED
    }

    /// Queues a request of a client; false if it has too many. What is refused is dropped.
    pub(super) fn push(&self, client: ClientKey, job: Job) -> bool {
        let mut state = self.0.lock();
        let own = state.clients.entry(client).or_default();
        if own.queue.len() >= MOST_QUEUED {
            return false;
        }
        let first = own.queue.is_empty();
        own.queue.push_back(job);
        if first {
            state.turn.push_back(client);
        }
        let is_idle = state.idle > state.called;
        let needed = !is_idle && state.threads < self.0.kind.threads;
        if is_idle {
            state.called += 1;
        } else if needed {
            state.threads += 1;
        }
        drop(state);
        self.0.more.notify_one();
        // Without another thread it takes longer, no more.
        if needed && let Err(error) = self.0.spawn() {
            self.0.lock().threads -= 1;
            tracing::warn!(lane = self.0.kind.name, %error, "no further thread can be had");
        }
        true
    }

    /// Drops what a link has queued.
    pub(super) fn forget(&self, client: ClientKey, link: u64) {
        let mut dropped = Vec::new();
        let mut state = self.0.lock();
        let State { clients, turn, .. } = &mut *state;
        let Some(own) = clients.get_mut(&client) else { return };
        let (gone, kept) = own.queue.drain(..).partition::<Vec<_>, _>(|job| job.link == link);
        own.queue = kept.into();
        dropped.extend(gone);
        if own.queue.is_empty() {
            turn.retain(|waiting| *waiting != client);
            if own.running == 0 {
                clients.remove(&client);
            }
        }
        drop(state);
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.stopped = true;
        let queued = std::mem::take(&mut state.clients);
        drop(state);
        self.0.more.notify_all();
        drop(queued);
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(self: &Arc<Self>) -> io::Result<()> {
        let inner = self.clone();
        (self.spawn)(Box::new(move || inner.work()))
    }

    /// What a thread of the lane does.
    fn work(&self) {
        // Where the system does not permit it, the thread is as important as any other.
        if self.kind.niceness > 0 && setpriority_process(None, self.kind.niceness).is_err() {
            tracing::debug!(lane = self.kind.name, "the thread keeps its priority");
        }
        while let Some((client, job)) = self.take() {
            // Whoever sent the request hears that it failed: by what the job drops.
            let _ = catch_unwind(AssertUnwindSafe(job.run));
            self.done(client);
        }
    }

    /// The next request, when there is one; none if the thread is to end.
    fn take(&self) -> Option<(ClientKey, Job)> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                state.threads -= 1;
                return None;
            }
            if let Some(next) = state.next(self.kind.per_client) {
                return Some(next);
            }
            state.idle += 1;
            let waited = self.more.wait_timeout(state, IDLE_PATIENCE);
            let (again, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = again;
            state.idle -= 1;
            // Whoever wakes is who was called: it does not matter which of them.
            state.called = state.called.saturating_sub(1);
            if timeout.timed_out() && state.turn.is_empty() && state.threads > 1 {
                state.threads -= 1;
                return None;
            }
        }
    }

    fn done(&self, client: ClientKey) {
        let mut state = self.lock();
        if let Some(own) = state.clients.get_mut(&client) {
            own.running -= 1;
            if own.running == 0 && own.queue.is_empty() {
                state.clients.remove(&client);
            }
        }
    }
}

impl State {
    /// The next request of the client that has waited longest and may have another thread.
    fn next(&mut self, per_client: usize) -> Option<(ClientKey, Job)> {
        for _ in 0..self.turn.len() {
            let client = self.turn.pop_front()?;
            let Some(own) = self.clients.get_mut(&client) else { continue };
            if own.running >= per_client {
                self.turn.push_back(client);
                continue;
            }
            let Some(job) = own.queue.pop_front() else { continue };
            own.running += 1;
            if !own.queue.is_empty() {
                self.turn.push_back(client);
            }
            return Some((client, job));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    };

    use super::*;

    fn client(number: u8) -> ClientKey {
        ClientKey::Stc([number; 32])
    }

    fn lane(threads: usize, per_client: usize) -> Lane {
        Lane::start(Kind { name: "test", threads, per_client, niceness: 0 }).unwrap()
    }

    /// A job that says who it was for, once `go` is dropped.
    fn saying(link: u64, told: &mpsc::Sender<u64>, go: &Arc<Mutex<()>>) -> Job {
        let (told, go) = (told.clone(), go.clone());
        let run = Box::new(move || {
            drop(go.lock());
            let _ = told.send(link);
        });
        Job { link, run }
    }

    #[test]
    fn clients_come_in_turn_however_much_one_has_queued() {
        let (lane, go) = (lane(1, 1), Arc::new(Mutex::new(())));
        let (told, heard) = mpsc::channel();
        let held = go.lock().unwrap();
        for link in 1..=50 {
            assert!(lane.push(client(1), saying(link, &told, &go)));
        }
        for link in 101..=102 {
            assert!(lane.push(client(2), saying(link, &told, &go)));
        }
        drop(held);
        let order: Vec<_> = heard.iter().take(52).collect();
        let at = |link| order.iter().position(|one| *one == link).unwrap();
        assert!(at(101) <= 2 && at(102) <= 4, "{order:?}");
        assert_eq!(order.last(), Some(&50));
    }

    #[test]
    fn what_a_link_has_queued_goes_with_it() {
        let (lane, go) = (lane(1, 1), Arc::new(Mutex::new(())));
        let (told, heard) = mpsc::channel();
        let held = go.lock().unwrap();
        for link in [1, 2, 3, 2, 4] {
            assert!(lane.push(client(1), saying(link, &told, &go)));
        }
        lane.forget(client(1), 2);
        lane.forget(client(9), 2);
        drop(held);
        assert_eq!(heard.iter().take(3).collect::<Vec<_>>(), [1, 3, 4]);
        drop(lane);
        drop(told);
        assert_eq!(heard.iter().next(), None);
    }

    #[test]
    fn one_client_never_has_all_threads() {
        let (lane, go) = (lane(4, 3), Arc::new(Mutex::new(())));
        let (told, heard) = mpsc::channel();
        let held = go.lock().unwrap();
        for link in 0..20 {
            assert!(lane.push(client(1), saying(link, &told, &go)));
        }
        let free = Arc::new(Mutex::new(()));
        assert!(lane.push(client(2), saying(100, &told, &free)));
        assert_eq!(heard.recv_timeout(Duration::from_secs(30)), Ok(100));
        drop(held);
        assert_eq!(heard.iter().take(20).count(), 20);
    }

    #[test]
    fn without_a_further_thread_everything_waits_for_the_first_one() {
        let threads = Arc::new(AtomicUsize::new(0));
        let had = threads.clone();
        let spawn = move |work| {
            had.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |had| (had == 0).then_some(1))
                .map_err(|_| io::Error::from(io::ErrorKind::WouldBlock))?;
            thread::Builder::new().spawn(work).map(drop)
        };
        let kind = Kind { name: "test", threads: 8, per_client: 8, niceness: 0 };
        let lane = Lane::start_with(kind, Box::new(spawn)).unwrap();
        let (told, heard) = mpsc::channel();
        let go = Arc::new(Mutex::new(()));
        let held = go.lock().unwrap();
        for link in 0..20 {
            assert!(lane.push(client(1), saying(link, &told, &go)));
        }
        drop(held);
        assert_eq!(heard.iter().take(20).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
        // Once the system has threads again, they come.
        threads.store(0, Ordering::SeqCst);
        let held = go.lock().unwrap();
        assert!(lane.push(client(1), saying(20, &told, &go)));
        let free = Arc::new(Mutex::new(()));
        eventually_has(&lane, 1);
        assert!(lane.push(client(1), saying(21, &told, &free)));
        assert_eq!(heard.recv_timeout(Duration::from_secs(30)), Ok(21));
        drop(held);
        assert_eq!(heard.recv_timeout(Duration::from_secs(30)), Ok(20));
    }

    /// Waits until this many of a client's requests are under way.
    fn eventually_has(lane: &Lane, running: usize) {
        let is_running = || lane.0.lock().clients.get(&client(1)).map(|own| own.running);
        while is_running() != Some(running) {
            thread::yield_now();
        }
    }

    #[test]
    fn too_much_is_refused_and_a_panic_ends_no_thread() {
        let (lane, go) = (lane(1, 1), Arc::new(Mutex::new(())));
        let (told, heard) = mpsc::channel();
        let bad = Job { link: 1, run: Box::new(|| panic!("a test's own")) };
        assert!(lane.push(client(1), bad));
        let held = go.lock().unwrap();
        let mut queued = 0;
        while lane.push(client(1), saying(0, &told, &go)) {
            queued += 1;
        }
        // The first one may wait as well, or two may be under way.
        assert!((MOST_QUEUED - 1..=MOST_QUEUED + 2).contains(&queued), "{queued}");
        assert!(lane.push(client(2), saying(7, &told, &go)), "another client has its own queue");
        drop(held);
        assert_eq!(heard.iter().take(queued + 1).filter(|link| *link == 7).count(), 1);
    }
}
