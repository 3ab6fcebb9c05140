//! Handshakes over the network: one that was disturbed fails, or it stands between the two ends that
//! made it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use lunacm::channel::{
    Answer, AwaitAnswer, CookieJar, Initiator, Origin, Refused, Session, Suite, SuiteSet,
};

use crate::{
    channel_support::{SeededRandom, Shelf, config, respond, start},
    network::Network,
    totals::Totals,
};

const CLIENT: usize = 0;
const PARTITION: usize = 1;

/// How often a client starts anew before it gives up.
const ATTEMPTS: usize = 5;

/// What the network does in one attempt, at most.
const STEPS: usize = 60;

const ORIGIN: Origin<'_> = Origin { address: &[127, 0, 0, 1], now: Duration::ZERO };

/// A handshake that stood.
pub struct Stood {
    /// The client's end, the partition's.
    pub ends: [Session; 2],
    /// Sessions of the partition's that belong to no client: of replayed first messages.
    pub strangers: Vec<Session>,
}

pub struct Handshakes<'w> {
    network: &'w mut Network,
    random: &'w mut SeededRandom,
    totals: &'w mut Totals,
    offer: [Suite; 2],
    shelf: Shelf,
    jar: CookieJar,
    /// How many first messages in a hundred come while there is pressure.
    pressure: usize,
    /// First messages as the client made them.
    firsts: BTreeSet<Vec<u8>>,
    /// First messages with the cookies that were made for them.
    with_cookies: BTreeSet<Vec<u8>>,
    /// Answers, each with the first message it is to.
    answers: BTreeMap<Vec<u8>, Vec<u8>>,
    half_open: Vec<(Vec<u8>, Session)>,
}

impl<'w> Handshakes<'w> {
    pub fn new(
        network: &'w mut Network,
        random: &'w mut SeededRandom,
        totals: &'w mut Totals,
        suites: [Suite; 4],
    ) -> Self {
        let wanted = random.below(4);
        let offer = [suites[wanted], suites[(wanted + 1 + random.below(3)) % 4]];
        let permitted =
            [SuiteSet::ALL, SuiteSet::ALL, SuiteSet::ALL.without(offer[0])][random.below(3)];
        let jar = CookieJar::new(random, Duration::ZERO).unwrap();
        let pressure = [0, 0, 50, 100][random.below(4)];
        Self {
            network,
            random,
            totals,
            offer,
            shelf: Shelf::permitting(permitted),
            jar,
            pressure,
            firsts: BTreeSet::new(),
            with_cookies: BTreeSet::new(),
            answers: BTreeMap::new(),
            half_open: Vec::new(),
        }
    }

    pub fn run(mut self) -> Option<Stood> {
        for attempt in 0..ATTEMPTS {
            self.totals.count("handshakes");
            if let Some((ours, answer)) = self.attempt() {
                self.totals.count("handshakes that stood");
                let mut sessions = self.half_open;
                let at = sessions.iter().position(|(given, _)| *given == answer).unwrap();
                let theirs = sessions.remove(at).1;
                let strangers: Vec<_> = sessions.into_iter().map(|(_, session)| session).collect();
                let count = strangers.len().try_into().unwrap();
                self.totals.count_many("sessions of replayed first messages", count);
                return Some(Stood { ends: [ours, theirs], strangers });
            }
            self.totals.count("handshakes that failed");
            assert!(!self.network.weather.is_calm(), "attempt {attempt} failed undisturbed");
            self.network.cut();
        }
        None
    }

    /// The client's session, and the answer that it is of.
    fn attempt(&mut self) -> Option<(Session, Vec<u8>)> {
        let (mut waiting, mut first) = self.start(Initiator::new(config(&self.offer)));
        for _ in 0..STEPS {
            let to = self.random.below(2);
            let Some(message) = self.network.deliver(to, self.random) else {
                if self.network.is_idle() {
                    return None;
                }
                continue;
            };
            if to == PARTITION {
                self.partition_hears(&message);
                continue;
            }
            let is_answer = self.answers.get(&message) == Some(&first);
            match waiting.receive(&message) {
                Ok(Answer::Established(session)) => {
                    assert!(is_answer, "a session by something that is no answer");
                    return Some((session, message));
                }
                Ok(Answer::Retry(initiator)) => {
                    assert!(is_answer, "a policy by something that is no answer");
                    self.totals.count("policies obeyed");
                    (waiting, first) = self.start(initiator);
                }
                // A demand is not authenticated: whoever makes one up costs a round trip.
                Ok(Answer::CookieDemanded(demanded)) => {
                    let mut repeated = Vec::new();
                    waiting = demanded.repeat(&mut repeated);
                    self.network.send(PARTITION, repeated);
                }
                Err(error) => {
                    assert!(!is_answer, "an answer was refused: {error}");
                    self.totals.count("handshake messages refused");
                    return None;
                }
            }
        }
        None
    }

    fn start(&mut self, initiator: Initiator) -> (AwaitAnswer, Vec<u8>) {
        let (waiting, message) = start(initiator, self.random);
        assert!(self.firsts.insert(message.clone()), "two first messages are the same");
        self.network.send(PARTITION, message.clone());
        (waiting, message)
    }

    fn partition_hears(&mut self, message: &[u8]) {
        let (inner, good) = self.jar.check(message, ORIGIN);
        assert_eq!(good, self.with_cookies.contains(message), "a cookie was misjudged");
        if good {
            self.totals.count("cookies");
        } else if self.random.below(100) < self.pressure {
            return self.demand(message, inner);
        }
        let is_genuine = self.firsts.contains(inner);
        let (outcome, answer) = respond(inner, &self.shelf, self.random);
        match outcome {
            Ok(accepted) => {
                assert!(is_genuine, "an altered first message was accepted");
                assert!(self.shelf.permitted.contains(accepted.session.status().suite));
                self.answers.insert(answer.clone(), inner.to_vec());
                self.half_open.push((answer.clone(), accepted.session));
            }
            Err(Refused::SuiteNotPermitted { suite, .. }) => {
                assert!(is_genuine, "an altered first message was told the policy");
                assert!(!self.shelf.permitted.contains(suite));
                self.answers.insert(answer.clone(), inner.to_vec());
            }
            Err(error) => {
                assert!(!is_genuine, "a first message was refused: {error}");
                self.totals.count("handshake messages refused");
            }
        }
        self.network.send(CLIENT, answer);
    }

    fn demand(&mut self, message: &[u8], inner: &[u8]) {
        let mut demand = Vec::new();
        self.jar.demand(message, ORIGIN, &mut demand);
        self.with_cookies.insert([&[0x06], &demand[1..], inner].concat());
        self.network.send(CLIENT, demand);
    }
}
