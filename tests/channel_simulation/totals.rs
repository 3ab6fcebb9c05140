//! What a run came to, so that one that tried nothing does not pass.

use std::collections::BTreeMap;

/// Figures of a world, or of many, by what they count.
#[derive(Debug, Default)]
pub struct Totals(BTreeMap<&'static str, u64>);

impl Totals {
    pub fn count(&mut self, what: &'static str) {
        self.count_many(what, 1);
    }

    pub fn count_many(&mut self, what: &'static str, count: u64) {
        *self.0.entry(what).or_default() += count;
    }

    pub fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or_default()
    }

    pub fn add(&mut self, one: &Self) {
        for (what, count) in &one.0 {
            self.count_many(what, *count);
        }
    }

    /// The trial was one: each of these came so often in a hundred worlds.
    pub fn check(&self) {
        for (what, percent) in [
            ("worlds where all has to arrive", 20),
            ("of them worlds that repeat", 10),
            ("handshakes", 105),
            ("handshakes that stood", 90),
            ("handshakes that failed", 5),
            ("handshake messages refused", 2),
            ("policies obeyed", 10),
            ("cookies", 10),
            ("sessions of replayed first messages", 5),
            ("records heard", 4000),
            ("messages executed", 1500),
            ("messages in parts executed", 100),
            ("parts out of place", 1),
            ("replays", 500),
            ("fresh records that came too late", 1),
            ("changes of keys", 100),
            ("ends that failed", 5),
        ] {
            let count = self.of(what);
            assert!(count * 100 >= self.of("worlds") * percent, "{what}: {count} in {self:?}");
        }
    }
}
