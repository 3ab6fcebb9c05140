//! Full handshakes: the channel's engine beside `snow`, with the same primitives and with those it
//! brings along, and whole links, with TLS, beside TLS 1.3 alone on loopback.
//!
//! What is timed of an engine begins with two ends that have their static keys and ends with two that
//! have transport keys. Ours also reads a header, asks a directory whom to admit, and opens a
//! ciphertext beside each of message 1 so that a refusal's duration tells nothing; snow does not.

use std::net::TcpStream;

use lunacm::{
    channel::{
        Answer, Directory, Initiator, InitiatorConfig, PartitionKeys, Responder, Suite, SuiteSet,
    },
    crypto::{KeyPair, PublicKey, SystemRandom},
    net::client_config,
};
use rustls::{ClientConnection, pki_types::ServerName};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::{
    echo::{Echo, SERIAL, time},
    figures::compare,
    primitives::Primitives,
};

const ROUNDS: usize = 9;
const HANDSHAKES: u32 = 100;

pub fn run() {
    engines();
    links();
}

fn engines() {
    let random = &mut SystemRandom::new();
    let partition = Partition(KeyPair::generate(random).unwrap());
    let responder = Responder::new(KeyPair::generate(random).unwrap());
    let client = KeyPair::generate(random).unwrap();
    let (classic, hybrid) = (Suite::CLASSIC[0], Suite::HYBRID[0]);
    let mut rates: [Vec<f64>; 5] = Default::default();
    for _ in 0..ROUNDS {
        let ours = |suite| ours(&client, &partition, &responder, suite);
        let same = |suite: Suite| {
            let builder = || snow::Builder::with_resolver(parameters(suite), Box::new(Primitives));
            snow_rate(&client, &partition.0, builder)
        };
        let own = || snow::Builder::new(parameters(classic));
        let round = [
            ours(classic),
            same(classic),
            snow_rate(&client, &partition.0, own),
            ours(hybrid),
            same(hybrid),
        ];
        rates.iter_mut().zip(round).for_each(|(rates, rate)| rates.push(rate));
    }
    let [ours_classic, snow_classic, snow_own, ours_hybrid, snow_hybrid] = &rates;
    let (classic, hybrid) = (classic.noise_name(), hybrid.noise_name());
    let unit = "handshakes/s";
    compare(unit, (classic, ours_classic), ("snow, the same primitives", snow_classic));
    compare(unit, (classic, ours_classic), ("snow, primitives of its own", snow_own));
    compare(unit, (hybrid, ours_hybrid), ("snow, the same primitives", snow_hybrid));
}

struct Partition(KeyPair);

impl Directory for Partition {
    fn partition(&self, serial: u64) -> Option<PartitionKeys> {
        let keys = PartitionKeys { identity: self.0.clone(), suites: SuiteSet::ALL };
        (serial == SERIAL).then_some(keys)
    }

    fn admits(&self, _: u64, _: &PublicKey) -> bool {
        true
    }
}

/// Handshakes a second of our engine: from two ends that have their static keys to two sessions.
fn ours(client: &KeyPair, partition: &Partition, responder: &Responder, suite: Suite) -> f64 {
    let random = &mut SystemRandom::new();
    let initiator = |_| {
        Initiator::new(InitiatorConfig {
            identity: client.clone(),
            partition: *partition.0.public(),
            serial: SERIAL,
            suites: vec![suite],
        })
    };
    let mut ready: Vec<_> = (0..HANDSHAKES).map(initiator).collect();
    let (mut message, mut answer) = (Vec::with_capacity(2048), Vec::with_capacity(2048));
    1.0 / time(HANDSHAKES, || {
        message.clear();
        answer.clear();
        let waiting = ready.pop().unwrap().start(random, &mut message).unwrap();
        responder.receive(&message, partition, random, &mut answer).unwrap();
        assert!(matches!(waiting.receive(&answer), Ok(Answer::Established(_))));
    })
}

/// Snow knows the hybrid pattern with another KEM; the name enters the key schedule only.
fn parameters(suite: Suite) -> snow::params::NoiseParams {
    let name = suite.noise_name();
    let mut parameters: snow::params::NoiseParams =
        name.replace("MLKEM768", "Kyber1024").parse().unwrap();
    name.clone_into(&mut parameters.name);
    parameters
}

/// The same of snow's.
fn snow_rate(
    client: &KeyPair,
    partition: &KeyPair,
    builder: impl Fn() -> snow::Builder<'static>,
) -> f64 {
    let (s, rs) = (client.expose_secret(), partition.expose_secret());
    let made = |_| {
        let (initiator, responder): (snow::Builder<'_>, snow::Builder<'_>) = (builder(), builder());
        let initiator = initiator.local_private_key(s.as_ref()).unwrap();
        let initiator = initiator.remote_public_key(partition.public()).unwrap();
        let responder = responder.local_private_key(rs.as_ref()).unwrap();
        (initiator.build_initiator().unwrap(), responder.build_responder().unwrap())
    };
    let mut ready: Vec<_> = (0..HANDSHAKES).map(made).collect();
    let (mut message, mut payload) = (vec![0; 2048], vec![0; 2048]);
    1.0 / time(HANDSHAKES, || {
        let (mut initiator, mut responder) = ready.pop().unwrap();
        let length = initiator.write_message(&[], &mut message).unwrap();
        responder.read_message(&message[..length], &mut payload).unwrap();
        let length = responder.write_message(&[], &mut message).unwrap();
        initiator.read_message(&message[..length], &mut payload).unwrap();
        initiator.into_stateless_transport_mode().unwrap();
        responder.into_stateless_transport_mode().unwrap();
    })
}

fn links() {
    let echo = Echo::start();
    let acceptor = TlsAcceptor::from(echo.tls.clone());
    let listener = echo.runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    echo.runtime.spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move { acceptor.accept(tcp).await.map(drop) });
        }
    });
    // A link makes its configuration anew each time; TLS alone is spared that. Neither resumes.
    let config = client_config(echo.endpoint.certificate.clone(), None).unwrap();
    let tls = || {
        let name = ServerName::try_from("localhost").unwrap();
        let mut connection = ClientConnection::new(config.clone(), name).unwrap();
        let mut tcp = TcpStream::connect(address).unwrap();
        tcp.set_nodelay(true).unwrap();
        while connection.is_handshaking() {
            connection.complete_io(&mut tcp).unwrap();
        }
    };
    let (mut hybrid, mut classic, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        hybrid.push(1.0 / time(HANDSHAKES, || drop(echo.connect())));
        classic.push(1.0 / time(HANDSHAKES, || drop(echo.connect_classic())));
        alone.push(1.0 / time(HANDSHAKES, tls));
    }
    let alone = ("TLS 1.3 alone, X25519", &alone[..]);
    compare("connections/s", ("TLS 1.3 and STC", &hybrid), alone);
    compare("connections/s", ("TLS 1.3 and STC without ML-KEM", &classic), alone);
}
