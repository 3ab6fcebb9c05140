//! An appliance that is registered and lies: it has a certificate, speaks TLS, and answers requests
//! over NTLS as it likes. And one that cannot even do that, but takes its time.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use lunacm::{
    model::{PartitionInfo, Reply, Request, RoleInfo, SerialNumber},
    wire::{decode, encode},
};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned, crypto::ring, pki_types::PrivateKeyDer,
    version::TLS13,
};

/// What it does instead of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// The reply to a request that nobody made.
    WrongId,
    /// Fifty of those, then the right one twice.
    WrongThenRight,
    /// Those without end.
    Flood,
    /// One reply in parts, without end.
    Endless,
    /// A frame of no length.
    EmptyFrame,
    /// A frame of 4 GiB.
    HugeFrame,
    /// Bytes that are no reply.
    Garbage,
    /// A list of 2^63 entries.
    HugeCount,
    /// The reply, a byte now and then.
    Trickle,
    /// A long one, a byte now and then.
    LongTrickle,
    /// The end of TLS, and silence.
    Farewell,
    /// The end of what it sends, and silence.
    HalfClose,
    /// Silence.
    Silence,
    /// The reply to another request.
    WrongType,
    /// The right reply, about another partition.
    OtherPartition,
}

/// All of them.
pub const LIES: [Lie; 15] = [
    Lie::WrongId,
    Lie::WrongThenRight,
    Lie::Flood,
    Lie::Endless,
    Lie::EmptyFrame,
    Lie::HugeFrame,
    Lie::Garbage,
    Lie::HugeCount,
    Lie::Trickle,
    Lie::LongTrickle,
    Lie::Farewell,
    Lie::HalfClose,
    Lie::Silence,
    Lie::WrongType,
    Lie::OtherPartition,
];

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As it should.
    Honest,
    /// As it should, without an application protocol.
    NoProtocol,
    /// As it should, with an application protocol that nobody offered.
    OtherProtocol,
    /// With this lie from the first reply on.
    FromTheFirst(Lie),
    /// With this lie once a link stands.
    OnceALinkStands(Lie),
    /// As it should to the question for partitions, and never when one is opened.
    NeverOpens,
}

/// A running liar, until the test ends.
pub struct Liar {
    pub port: u16,
    pub certificate: PathBuf,
    heard: Arc<Mutex<Vec<Request>>>,
    open: Arc<AtomicUsize>,
}

#[derive(Clone)]
struct Story {
    way: Way,
    serials: Vec<SerialNumber>,
    heard: Arc<Mutex<Vec<Request>>>,
}

