//! A client without the product's own net layer: its tests decide which bytes go when, and whether
//! anybody reads.

#![allow(dead_code, clippy::unwrap_used, reason = "each test uses a part, and may panic")]

use std::{
    fs, io,
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use lunacm::{
    channel::{
        Answer, AwaitAnswer, Initiator, InitiatorConfig, MAXIMUM_CHUNK_BYTES, Opened, Session,
        split,
    },
    crypto::SystemRandom,
    model::{Reply, Request},
    net::{Endpoint, Link, client_config},
    wire::{FRAME_HEADER_BYTES, decode, encode, frame_header, frame_length},
};
use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};

use crate::world::World;

/// Longer than anything in these tests takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The world's appliance.
pub fn endpoint(world: &World) -> Endpoint {
    Endpoint { patience: PATIENCE, ..world.endpoint() }
}

/// A new client of the world's first partition.
pub fn client(world: &World) -> InitiatorConfig {
    world.stranger()
}

/// The first request of every link.
pub fn activate() -> Request {
    Request::Activate { client: "client1".parse().unwrap() }
}

/// Asks over the product's own link.
pub fn ask(link: &Link, request: &Request) -> Reply {
    decode(&link.call(&encode(request).unwrap()).unwrap()).unwrap()
}

/// Frames in TLS.
pub struct Bare(StreamOwned<ClientConnection, TcpStream>);

impl Bare {
    /// Connects, and completes TLS's handshake.
    pub fn connect(world: &World) -> Self {
        let endpoint = endpoint(world);
        let tls = client_config(endpoint.certificate, None).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let tcp = TcpStream::connect(("127.0.0.1", endpoint.port)).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        let tls = ClientConnection::new(Arc::clone(&tls), name).unwrap();
        let mut stream = StreamOwned::new(tls, tcp);
        stream.flush().unwrap();
        Self(stream)
    }

    /// Sends a frame.
    pub fn send(&mut self, content: &[u8]) -> io::Result<()> {
        let header = frame_header(content.len()).unwrap();
        self.0.write_all(&[&header, content].concat())
    }

    /// The next frame; an error once the appliance has ended the connection.
    pub fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut header = [0; FRAME_HEADER_BYTES];
        self.0.read_exact(&mut header)?;
        let mut content = vec![0; frame_length(header).unwrap()];
        self.0.read_exact(&mut content)?;
        Ok(content)
    }

    /// Sets how long a write may wait for the appliance to read.
    pub fn write_within(&self, patience: Duration) {
        self.0.sock.set_write_timeout(Some(patience)).unwrap();
    }
}

/// A first message under the suite that comes first, and what waits for its answer.
pub fn first_message(client: &InitiatorConfig) -> (AwaitAnswer, Vec<u8>) {
    let mut message = Vec::new();
    let initiator = Initiator::new(client.clone());
    let awaiting = initiator.start(&mut SystemRandom::new(), &mut message).unwrap();
    (awaiting, message)
}

/// A link after its handshake.
pub struct BareLink {
    pub bare: Bare,
    session: Session,
}

impl BareLink {
    /// Completes both handshakes.
    pub fn connect(world: &World, client: &InitiatorConfig) -> Self {
        let mut bare = Bare::connect(world);
        let (awaiting, message) = first_message(client);
        bare.send(&message).unwrap();
        match awaiting.receive(&bare.receive().unwrap()).unwrap() {
            Answer::Established(session) => Self { bare, session },
            other => panic!("{other:?}"),
        }
    }

    /// Completes both handshakes and activates the link.
    pub fn activated(world: &World, client: &InitiatorConfig) -> Self {
        let mut link = Self::connect(world, client);
        let reply = link.ask(0, &activate()).unwrap();
        assert!(matches!(reply, Reply::Activated { .. }), "{reply:?}");
        link
    }

    /// Sends a request and waits for the reply to it.
    pub fn ask(&mut self, id: u32, request: &Request) -> io::Result<Reply> {
        self.send(id, &encode(request).unwrap())?;
        self.reply(id)
    }

    /// Sends a request whole.
    pub fn send(&mut self, id: u32, request: &[u8]) -> io::Result<()> {
        split(id, request).try_for_each(|part| self.seal(&part.pieces()))
    }

    /// Sends as many full parts of a request, and never its last one.
    pub fn send_incomplete(&mut self, id: u32, parts: usize) -> io::Result<()> {
        let request = vec![0xff; parts * MAXIMUM_CHUNK_BYTES + 1];
        split(id, &request).take(parts).try_for_each(|part| self.seal(&part.pieces()))
    }

    /// Sends the last part of a request of which so many parts were sent.
    pub fn complete(&mut self, id: u32, parts: usize) -> io::Result<()> {
        let request = vec![0xff; parts * MAXIMUM_CHUNK_BYTES + 1];
        split(id, &request).skip(parts).try_for_each(|part| self.seal(&part.pieces()))
    }

    /// The reply to a request; what else comes before it is dropped.
    pub fn reply(&mut self, id: u32) -> io::Result<Reply> {
        loop {
            let mut record = self.bare.receive()?;
            let Opened::Data(part) = self.session.open(&mut record).unwrap() else { continue };
            // Identifier, place, and a reply in one part.
            if part[..4] == id.to_be_bytes() {
                return Ok(decode(&part[5..]).unwrap());
            }
        }
    }

    /// The next part of any reply: identifier, place, content.
    pub fn part(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let mut record = self.bare.receive()?;
            if let Opened::Data(part) = self.session.open(&mut record).unwrap() {
                return Ok(part.to_vec());
            }
        }
    }

    fn seal(&mut self, pieces: &[&[u8]]) -> io::Result<()> {
        let mut record = Vec::new();
        self.session.seal_pieces(pieces, &mut record).unwrap();
        self.bare.send(&record)
    }
}

/// Memory of a process that is in use now, in bytes.
pub fn resident(process: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kibibytes: usize = line.trim().trim_end_matches("kB").trim().parse().unwrap();
    kibibytes * 1024
}
