//! Somebody in the middle who has broken TLS: a proxy with the appliance's own TLS key, which
//! sees every message of the channel and flips, repeats, swaps and splices them. The daemon is
//! the real one, and so is the client's link.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod world;

use std::{
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use lunacm::{
    channel::{InitiatorConfig, Suite},
    client::identity_file,
    crypto::{KeyPair, SystemRandom},
    model::{ClientLabel, Label, Password, Reply, Request, Role, Status},
    net::{
        Endpoint, KnownCertificates, Link, LinkError, ServerIdentity, client_config, server_config,
    },
    wire::{decode, encode},
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::spawn_blocking,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use world::World;

/// Clients of the man in the middle show no certificates.
#[derive(Debug)]
struct Nobody;

impl KnownCertificates for Nobody {
    fn knows(&self, _: &CertificateDer<'_>, _: UnixTime) -> bool {
        false
    }
}

/// The way a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ToPartition,
    ToClient,
}

/// What becomes of a frame: the number counts the frames of its connection and way.
type Plan = Arc<dyn Fn(Way, usize, Vec<u8>) -> Vec<Vec<u8>> + Send + Sync>;

/// A world whose network somebody else carries.
struct Middle {
    world: World,
    certificate: CertificateDer<'static>,
    config: InitiatorConfig,
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

impl Middle {
    fn new() -> Self {
        let world = World::with_partitions(&["par1"]);
        let pem = fs::read(world.daemon.data.join("server.key")).unwrap();
        let certificate = CertificateDer::from_pem_slice(&pem).unwrap();
        let key = PrivateKeyDer::from_pem_slice(&pem).unwrap();
        let identity = ServerIdentity::new(certificate.clone(), key).unwrap();
        let acceptor =
            TlsAcceptor::from(server_config(Arc::new(identity), Arc::new(Nobody)).unwrap());
        let connector = TlsConnector::from(client_config(certificate.clone(), None).unwrap());
        let partition = identity_file::read_partition(&world.identities()[0]).unwrap();
        let config = InitiatorConfig {
            identity: KeyPair::generate(&mut SystemRandom::new()).unwrap(),
            partition: partition.key,
            serial: partition.serial.value(),
            suites: Suite::ALL.to_vec(),
        };
        Self { world, certificate, config, acceptor, connector }
    }

    /// A link through the middle.
    async fn link(&self, plan: Plan) -> Result<Arc<Link>, lunacm::net::ConnectError> {
        self.link_as(self.config.clone(), plan).await
    }

    async fn link_as(
        &self,
        config: InitiatorConfig,
        plan: Plan,
    ) -> Result<Arc<Link>, lunacm::net::ConnectError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (acceptor, connector) = (self.acceptor.clone(), self.connector.clone());
        let daemon = self.world.daemon.port;
        tokio::spawn(async move {
            let (near, _) = listener.accept().await.unwrap();
            let Ok(near) = acceptor.accept(near).await else { return };
            let far = TcpStream::connect(("127.0.0.1", daemon)).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            let far = connector.connect(name, far).await.unwrap();
            let (near_reader, near_writer) = tokio::io::split(near);
            let (far_reader, far_writer) = tokio::io::split(far);
            tokio::join!(
                carry(near_reader, far_writer, Way::ToPartition, plan.clone()),
                carry(far_reader, near_writer, Way::ToClient, plan.clone()),
            );
        });
        let endpoint = Endpoint {
            host: "localhost".to_owned(),
            port,
            certificate: self.certificate.clone(),
            patience: Duration::from_secs(5),
        };
        spawn_blocking(move || Link::connect(&endpoint, config).map(Arc::new)).await.unwrap()
    }

    /// What the HSM SO sees of the partition.
    fn shown(&self, label: &str) -> String {
        self.world.lunash("partition show -partition par1\n").value(label).to_owned()
    }
}

async fn carry(
    mut reader: impl AsyncReadExt + Unpin,
    mut writer: impl AsyncWriteExt + Unpin,
    way: Way,
    plan: Plan,
) {
    for number in 0.. {
        let mut header = [0; 4];
        if reader.read_exact(&mut header).await.is_err() {
            break;
        }
        let length = usize::try_from(u32::from_be_bytes(header)).unwrap();
        let mut frame = vec![0; length];
        reader.read_exact(&mut frame).await.unwrap();
        for frame in plan(way, number, frame) {
            let header = u32::try_from(frame.len()).unwrap().to_be_bytes();
            let sent = writer.write_all(&[&header[..], &frame].concat()).await;
            if sent.is_err() || writer.flush().await.is_err() {
                return;
            }
        }
    }
    let _ = writer.shutdown().await;
}

fn honest() -> Plan {
    Arc::new(|_, _, frame| vec![frame])
}

/// Flips the bits of `mask` in one byte of one frame.
fn flip(way: Way, number: usize, byte: usize, mask: u8) -> Plan {
    Arc::new(move |at, count, mut frame| {
        if (at, count) == (way, number) {
            frame[byte] ^= mask;
        }
        vec![frame]
    })
}

/// Sends one frame twice.
fn repeat(way: Way, number: usize) -> Plan {
    Arc::new(
        move |at, count, frame| {
            if (at, count) == (way, number) { vec![frame.clone(), frame] } else { vec![frame] }
        },
    )
}

/// Keeps a copy of every frame.
/// Frames, and the way each went.
type Recorded = Arc<Mutex<Vec<(Way, Vec<u8>)>>>;

fn record(kept: &Recorded) -> Plan {
    let kept = kept.clone();
    Arc::new(move |way, _, frame| {
        kept.lock().unwrap().push((way, frame.clone()));
        vec![frame]
    })
}

async fn ask(link: &Arc<Link>, request: &Request) -> Result<Reply, LinkError> {
    let (link, request) = (link.clone(), encode(request).unwrap());
    let reply = spawn_blocking(move || link.call(&request)).await.unwrap()?;
    Ok(decode(&reply).unwrap())
}

fn activate() -> Request {
    Request::Activate { client: "client1".parse::<ClientLabel>().unwrap() }
}

fn login(password: &str) -> Request {
    Request::Login { role: Role::PartitionSo, password: Password::new(password.to_owned()) }
}

async fn initialize(link: &Arc<Link>) {
    let initialize = Request::Initialize {
        label: "par1".parse::<Label>().unwrap(),
        password: Password::new("partition-so-1".to_owned()),
        domain: None,
        domain_label: None,
        policies: Vec::new(),
    };
    assert_eq!(ask(link, &initialize).await, Ok(Reply::Done));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_flipped_byte_is_accepted() {
    let middle = Middle::new();
    let kept = Recorded::default();
    let link = middle.link(record(&kept)).await.unwrap();
    drop(link);
    let sizes: Vec<_> =
        kept.lock().unwrap().iter().map(|(way, frame)| (*way, frame.len())).collect();
    for (way, size) in sizes {
        // Both ends of each message, and samples of the long key or ciphertext between them.
        for byte in (0..size).filter(|byte| *byte < 64 || byte % 16 == 0 || byte + 64 > size) {
            let mask = 1 << (byte % 8);
            let link = middle.link(flip(way, 0, byte, mask)).await;
            assert!(link.is_err(), "handshake {way:?}, byte {byte}");
        }
    }
    assert_eq!(middle.shown("Registered STC Clients:"), "0");

    let size = record_size(&middle, Way::ToPartition).await;
    for byte in 0..size {
        let link = middle.link(flip(Way::ToPartition, 1, byte, 0x80)).await.unwrap();
        assert!(ask(&link, &Request::Ping).await.is_err(), "request, byte {byte}");
    }
    for byte in 0..size {
        let link = middle.link(flip(Way::ToClient, 1, byte, 0x01)).await.unwrap();
        assert!(ask(&link, &Request::Ping).await.is_err(), "reply, byte {byte}");
        assert!(link.is_closed());
    }
    assert_eq!(middle.shown("Registered STC Clients:"), "0");
}

/// The size of the first record of a link that asks for a sign of life; an unactivated link
/// answers with a refusal.
async fn record_size(middle: &Middle, way: Way) -> usize {
    let kept = Recorded::default();
    let link = middle.link(record(&kept)).await.unwrap();
    let refused = ask(&link, &Request::Ping).await.unwrap();
    assert_eq!(refused, Reply::Failed(Status::StcSessionInvalid));
    let kept = kept.lock().unwrap();
    kept.iter().filter(|(at, _)| *at == way).nth(1).unwrap().1.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_is_executed_once() {
    let middle = Middle::new();
    // Frames to the partition: handshake, activation, initialization, login.
    let link = middle.link(repeat(Way::ToPartition, 3)).await.unwrap();
    assert!(matches!(ask(&link, &activate()).await, Ok(Reply::Activated { .. })));
    initialize(&link).await;
    let wrong = ask(&link, &login("wrong-password")).await;
    assert_eq!(wrong, Ok(Reply::Failed(Status::PinIncorrect)));
    let Ok(Reply::Role(role)) =
        ask(&link, &Request::DescribeRole { role: Role::PartitionSo }).await
    else {
        panic!("no state of the role");
    };
    assert_eq!(role.attempts_left, 9, "one wrong password was sent");
    middle.world.daemon.logs("a replayed record was refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_reply_is_delivered_once() {
    let middle = Middle::new();
    let link = middle.link(repeat(Way::ToClient, 1)).await.unwrap();
    assert!(matches!(ask(&link, &activate()).await, Ok(Reply::Activated { .. })));
    assert_eq!(ask(&link, &Request::Ping).await, Ok(Reply::Done));
    assert_eq!(link.status().unwrap().replayed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn swapped_requests_are_both_answered() {
    let middle = Middle::new();
    let held: Mutex<Option<Vec<u8>>> = Mutex::default();
    // The third frame waits for the fourth.
    let plan: Plan = Arc::new(move |way, number, frame| match (way, number) {
        (Way::ToPartition, 2) => {
            *held.lock().unwrap() = Some(frame);
            Vec::new()
        }
        (Way::ToPartition, 3) => vec![frame, held.lock().unwrap().take().unwrap()],
        _ => vec![frame],
    });
    let link = middle.link(plan).await.unwrap();
    assert!(matches!(ask(&link, &activate()).await, Ok(Reply::Activated { .. })));
    let role = Request::DescribeRole { role: Role::CryptoUser };
    let (first, second) = tokio::join!(ask(&link, &role), ask(&link, &Request::Describe));
    assert!(matches!(first, Ok(Reply::Role(role)) if role.role == Role::CryptoUser));
    assert!(matches!(second, Ok(Reply::Partition(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_links_record_is_refused() {
    let middle = Middle::new();
    let kept = Recorded::default();
    let first = middle.link(record(&kept)).await.unwrap();
    assert!(matches!(ask(&first, &activate()).await, Ok(Reply::Activated { .. })));
    initialize(&first).await;
    let frames = kept.lock().unwrap().clone();
    let theirs: Vec<_> =
        frames.into_iter().filter(|(way, _)| *way == Way::ToPartition).map(|(_, f)| f).collect();
    let spliced = theirs[2].clone();
    let plan: Plan = Arc::new(move |way, number, frame| {
        if (way, number) == (Way::ToPartition, 2) { vec![spliced.clone()] } else { vec![frame] }
    });
    let second = middle.link(plan).await.unwrap();
    assert!(matches!(ask(&second, &activate()).await, Ok(Reply::Activated { .. })));
    assert!(ask(&second, &Request::Ping).await.is_err());
    assert_eq!(ask(&first, &Request::Ping).await, Ok(Reply::Done), "the first link lives on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_link_executes_nothing() {
    let middle = Middle::new();
    let kept = Recorded::default();
    let first = middle.link(record(&kept)).await.unwrap();
    assert!(matches!(ask(&first, &activate()).await, Ok(Reply::Activated { .. })));
    initialize(&first).await;
    assert_eq!(
        ask(&first, &login("wrong-password")).await,
        Ok(Reply::Failed(Status::PinIncorrect))
    );
    let frames = kept.lock().unwrap().clone();
    let theirs: Vec<_> =
        frames.into_iter().filter(|(way, _)| *way == Way::ToPartition).map(|(_, f)| f).collect();
    // A connection on which only what was recorded is said to the partition.
    let plan: Plan = Arc::new(move |way, number, frame| match (way, number) {
        (Way::ToPartition, 0) => theirs.clone(),
        (Way::ToPartition, _) => Vec::new(),
        (Way::ToClient, _) => vec![frame],
    });
    assert!(middle.link(plan).await.is_err(), "the answer is to another ephemeral key");
    let role = Request::DescribeRole { role: Role::PartitionSo };
    let Ok(Reply::Role(role)) = ask(&first, &role).await else { panic!("no state of the role") };
    assert_eq!(role.attempts_left, 9, "the recorded login was executed once");
    assert_eq!(middle.shown("Registered STC Clients:"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_middle_changes_nothing() {
    let middle = Middle::new();
    let link = middle.link(honest()).await.unwrap();
    assert!(matches!(ask(&link, &activate()).await, Ok(Reply::Activated { .. })));
    assert_eq!(ask(&link, &Request::Ping).await, Ok(Reply::Done));
    assert_eq!(link.status().unwrap().replayed, 0);
}

/// Keeps one frame back for good, or until so many others have passed.
fn hold(way: Way, number: usize, until: Option<usize>) -> Plan {
    let held: Mutex<Option<Vec<u8>>> = Mutex::default();
    Arc::new(move |at, count, frame| {
        if (at, count) == (way, number) {
            *held.lock().unwrap() = Some(frame);
            return Vec::new();
        }
        let due = at == way && until.is_some_and(|until| count >= until);
        let late = if due { held.lock().unwrap().take() } else { None };
        [Some(frame), late].into_iter().flatten().collect()
    })
}

async fn ask_within(link: &Arc<Link>, patience: Duration) -> Result<(), LinkError> {
    let (link, request) = (link.clone(), encode(&Request::Ping).unwrap());
    spawn_blocking(move || link.call_within(&request, patience)).await.unwrap().map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_request_is_an_open_question_and_no_more() {
    let middle = Middle::new();
    let link = middle.link(hold(Way::ToPartition, 2, None)).await.unwrap();
    assert!(matches!(ask(&link, &activate()).await, Ok(Reply::Activated { .. })));
    let patience = Duration::from_millis(700);
    assert_eq!(ask_within(&link, patience).await, Err(LinkError::Timeout));
    assert_eq!(ask(&link, &Request::Ping).await, Ok(Reply::Done), "the link lives on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_comes_too_late_reaches_nobody() {
    let middle = Middle::new();
    // Frames to the client: the handshake's answer, the settings, the activation's reply.
    let link = middle.link(hold(Way::ToClient, 3, Some(5))).await.unwrap();
    assert!(matches!(ask(&link, &activate()).await, Ok(Reply::Activated { .. })));
    let patience = Duration::from_millis(700);
    assert_eq!(ask_within(&link, patience).await, Err(LinkError::Timeout));
    for _ in 0..4 {
        let role = ask(&link, &Request::DescribeRole { role: Role::CryptoUser }).await;
        assert!(matches!(role, Ok(Reply::Role(role)) if role.role == Role::CryptoUser));
    }
    assert_eq!(link.status().unwrap().replayed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_change_with_requests_in_flight_while_everything_is_repeated() {
    let middle = Middle::new();
    let frames = Arc::new(Mutex::new(0));
    let counted = frames.clone();
    let plan: Plan = Arc::new(move |_, count, frame| {
        *counted.lock().unwrap() += 1;
        // The handshake is left alone.
        if count == 0 { vec![frame] } else { vec![frame.clone(), frame] }
    });
    let link = middle.link(plan).await.unwrap();
    assert!(matches!(ask(&link, &activate()).await, Ok(Reply::Activated { .. })));
    let callers: Vec<_> = (0..40)
        .map(|caller| {
            let link = link.clone();
            spawn_blocking(move || {
                for call in 0..50 {
                    if call % 10 == caller % 10 {
                        link.rekey();
                    }
                    let role = Request::DescribeRole { role: Role::CryptoOfficer };
                    let reply = link.call(&encode(&role).unwrap()).unwrap();
                    let reply = decode(&reply).unwrap();
                    assert!(matches!(reply, Reply::Role(role) if role.role == Role::CryptoOfficer));
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let status = link.status().unwrap();
    assert!(status.epoch >= 2, "{status:?}");
    assert!(status.replayed > 1000, "{status:?}");
    assert!(*frames.lock().unwrap() > 4000);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_change_of_keys_ends_the_link() {
    let middle = Middle::new();
    let altered: Plan = Arc::new(|way, count, mut frame| {
        // A change of keys is long, and nothing else is on its way then.
        if way == Way::ToPartition && count > 1 && frame.len() > 500 {
            frame[300] ^= 1;
        }
        vec![frame]
    });
    let link = middle.link(altered).await.unwrap();
    assert!(matches!(ask(&link, &activate()).await, Ok(Reply::Activated { .. })));
    link.rekey();
    let mut asked = 0;
    while ask(&link, &Request::Ping).await.is_ok() {
        asked += 1;
        assert!(asked < 1000, "the change of keys never came");
    }
    assert!(ask(&link, &Request::Ping).await.is_err(), "the error stays");
    middle.world.daemon.logs("does not authenticate");
}
