//! Changes of keys by count, by volume and by a lower threshold, over a real server, on one link that
//! many threads share: nothing is lost, nothing is executed twice, and no old key stays.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use lunacm::{
    channel::{
        Directory, GRACE_RECORDS, InitiatorConfig, KeyLimits, PartitionKeys, Responder,
        SessionSettings, Suite, SuiteSet,
    },
    crypto::{KeyPair, PublicKey, SystemRandom},
    model::KeepAlive,
    net::{
        Answered, Closer, Endpoint, KnownCertificates, Limits, Link, Peer, Performed, Server,
        ServerIdentity, Service, WorkKind, server_config,
    },
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use tokio::{net::TcpListener, runtime::Runtime};
use zeroize::Zeroizing;

const SERIAL: u64 = 7;
const THREADS: usize = 32;
const LOWERED: u64 = 1000;

/// A partition that counts how often each request is executed.
struct Partition {
    identity: KeyPair,
    settings: SessionSettings,
    /// By the number in the request.
    executed: Vec<AtomicU32>,
    total: AtomicUsize,
    /// After so many requests the threshold becomes [`LOWERED`].
    lowers_after: usize,
    link: Mutex<Option<Closer>>,
}

impl Partition {
    fn link(&self) -> Closer {
        self.link.lock().unwrap().clone().unwrap()
    }
}

impl Directory for Partition {
    fn partition(&self, serial: u64) -> Option<PartitionKeys> {
        (serial == SERIAL)
            .then(|| PartitionKeys { identity: self.identity.clone(), suites: SuiteSet::ALL })
    }

    fn admits(&self, _: u64, _: &PublicKey) -> bool {
        true
    }
}

impl Service for Partition {
    type Link = ();

    fn directory(&self) -> &(dyn Directory + Sync) {
        self
    }

    fn open(&self, _: Peer, closer: Closer) {
        *self.link.lock().unwrap() = Some(closer);
    }

    fn session_settings(&self, (): &()) -> SessionSettings {
        self.settings
    }

    fn keep_alive(&self) -> KeepAlive {
        KeepAlive::DEFAULT
    }

    fn activation_patience(&self, (): &()) -> Duration {
        Duration::from_mins(1)
    }

    /// Every other request is answered by a thread of its own, so that replies overtake each other.
    fn perform(self: &Arc<Self>, _: &Arc<()>, request: Zeroizing<Vec<u8>>) -> Performed {
        let number = number(&request);
        self.executed[number].fetch_add(1, Ordering::Relaxed);
        if self.total.fetch_add(1, Ordering::Relaxed) + 1 == self.lowers_after {
            self.link().set(after(LOWERED));
        }
        let answer = move || Performed::Now(Answered::with(answer_to(&request)));
        if number.is_multiple_of(16) {
            Performed::Later(WorkKind::Computing, Box::new(answer))
        } else {
            answer()
        }
    }

    fn close(&self, (): &()) {}
}

fn after(messages: u64) -> SessionSettings {
    let limits = KeyLimits { messages, ..KeyLimits::DEFAULT };
    SessionSettings { limits, ..SessionSettings::default() }
}

fn request(number: usize, bytes: usize) -> Vec<u8> {
    let mut request = u64::try_from(number).unwrap().to_be_bytes().to_vec();
    request.resize(bytes, 0x55);
    request
}

fn number(request: &[u8]) -> usize {
    u64::from_be_bytes(*request.first_chunk().unwrap()).try_into().unwrap()
}

fn answer_to(request: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(request.iter().map(|byte| !byte).collect())
}

/// No client has a certificate.
#[derive(Debug)]
struct Nobody;

impl KnownCertificates for Nobody {
    fn knows(&self, _: &CertificateDer<'_>, _: UnixTime) -> bool {
        false
    }
}

struct World {
    partition: Arc<Partition>,
    link: Link,
    _server: Server,
    _runtime: Runtime,
}

impl World {
    /// A link under this suite, on which these limits hold, for so many requests.
    fn new(suite: Suite, limits: KeyLimits, requests: usize) -> Self {
        Self::lowering(suite, limits, requests, usize::MAX)
    }

