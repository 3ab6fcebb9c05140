//! The link against a bare TCP exchange of the same sizes, in one run: connections (TLS 1.3 and
//! the STC handshake) and round trips of one request on one link. Prints medians over rounds that
//! alternate, with their spread, and the ratio of each pair.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may stop at a failure")]

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use lunacm::{
    appliance::{Appliance, LinkLimits, Settings},
    channel::{InitiatorConfig, Suite},
    client::{certificate::ServerCertificate, identity_file},
    crypto::{KeyPair, SystemRandom},
    hsm::AdminSession,
    model::{AdminReply, AdminRequest, Password, Reply, Request, StorageSize},
    net::{Endpoint, Limits, Link},
    wire::{decode, encode},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const ROUNDS: usize = 9;
const CONNECTIONS: u32 = 60;
const REQUESTS: u32 = 4000;

/// What crosses the socket for a `Ping`: a frame's length, a record's header, the part with the
/// request in it, and the tag, inside a TLS record with its header, type and tag.
const PING_BYTES: usize = 4 + 10 + 5 + 1 + 16 + 5 + 1 + 16;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings {
        data: directory.path().join("hsm"),
        listen: "127.0.0.1:0".to_owned(),
        name: Some("localhost".to_owned()),
        limits: Limits::DEFAULT,
        links: LinkLimits::DEFAULT,
    };
    let appliance = Appliance::start(&settings).await.unwrap();
    let (endpoint, config) = prepare(&appliance);
    let echo = echo().await;
    let link = connect(&endpoint, &config);
    let mut bare = TcpStream::connect(echo).await.unwrap();
    bare.set_nodelay(true).unwrap();
    let (mut trips, mut pings) = (Vec::new(), Vec::new());
    let (mut handshakes, mut connects) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..REQUESTS {
            ask(&link, &Request::Ping);
        }
        trips.push(start.elapsed() / REQUESTS);
        let start = Instant::now();
        for _ in 0..REQUESTS {
            ping(&mut bare).await;
        }
        pings.push(start.elapsed() / REQUESTS);
        let start = Instant::now();
        for _ in 0..CONNECTIONS {
            drop(connect(&endpoint, &config));
        }
        handshakes.push(start.elapsed() / CONNECTIONS);
        let start = Instant::now();
        for _ in 0..CONNECTIONS {
            let mut stream = TcpStream::connect(echo).await.unwrap();
            ping(&mut stream).await;
        }
        connects.push(start.elapsed() / CONNECTIONS);
    }
    show("request round trip", &trips, &pings);
    show("connection with handshakes and activation", &handshakes, &connects);
    drop(link);
    appliance.stop().await;
}

/// An initialized HSM with a partition, and what a first client needs to reach it.
fn prepare(appliance: &Appliance) -> (Endpoint, InitiatorConfig) {
    let session = AdminSession::new();
    let perform = |request| appliance.desk().perform(&session, request);
    let password = Password::new("benchmark-pin".to_owned());
    let label = || "bench".parse().unwrap();
    perform(AdminRequest::InitializeHsm {
        label: label(),
        password: Some(password.clone()),
        domain: None,
    });
    perform(AdminRequest::Login { password });
    perform(AdminRequest::CreatePartition { name: label(), size: StorageSize::Default });
    let AdminReply::File(file) = perform(AdminRequest::ExportIdentity { name: label() }) else {
        panic!("no identity was exported");
    };
    let partition = identity_file::read_partition(&appliance.files().join(file)).unwrap();
    let certificate = ServerCertificate::read(&appliance.certificate()).unwrap();
    let endpoint = Endpoint {
        host: "127.0.0.1".to_owned(),
        port: appliance.address().port(),
        certificate: certificate.der().clone(),
        patience: Duration::from_secs(10),
    };
    let config = InitiatorConfig {
        identity: KeyPair::generate(&mut SystemRandom::new()).unwrap(),
        partition: partition.key,
        serial: partition.serial.value(),
        suites: Suite::ALL.to_vec(),
    };
    (endpoint, config)
}

fn connect(endpoint: &Endpoint, config: &InitiatorConfig) -> Link {
    let link = Link::connect(endpoint, config.clone()).unwrap();
    let client = "bench".parse().unwrap();
    assert!(matches!(ask(&link, &Request::Activate { client }), Reply::Activated { .. }));
    link
}

fn ask(link: &Link, request: &Request) -> Reply {
    let reply = link.call(&encode(request).unwrap()).unwrap();
    decode(&reply).unwrap()
}

/// Answers every message of a `Ping`'s size with one of the same size.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(async move {
                let mut message = [0; PING_BYTES];
                while stream.read_exact(&mut message).await.is_ok() {
                    stream.write_all(&message).await.unwrap();
                }
            });
        }
    });
    address
}

async fn ping(stream: &mut TcpStream) {
    let mut message = [0; PING_BYTES];
    stream.write_all(&message).await.unwrap();
    stream.read_exact(&mut message).await.unwrap();
}

fn show(what: &str, ours: &[Duration], bare: &[Duration]) {
    let ratios: Vec<f64> =
        ours.iter().zip(bare).map(|(ours, bare)| ours.as_secs_f64() / bare.as_secs_f64()).collect();
    let micros = |all: &[Duration]| all.iter().map(|one| one.as_secs_f64() * 1e6).collect();
    println!("{what}:");
    spread("  ours, microseconds", micros(ours));
    spread("  bare TCP, microseconds", micros(bare));
    spread("  ratio, pair by pair", ratios);
    let rates = ours.iter().map(|one| 1.0 / one.as_secs_f64()).collect();
    spread("  ours, per second", rates);
}

fn spread(what: &str, mut values: Vec<f64>) {
    values.sort_by(f64::total_cmp);
    let (least, middle, most) = (values[0], values[values.len() / 2], values[values.len() - 1]);
    println!("{what}: median {middle:.1} (min {least:.1}, max {most:.1})");
}
