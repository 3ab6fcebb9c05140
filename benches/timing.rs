//! Whether refusals can be told apart by the time they take (Reparaz, Balasch, Verbauwhede: Dude, is
//! my code constant time?). For each pair of reasons, first messages of handshakes that are refused
//! for one or the other come in random order, each as likely, and Welch's t is printed: to the engine
//! alone, and to a daemon over TLS on loopback.
//!
//! A |t| above 4.5 in every round, with one sign, is a difference, and the program fails. One round
//! alone may go astray on a machine that has other work; how far is shown by a reason beside itself.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may stop at a failure")]

#[path = "../tests/world/mod.rs"]
mod world;

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::ExitCode,
    sync::Arc,
    time::Instant,
};

use lunacm::{
    channel::{Directory, Initiator, InitiatorConfig, PartitionKeys, Responder, Suite, SuiteSet},
    crypto::{KeyPair, PublicKey, Random, SystemRandom},
    model::{Password, Reply, Request, Role},
    net::{Endpoint, Link, client_config},
    wire::{decode, encode},
};
use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};
use world::{PO, World};

const ROUNDS: usize = 3;
const ENGINE_SAMPLES: usize = 10_000;
const WIRE_SAMPLES: usize = 2_000;

/// The clients that the daemon's partition has.
const CLIENTS: u8 = 128;

const SERIAL: u64 = 7;

/// Of each row, sorted: the slowest tenth is what the machine did meanwhile.
const KEPT: f64 = 0.9;

/// Why a first message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    UnknownClient,
    UnknownPartition,
    /// The last byte, which is of the last tag, is another.
    BadMessage,
    /// A byte of the first ciphertext is another.
    BadCiphertext,
    /// A byte is missing. Such a message names no suite that counts: its refusal has the size, and
    /// takes the time, of hybrid suites.
    ShortMessage,
}

const REASONS: [Reason; 5] = [
    Reason::UnknownClient,
    Reason::UnknownPartition,
    Reason::BadMessage,
    Reason::BadCiphertext,
    Reason::ShortMessage,
];

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let [hybrid, classic] = [Suite::HYBRID[0], Suite::CLASSIC[0]];
    let alike = [engine(hybrid, &REASONS), engine(classic, &REASONS[..4]), daemon()];
    if alike == [true; 3] { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A first message that is refused for this reason, by a client that nobody knows.
fn first_message(partition: &PublicKey, serial: u64, suite: Suite, reason: Reason) -> Vec<u8> {
    let random = &mut SystemRandom::new();
    let config = InitiatorConfig {
        identity: KeyPair::generate(random).unwrap(),
        partition: *partition,
        serial: serial + u64::from(reason == Reason::UnknownPartition),
        suites: vec![suite],
    };
    let mut message = Vec::new();
    Initiator::new(config).start(random, &mut message).unwrap();
    // Both bytes are written for every reason: what was just touched is nearer to the processor.
    let (last, inside) = (message.len() - 1, message.len() / 2);
    message[inside] ^= u8::from(reason == Reason::BadCiphertext);
    message[last] ^= u8::from(reason == Reason::BadMessage);
    message.truncate(message.len() - usize::from(reason == Reason::ShortMessage));
    message
}

/// The engine alone, with a partition that admits nobody and none besides.
fn engine(suite: Suite, reasons: &[Reason]) -> bool {
    let random = &mut SystemRandom::new();
    let house = House { identity: KeyPair::generate(random).unwrap() };
    // The pair itself is read by nobody but the responder, like the responder's decoy.
    let public = *house.identity.public();
    let responder = Responder::new(KeyPair::generate(random).unwrap());
    println!("the engine, {}", suite.noise_name());
    report(reasons, ENGINE_SAMPLES, |reason| {
        let message = first_message(&public, SERIAL, suite, reason);
        let mut answer = Vec::new();
        let start = Instant::now();
        let refused = responder.receive(&message, &house, &mut SystemRandom::new(), &mut answer);
        let time = start.elapsed().as_secs_f64();
        assert!(refused.is_err());
        time
    })
}

struct House {
    identity: KeyPair,
}

impl Directory for House {
    fn partition(&self, serial: u64) -> Option<PartitionKeys> {
        (serial == SERIAL)
            .then(|| PartitionKeys { identity: self.identity.clone(), suites: SuiteSet::ALL })
    }

    fn admits(&self, _: u64, _: &PublicKey) -> bool {
        false
    }
}

/// A daemon whose partition has clients, over TLS: from the first message to its refusal.
fn daemon() -> bool {
    let world = World::with_partitions(&["par1"]);
    let (endpoint, client) = (world.endpoint(), world.stranger());
    register_clients(&endpoint, client.clone());
    let tls = client_config(endpoint.certificate, None).unwrap();
    println!("a daemon's partition with {CLIENTS} clients, over TLS");
    report(&REASONS, WIRE_SAMPLES, |reason| {
        let message = first_message(&client.partition, client.serial, Suite::HYBRID[0], reason);
        refused_over_tls(endpoint.port, &tls, &message)
    })
}

fn register_clients(endpoint: &Endpoint, first: InitiatorConfig) {
    let link = Link::connect(endpoint, first).unwrap();
    let ask = |request: &Request| {
        let reply: Reply = decode(&link.call(&encode(request).unwrap()).unwrap()).unwrap();
        assert!(!matches!(reply, Reply::Failed(_)), "{request:?}: {reply:?}");
    };
    let password = || Password::new(PO.to_owned());
    ask(&Request::Activate { client: "client1".parse().unwrap() });
    ask(&Request::Initialize {
        label: "par1".parse().unwrap(),
        password: password(),
        domain: Some(password()),
        domain_label: None,
        policies: Vec::new(),
    });
    ask(&Request::Login { role: Role::PartitionSo, password: password() });
    for client in 1..CLIENTS {
        let label = format!("other{client}").parse().unwrap();
        ask(&Request::RegisterClient { label, key: [client; 32] });
    }
}

fn refused_over_tls(port: u16, config: &Arc<ClientConfig>, message: &[u8]) -> f64 {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(config.clone(), name).unwrap();
    let tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
    tcp.set_nodelay(true).unwrap();
    let mut stream = StreamOwned::new(connection, tcp);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).unwrap();
    }
    let header = u32::try_from(message.len()).unwrap().to_be_bytes();
    let start = Instant::now();
    stream.write_all(&[&header[..], message].concat()).unwrap();
    stream.flush().unwrap();
    stream.read_exact(&mut [0; 5]).unwrap();
    start.elapsed().as_secs_f64()
}

