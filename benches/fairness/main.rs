//! What others notice of a registered client that nobody is logged in on and that does its worst
//! over four links: P-256 signatures of another partition beside those of a quiet time in the same
//! run, the time for a new link, and the daemon's memory, under a limit of two gibibytes of address
//! space.
//!
//! The attacker's threads have the lowest priority, as if they ran on a machine of their own; what
//! they cost beside that is part of the figures.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may stop at a failure")]

mod attacks;
#[path = "../../tests/world/mod.rs"]
mod world;

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use attacks::{Attack, attack};
use lunacm::{
    channel::{InitiatorConfig, Suite},
    client::identity_file,
    crypto::{KeyPair, SystemRandom},
    model::{
        Password, Reply, Request, Role,
        cryptoki::{
            AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest, Mechanism,
            MechanismType, ObjectHandle, Operation, SessionId, Template,
        },
    },
    net::Link,
    wire::{decode, encode},
};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use world::{PO, World};
use zeroize::Zeroizing;

/// Runs of everything.
const ROUNDS: usize = 3;

/// How long signatures are made in a row.
const SPAN: Duration = Duration::from_secs(2);

/// New links whose time is taken in a row.
const LINKS: usize = 10;

const ADDRESS_SPACE: u64 = 2 << 30;

/// The limits that the daemon would find by itself if it were started under that limit.
const LIMITS: [&str; 6] =
    ["--max-memory", "256", "--max-memory-per-client", "64", "--max-request-memory", "128"];

const S: SessionId = SessionId(1);

const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let world = World::with_partitions_and(&["par1", "par2"], &LIMITS);
    let process = Pid::from_raw(i32::try_from(world.daemon.process()).unwrap());
    let limit = Rlimit { current: Some(ADDRESS_SPACE), maximum: Some(ADDRESS_SPACE) };
    prlimit(process, Resource::As, limit).unwrap();
    let [attacker, victim] = [0, 1].map(|partition| client(&world, partition));
    let officers = [&attacker, &victim].map(|client| officer(&world, client));
    let key = signing_key(&officers[1]);
    println!(
        "{:<18} {:>24} {:>24} {:>8} {:>18} {:>8}",
        "", "signature median, us", "p99, us", "x quiet", "new link, ms", "MiB"
    );
    for attack in Attack::ALL {
        show(&world, attack, &attacker, (&victim, &officers[1], key));
    }
    assert_eq!(ask(&officers[1], &Request::Ping), Reply::Done, "the daemon is there");
}

/// Times of one run, in microseconds and milliseconds.
#[derive(Clone, Copy)]
struct Times {
    median: f64,
    p99: f64,
    link: f64,
    mebibytes: f64,
}

fn show(
    world: &World,
    kind: Attack,
    attacker: &InitiatorConfig,
    victim: (&InitiatorConfig, &Link, ObjectHandle),
) {
    let (mut quiet, mut under) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        quiet.push(times(world, victim));
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            attack(scope, world, (kind, attacker), &stop);
            // Until what it does has begun.
            thread::sleep(Duration::from_secs(1));
            under.push(times(world, victim));
            stop.store(true, Ordering::Release);
        });
        thread::sleep(Duration::from_millis(500));
    }
    let ratios: Vec<_> = under.iter().zip(&quiet).map(|(one, other)| one.p99 / other.p99).collect();
    let column = |times: &[Times], of: fn(&Times) -> f64| spread(times.iter().map(of).collect());
    for (name, times) in [("quiet", &quiet), (kind.name(), &under)] {
        let [median, p99, link, memory] = [
            column(times, |times| times.median),
            column(times, |times| times.p99),
            column(times, |times| times.link),
            column(times, |times| times.mebibytes),
        ];
        let ratio = if name == "quiet" { String::new() } else { spread(ratios.clone()) };
        println!("{name:<18} {median:>24} {p99:>24} {ratio:>16} {link:>20} {memory:>18}");
    }
}

