//! A server whose partition echoes every request, and links to it: nothing but the link is timed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lunacm::{
    channel::{
        Directory, InitiatorConfig, PartitionKeys, Responder, SessionSettings, Suite, SuiteSet,
    },
    crypto::{KeyPair, PublicKey, SystemRandom, erase},
    model::KeepAlive,
    net::{
        Answered, Closer, Endpoint, KnownCertificates, Limits, Link, Peer, Performed, Server,
        ServerIdentity, Service, server_config,
    },
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use tokio::{net::TcpListener, runtime::Runtime};
use zeroize::Zeroizing;

/// The partition's serial number.
pub const SERIAL: u64 = 7;

/// A running server; its runtime is the one that the daemon has.
pub struct Echo {
    pub runtime: Runtime,
    pub endpoint: Endpoint,
    pub client: InitiatorConfig,
    pub tls: Arc<rustls::ServerConfig>,
    _server: Server,
}

/// No client has a certificate.
#[derive(Debug)]
struct Nobody;

impl KnownCertificates for Nobody {
    fn knows(&self, _: &CertificateDer<'_>, _: UnixTime) -> bool {
        false
    }
}

struct Partition {
    identity: KeyPair,
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

    fn open(&self, _: Peer, _: Closer) {}

    fn session_settings(&self, (): &()) -> SessionSettings {
        SessionSettings::default()
    }

    fn keep_alive(&self) -> KeepAlive {
        KeepAlive::DEFAULT
    }

    fn activation_patience(&self, (): &()) -> Duration {
        Duration::from_mins(1)
    }

    /// Short requests come back; of long ones the first byte.
    fn perform(self: &Arc<Self>, _: &Arc<()>, request: Zeroizing<Vec<u8>>) -> Performed {
        let reply = if request.len() > 1024 {
            let reply = Zeroizing::new(vec![request[0]]);
            erase(request);
            reply
        } else {
            request
        };
        Performed::Now(Answered::with(reply))
    }

    fn close(&self, (): &()) {}
}

impl Echo {
    pub fn start() -> Self {
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
            suites: Suite::ALL.to_vec(),
        };
        let responder = Responder::new(KeyPair::generate(random).unwrap());
        let server = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let service = Arc::new(Partition { identity });
            Server::start(listener, tls.clone(), responder, service, Limits::DEFAULT).unwrap()
        });
        let endpoint = Endpoint {
            host: "localhost".to_owned(),
            port: server.address().port(),
            certificate,
            patience: Duration::from_secs(20),
        };
        Self { runtime, endpoint, client, tls, _server: server }
    }

    pub fn connect(&self) -> Link {
        Link::connect(&self.endpoint, self.client.clone()).unwrap()
    }

    /// A link without ML-KEM.
    pub fn connect_classic(&self) -> Link {
        let client = InitiatorConfig { suites: Suite::CLASSIC.to_vec(), ..self.client.clone() };
        Link::connect(&self.endpoint, client).unwrap()
    }
}

/// The time that `count` rounds of `act` take, in seconds a round.
pub fn time(count: u32, mut act: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..count {
        act();
    }
    start.elapsed().as_secs_f64() / f64::from(count)
}