    /// The same; after so many requests the threshold becomes [`LOWERED`].
    fn lowering(suite: Suite, limits: KeyLimits, requests: usize, lowers_after: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let random = &mut SystemRandom::new();
        let identity = KeyPair::generate(random).unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let certificate: CertificateDer<'static> = made.cert.der().clone();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let tls = ServerIdentity::new(certificate.clone(), key).unwrap();
        let tls = server_config(Arc::new(tls), Arc::new(Nobody)).unwrap();
        let client = InitiatorConfig {
            identity: KeyPair::generate(random).unwrap(),
            partition: *identity.public(),
            serial: SERIAL,
            suites: vec![suite],
        };
        let partition = Arc::new(Partition {
            identity,
            settings: SessionSettings { limits, ..SessionSettings::default() },
            executed: (0..requests).map(|_| AtomicU32::new(0)).collect(),
            total: AtomicUsize::new(0),
            lowers_after,
            link: Mutex::default(),
        });
        let responder = Responder::new(KeyPair::generate(random).unwrap());
        let service = partition.clone();
        let server = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            Server::start(listener, tls, responder, service, Limits::DEFAULT).unwrap()
        });
        let endpoint = Endpoint {
            host: "localhost".to_owned(),
            port: server.address().port(),
            certificate,
            patience: Duration::from_mins(2),
        };
        let link = Link::connect(&endpoint, client).unwrap();
        Self { partition, link, _server: server, _runtime: runtime }
    }

    fn ask(&self, number: usize, bytes: usize) {
        let request = request(number, bytes);
        let reply = self.link.call(&request).unwrap();
        assert!(reply == answer_to(&request), "request {number} has another one's reply");
    }

    /// Makes all requests, each once, from many threads.
    fn ask_all(&self, bytes: usize) {
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= self.partition.executed.len() {
                            break;
                        }
                        self.ask(number, bytes);
                    }
                });
            }
        });
        for (number, times) in self.partition.executed.iter().enumerate() {
            assert_eq!(times.load(Ordering::Relaxed), 1, "request {number}");
        }
    }

    /// How often the keys were changed.
    fn epoch(&self) -> usize {
        let status = self.link.status().unwrap();
        assert_eq!(status.replayed, 0);
        usize::try_from(status.epoch).unwrap()
    }
}

#[test]
fn keys_change_by_count_under_load() {
    const REQUESTS: usize = 16_000;
    for suite in [Suite::HYBRID[0], Suite::CLASSIC[3]] {
        let world = World::new(suite, after(500).limits, REQUESTS);
        world.ask_all(16);
        // Each key does 500 records, and what is under way until it is changed.
        let changes = world.epoch();
        assert!((10..=REQUESTS / 500 + 2).contains(&changes), "{changes} changes");
    }
}

#[test]
fn keys_change_by_volume_under_load() {
    const REQUESTS: usize = 4000;
    for suite in [Suite::HYBRID[1], Suite::CLASSIC[0]] {
        let limits = KeyLimits { messages: 0, bytes: 400_000 };
        let world = World::new(suite, limits, REQUESTS);
        world.ask_all(4000);
        let changes = world.epoch();
        assert!((10..=REQUESTS / 100 + 2).contains(&changes), "{changes} changes");
    }
}

#[test]
fn a_lower_threshold_changes_the_keys_of_a_busy_link() {
    let far = usize::try_from(GRACE_RECORDS).unwrap() + 2000;
    let world = World::lowering(Suite::CLASSIC[0], KeyLimits::DEFAULT, far + 6000, far);
    world.ask_all(16);
    assert_eq!(world.link.status().unwrap().settings, after(LOWERED));
    let changes = world.epoch();
    assert!((2..=7).contains(&changes), "{changes} changes");
}

#[test]
fn an_idle_client_keeps_no_old_key() {
    const CHANGES: usize = 20;
    for suite in [Suite::HYBRID[0], Suite::CLASSIC[1]] {
        let world = World::new(suite, KeyLimits::DEFAULT, 2 * CHANGES);
        let mut gone = 0;
        for change in 0..CHANGES {
            // By the client's command, then by the partition's, which the next request brings.
            world.link.rekey();
            gone += usize::from(!world.link.status().unwrap().old_keys);
            world.ask(2 * change, 16);
            let before = world.epoch();
            for _ in 0..1000 {
                // One that it hears of during the change before is as good as that.
                world.partition.link().rekey();
                world.ask(2 * change + 1, 16);
                if world.epoch() > before {
                    break;
                }
            }
            gone += usize::from(!world.link.status().unwrap().old_keys);
        }
        assert!(world.epoch() >= CHANGES);
        // Who waits for the last word does not wait for ever, should the machine stand still.
        assert!(gone >= 2 * CHANGES - 2, "an old key stayed after {} changes", 2 * CHANGES - gone);
    }
}