/// The median, and the least and the greatest.
fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let (least, middle, most) = (values[0], values[values.len() / 2], values[values.len() - 1]);
    format!("{middle:.1} ({least:.1}..{most:.1})")
}

fn times(world: &World, (client, link, key): (&InitiatorConfig, &Link, ObjectHandle)) -> Times {
    let request = encode(&Request::Cryptoki(CryptokiRequest::Perform {
        session: S,
        operation: Operation::Sign,
        mechanism: Mechanism::plain(MechanismType::ECDSA),
        key: Some(key),
        data: Zeroizing::new(vec![7; 32]),
        signature: Vec::new(),
    }))
    .unwrap();
    let (start, mut all) = (Instant::now(), Vec::new());
    while start.elapsed() < SPAN {
        let start = Instant::now();
        let reply = link.call(&request).unwrap();
        all.push(start.elapsed().as_secs_f64() * 1e6);
        let reply: Reply = decode(&reply).unwrap();
        assert!(matches!(reply, Reply::Cryptoki(CryptokiReply::Bytes(_))), "{reply:?}");
    }
    all.sort_by(f64::total_cmp);
    let mut links: Vec<_> = (0..LINKS).map(|_| new_link(world, client)).collect();
    links.sort_by(f64::total_cmp);
    Times {
        median: all[all.len() / 2],
        p99: all[all.len() * 99 / 100],
        link: links[LINKS - 1],
        mebibytes: resident(world.daemon.process()),
    }
}

/// The time until a new link is up, in milliseconds.
fn new_link(world: &World, client: &InitiatorConfig) -> f64 {
    let start = Instant::now();
    drop(connect(world, client));
    start.elapsed().as_secs_f64() * 1e3
}

/// A link that is up.
fn connect(world: &World, client: &InitiatorConfig) -> Link {
    let link = Link::connect(&world.endpoint(), client.clone()).unwrap();
    let reply = ask(&link, &Request::Activate { client: "client1".parse().unwrap() });
    assert!(matches!(reply, Reply::Activated { .. }), "{reply:?}");
    link
}

fn ask(link: &Link, request: &Request) -> Reply {
    decode(&link.call(&encode(request).unwrap()).unwrap()).unwrap()
}

/// A client of one of the world's partitions.
fn client(world: &World, partition: usize) -> InitiatorConfig {
    let partition = identity_file::read_partition(&world.identities()[partition]).unwrap();
    InitiatorConfig {
        identity: KeyPair::generate(&mut SystemRandom::new()).unwrap(),
        partition: partition.key,
        serial: partition.serial.value(),
        suites: Suite::ALL.to_vec(),
    }
}

/// A link whose partition is initialized, and its officer logged in.
fn officer(world: &World, client: &InitiatorConfig) -> Link {
    let link = connect(world, client);
    let password = || Password::new(PO.into());
    let initialize = Request::Initialize {
        label: "partition".parse().unwrap(),
        password: password(),
        domain: Some(Password::new("dom".into())),
        domain_label: None,
        policies: Vec::new(),
    };
    let login = Request::Login { role: Role::PartitionSo, password: password() };
    let session = CryptokiRequest::OpenSession { session: S, read_write: true };
    for request in [initialize, login, Request::Cryptoki(session)] {
        assert_eq!(ask(&link, &request), Reply::Done);
    }
    link
}

fn signing_key(link: &Link) -> ObjectHandle {
    let public = Template::default().with(A::EC_PARAMS, AttributeValue::bytes(P256));
    let private = Template::default().with(A::PRIVATE, false);
    let mechanism = Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN);
    let request = CryptokiRequest::GenerateKeyPair { session: S, mechanism, public, private };
    match ask(link, &Request::Cryptoki(request)) {
        Reply::Cryptoki(CryptokiReply::KeyPair { private, .. }) => private,
        other => panic!("{other:?}"),
    }
}

/// Memory of a process that is in use now, in MiB.
fn resident(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse().unwrap();
    kibibytes / 1024.0
}
