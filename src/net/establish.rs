//! From an accepted connection to a link, at the appliance's end.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    carrier::{Carrier, CarrierError, Framed},
    doorkeeper::Verdict,
    inbox::Inbox,
    keep_alive::keep_alive,
    server::{Peer, PeerIdentity, Service, Shared},
    tls::{NTLS_PROTOCOL, STC_PROTOCOL},
    tunnel::Tunnel,
};
use crate::{
    channel::{Refused, Session},
    crypto::SystemRandom,
    model::KeepAlive,
    wire::FRAME_HEADER_BYTES,
};

/// How long TLS and the STC handshake may take.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(15);

/// How long a peer that was refused may take to close the connection, and how much it may send
/// meanwhile.
const LINGER_PATIENCE: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 64 * 1024;

/// First messages that one connection may send: one, one under the suite it was told, and each of
/// them again with a cookie.
const FIRST_MESSAGES: usize = 4;

/// A connection that has become a link.
pub(super) struct Established {
    pub(super) tcp: TcpStream,
    pub(super) peer: Peer,
    pub(super) carrier: Carrier,
    pub(super) inbox: Inbox,
}

/// Completes the handshakes; none when the peer was refused, which it has been told.
pub(super) async fn establish<S: Service>(
    tcp: TcpStream,
    address: SocketAddr,
    shared: &Shared<S>,
) -> io::Result<Option<Established>> {
    tcp.set_nodelay(true)?;
    keep_alive(&tcp, KeepAlive::DEFAULT)?;
    let tunnel = Tunnel::server(shared.tls.clone()).map_err(io::Error::other)?;
    let framed = Framed::new(Some(tunnel));
    let mut connection = Connection { tcp, framed, inbox: Inbox::default() };
    let establishing = timeout(HANDSHAKE_PATIENCE, async {
        connection.secure().await?;
        match connection.framed.protocol() {
            Some(STC_PROTOCOL) => {
                let agreed = connection.agree(address, shared).await?;
                Ok(agreed.map(|(identity, session)| (identity, Some(session))))
            }
            Some(NTLS_PROTOCOL) => {
                let certificate = connection.framed.peer_certificate().ok_or_else(|| {
                    io::Error::new(io::ErrorKind::PermissionDenied, "no client certificate")
                })?;
                Ok(Some((PeerIdentity::Ntls { certificate }, None)))
            }
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "no protocol of ours")),
        }
    });
    let agreed = establishing.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    if let Some((PeerIdentity::Ntls { .. }, _)) = &agreed {
        keep_alive(&connection.tcp, shared.service.keep_alive())?;
    }
    let local = connection.tcp.local_addr()?;
    Ok(agreed.map(|(identity, session)| {
        let Connection { tcp, framed, inbox } = connection;
        let peer = Peer { identity, address, local };
        let carrier = Carrier::reserved(framed, session, shared.room.clone());
        Established { tcp, peer, carrier, inbox }
    }))
}

/// A connection on its way.
struct Connection {
    tcp: TcpStream,
    framed: Framed,
    inbox: Inbox,
}

impl Connection {
    /// Completes TLS's handshake.
    async fn secure(&mut self) -> io::Result<()> {
        while self.framed.is_handshaking() {
            self.read().await?;
        }
        Ok(())
    }

    /// Answers the channel's handshake; none if the peer was refused.
    async fn agree<S: Service>(
        &mut self,
        address: SocketAddr,
        shared: &Shared<S>,
    ) -> io::Result<Option<(PeerIdentity, Session)>> {
        for _ in 0..FIRST_MESSAGES {
            let message = self.frame().await?;
            let mut answer = vec![0; FRAME_HEADER_BYTES];
            let pressure = shared.half_open.is_under_pressure();
            let message =
                match shared.doorkeeper.judge(&message, address.ip(), pressure, &mut answer) {
                    Verdict::Admitted(message) => message,
                    Verdict::CookieDemanded => {
                        self.send(&mut answer).await?;
                        continue;
                    }
                };
            let directory = shared.service.directory();
            let random = &mut SystemRandom::new();
            let received = shared.responder.receive(message, directory, random, &mut answer);
            self.send(&mut answer).await?;
            match received {
                Ok(accepted) => {
                    let (serial, client) = (accepted.serial, accepted.client);
                    return Ok(Some((PeerIdentity::Stc { serial, client }, accepted.session)));
                }
                Err(Refused::SuiteNotPermitted { .. }) => {}
                Err(reason) => {
                    tracing::info!(%address, %reason, "handshake refused");
                    let mut farewell = Vec::new();
                    self.framed.close(&mut farewell);
                    self.tcp.write_all(&farewell).await?;
                    self.linger().await;
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    async fn send(&mut self, frame: &mut [u8]) -> io::Result<()> {
        let mut out = Vec::new();
        self.framed.send(frame, &mut out).map_err(invalid)?;
        self.tcp.write_all(&out).await
    }

    async fn frame(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(frame) = self.framed.frame().map_err(invalid)? {
                return Ok(frame.to_vec());
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> io::Result<()> {
        let count = self.tcp.read(self.inbox.room()).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.inbox.filled(count);
        let mut out = Vec::new();
        let received = self.framed.receive(&mut self.inbox, &mut out);
        if !out.is_empty() {
            self.tcp.write_all(&out).await?;
        }
        if received.is_err() {
            self.linger().await;
        }
        received.map_err(invalid)
    }

    /// Ends the connection so that the peer hears what it was told last: closed with bytes of the
    /// peer unread, it would be reset, and the peer's system may then drop what has come (RFC 1122
    /// section 4.2.2.13).
    async fn linger(&mut self) {
        let draining = async {
            self.tcp.shutdown().await?;
            let mut scrap = [0; 1024];
            let mut left = LINGER_BYTES;
            while left > 0 {
                match self.tcp.read(&mut scrap).await? {
                    0 => break,
                    count => left = left.saturating_sub(count),
                }
            }
            Ok::<_, io::Error>(())
        };
        // The peer may as well go without a farewell.
        let _ = timeout(LINGER_PATIENCE, draining).await;
    }
}

fn invalid(error: CarrierError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
