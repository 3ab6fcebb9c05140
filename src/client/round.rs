//! A look at all slots at once: a few threads connect, for whoever wants to know, and end with what
//! there is to do. What has answered is there before the rest has.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{
    establish::assigned,
    failure::{AskError, ConnectFailure},
    link::PartitionLink,
    partition::Attempts,
    slots::Slots,
    target::Target,
    targets::{NtlsServer, Targets},
};
use crate::{
    model::{PartitionInfo, SerialNumber},
    net::{ConnectError, GiveUp},
};

/// Threads that connect at the same time.
const CONNECTORS: usize = 16;

/// Those of them that one server may keep busy.
const CONNECTORS_OF_A_SERVER: usize = 8;

/// How much later than an answer is due it is still waited for.
const SLACK: Duration = Duration::from_millis(250);

/// How long connections that are given up may take to end. Only the resolution of a name takes
/// longer, which nothing ends.
const FAREWELL: Duration = Duration::from_millis(500);

/// How long, at least, others are waited for once a partition has answered.
const LEAST_GRACE: Duration = Duration::from_secs(1);

/// Something to do that takes the network.
#[derive(Debug)]
pub(super) enum Job {
    /// Ask a server for this client's partitions.
    Ask(NtlsServer),
    /// Ask the partition in a slot what it is now.
    Look(u32, PartitionLink),
    /// Connect to a partition.
    Connect(Target),
}

/// What came of a job.
pub(super) enum Found {
    Asked { server: NtlsServer, serials: Result<Vec<SerialNumber>, ConnectFailure> },
    Looked { number: u32, link: PartitionLink, outcome: Result<PartitionInfo, AskError> },
    Connected { target: Target, outcome: Result<(PartitionLink, PartitionInfo), ConnectFailure> },
}

impl Job {
    fn host(&self) -> &str {
        match self {
            Self::Ask(server) => &server.host,
            Self::Look(_, link) => &link.target().host,
            Self::Connect(target) => &target.host,
        }
    }

    fn run(&self, give_up: &GiveUp) -> Found {
        match self {
            Self::Ask(server) => {
                let serials = assigned(&server.endpoint, &server.credentials, give_up);
                Found::Asked { server: server.clone(), serials }
            }
            Self::Look(number, link) => {
                let outcome = link.partition().describe(Attempts::Each);
                Found::Looked { number: *number, link: link.clone(), outcome }
            }
            Self::Connect(target) => {
                let outcome = PartitionLink::connect_unless(target.clone(), give_up);
                Found::Connected { target: target.clone(), outcome }
            }
        }
    }

    fn failed(self, failure: ConnectFailure) -> Found {
        match self {
            Self::Ask(server) => Found::Asked { server, serials: Err(failure) },
            Self::Look(number, link) => {
                Found::Looked { number, link, outcome: Err(AskError::Lost(failure)) }
            }
            Self::Connect(target) => Found::Connected { target, outcome: Err(failure) },
        }
    }
}

impl Found {
    /// The server that a connection was begun to and that did not answer.
    fn silent_server(&self) -> Option<&str> {
        match self {
            Self::Connected {
                target,
                outcome: Err(ConnectFailure::Connect(ConnectError::Timeout)),
            } => Some(&target.host),
            _ => None,
        }
    }
}

/// Slots, and the threads that look at them. None of them outlives its work.
#[derive(Debug)]
pub(super) struct Connectors(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    news: Condvar,
    give_up: GiveUp,
}

#[derive(Debug)]
struct State {
    slots: Slots,
    queue: VecDeque<Job>,
    /// The servers that connections are being made to, one entry for each.
    busy: Vec<String>,
    threads: usize,
    /// Those that run, and those that have ended since they were last joined.
    handles: Vec<JoinHandle<()>>,
    /// When this look began.
    began: Instant,
    /// When something last answered.
    heard: Instant,
}

impl State {
    fn is_over(&self) -> bool {
        self.queue.is_empty() && self.busy.is_empty()
    }

    /// Whether it is over and no thread does anything any more.
    fn is_at_rest(&self) -> bool {
        self.is_over() && self.threads == 0
    }

    /// The threads that have nothing more to do but to end, if all have.
    fn ended(&mut self) -> Vec<JoinHandle<()>> {
        if self.threads == 0 { std::mem::take(&mut self.handles) } else { Vec::new() }
    }

    /// The next job, of a server that does not keep too many busy if there is a choice.
    fn next(&mut self) -> Option<Job> {
        let room = |job: &Job| {
            let busy = self.busy.iter().filter(|host| *host == job.host()).count();
            busy < CONNECTORS_OF_A_SERVER
        };
        let at = self.queue.iter().position(room)?;
        self.queue.remove(at)
    }

