//! Full handshakes: the channel's engine beside `snow` with the same primitives, and whole links,
//! with TLS, beside TLS 1.3 alone on loopback.

use std::{net::TcpStream, sync::Arc};

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
};

const ROUNDS: usize = 9;
const HANDSHAKES: u32 = 100;
const CLASSIC: &str = "Noise_IK_25519_AESGCM_SHA256";

pub fn run() {
    engines();
    links();
}

fn engines() {
    let random = &mut SystemRandom::new();
    let partition = Partition(KeyPair::generate(random).unwrap());
    let responder = Responder::new(KeyPair::generate(random).unwrap());
    let client = KeyPair::generate(random).unwrap();
    let (mut classic, mut hybrid, mut snow) = (Vec::new(), Vec::new(), Vec::new());
    let named = |name: &str| {
        let found = Suite::ALL.iter().find(|suite| suite.noise_name() == name);
        *found.unwrap_or(&Suite::ALL[0])
    };
    let (old, new) = (named(CLASSIC), Suite::ALL[0]);
    for _ in 0..ROUNDS {
        for (suite, rates) in [(old, &mut classic), (new, &mut hybrid)] {
            let handshake = || agree(&client, &partition, &responder, suite);
            rates.push(1.0 / time(HANDSHAKES, handshake));
        }
        snow.push(1.0 / time(HANDSHAKES, snow_ik));
    }
    let name = format!("{CLASSIC}, snow");
    compare("handshakes/s", (old.noise_name(), &classic), (&name, &snow));
    compare("handshakes/s", (new.noise_name(), &hybrid), (&name, &snow));
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

fn agree(client: &KeyPair, partition: &Partition, responder: &Responder, suite: Suite) {
    let random = &mut SystemRandom::new();
    let config = InitiatorConfig {
        identity: client.clone(),
        partition: *partition.0.public(),
        serial: SERIAL,
        suites: vec![suite],
    };
    let (mut message, mut answer) = (Vec::new(), Vec::new());
    let waiting = Initiator::new(config).start(random, &mut message).unwrap();
    responder.receive(&message, partition, random, &mut answer).unwrap();
    assert!(matches!(waiting.receive(&answer), Ok(Answer::Established(_))));
}

fn snow_ik() {
    let builder = || snow::Builder::new(CLASSIC.parse().unwrap());
    let (client, partition) =
        (builder().generate_keypair().unwrap(), builder().generate_keypair().unwrap());
    let mut initiator = builder()
        .local_private_key(&client.private)
        .unwrap()
        .remote_public_key(&partition.public)
        .unwrap()
        .build_initiator()
        .unwrap();
    let mut responder =
        builder().local_private_key(&partition.private).unwrap().build_responder().unwrap();
    let (mut message, mut payload) = ([0; 512], [0; 512]);
    let length = initiator.write_message(&[], &mut message).unwrap();
    responder.read_message(&message[..length], &mut payload).unwrap();
    let length = responder.write_message(&[], &mut message).unwrap();
    initiator.read_message(&message[..length], &mut payload).unwrap();
    initiator.into_transport_mode().unwrap();
    responder.into_transport_mode().unwrap();
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
    let tls = || {
        let config = client_config(echo.endpoint.certificate.clone(), None).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut connection = ClientConnection::new(config, name).unwrap();
        let mut tcp = TcpStream::connect(address).unwrap();
        tcp.set_nodelay(true).unwrap();
        while connection.is_handshaking() {
            connection.complete_io(&mut tcp).unwrap();
        }
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(1.0 / time(HANDSHAKES, || drop(Arc::new(echo.connect()))));
        theirs.push(1.0 / time(HANDSHAKES, tls));
    }
    compare("connections/s", ("TLS 1.3 and STC", &ours), ("TLS 1.3 alone", &theirs));
}
