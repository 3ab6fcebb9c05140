//! The threads that serve links: each has a runtime of its own, so that one which stays awake
//! between two requests keeps nobody else's events from anybody.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::{Notify, watch},
    task::yield_now,
};

use super::vigil::Vigil;

/// The threads that serve links. They end when this is dropped.
#[derive(Debug)]
pub(super) struct Workers {
    workers: Vec<Worker>,
    _stop: watch::Sender<bool>,
}

/// One thread, as others see it.
#[derive(Debug)]
struct Worker {
    runtime: Handle,
    attention: Arc<Attention>,
    links: Arc<AtomicUsize>,
}

impl Workers {
    /// As many threads as there are processors.
    ///
    /// # Errors
    /// The system refuses a thread, or what a runtime needs.
    pub(super) fn start() -> io::Result<Self> {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let (stop, stopping) = watch::channel(false);
        let start = |number| Worker::start(number, &stopping);
        let workers = (0..count).map(start).collect::<io::Result<_>>()?;
        Ok(Self { workers, _stop: stop })
    }

    /// A place with the worker that has the fewest connections; none if there is no worker.
    pub(super) fn place(&self) -> Option<(Seated, &Handle)> {
        let load = |worker: &&Worker| worker.links.load(Ordering::Relaxed);
        let worker = self.workers.iter().min_by_key(load)?;
        worker.links.fetch_add(1, Ordering::Relaxed);
        let seated = Seated { attention: worker.attention.clone(), links: worker.links.clone() };
        Some((seated, &worker.runtime))
    }
}

impl Worker {
    fn start(number: usize, stopping: &watch::Receiver<bool>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let attention = Arc::new(Attention::default());
        let worker = Self {
            runtime: runtime.handle().clone(),
            attention: attention.clone(),
            links: Arc::default(),
        };
        let stopping = stopping.clone();
        let name = format!("links-{number}");
        thread::Builder::new().name(name).spawn(move || work(runtime, &attention, stopping))?;
        Ok(worker)
    }
}

/// A connection's place with a worker, given back when dropped.
#[derive(Debug)]
pub(super) struct Seated {
    attention: Arc<Attention>,
    links: Arc<AtomicUsize>,
}

impl Seated {
    /// Tells the worker that a request was answered: the next one may be near.
    pub(super) fn answered(&self) {
        self.attention.answers.fetch_add(1, Ordering::Relaxed);
        if !self.attention.awake.load(Ordering::Relaxed) {
            self.attention.call.notify_one();
        }
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.links.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What keeps a worker awake.
#[derive(Debug, Default)]
struct Attention {
    answers: AtomicU64,
    awake: AtomicBool,
    call: Notify,
}

impl Attention {
    /// Stays awake after each answer, as long as further requests come soon enough.
    async fn pay(&self) {
        let vigil = Vigil::default();
        loop {
            self.call.notified().await;
            let Some(mut watch) = vigil.begin() else { continue };
            self.awake.store(true, Ordering::Relaxed);
            let mut seen = self.answers.load(Ordering::Relaxed);
            let mut came = false;
            loop {
                // The runtime looks for events before it comes back.
                yield_now().await;
                let answers = self.answers.load(Ordering::Relaxed);
                if answers != seen {
                    (seen, came) = (answers, true);
                    watch.renew();
                }
                if !watch.goes_on() {
                    break;
                }
            }
            self.awake.store(false, Ordering::Relaxed);
            vigil.end(came);
        }
    }
}

fn work(runtime: Runtime, attention: &Attention, mut stopping: watch::Receiver<bool>) {
    runtime.block_on(async {
        tokio::select! {
            () = attention.pay() => {}
            // It changes only by its end.
            _ = stopping.changed() => {}
        }
    });
    // An answer that has outlived its link's patience keeps nobody from ending.
    runtime.shutdown_background();
}
