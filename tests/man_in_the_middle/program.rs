//! The man in the middle himself: a process between client and appliance that has stolen the
//! appliance's TLS key, ends TLS on both sides and does to frames what he is told.

use std::{
    collections::HashMap,
    env, fs,
    io::{BufRead, BufReader, Write},
    panic, process,
    sync::{Arc, Mutex},
};

use lunacm::net::{KnownCertificates, ServerIdentity, client_config, server_config};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject};
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::plan::{Order, Plan, Seen, Way, Work};

/// Where he gets his orders, by his environment: an address on loopback.
pub const ORDERS: &str = "LUNACM_TEST_MIDDLE_ORDERS";

/// The file with the appliance's key and certificate.
pub const KEY: &str = "LUNACM_TEST_MIDDLE_KEY";

/// The port of the appliance.
pub const APPLIANCE: &str = "LUNACM_TEST_MIDDLE_APPLIANCE";

/// Clients show him no certificates.
#[derive(Debug)]
struct Nobody;

impl KnownCertificates for Nobody {
    fn knows(&self, _: &CertificateDer<'_>, _: UnixTime) -> bool {
        false
    }
}

/// What was seen at one port.
type Notes = Arc<Mutex<Vec<Seen>>>;

/// How the next connection to a port is carried, if not honestly.
type Intent = Arc<Mutex<Option<Plan>>>;

/// Ends when whoever gives the orders has gone.
#[test]
#[ignore = "the program that the other tests run"]
fn the_man_in_the_middle() {
    // A plan that cannot be carried out fails the test that made it: nobody answers it any more.
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |what| {
        report(what);
        process::exit(1);
    }));
    let runtime = Runtime::new().unwrap();
    let middle = Middle::new();
    let mut answers = std::net::TcpStream::connect(env::var(ORDERS).unwrap()).unwrap();
    let orders = BufReader::new(answers.try_clone().unwrap());
    let mut ports = HashMap::<u16, (Intent, Notes)>::new();
    for order in orders.lines().map_while(Result::ok) {
        match serde_json::from_str(&order).unwrap() {
            Order::Carry(plan) => {
                let (intent, notes) = (Arc::new(Mutex::new(Some(plan))), Notes::default());
                let port = runtime.block_on(middle.listen(intent.clone(), notes.clone()));
                ports.insert(port, (intent, notes));
                say(&mut answers, &port);
            }
            Order::Next { port, plan } => {
                *ports[&port].0.lock().unwrap() = Some(plan);
                say(&mut answers, &());
            }
            Order::Tell { port } => say(&mut answers, &*ports[&port].1.lock().unwrap()),
        }
    }
}

fn say(answers: &mut std::net::TcpStream, answer: &impl Serialize) {
    let mut line = serde_json::to_vec(answer).unwrap();
    line.push(b'\n');
    answers.write_all(&line).unwrap();
}

/// Both ends of TLS, and where the appliance is.
#[derive(Clone)]
struct Middle {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
    appliance: u16,
}

impl Middle {
    fn new() -> Self {
        let pem = fs::read(env::var(KEY).unwrap()).unwrap();
        let certificate = CertificateDer::from_pem_slice(&pem).unwrap();
        let key = PrivateKeyDer::from_pem_slice(&pem).unwrap();
        let identity = ServerIdentity::new(certificate.clone(), key).unwrap();
        let acceptor = server_config(Arc::new(identity), Arc::new(Nobody)).unwrap();
        Self {
            acceptor: TlsAcceptor::from(acceptor),
            connector: TlsConnector::from(client_config(certificate, None).unwrap()),
            appliance: env::var(APPLIANCE).unwrap().parse().unwrap(),
        }
    }

    /// Listens for connections, at the port returned.
    async fn listen(&self, intent: Intent, notes: Notes) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let middle = self.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let plan = intent.lock().unwrap().take().unwrap_or(Plan::Honest);
                tokio::spawn(middle.clone().sit_between(near, plan, notes.clone()));
            }
        });
        port
    }

    async fn sit_between(self, near: TcpStream, plan: Plan, notes: Notes) {
        let Ok(near) = self.acceptor.accept(near).await else { return };
        let far = TcpStream::connect(("127.0.0.1", self.appliance)).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let far = self.connector.connect(name, far).await.unwrap();
        let (near_reader, near_writer) = tokio::io::split(near);
        let (far_reader, far_writer) = tokio::io::split(far);
        let work = Arc::new(Mutex::new(Work::new(plan)));
        tokio::join!(
            carry(near_reader, far_writer, Way::ToPartition, &work, &notes),
            carry(far_reader, near_writer, Way::ToClient, &work, &notes),
        );
    }
}

async fn carry(
    mut reader: impl AsyncReadExt + Unpin,
    mut writer: impl AsyncWriteExt + Unpin,
    way: Way,
    work: &Mutex<Work>,
    notes: &Notes,
) {
    for number in 0.. {
        let mut header = [0; 4];
        if reader.read_exact(&mut header).await.is_err() {
            break;
        }
        let mut frame = vec![0; usize::try_from(u32::from_be_bytes(header)).unwrap()];
        if reader.read_exact(&mut frame).await.is_err() {
            break;
        }
        notes.lock().unwrap().push(Seen { way, frame: frame.clone() });
        let instead = work.lock().unwrap().instead_of(way, number, frame);
        for frame in instead {
            let header = u32::try_from(frame.len()).unwrap().to_be_bytes();
            let sent = writer.write_all(&[&header[..], &frame].concat()).await;
            if sent.is_err() || writer.flush().await.is_err() {
                return;
            }
        }
    }
    let _ = writer.shutdown().await;
}