impl Liar {
    /// Starts one under this name, whose certificate is put into a file, with these partitions.
    pub fn start(directory: &Path, name: &str, serials: &[SerialNumber], way: Way) -> Self {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let certificate = directory.join(format!("liar-{name}-{way:?}.pem"));
        fs::write(&certificate, made.cert.pem()).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = match way {
            Way::NoProtocol => Vec::new(),
            _ => vec![b"lunacm-ntls/1".to_vec()],
        };
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (heard, open) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicUsize>::default());
        let story = Story { way, serials: serials.to_vec(), heard: heard.clone() };
        let counted = open.clone();
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let (config, story, open) = (config.clone(), story.clone(), counted.clone());
                thread::spawn(move || {
                    open.fetch_add(1, Ordering::SeqCst);
                    let connection = ServerConnection::new(config).unwrap();
                    // Whatever the client thinks of it.
                    let _ = story.tell(StreamOwned::new(connection, socket));
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { port, certificate, heard, open }
    }

    /// What it was asked.
    pub fn heard(&self) -> Vec<Request> {
        self.heard.lock().unwrap().clone()
    }

    /// Holds that it was told no password.
    #[track_caller]
    pub fn heard_no_password(&self) {
        let heard = self.heard();
        let tells = |request: &Request| {
            matches!(
                request,
                Request::Login { .. }
                    | Request::Initialize { .. }
                    | Request::ChangePassword { .. }
                    | Request::CreateRole { .. }
            )
        };
        assert!(!heard.iter().any(tells), "{heard:?}");
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

type Tls = StreamOwned<ServerConnection, TcpStream>;

impl Story {
    fn tell(&self, mut tls: Tls) -> io::Result<()> {
        let mut parts: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        loop {
            let mut header = [0; 4];
            tls.read_exact(&mut header)?;
            let mut frame = vec![0; u32::from_be_bytes(header).try_into().unwrap()];
            tls.read_exact(&mut frame)?;
            let id = u32::from_be_bytes(frame[..4].try_into().unwrap());
            parts.entry(id).or_default().extend_from_slice(&frame[5..]);
            if frame[4] & 1 == 0 {
                continue;
            }
            let request: Request = decode(&parts.remove(&id).unwrap()).map_err(io::Error::other)?;
            self.heard.lock().unwrap().push(request.clone());
            let opens = matches!(request, Request::Assigned | Request::Open { .. });
            match self.way {
                Way::FromTheFirst(lie) => self.lie(&mut tls, id, &request, lie)?,
                Way::OnceALinkStands(lie) if !opens => self.lie(&mut tls, id, &request, lie)?,
                Way::NeverOpens if matches!(request, Request::Open { .. }) => {
                    // Until the client goes.
                    let _ = tls.read(&mut [0]);
                    return Ok(());
                }
                _ => tls.write_all(&whole(id, &self.truth(&request, None)))?,
            }
        }
    }

    fn truth(&self, request: &Request, serial: Option<SerialNumber>) -> Reply {
        let own = self.serials.first().copied().unwrap_or_default();
        match request {
            Request::Assigned => Reply::Serials(self.serials.clone()),
            Request::Open { serial: asked } => {
                Reply::Activated { channel: 7, partition: partition(serial.unwrap_or(*asked)) }
            }
            Request::Describe => Reply::Partition(partition(serial.unwrap_or(own))),
            Request::DescribeRole { role } => Reply::Role(RoleInfo {
                role: *role,
                initialized: true,
                attempts_left: 10,
                locked: false,
                password_to_be_changed: false,
                logged_in: false,
            }),
            _ => Reply::Done,
        }
    }

    fn lie(&self, tls: &mut Tls, id: u32, request: &Request, lie: Lie) -> io::Result<()> {
        let right = whole(id, &self.truth(request, None));
        let wrong = |id: u32| whole(id, &Reply::Done);
        match lie {
            Lie::WrongId => tls.write_all(&wrong(id + 1000)),
            Lie::WrongThenRight => {
                let wrong: Vec<_> = (0..50).flat_map(|more| wrong(id + 1000 + more)).collect();
                tls.write_all(&[wrong, right.clone(), right].concat())
            }
            Lie::Flood => loop {
                tls.write_all(&wrong(id ^ 0x5555_5555).repeat(200))?;
            },
            Lie::Endless => {
                let mut number = 0_u8;
                loop {
                    let place = (number & 127) << 1;
                    let part = [&id.to_be_bytes()[..], &[place], &vec![0; 65_000]].concat();
                    tls.write_all(&frame(&part))?;
                    number = number.wrapping_add(1);
                }
            }
            Lie::EmptyFrame => tls.write_all(&[0; 4]),
            Lie::HugeFrame => tls.write_all(&[0xff; 1000]),
            Lie::Garbage => {
                tls.write_all(&frame(&[&id.to_be_bytes()[..], &[1], &[0xff; 5000]].concat()))
            }
            Lie::HugeCount => {
                let list = encode(&Reply::Serials(Vec::new())).unwrap();
                let count = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
                let part = [&id.to_be_bytes()[..], &[1], &list[..1], &count].concat();
                tls.write_all(&frame(&part))
            }
            Lie::Trickle => trickle(tls, &right),
            Lie::LongTrickle => {
                let long = frame(&[&id.to_be_bytes()[..], &[1], &vec![0x41; 60_000]].concat());
                tls.write_all(&long[..100])?;
                trickle(tls, &long[100..])
            }
            Lie::Farewell => {
                tls.conn.send_close_notify();
                tls.flush()?;
                silence(tls)
            }
            Lie::HalfClose => {
                tls.sock.shutdown(Shutdown::Write)?;
                silence(tls)
            }
            Lie::Silence => silence(tls),
            Lie::WrongType => tls.write_all(&whole(id, &Reply::Left(7))),
            Lie::OtherPartition => {
                tls.write_all(&whole(id, &self.truth(request, Some(SerialNumber::new(999)))))
            }
        }
    }
}

/// What the liar says of a partition.
fn partition(serial: SerialNumber) -> PartitionInfo {
    PartitionInfo {
        serial,
        label: Some("par1".parse().unwrap()),
        user_initialized: true,
        model: "LunaSA 7.7.0".to_owned(),
        firmware: "7.7.0".to_owned(),
        total_storage: 325_896,
        used_storage: 0,
        objects: 0,
        clients: 1,
        ouid: [0; 12],
        logged_in: None,
    }
}

fn frame(content: &[u8]) -> Vec<u8> {
    [&u32::try_from(content.len()).unwrap().to_be_bytes()[..], content].concat()
}

fn whole(id: u32, reply: &Reply) -> Vec<u8> {
    let reply = encode(reply).unwrap();
    let parts = reply.chunks(60_000).count().max(1);
    let mut frames = Vec::new();
    for (number, part) in reply.chunks(60_000).enumerate() {
        let last = u8::from(number + 1 == parts);
        let place = u8::try_from(number.min(127)).unwrap() << 1 | last;
        frames.extend(frame(&[&id.to_be_bytes()[..], &[place], part].concat()));
    }
    frames
}

fn trickle(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    for byte in bytes {
        to.write_all(&[*byte])?;
        to.flush()?;
        thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// Says nothing until the client goes.
fn silence(tls: &mut Tls) -> io::Result<()> {
    while tls.sock.read(&mut [0; 4096])? > 0 {}
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// Answers the connection and sends the first record of a handshake, a byte now and then: it takes
/// no key and no certificate to do that. Tells its port and counts its connections.
pub fn trickler() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let open = Arc::<AtomicUsize>::default();
    let counted = open.clone();
    thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            let open = counted.clone();
            thread::spawn(move || {
                open.fetch_add(1, Ordering::SeqCst);
                let _ = socket.read(&mut [0; 4096]);
                // A handshake record of 16 KiB that begins a ServerHello (RFC 8446 section 4.1.3).
                let begin = [0x16, 3, 3, 0x40, 0, 2, 0, 0x3f, 0xfc, 3, 3];
                let record = [&begin[..], &[0x41; 16_384]].concat();
                let _ = trickle(&mut socket, &record);
                open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    (port, open)
}
