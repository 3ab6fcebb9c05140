//! Two engines on a simulated network with a seed: loss, repetition, reordering, truncation, altered
//! bits, changes of keys at any time and under load, and a clock.
//!
//! A seed that fails is printed; `SIMULATION_SEED=<seed>` plays that one alone, and
//! `SIMULATION_SEEDS=<count>` another number of them.

#![allow(clippy::unwrap_used, reason = "a test")]

mod channel_support;

use std::{collections::BTreeSet, env, ops::Range, panic::catch_unwind, time::Duration};

use channel_support::{Received, SeededRandom, connect_with, controls, open};
use lunacm::channel::{KeyLimits, Session, SessionError, SessionSettings, Suite, WindowSize};

/// Seeds of an ordinary run. Of these every [`HYBRID_EVERY`]th runs a hybrid suite, whose key
/// encapsulation is slow without optimization.
const SEEDS: u64 = 10_000;
const HYBRID_EVERY: u64 = 40;

#[test]
fn whatever_the_network_does_nothing_is_executed_twice_or_altered() {
    let mut totals = Totals::default();
    for seed in seeds() {
        let Ok(one) = catch_unwind(|| World::new(seed).run()) else {
            panic!("seed {seed} failed: SIMULATION_SEED={seed} plays it again")
        };
        totals.add(&one);
    }
    if totals.worlds >= 1000 {
        totals.check();
    }
    println!("{totals:?}");
}

