//! How a link shares threads with others: on its own thread, and on those for what takes a while.

use std::{
    future::poll_fn,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use tokio::{task::yield_now, time::sleep};

use super::{
    client_key::ClientKey,
    event::Task,
    lane::Job,
    lanes::{Lanes, WorkKind},
    performed::{Performed, Work},
    server::Service,
    serving::{LinkEnd, Serving, Step},
};
use crate::channel::Held;

/// How long a link may be served before other links have a turn.
const TURN: Duration = Duration::from_micros(250);

/// How long a link is left alone at a time.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a link remembers of its share.
pub(super) struct Turns {
    /// When it last waited, or let others have a turn.
    since: Instant,
    /// How often its keys have been changed.
    epoch: u32,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), epoch: 0 }
    }
}

impl<S: Service> Serving<S> {
    /// What is to be done next. Whoever has been busy for a while lets others go first.
    pub(super) async fn step(&mut self) -> Result<Step, LinkEnd> {
        self.let_others_go_first().await?;
        let mut waited = false;
        let step = poll_fn(|context| {
            let step = self.poll_step(context);
            waited |= step.is_pending();
            step
        });
        let step = step.await;
        if waited {
            self.turns.since = Instant::now();
        }
        step
    }

    /// Lets other links have a turn if this one has been busy for a while.
    pub(super) async fn let_others_go_first(&mut self) -> Result<(), LinkEnd> {
        if self.turns.since.elapsed() >= TURN {
            poll_fn(|context| Poll::Ready(self.poll_write(context))).await?;
            yield_now().await;
            self.turns.since = Instant::now();
        }
        Ok(())
    }

    /// Leaves a link alone for a while whose client has keys changed all the time.
    pub(super) async fn keep_pace(&mut self) -> Result<(), LinkEnd> {
        let epoch = self.carrier.session().map_or(0, |session| session.status().epoch);
        let changes = epoch.saturating_sub(self.turns.epoch);
        self.turns.epoch = epoch;
        let pause = self.open.shared.pace.count(self.open.client, changes, Instant::now());
        if !pause.is_zero() {
            poll_fn(|context| Poll::Ready(self.poll_write(context))).await?;
            sleep(pause.min(LONGEST_PAUSE)).await;
        }
        Ok(())
    }

    /// Has a thread answer a request, if the client has not too many with threads.
    pub(super) fn have_answered(
        &mut self,
        kind: WorkKind,
        (id, held): (u32, Held),
        work: Work,
    ) -> Result<(), LinkEnd> {
        if !self.open.shared.lanes.has_room(kind, self.open.client) {
            return self.reply(id, self.open.service.no_room());
        }
        self.running += 1;
        self.large += held.bytes();
        let errand = Errand {
            task: Task::new(id, held, self.sender.clone()),
            service: self.open.service.clone(),
            link: self.open.link.clone(),
            lanes: self.open.shared.lanes.clone(),
            client: self.open.client,
            number: self.open.entry.number,
        };
        errand.queue(kind, work);
        Ok(())
    }
}

/// A request on its way through lanes.
struct Errand<S: Service> {
    task: Task,
    service: Arc<S>,
    link: Arc<S::Link>,
    lanes: Arc<Lanes>,
    client: ClientKey,
    /// The link's.
    number: u64,
}

impl<S: Service> Errand<S> {
    /// Waits for a thread of the lane. Refused there, it is dropped, and the link hears of a request
    /// that failed.
    fn queue(self, kind: WorkKind, work: Work) {
        let (lanes, client) = (self.lanes.clone(), self.client);
        let job = Job { link: self.number, run: Box::new(move || self.run(work)) };
        lanes.push(kind, client, job);
    }

    fn run(mut self, work: Work) {
        if !self.service.is_wanted(&self.link) {
            self.task.give_up();
            return;
        }
        match work() {
            Performed::Now(answered) => self.task.finish(answered),
            Performed::Later(kind, work) if self.lanes.has_room(kind, self.client) => {
                self.queue(kind, work);
            }
            Performed::Later(..) => self.task.finish(self.service.no_room()),
        }
    }
}