/// Times refusals for each pair of reasons; whether no pair was told apart in all its rounds.
fn report(reasons: &[Reason], samples: usize, mut refuse: impl FnMut(Reason) -> f64) -> bool {
    println!("{ROUNDS} times {samples} refusals for each pair; medians in microseconds");
    let mut alike = true;
    for (at, one) in reasons.iter().enumerate() {
        // The first beside itself is the control.
        for other in &reasons[if at == 0 { 0 } else { at + 1 }..] {
            let rounds: Vec<_> =
                (0..ROUNDS).map(|_| Round::new([*one, *other], samples, &mut refuse)).collect();
            let t: Vec<_> = rounds.iter().map(Round::t).collect();
            let differ = t.iter().all(|t| *t > 4.5) || t.iter().all(|t| *t < -4.5);
            alike &= !differ;
            let verdict = if differ { "DIFFERENT" } else { "no difference shown" };
            let pair = format!("{one:?} / {other:?}");
            let medians: Vec<_> = rounds.iter().map(Round::medians).collect();
            println!("  {pair:<36} {medians:.2?}, t = {t:.2?}: {verdict}");
        }
    }
    alike
}

/// The times of refusals for two reasons, sorted, in microseconds.
struct Round([Vec<f64>; 2]);

impl Round {
    fn new(pair: [Reason; 2], samples: usize, refuse: &mut impl FnMut(Reason) -> f64) -> Self {
        let mut times: [Vec<f64>; 2] = Default::default();
        let random = &mut SystemRandom::new();
        let mut byte = [0];
        for _ in 0..samples {
            random.fill(&mut byte).unwrap();
            let at = usize::from(byte[0] & 1);
            times[at].push(refuse(pair[at]) * 1e6);
        }
        for times in &mut times {
            times.sort_by(f64::total_cmp);
        }
        Self(times)
    }

    fn t(&self) -> f64 {
        welch(&self.0[0], &self.0[1])
    }

    fn medians(&self) -> [f64; 2] {
        [0, 1].map(|at| self.0[at][self.0[at].len() / 2])
    }
}

/// Welch's t of two rows of sorted values.
fn welch(one: &[f64], other: &[f64]) -> f64 {
    let ((mean, error), (their_mean, their_error)) = (facts(one), facts(other));
    (mean - their_mean) / (error + their_error).sqrt()
}

/// The mean, and the square of its standard error.
fn facts(values: &[f64]) -> (f64, f64) {
    let count = |count: usize| f64::from(u32::try_from(count).unwrap());
    let limit = KEPT * count(values.len());
    let kept: Vec<_> =
        values.iter().enumerate().filter(|(at, _)| count(*at) < limit).map(|(_, v)| *v).collect();
    let size = count(kept.len());
    let mean = kept.iter().sum::<f64>() / size;
    let variance = kept.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (size - 1.0);
    (mean, variance / size)
}
