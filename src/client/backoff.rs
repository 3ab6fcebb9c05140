//! How often something that fails is tried again.

use std::time::{Duration, Instant};

use crate::crypto::{Random, SystemRandom};

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// Remembers the last failure, and until when it stands for the next attempt too. The time doubles
/// with each failure; a random half of it keeps clients that fail together from returning together.
#[derive(Debug)]
pub(super) struct Backoff<F> {
    pause: Duration,
    last: Option<(Instant, F)>,
}

impl<F> Default for Backoff<F> {
    fn default() -> Self {
        Self { pause: FIRST, last: None }
    }
}

impl<F> Backoff<F> {
    /// The last failure, if it is too fresh for another attempt.
    pub(super) fn fresh_failure(&self, now: Instant) -> Option<&F> {
        self.last.as_ref().filter(|(until, _)| now < *until).map(|(_, failure)| failure)
    }

    /// An attempt failed.
    pub(super) fn failed(&mut self, now: Instant, failure: F) {
        let half = self.pause / 2;
        self.last = Some((now + half + half.mul_f64(fraction()), failure));
        self.pause = (self.pause * 2).min(LONGEST);
    }

    /// An attempt succeeded.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }
}

/// Between 0 and 1; without randomness, 1.
fn fraction() -> f64 {
    let mut bytes = [0xff; 2];
    let _ = SystemRandom::new().fill(&mut bytes);
    f64::from(u16::from_be_bytes(bytes)) / f64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_start_anew() {
        let mut backoff = Backoff::default();
        let mut now = Instant::now();
        assert_eq!(backoff.fresh_failure(now), None);
        let mut expected = FIRST;
        for attempt in 0..12 {
            backoff.failed(now, attempt);
            let sooner = now + expected * 49 / 100;
            assert_eq!(backoff.fresh_failure(sooner), Some(&attempt));
            now += expected;
            assert_eq!(backoff.fresh_failure(now), None, "a pause is never longer than this");
            expected = (expected * 2).min(LONGEST);
        }
        backoff.succeeded();
        backoff.failed(now, 0);
        assert_eq!(backoff.fresh_failure(now + FIRST), None);
    }
}
