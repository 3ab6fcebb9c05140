//! The replay window: which counters have been seen.

/// How far behind the newest counter a record may come: 100 to 1000 records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowSize(u16);

impl WindowSize {
    /// The smallest window.
    pub const MINIMUM: Self = Self(100);

    /// The window of a session unless it is told otherwise.
    pub const DEFAULT: Self = Self(120);

    /// The largest window.
    pub const MAXIMUM: Self = Self(1000);

    /// The size in records.
    pub const fn records(self) -> u16 {
        self.0
    }
}

impl Default for WindowSize {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl TryFrom<u16> for WindowSize {
    type Error = WindowSizeError;

    fn try_from(records: u16) -> Result<Self, WindowSizeError> {
        let size = Self(records);
        if (Self::MINIMUM..=Self::MAXIMUM).contains(&size) {
            Ok(size)
        } else {
            Err(WindowSizeError)
        }
    }
}

/// The number is not the size of a replay window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a replay window has 100 to 1000 messages")]
pub struct WindowSizeError;

/// Remembers the newest counter and which of the ones before it were seen.
///
/// A ring of bits, one for each of the last [`HISTORY`] counters, whatever the size: a window that
/// grows still knows what it has seen.
#[derive(Clone, Debug)]
pub(super) struct ReplayWindow {
    size: WindowSize,
    newest: Option<u64>,
    seen: [u64; WORDS],
}

const WORDS: usize = 16;

/// Counters remembered; more than the largest window.
const HISTORY: u64 = 1024;

impl ReplayWindow {
    pub(super) const fn new(size: WindowSize) -> Self {
        Self { size, newest: None, seen: [0; WORDS] }
    }

    pub(super) const fn resize(&mut self, size: WindowSize) {
        self.size = size;
    }

    /// Whether the counter may still be accepted: newer than all, or inside and unseen. With X the
    /// newest and N the size, the counters from X - N + 1 to X are inside.
    pub(super) fn is_fresh(&self, counter: u64) -> bool {
        match self.newest.and_then(|newest| newest.checked_sub(counter)) {
            None => true,
            Some(behind) => {
                let (word, bit) = place(counter);
                behind < u64::from(self.size.0)
                    && self.seen.get(word).is_some_and(|word| word & bit == 0)
            }
        }
    }

    /// Marks the counter as seen if it is fresh, and says whether it was.
    pub(super) fn mark(&mut self, counter: u64) -> bool {
        if !self.is_fresh(counter) {
            return false;
        }
        self.advance(counter);
        let (word, bit) = place(counter);
        if let Some(word) = self.seen.get_mut(word) {
            *word |= bit;
        }
        true
    }

