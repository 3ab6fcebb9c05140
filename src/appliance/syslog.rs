//! Sends records of the audit log to syslog servers.
//!
//! Nobody waits for a server: each has a thread that reads the log behind what it sent last. The
//! log itself is the queue, up to a bound; what a server does not get is counted, and recorded when
//! it is reached again.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    hsm::Hsm,
    model::{AuditQuery, Status, SyslogServer, SyslogState, SyslogTarget},
    net::SyslogLink,
    wire::syslog_message,
};

/// Records that wait for a server at most.
const BACKLOG: u64 = 10_000;

/// How often the log is looked at.
const POLL: Duration = Duration::from_millis(250);

/// The pause after a first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The servers that records go to.
#[derive(Debug)]
pub(super) struct Syslog {
    hsm: Arc<Hsm>,
    host: String,
    senders: Mutex<Vec<Sender>>,
}

/// A server with its thread.
#[derive(Debug)]
struct Sender {
    target: SyslogTarget,
    progress: Arc<Progress>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Progress {
    stop: AtomicBool,
    connected: AtomicBool,
    sent: AtomicU64,
    lost: AtomicU64,
}

impl Syslog {
    /// Starts sending to the servers that are set.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) fn start(hsm: Arc<Hsm>, host: String) -> Result<Self, Status> {
        let targets = hsm.syslog_targets()?;
        let syslog = Self { hsm, host, senders: Mutex::default() };
        syslog.take(targets)?;
        Ok(syslog)
    }

    /// Sends to these servers from now on, and to no others. Those that stay go on undisturbed.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) fn take(&self, targets: Vec<SyslogTarget>) -> Result<(), Status> {
        let last = self.hsm.audit_range()?.1;
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let (stay, go): (Vec<_>, Vec<_>) =
            senders.drain(..).partition(|sender| targets.contains(&sender.target));
        *senders = stay;
        for target in targets {
            if !senders.iter().any(|sender| sender.target == target) {
                senders.push(self.sender(target, last));
            }
        }
        drop(senders);
        go.iter().for_each(Sender::tell);
        Ok(())
    }

    /// How it stands with the servers.
    pub(super) fn states(&self) -> Vec<SyslogState> {
        let senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let state = |sender: &Sender| SyslogState {
            server: SyslogServer::from(&sender.target),
            connected: sender.progress.connected.load(Ordering::Relaxed),
            sent: sender.progress.sent.load(Ordering::Relaxed),
            lost: sender.progress.lost.load(Ordering::Relaxed),
        };
        senders.iter().map(state).collect()
    }

    /// Ends all threads, after what they can still send.
    pub(super) fn stop(&self) {
        let senders =
            std::mem::take(&mut *self.senders.lock().unwrap_or_else(PoisonError::into_inner));
        senders.iter().for_each(Sender::tell);
        senders.into_iter().for_each(Sender::end);
    }

    fn sender(&self, target: SyslogTarget, after: u64) -> Sender {
        let progress = Arc::new(Progress::default());
        let work = Work {
            hsm: self.hsm.clone(),
            host: self.host.clone(),
            target: target.clone(),
            progress: progress.clone(),
            after,
            lost: 0,
        };
        let thread = thread::Builder::new().name("syslog".to_owned()).spawn(move || work.run());
        if let Err(error) = &thread {
            tracing::error!(%error, "a syslog server gets no records");
        }
        Sender { target, progress, thread: thread.ok() }
    }
}

impl Sender {
    /// Tells the thread to end.
    fn tell(&self) {
        self.progress.stop.store(true, Ordering::Release);
    }

    /// Waits for the thread, unless it tries to reach its server, which may take long.
    fn end(mut self) {
        let connected = self.progress.connected.load(Ordering::Relaxed);
        if let Some(thread) = self.thread.take().filter(|_| connected) {
            let _ = thread.join();
        }
    }
}

/// What a thread works with.
struct Work {
    hsm: Arc<Hsm>,
    host: String,
    target: SyslogTarget,
    progress: Arc<Progress>,
    /// The number of the last record that was sent, or given up.
    after: u64,
    /// Records given up that the log does not say yet.
    lost: u64,
}

impl Work {
    fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        while !self.stops() {
            let failure = match self.connect() {
                Ok(mut link) => {
                    self.progress.connected.store(true, Ordering::Relaxed);
                    pause = FIRST_PAUSE;
                    let ended = self.serve(&mut link);
                    self.progress.connected.store(false, Ordering::Relaxed);
                    ended.err()
                }
                Err(error) => Some(error),
            };
            if let Some(error) = failure {
                let server = SyslogServer::from(&self.target).to_string();
                tracing::warn!(server, %error, ?pause, "a syslog server is not reached");
                self.wait(pause);
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                self.give_up_old();
            }
        }
    }

    fn connect(&self) -> io::Result<SyslogLink> {
        match &self.target {
            SyslogTarget::Socket { path } => SyslogLink::local(path),
            SyslogTarget::Tls { host, port, name, roots } => {
                SyslogLink::tls((host.as_str(), *port), name, roots)
            }
        }
    }

    /// Sends what is there and what comes, until told to stop.
    fn serve(&mut self, link: &mut SyslogLink) -> io::Result<()> {
        if self.lost > 0 {
            let server = SyslogServer::from(&self.target).to_string();
            if self.hsm.record_syslog_loss(self.lost, server).is_ok() {
                self.lost = 0;
            }
        }
        loop {
            let stops = self.stops();
            let query = AuditQuery { after: self.after, ..AuditQuery::default() };
            let records = self.hsm.audit_records(&query).unwrap_or_default();
            link.check()?;
            let idle = records.is_empty();
            for record in records {
                link.send(&syslog_message(&self.host, std::process::id(), &record))?;
                // Records that were closed into an archive meanwhile are not in between.
                self.lose(record.sequence - self.after - 1);
                self.after = record.sequence;
                self.progress.sent.fetch_add(1, Ordering::Relaxed);
            }
            if stops {
                return Ok(());
            }
            if idle {
                thread::sleep(POLL);
            }
        }
    }

    /// Leaves out what is too far behind.
    fn give_up_old(&mut self) {
        let Ok((_, last)) = self.hsm.audit_range() else { return };
        let oldest = last.saturating_sub(BACKLOG);
        if self.after < oldest {
            self.lose(oldest - self.after);
            self.after = oldest;
        }
    }

    fn lose(&mut self, records: u64) {
        self.lost += records;
        self.progress.lost.fetch_add(records, Ordering::Relaxed);
    }

    fn stops(&self) -> bool {
        self.progress.stop.load(Ordering::Acquire)
    }

    fn wait(&self, pause: Duration) {
        let end = Instant::now() + pause;
        while !self.stops() && Instant::now() < end {
            thread::sleep(POLL.min(pause));
        }
    }
}
