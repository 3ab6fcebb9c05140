//! A world: a network and its weather, a handshake, then two ends that talk, change keys and grow old.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use lunacm::channel::{KeyLimits, Session, SessionError, SessionSettings, Suite, WindowSize};

use crate::{
    channel_support::{Received, SeededRandom, controls, open},
    conversation::{Listener, Speaker},
    handshake::{Handshakes, Stood},
    ledger::{Expected, Header, Ledger, Said},
    network::{Network, Weather},
    totals::Totals,
};

const CLIENT: usize = 0;
const PARTITION: usize = 1;

/// One end: its engine, what it says, what it has heard and has to make of the rest.
struct End {
    session: Session,
    speaker: Speaker,
    listener: Listener,
    ledger: Ledger,
    failed: Option<SessionError>,
}

impl End {
    fn new(session: Session) -> Self {
        let window = session.status().settings.window.records().into();
        let (speaker, listener) = (Speaker::default(), Listener::new());
        Self { session, speaker, listener, ledger: Ledger::new(window), failed: None }
    }

    /// The engine's account is the ledger's.
    fn check(&self) {
        let status = self.session.status();
        assert_eq!(status.received, self.ledger.fresh, "received");
        assert_eq!(status.replayed, self.ledger.stale, "replayed");
        assert_eq!(status.epoch, self.ledger.epoch(), "epoch");
        assert_eq!(status.old_keys, self.ledger.has_old_key(), "old keys");
    }
}

/// A record as it was sealed.
struct Sent {
    to: usize,
    said: Said,
}

pub struct World {
    random: SeededRandom,
    network: Network,
    ends: [End; 2],
    /// Sessions that no record is for.
    strangers: Vec<Session>,
    /// Every record as it was sealed, to tell those that were altered.
    sent: BTreeMap<Vec<u8>, Sent>,
    /// How many records each end has sealed in each epoch.
    sealed: BTreeMap<(usize, u32), u64>,
    /// Data that came when it was stale already.
    too_late: [BTreeSet<u32>; 2],
    in_parts: bool,
    /// A part came out of its place: the link is over.
    over: bool,
    now: Duration,
    totals: Totals,
}

impl World {
    pub fn run(seed: u64, hybrid: bool) -> Totals {
        let mut random = SeededRandom::new(seed ^ 0x5eed_0000_0000_0000);
        let weather = Weather::drawn(&mut random);
        let mut totals = Totals::default();
        totals.count("worlds");
        let suites = if hybrid { Suite::HYBRID } else { Suite::CLASSIC };
        let mut network = Network::new(weather);
        let handshakes = Handshakes::new(&mut network, &mut random, &mut totals, suites);
        let Some(Stood { ends, strangers }) = handshakes.run() else { return totals };
        let in_parts = weather.keeps_order() || random.below(4) == 0;
        let world = Self {
            random,
            network: Network::new(weather),
            ends: ends.map(End::new),
            strangers,
            sent: BTreeMap::new(),
            sealed: BTreeMap::new(),
            too_late: [BTreeSet::new(), BTreeSet::new()],
            in_parts,
            over: false,
            now: Duration::ZERO,
            totals,
        };
        world.live()
    }

    fn live(mut self) -> Totals {
        self.set();
        for _ in 0..120 + self.random.below(200) {
            match self.random.below(100) {
                _ if self.over => break,
                0..40 => self.say(),
                40..91 => self.deliver_one(),
                91..95 => self.pass_time(),
                95..97 => {
                    let at = self.random.below(2);
                    self.ends[at].session.rekey();
                }
                97 => self.set(),
                _ => self.burst(),
            }
        }
        if self.network.weather.loses_nothing() && !self.over {
            self.drain();
            self.check_complete();
        }
        self.finish()
    }