fn seeds() -> Range<u64> {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    match (number("SIMULATION_SEED"), number("SIMULATION_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, count) => 0..count.unwrap_or(SEEDS),
    }
}

/// How a network treats its messages, in thousandths.
#[derive(Clone, Copy, Debug)]
struct Weather {
    lose: usize,
    repeat: usize,
    reorder: usize,
    cut: usize,
    flip: usize,
}

impl Weather {
    /// A third of the worlds lose nothing, as TCP does; of them a part reorders and repeats.
    fn drawn(random: &mut SeededRandom) -> Self {
        let mild = Self { lose: 0, repeat: 0, reorder: 0, cut: 0, flip: 0 };
        match random.below(6) {
            0 => mild,
            1 => Self { repeat: 100, reorder: 300, ..mild },
            2 | 3 => Self { lose: 20, repeat: 50, reorder: 100, ..mild },
            4 => Self { cut: 4, repeat: 20, ..mild },
            _ => Self { flip: 4, repeat: 20, reorder: 50, ..mild },
        }
    }

    const fn loses_nothing(self) -> bool {
        self.lose == 0 && self.cut == 0 && self.flip == 0
    }
}

/// One end: its engine, what it said, and what it heard.
struct End {
    session: Session,
    /// What was sealed: the number in each plaintext.
    said: BTreeSet<u64>,
    heard: BTreeSet<u64>,
    failed: Option<SessionError>,
}

struct World {
    random: SeededRandom,
    weather: Weather,
    ends: [End; 2],
    /// What is on its way to each end.
    queues: [Vec<Vec<u8>>; 2],
    /// Every record as it was sealed, to tell those that were altered.
    genuine: BTreeSet<Vec<u8>>,
    now: Duration,
    number: u64,
    totals: Totals,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = SeededRandom::new(seed ^ 0x5eed_0000_0000_0000);
        let suites = if seed.is_multiple_of(HYBRID_EVERY) { Suite::HYBRID } else { Suite::CLASSIC };
        let suite = suites[random.below(4)];
        let (ours, mut theirs) = connect_with(suite, &mut random);
        let weather = Weather::drawn(&mut random);
        let messages = u64::try_from([4, 10, 30, 1000][random.below(4)]).unwrap();
        let window = WindowSize::try_from([100, 120, 1000][random.below(3)]).unwrap();
        let limits = KeyLimits { messages, ..KeyLimits::DEFAULT };
        theirs.set(SessionSettings { limits, window });
        let end =
            |session| End { session, said: BTreeSet::new(), heard: BTreeSet::new(), failed: None };
        Self {
            random,
            weather,
            ends: [end(ours), end(theirs)],
            queues: [Vec::new(), Vec::new()],
            genuine: BTreeSet::new(),
            now: Duration::ZERO,
            number: 0,
            totals: Totals { worlds: 1, ..Totals::default() },
        }
    }

    fn run(mut self) -> Totals {
        for _ in 0..120 + self.random.below(200) {
            match self.random.below(100) {
                0..40 => self.say(),
                40..92 => self.deliver_one(),
                92..96 => self.pass_time(),
                96..98 => {
                    let at = self.random.below(2);
                    self.ends[at].session.rekey();
                }
                _ => self.burst(),
            }
        }
        if self.weather.loses_nothing() {
            self.drain();
            self.check_complete();
        }
        self.finish()
    }

    /// An end says one thing, after what its engine has to say, as a driver does.
    fn say(&mut self) {
        let at = self.random.below(2);
        self.say_controls(at);
        let end = &mut self.ends[at];
        let mut record = Vec::new();
        match end.session.seal(&self.number.to_be_bytes(), &mut record) {
            Ok(()) => {
                assert!(end.said.insert(self.number));
                self.number += 1;
                self.send(at, record);
            }
            Err(error) => self.failed(at, error),
        }
    }

    /// Many requests are under way at once.
    fn burst(&mut self) {
        for _ in 0..self.random.below(30) {
            self.say();
        }
    }

    fn say_controls(&mut self, at: usize) {
        if self.ends[at].failed.is_none() {
            for record in controls(&mut self.ends[at].session, &mut self.random) {
                self.totals.controls += 1;
                self.send(at, record);
            }
        }
    }

    fn send(&mut self, from: usize, record: Vec<u8>) {
        assert!(self.genuine.insert(record.clone()), "two records are the same");
        self.queues[1 - from].push(record);
    }

    fn happens(&mut self, thousandths: usize) -> bool {
        self.random.below(1000) < thousandths
    }

    /// The network hands over a record, or does what it likes to do.
    fn deliver_one(&mut self) {
        let at = self.random.below(2);
        if self.queues[at].is_empty() {
            return;
        }
        let reach = self.queues[at].len();
        let place = if self.happens(self.weather.reorder) { self.random.below(reach) } else { 0 };
        let mut record = if self.happens(self.weather.repeat) {
            self.queues[at][place].clone()
        } else {
            self.queues[at].remove(place)
        };
        if self.happens(self.weather.lose) {
            return;
        }
        if self.happens(self.weather.cut) {
            record.truncate(self.random.below(record.len()));
        }
        if self.happens(self.weather.flip) {
            let bit = self.random.below(record.len() * 8);
            record[bit / 8] ^= 1 << (bit % 8);
        }
        self.hear(at, &record);
    }

    fn hear(&mut self, at: usize, record: &[u8]) {
        let end = &mut self.ends[at];
        let outcome = open(&mut end.session, record);
        let genuine = self.genuine.contains(record);
        match outcome {
            Ok(Received::Data(plaintext)) => {
                assert!(genuine && end.failed.is_none(), "an altered record was opened");
                let number = u64::from_be_bytes(plaintext.try_into().unwrap());
                assert!(end.heard.insert(number), "executed twice: {number}");
                assert!(self.ends[1 - at].said.contains(&number), "never said: {number}");
                self.totals.heard += 1;
            }
            Ok(Received::Control) => {
                assert!(genuine && end.failed.is_none(), "an altered record was obeyed");
                self.say_controls(at);
            }
            Ok(Received::Replayed) => self.totals.replayed += 1,
            Err(error) => {
                // The engine fails by what was altered, or where a loss left a change undone.
                let sticky = end.failed.is_some();
                assert!(sticky || !genuine, "a genuine record was refused: {error}");
                self.failed(at, error);
            }
        }
    }

    fn failed(&mut self, at: usize, error: SessionError) {
        let end = &mut self.ends[at];
        assert_eq!(*end.failed.get_or_insert(error), error, "not sticky");
    }

    fn pass_time(&mut self) {
        self.now += Duration::from_millis(u64::try_from(self.random.below(4000)).unwrap());
        for end in &mut self.ends {
            end.session.tick(self.now);
        }
    }

    /// Everything arrives, and everything that follows from it.
    fn drain(&mut self) {
        loop {
            self.say_controls(0);
            self.say_controls(1);
            let Some(at) = (0..2).find(|at| !self.queues[*at].is_empty()) else { return };
            let record = self.queues[at].remove(0);
            self.hear(at, &record);
        }
    }

    /// A network that loses nothing has lost nothing, unless it held a record back for longer than
    /// its window or its key lives.
    fn check_complete(&mut self) {
        assert!(self.ends.iter().all(|end| end.failed.is_none()));
        assert_eq!(self.ends[0].session.status().epoch, self.ends[1].session.status().epoch);
        if self.weather.reorder == 0 {
            for (one, other) in [(0, 1), (1, 0)] {
                assert_eq!(self.ends[one].heard, self.ends[other].said, "something was lost");
                assert!(!self.ends[one].session.status().old_keys, "an old key is left");
            }
            self.totals.complete += 1;
        }
    }

    fn finish(mut self) -> Totals {
        let epoch = self.ends.iter().map(|end| end.session.status().epoch).max().unwrap();
        self.totals.epochs += u64::from(epoch);
        for end in &self.ends {
            let heard = u64::try_from(end.heard.len()).unwrap();
            assert!(end.session.status().received >= heard);
            self.totals.failed += u64::from(end.failed.is_some());
        }
        self.totals
    }
}

#[derive(Debug, Default)]
struct Totals {
    worlds: u64,
    /// Worlds in which everything had to arrive.
    complete: u64,
    heard: u64,
    replayed: u64,
    controls: u64,
    /// Changes of keys.
    epochs: u64,
    /// Ends whose session was over.
    failed: u64,
}

impl Totals {
    fn add(&mut self, one: &Self) {
        self.worlds += one.worlds;
        self.complete += one.complete;
        self.heard += one.heard;
        self.replayed += one.replayed;
        self.controls += one.controls;
        self.epochs += one.epochs;
        self.failed += one.failed;
    }

    /// The trial was one.
    fn check(&self) {
        let worlds = self.worlds;
        assert!(self.complete > worlds / 10, "{self:?}");
        assert!(self.heard > worlds * 40, "{self:?}");
        assert!(self.replayed > worlds && self.epochs > worlds, "{self:?}");
        assert!(self.failed > worlds / 20, "{self:?}");
    }
}
