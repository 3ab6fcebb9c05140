//! Waiting awake: what comes within microseconds is there sooner than a sleeper could be woken.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How long it is worth staying awake: about what it takes a system to put a thread to sleep and
/// to wake it again.
const AWAKE: Duration = Duration::from_micros(50);

/// After waits in vain, at most so many waits in a row are slept through.
const LONGEST_SLUMBER: u32 = 255;

/// Decides, wait for wait, whether to stay awake: each vigil in vain doubles the number of waits
/// that are slept through, and the first one that is not ends that.
#[derive(Debug, Default)]
pub(super) struct Vigil {
    slumber: AtomicU32,
    asleep_for: AtomicU32,
}

impl Vigil {
    /// Looks again and again, for as long as that is worth it, until there is something.
    pub(super) fn keep<T>(&self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let mut watch = self.begin()?;
        loop {
            if let Some(found) = look() {
                self.end(true);
                return Some(found);
            }
            if !watch.goes_on() {
                self.end(false);
                return None;
            }
        }
    }

    /// Begins a vigil, if this wait is worth one.
    pub(super) fn begin(&self) -> Option<Watch> {
        if !can_stay_awake() {
            return None;
        }
        let left = self.asleep_for.load(Ordering::Relaxed);
        if left > 0 {
            self.asleep_for.store(left - 1, Ordering::Relaxed);
            return None;
        }
        Some(Watch { end: Instant::now() + AWAKE })
    }

    /// Learns whether something came in time.
    pub(super) fn end(&self, came: bool) {
        let last = self.slumber.load(Ordering::Relaxed);
        let slumber = if came { 0 } else { (2 * last + 1).min(LONGEST_SLUMBER) };
        self.slumber.store(slumber, Ordering::Relaxed);
        self.asleep_for.store(slumber, Ordering::Relaxed);
    }
}

/// A vigil that is being kept.
#[derive(Debug)]
pub(super) struct Watch {
    end: Instant,
}

impl Watch {
    /// Whether it goes on; meanwhile whoever else has something to do has the processor.
    pub(super) fn goes_on(&mut self) -> bool {
        thread::yield_now();
        Instant::now() < self.end
    }

    /// Something came: the vigil begins anew.
    pub(super) fn renew(&mut self) {
        self.end = Instant::now() + AWAKE;
    }
}

/// On one processor the other end could only answer if this one slept.
fn can_stay_awake() -> bool {
    static SEVERAL: OnceLock<bool> = OnceLock::new();
    *SEVERAL.get_or_init(|| thread::available_parallelism().is_ok_and(|number| number.get() > 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vigil_in_vain_doubles_the_slumber_and_success_ends_it() {
        if !can_stay_awake() {
            return;
        }
        let vigil = Vigil::default();
        let mut kept = Vec::new();
        for _ in 0..12 {
            let mut looks = 0;
            vigil.keep(|| {
                looks += 1;
                None::<()>
            });
            kept.push(looks > 0);
        }
        let expected = [0, 2, 6].map(|at| at);
        let awake: Vec<_> = (0..12).filter(|at| kept[*at]).collect();
        assert_eq!(awake, expected);
        while vigil.keep(|| Some(())).is_none() {}
        assert_eq!(vigil.keep(|| Some(1)), Some(1));
    }
}