    /// The Partition SO has other settings.
    fn set(&mut self) {
        let messages = [4, 10, 30, 1000][self.random.below(4)];
        let window = [100, 120, 1000][self.random.below(3)];
        let limits = KeyLimits { messages, ..KeyLimits::DEFAULT };
        let settings = SessionSettings { limits, window: WindowSize::try_from(window).unwrap() };
        self.ends[PARTITION].session.set(settings);
        self.ends[PARTITION].ledger.window = window.into();
    }

    /// An end says one thing, after what its engine has to say, as a driver does.
    fn say(&mut self) {
        let at = self.random.below(2);
        let part = self.ends[at].speaker.part(self.in_parts, &mut self.random);
        self.say_part(at, part);
    }

    fn say_part(&mut self, at: usize, part: Vec<u8>) {
        self.say_controls(at);
        let end = &mut self.ends[at];
        let mut record = Vec::new();
        let outcome = end.session.seal(&part, &mut record);
        assert_eq!(outcome.err(), end.failed);
        if outcome.is_ok() {
            self.send(at, record, Said::Data(part));
        }
    }

    /// Many requests are under way at once.
    fn burst(&mut self) {
        // Now and then so many that what is held back falls out of a window.
        let most = if self.random.below(12) == 0 { 400 } else { 30 };
        for _ in 0..self.random.below(most) {
            self.say();
        }
    }

    fn say_controls(&mut self, at: usize) {
        if self.ends[at].failed.is_some() {
            return;
        }
        for record in controls(&mut self.ends[at].session, &mut self.random) {
            let said = self.control(at, &record);
            self.send(at, record, said);
        }
    }

    /// What a control record says, by its size and its place.
    fn control(&self, from: usize, record: &[u8]) -> Said {
        let Header { kind, epoch, counter } = Header::of(record).unwrap();
        assert_eq!(kind, 0x11);
        match record.len() - 13 - 16 {
            9 if epoch > 0 && counter == 0 => {
                let before = self.sealed.get(&(from, epoch - 1)).copied();
                Said::KeysChanged(before.unwrap_or_default())
            }
            11 => {
                let settings = self.ends[from].session.status().settings;
                Said::Settings(settings.window.records().into())
            }
            49 | 1153 if from == PARTITION => Said::RekeyAnswer,
            _ => Said::OtherControl,
        }
    }

    fn send(&mut self, from: usize, record: Vec<u8>, said: Said) {
        let header = Header::of(&record).unwrap();
        let count = self.sealed.entry((from, header.epoch)).or_default();
        assert_eq!(header.counter, *count, "a counter was left out or used twice");
        *count += 1;
        if from == CLIENT {
            for mut stranger in self.strangers.drain(..) {
                assert_eq!(open(&mut stranger, &record), Err(SessionError::NotAuthentic));
            }
        }
        let sent = Sent { to: 1 - from, said };
        assert!(self.sent.insert(record.clone(), sent).is_none(), "two records are the same");
        self.network.send(1 - from, record);
    }

    fn deliver_one(&mut self) {
        let at = self.random.below(2);
        if let Some(record) = self.network.deliver(at, &mut self.random) {
            self.hear(at, &record);
        }
    }

