//! What a link at the appliance's end does when time has passed.

use std::{pin::Pin, time::Duration};

use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    server::Service,
    serving::{LinkEnd, Serving},
};

/// How long requests in flight may take once a link is told to end.
const DRAIN_PATIENCE: Duration = Duration::from_secs(20);

/// How long a link that has nothing more to do waits for its peer to take the last replies.
const LAST_REPLIES_PATIENCE: Duration = Duration::from_secs(2);

/// Silence after which a link gives its buffers back.
pub(super) const REST: Duration = Duration::from_secs(1);

/// What a link knows of the time.
pub(super) struct Clock {
    start: Instant,
    /// When something last came.
    heard: Instant,
    /// When the peer was last seen to take what waits for it, and how much it had taken then.
    moved: (Instant, u64),
    /// When the link was told to end.
    ended: Option<Instant>,
    /// The buffers have been given back.
    resting: bool,
    pub(super) alarm: Pin<Box<Sleep>>,
}

impl Clock {
    /// Rings first when this patience is over.
    pub(super) fn new(patience: Duration) -> Self {
        let now = Instant::now();
        let alarm = Box::pin(sleep_until(now + patience));
        Self { start: now, heard: now, moved: (now, 0), ended: None, resting: false, alarm }
    }

    /// Has the clock looked at soon.
    pub(super) fn ring_soon(&mut self) {
        self.resting = false;
        self.ring(Instant::now() + REST);
    }

    /// As [`Self::ring_soon`], if the link has been resting.
    pub(super) fn stop_resting(&mut self) {
        if self.resting {
            self.ring_soon();
        }
    }

    pub(super) fn end(&mut self) {
        let now = Instant::now();
        self.ended = Some(now);
        self.moved.0 = now;
        self.ring(now + REST);
    }

    fn ring(&mut self, at: Instant) {
        self.alarm.as_mut().reset(at);
    }

    /// How long the peer has taken nothing of what waits for it, if something does.
    fn stuck(&mut self, now: Instant, taken: u64, waits: bool) -> Duration {
        if !waits || self.moved.1 != taken {
            self.moved = (now, taken);
        }
        now - self.moved.0
    }
}

impl<S: Service> Serving<S> {
    /// Something came.
    pub(super) fn hear(&mut self) {
        let now = Instant::now();
        self.clock.heard = now;
        if self.clock.resting {
            self.carrier.tick(now - self.clock.start);
            self.clock.ring_soon();
        }
    }

    pub(super) fn look_at_the_clock(&mut self) -> Result<(), LinkEnd> {
        let now = Instant::now();
        let waits = !self.out.is_empty();
        let stuck = self.clock.stuck(now, self.taken, waits);
        if let Some(ended) = self.clock.ended {
            let is_hopeless = self.running == 0 && stuck >= LAST_REPLIES_PATIENCE;
            if is_hopeless || now - ended >= DRAIN_PATIENCE {
                return Err(LinkEnd::Late("a request, or the peer, outlived the link"));
            }
            self.clock.ring(now + REST);
            return Ok(());
        }
        if self.place.is_some() {
            return Err(LinkEnd::Late("it was not activated in time"));
        }
        self.carrier.tick(now - self.clock.start);
        if waits && stuck >= self.limits.transfer {
            return Err(LinkEnd::Late("the peer takes no replies"));
        }
        let begun = self.carrier.oldest_incomplete().map(|since| self.clock.start + since);
        if begun.is_some_and(|begun| now - begun >= self.limits.transfer) {
            return Err(LinkEnd::Late("a request in parts did not come in full in time"));
        }
        let silence = now - self.clock.heard;
        let idle = self.limits.idle.filter(|_| self.running == 0);
        if idle.is_some_and(|idle| silence >= idle) {
            tracing::info!("an idle link is ended");
            self.end();
            return Ok(());
        }
        let session = self.carrier.session();
        let old_keys = session.is_some_and(|session| session.status().old_keys);
        let rests = silence >= REST && !old_keys && !waits && begun.is_none();
        self.rest(rests, now);
        Ok(())
    }

    fn rest(&mut self, rests: bool, now: Instant) {
        self.clock.resting = rests;
        if rests {
            self.inbox.release();
            self.carrier.release();
            self.out.shrink_to_fit();
            self.count_buffers();
        }
        let next = match (rests, self.limits.idle) {
            (false, _) => now + REST,
            (true, Some(idle)) => (self.clock.heard + idle).max(now + REST),
            // Nothing is to be done before something comes.
            (true, None) => now + Duration::from_hours(24),
        };
        self.clock.ring(next);
    }
}
