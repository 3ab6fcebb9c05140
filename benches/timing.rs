//! Whether refusals can be told apart by the time they take (Reparaz, Balasch, Verbauwhede: Dude, is
//! my code constant time?): an unknown client, an unknown partition and a bad message are refused in
//! random order, by the engine alone and over TLS on loopback, and Welch's t is printed for each pair.
//! Above 4.5 a difference is beyond doubt.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may stop at a failure")]

#[allow(dead_code, reason = "the other benchmarks use the rest")]
#[path = "link/echo.rs"]
mod echo;

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Instant,
};

use echo::{Echo, SERIAL};
use lunacm::{
    channel::{Directory, Initiator, InitiatorConfig, PartitionKeys, Responder, Suite, SuiteSet},
    crypto::{KeyPair, PublicKey, Random, SystemRandom},
    net::client_config,
};
use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};

const ENGINE_SAMPLES: usize = 30_000;
const WIRE_SAMPLES: usize = 3_000;
const KINDS: [&str; 3] = ["unknown client", "unknown partition", "bad message"];

/// The slowest tenth is what the machine did meanwhile.
const KEPT: f64 = 0.9;

fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let house = House::new();
    let random = &mut SystemRandom::new();
    let responder = Responder::new(KeyPair::generate(random).unwrap());
    report("the engine", ENGINE_SAMPLES, |kind| {
        let message = house.message(kind);
        let mut answer = Vec::new();
        let start = Instant::now();
        let refused = responder.receive(&message, &house, &mut SystemRandom::new(), &mut answer);
        let time = start.elapsed().as_secs_f64();
        assert!(refused.is_err());
        time
    });
    let echo = Echo::start_with(|_| false);
    report("over TLS", WIRE_SAMPLES, |kind| over_tls(&echo, kind));
}

/// A partition that admits nobody, and one that does not exist.
struct House {
    identity: KeyPair,
    /// For those who make messages: the pair itself is read by nobody but the responder, like its
    /// decoy, so that the processor's cache does not tell them apart.
    public: PublicKey,
}

impl House {
    fn new() -> Self {
        let identity = KeyPair::generate(&mut SystemRandom::new()).unwrap();
        Self { public: *identity.public(), identity }
    }

    /// A first message of this kind, by a fresh client.
    fn message(&self, kind: usize) -> Vec<u8> {
        first_message(&self.public, kind)
    }
}

impl Directory for House {
    fn partition(&self, serial: u64) -> Option<PartitionKeys> {
        (serial == SERIAL)
            .then(|| PartitionKeys { identity: self.identity.clone(), suites: SuiteSet::HYBRID })
    }

    fn admits(&self, _: u64, _: &PublicKey) -> bool {
        false
    }
}

fn first_message(partition: &PublicKey, kind: usize) -> Vec<u8> {
    let random = &mut SystemRandom::new();
    let config = InitiatorConfig {
        identity: KeyPair::generate(random).unwrap(),
        partition: *partition,
        serial: if kind == 1 { SERIAL + 1 } else { SERIAL },
        suites: Suite::ALL.to_vec(),
    };
    let mut message = Vec::new();
    Initiator::new(config).start(random, &mut message).unwrap();
    // Written in every case: a byte that was just touched is nearer to the processor.
    let last = message.len() - 1;
    message[last] ^= u8::from(kind == 2);
    message
}

/// The time from a first message to its refusal, on a connection of its own.
fn over_tls(echo: &Echo, kind: usize) -> f64 {
    let message = first_message(&echo.client.partition, kind);
    let config = client_config(echo.endpoint.certificate.clone(), None).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(config, name).unwrap();
    let tcp = TcpStream::connect(("127.0.0.1", echo.endpoint.port)).unwrap();
    tcp.set_nodelay(true).unwrap();
    let mut stream = StreamOwned::new(connection, tcp);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).unwrap();
    }
    let header = u32::try_from(message.len()).unwrap().to_be_bytes();
    let start = Instant::now();
    stream.write_all(&[&header[..], &message].concat()).unwrap();
    stream.flush().unwrap();
    stream.read_exact(&mut [0; 5]).unwrap();
    start.elapsed().as_secs_f64()
}

fn report(what: &str, samples: usize, mut refuse: impl FnMut(usize) -> f64) {
    let mut times: [Vec<f64>; 3] = Default::default();
    let random = &mut SystemRandom::new();
    let mut byte = [0];
    while times.iter().map(Vec::len).sum::<usize>() < samples {
        random.fill(&mut byte).unwrap();
        let kind = usize::from(byte[0]) % KINDS.len();
        times[kind].push(refuse(kind) * 1e6);
    }
    println!("{what}, {samples} refusals:");
    for (kind, times) in KINDS.iter().zip(&times) {
        println!("  {kind:<18} median {:.2} microseconds", sorted(times)[times.len() / 2]);
    }
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        compare(KINDS[one], &times[one], KINDS[other], &times[other]);
    }
    // Equal work in two rows: how much the machine alone makes of it.
    let [one, other]: [Vec<f64>; 2] =
        [0, 1].map(|first| times[0].iter().skip(first).step_by(2).copied().collect());
    compare(KINDS[0], &one, "the same", &other);
}

fn compare(one: &str, times: &[f64], other: &str, their_times: &[f64]) {
    let t = welch(&sorted(times), &sorted(their_times));
    let verdict = if t.abs() < 4.5 { "no difference shown" } else { "DIFFERENT" };
    println!("  {one} / {other}: t = {t:.2}, {verdict}");
}

fn sorted(times: &[f64]) -> Vec<f64> {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times
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