    fn hear(&mut self, at: usize, record: &[u8]) {
        let [ours, theirs] = &mut self.ends;
        let (end, other) = if at == CLIENT { (ours, theirs) } else { (theirs, ours) };
        let outcome = open(&mut end.session, record);
        if let Some(error) = end.failed {
            assert_eq!(outcome, Err(error), "not sticky");
            return;
        }
        let header = Header::of(record);
        let said = self.sent.get(record).filter(|sent| sent.to == at).map(|sent| &sent.said);
        let expected = end.ledger.judge(header, said.is_some());
        match (expected, outcome, header, said) {
            (Expected::Fresh, Ok(heard), Some(header), Some(said)) => {
                end.ledger.take(header, said);
                self.totals.count("records heard");
                match (heard, said) {
                    (Received::Data(heard), Said::Data(said)) => {
                        assert_eq!(heard, *said);
                        self.over |= !end.listener.hear(&heard, &other.speaker.said);
                    }
                    (Received::Control, said) if !matches!(said, Said::Data(_)) => {
                        self.say_controls(at);
                    }
                    (heard, said) => panic!("{said:?} was heard as {heard:?}"),
                }
            }
            (Expected::Stale, Ok(Received::Replayed), header, said) => {
                if let Some(Said::Data(part)) = said
                    && !header.is_some_and(|header| end.ledger.has_heard(header))
                {
                    let id = u32::from_be_bytes(part[..4].try_into().unwrap());
                    self.too_late[at].insert(id);
                }
                end.ledger.stale += 1;
                self.totals.count("replays");
            }
            (Expected::Refused, Err(error), ..) => end.failed = Some(error),
            (expected, outcome, header, _) => {
                panic!("{expected:?} was to be, {outcome:?} is: {header:?}")
            }
        }
        self.ends[at].check();
    }

    fn pass_time(&mut self) {
        self.now += Duration::from_millis(u64::try_from(self.random.below(4000)).unwrap());
        for end in &mut self.ends {
            end.session.tick(self.now);
            end.ledger.tick(self.now);
            end.check();
        }
    }

    /// All that was begun is said to its end; everything arrives, and all that follows from it.
    fn drain(&mut self) {
        for at in [CLIENT, PARTITION] {
            for part in self.ends[at].speaker.rest() {
                self.say_part(at, part);
            }
        }
        loop {
            self.say_controls(CLIENT);
            self.say_controls(PARTITION);
            let Some((at, record)) = self.network.next_in_order() else { return };
            self.hear(at, &record);
        }
    }

    /// A network that loses nothing has lost nothing, unless it held a record back for longer than
    /// its window or its key lives.
    fn check_complete(&mut self) {
        let [ours, theirs] = &self.ends;
        assert!(ours.failed.is_none() && theirs.failed.is_none(), "a session is over");
        assert_eq!(ours.ledger.epoch(), theirs.ledger.epoch());
        if self.over {
            return;
        }
        for (from, to) in [(CLIENT, PARTITION), (PARTITION, CLIENT)] {
            let said = self.ends[from].speaker.said.keys().copied().collect::<BTreeSet<_>>();
            let heard = &self.ends[to].listener.executed | &self.too_late[to];
            assert_eq!(heard, said, "something was lost");
        }
        if self.network.weather.keeps_order() {
            assert!(self.too_late.iter().all(BTreeSet::is_empty), "something came too late");
            assert!(self.ends.iter().all(|end| !end.ledger.has_old_key()), "an old key is left");
            // Message 0, which is empty.
            self.ends[CLIENT].speaker.said.insert(0, Vec::new());
            self.say_part(CLIENT, vec![0, 0, 0, 0, 1]);
            self.drain();
            let told = self.ends[CLIENT].session.status().replayed_there;
            assert_eq!(told, self.ends[PARTITION].ledger.stale, "the client was not told");
            self.totals.count("worlds where all has to arrive");
            if !self.network.weather.is_calm() {
                self.totals.count("of them worlds that repeat");
            }
        }
    }

    fn finish(mut self) -> Totals {
        self.totals.count_many("changes of keys", self.ends[CLIENT].ledger.epoch().into());
        for at in [CLIENT, PARTITION] {
            let executed = u64::try_from(self.ends[at].listener.executed.len()).unwrap();
            let late = u64::try_from(self.too_late[at].len()).unwrap();
            self.totals.count_many("messages executed", executed);
            self.totals.count_many("fresh records that came too late", late);
            if self.in_parts {
                self.totals.count_many("messages in parts executed", executed);
            }
            if self.ends[at].failed.is_some() {
                self.totals.count("ends that failed");
            }
        }
        if self.over {
            self.totals.count("parts out of place");
        }
        self.totals
    }
}