    /// Makes the counter the newest if it is, and forgets the ones whose places it needs.
    fn advance(&mut self, counter: u64) {
        let Some(newest) = self.newest.replace(counter) else { return };
        if counter <= newest {
            self.newest = Some(newest);
        } else if counter - newest >= HISTORY {
            self.seen = [0; WORDS];
        } else {
            for skipped in newest + 1..=counter {
                let (word, bit) = place(skipped);
                if let Some(word) = self.seen.get_mut(word) {
                    *word &= !bit;
                }
            }
        }
    }
}

/// The counter's word and bit in the ring.
fn place(counter: u64) -> (usize, u64) {
    let place = counter % HISTORY;
    // Below 16, so it fits any `usize`.
    (usize::try_from(place / 64).unwrap_or_default(), 1 << (place % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_have_limits() {
        for records in [100, 120, 1000] {
            assert_eq!(WindowSize::try_from(records).map(WindowSize::records), Ok(records));
        }
        for records in [0, 99, 1001, u16::MAX] {
            assert_eq!(WindowSize::try_from(records), Err(WindowSizeError));
        }
    }

    #[test]
    fn the_edge_is_newest_minus_size() {
        for size in [100, 120, 1000] {
            let mut window = ReplayWindow::new(WindowSize::try_from(size).unwrap());
            let size = u64::from(size);
            assert!(window.mark(5000));
            assert!(!window.is_fresh(5000));
            assert!(!window.is_fresh(5000 - size));
            assert!(window.mark(5000 - size + 1));
            assert!(!window.mark(5000 - size + 1));
            assert!(window.mark(5001));
            assert!(!window.is_fresh(5001 - size));
        }
    }

    #[test]
    fn the_first_counters_are_inside() {
        let mut window = ReplayWindow::new(WindowSize::DEFAULT);
        assert!(window.mark(3));
        assert!(window.mark(0));
        assert!(!window.mark(0));
        assert!(window.mark(1));
        assert!(window.mark(119));
        assert!(!window.mark(0));
        assert!(window.mark(2));
        assert!(window.mark(122));
        assert!(!window.is_fresh(2));
    }

    #[test]
    fn a_window_that_grows_remembers() {
        let mut window = ReplayWindow::new(WindowSize::MINIMUM);
        for counter in (0..1000).step_by(2) {
            assert!(window.mark(counter));
        }
        window.resize(WindowSize::MAXIMUM);
        for counter in 0..1000 {
            assert_eq!(window.mark(counter), counter % 2 == 1, "{counter}");
        }
    }

    #[test]
    fn a_jump_forgets_nothing_that_is_still_inside() {
        // Up to the ring's size and beyond it; all that the jump leaves inside has been seen.
        for jump in (1..1100).step_by(13).chain([511, 512, 513, 999, 1000, 1023, 1024, 1025]) {
            let mut window = ReplayWindow::new(WindowSize::MAXIMUM);
            for counter in 0..1500 {
                assert!(window.mark(counter));
            }
            assert!(window.mark(1499 + jump));
            for counter in 0..1500 {
                assert!(!window.is_fresh(counter), "{counter} after a jump of {jump}");
            }
            for counter in 1500.max(1499 + jump - 999)..1499 + jump {
                assert!(window.is_fresh(counter), "{counter} in a jump of {jump}");
            }
        }
    }

    #[test]
    fn the_last_counters_are_counters() {
        let mut window = ReplayWindow::new(WindowSize::DEFAULT);
        assert!(window.mark(0));
        assert!(window.mark(u64::MAX));
        assert!(!window.mark(u64::MAX));
        assert!(window.mark(u64::MAX - 119));
        assert!(!window.mark(u64::MAX - 120));
    }

    /// The rule as it is written: all counters ever accepted, and the newest.
    struct Model {
        size: u64,
        accepted: BTreeSet<u64>,
    }

    impl Model {
        fn mark(&mut self, counter: u64) -> bool {
            let too_old = self
                .accepted
                .last()
                .is_some_and(|newest| counter.saturating_add(self.size) <= *newest);
            !too_old && self.accepted.insert(counter)
        }
    }

    fn steps() -> impl Strategy<Value = Vec<(i64, u16)>> {
        let near = -1100_i64..200;
        let far = prop_oneof![Just(1023_i64), Just(1024), Just(1025), 500_i64..5000];
        let size = prop_oneof![9 => Just(0_u16), 1 => 100_u16..=1000];
        prop::collection::vec((prop_oneof![9 => near, 1 => far], size), 1..400)
    }

    proptest! {
        #[test]
        fn the_window_is_the_rule(size in 100_u16..=1000, start in 0_u64..3000, steps in steps()) {
            let mut window = ReplayWindow::new(WindowSize::try_from(size).unwrap());
            let mut model = Model { size: u64::from(size), accepted: BTreeSet::new() };
            prop_assert_eq!(window.mark(start), model.mark(start));
            for (step, size) in steps {
                if let Ok(size) = WindowSize::try_from(size) {
                    window.resize(size);
                    model.size = u64::from(size.records());
                }
                let newest = *model.accepted.last().unwrap();
                let counter = newest.saturating_add_signed(step);
                prop_assert_eq!(window.is_fresh(counter), window.clone().mark(counter));
                prop_assert_eq!(window.mark(counter), model.mark(counter), "{}", counter);
            }
        }
    }
}