    fn take(&mut self, found: Found) {
        let silent = found.silent_server().map(str::to_owned);
        self.queue.extend(self.slots.take(found));
        let Some(silent) = silent else { return };
        // Who does not answer for one partition is not waited for, once for each of the others.
        let (late, stay): (VecDeque<_>, _) = std::mem::take(&mut self.queue)
            .into_iter()
            .partition(|job| matches!(job, Job::Connect(target) if target.host == silent));
        self.queue = stay;
        for job in late {
            self.slots.take(job.failed(ConnectFailure::Connect(ConnectError::Timeout)));
        }
    }
}

impl Connectors {
    pub(super) fn new(slots: Slots) -> Self {
        let now = Instant::now();
        let (queue, busy) = (VecDeque::new(), Vec::new());
        let (threads, handles) = (0, Vec::new());
        let state = State { slots, queue, busy, threads, handles, began: now, heard: now };
        let give_up = GiveUp::default();
        Self(Arc::new(Shared { state: Mutex::new(state), news: Condvar::new(), give_up }))
    }

    /// Looks at everything and waits until all of it has answered, or its time is over.
    pub(super) fn look_at_all(self) -> Slots {
        self.begin(None);
        let mut state = self.0.lock();
        while !state.is_at_rest() {
            state = self.0.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.slots.settle();
        let (slots, ended) = (state.slots.clone(), state.ended());
        drop(state);
        join(ended);
        slots
    }

    /// Whether a look is under way.
    pub(super) fn is_looking(&self) -> bool {
        !self.0.lock().is_over()
    }

    /// Begins a look, at new targets if there are any, unless one is under way.
    pub(super) fn begin(&self, targets: Option<Targets>) {
        let mut state = self.0.lock();
        if !state.is_over() || self.0.give_up.is_raised() {
            return;
        }
        if let Some(targets) = targets {
            state.slots.set_targets(targets);
        }
        let now = Instant::now();
        (state.began, state.heard) = (now, now);
        let jobs = state.slots.begin();
        state.queue.extend(jobs);
        self.0.employ(&mut state);
    }

    /// Waits for the look that is under way, but no longer than answers may take; and, once a
    /// partition is reached, not for those that take much longer than the others. What `see` makes
    /// of the slots then.
    pub(super) fn wait<T>(&self, see: impl FnOnce(&Slots) -> T) -> T {
        let mut state = self.0.lock();
        while !state.is_at_rest() && !self.0.give_up.is_raised() {
            let patience = state.slots.targets().patience;
            let mut until = state.began + patience + SLACK;
            if state.slots.reaches_any() {
                until = until.min(state.heard + (patience / 4).max(LEAST_GRACE));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.0.news.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.slots.settle();
        let (seen, ended) = (see(&state.slots), state.ended());
        drop(state);
        join(ended);
        seen
    }

    /// Ends all links and all connections under way, for good; whoever waits hears so at once.
    /// Returns when the threads have ended, or a moment later if one hangs in the system.
    pub(super) fn close(&self) {
        let again = self.0.give_up.is_raised();
        self.0.give_up.raise();
        let mut state = self.0.lock();
        state.queue.clear();
        state.slots.links().for_each(|link| link.partition().end());
        self.0.news.notify_all();
        if !again {
            let waited = self.0.news.wait_timeout_while(state, FAREWELL, |state| state.threads > 0);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let ended = state.ended();
        drop(state);
        join(ended);
    }
}

fn join(ended: Vec<JoinHandle<()>>) {
    for thread in ended {
        // A job that panicked is told of as one that failed.
        drop(thread.join());
    }
}

impl Shared {
    /// Has as many threads at work as there is work for.
    fn employ(self: &Arc<Self>, state: &mut State) {
        let wanted = (state.queue.len() + state.busy.len()).min(CONNECTORS);
        while state.threads < wanted {
            let shared = self.clone();
            let started =
                thread::Builder::new().name("connector".to_owned()).spawn(move || shared.work());
            match started {
                Ok(thread) => {
                    state.threads += 1;
                    state.handles.push(thread);
                }
                Err(error) if state.threads == 0 => {
                    while let Some(job) = state.queue.pop_front() {
                        state.take(job.failed(ConnectFailure::NoThread(error.to_string())));
                    }
                    break;
                }
                // Those that there are do the rest.
                Err(_) => break,
            }
        }
        self.news.notify_all();
    }

    fn work(self: Arc<Self>) {
        let mut state = self.lock();
        while let Some(job) = state.next() {
            let host = job.host().to_owned();
            state.busy.push(host.clone());
            drop(state);
            let found = catch_unwind(AssertUnwindSafe(|| job.run(&self.give_up)));
            let found = found.unwrap_or_else(|_| job.failed(ConnectFailure::Malformed));
            state = self.lock();
            if let Some(at) = state.busy.iter().position(|busy| *busy == host) {
                state.busy.swap_remove(at);
            }
            if !self.give_up.is_raised() {
                state.heard = Instant::now();
                state.take(found);
            }
            self.employ(&mut state);
        }
        state.threads -= 1;
        self.news.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
