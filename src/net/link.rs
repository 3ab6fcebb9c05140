//! The client's end of a link: hundreds of threads at once over one channel, and no thread of its
//! own, so that a process may fork, unload the library or end at any time.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{RecvFlags, recv},
};
use zeroize::Zeroizing;

use super::{
    carrier::{Carrier, CarrierError},
    codec::{Codec, Piece, Socket},
    inbox::Inbox,
    lineage::Lineage,
    multiplexer::Multiplexer,
    seat::LinkError,
    vigil::Vigil,
};
use crate::channel::{Arrival, MAXIMUM_CHUNK_BYTES, Session, SessionStatus};

/// An established link to one partition, for any number of threads. Ends when dropped.
///
/// A child process must not use its parent's link: [`Self::call`] refuses, and dropping it there
/// leaves the parent's connection alone.
#[derive(Debug)]
pub struct Link {
    multiplexer: Multiplexer<Carrier, Connection>,
    patience: Duration,
    lineage: Lineage,
}

impl Link {
    /// A link whose handshakes are over.
    pub(super) fn established(
        carrier: Carrier,
        (socket, inbox): (TcpStream, Inbox),
        patience: Duration,
    ) -> Self {
        let connection = Connection { tcp: socket, vigil: Vigil::default() };
        let multiplexer = Multiplexer::new(carrier, connection, inbox);
        Self { multiplexer, patience, lineage: Lineage::own() }
    }

    /// Sends a request and waits for its reply as long as the endpoint's patience lasts; other
    /// requests may overtake it.
    ///
    /// # Errors
    /// There is no reply; the error says whether the request may have been performed.
    pub fn call(&self, request: &[u8]) -> Result<Zeroizing<Vec<u8>>, LinkError> {
        self.call_within(request, self.patience)
    }

    /// As [`Self::call`], with a patience of its own.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn call_within(
        &self,
        request: &[u8],
        patience: Duration,
    ) -> Result<Zeroizing<Vec<u8>>, LinkError> {
        // Two processes that seal under one key would use its nonces twice.
        if !self.is_ours() {
            return Err(LinkError::NotSent);
        }
        self.multiplexer.call(request, Instant::now().checked_add(patience))
    }

    /// What is true of the channel now; none if the link has none.
    pub fn status(&self) -> Option<SessionStatus> {
        self.multiplexer.with_codec(|carrier| carrier.session().map(Session::status))
    }

    /// Has the channel's keys changed, as soon as both ends come to it. If nobody else calls, they
    /// are when this returns, unless the other end takes longer than a moment.
    pub fn rekey(&self) {
        if self.is_ours() {
            self.multiplexer.change(|carrier, out| carrier.change(Session::rekey, out));
        }
    }

    /// Whether the link has ended, as far as this end can know without asking the other one.
    pub fn is_closed(&self) -> bool {
        !self.is_ours() || self.multiplexer.is_over()
    }

    /// How long nothing has come from the other end.
    pub fn silence(&self) -> Duration {
        self.multiplexer.silence()
    }

    /// Ends the link: whoever waits for a reply hears so at once.
    pub fn close(&self) {
        if self.is_ours() {
            self.multiplexer.close();
            // It fails if the connection has ended already.
            let _ = self.multiplexer.socket().tcp.shutdown(Shutdown::Both);
        }
    }

    fn is_ours(&self) -> bool {
        self.lineage.is_own()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        let mut farewell = Vec::new();
        if let Some(carrier) = self.multiplexer.codec_mut() {
            carrier.close(&mut farewell);
        }
        let socket = self.multiplexer.socket();
        // The farewell is a courtesy: it waits for nobody.
        let _ = socket.tcp.set_nonblocking(true).and_then(|()| socket.write_all(&farewell));
        let _ = socket.tcp.shutdown(Shutdown::Both);
    }
}

impl Codec for Carrier {
    const PIECE_BYTES: usize = 2 * MAXIMUM_CHUNK_BYTES;

    type Error = CarrierError;

    fn send(&mut self, piece: Piece<'_>, out: &mut Vec<u8>) -> Result<(), CarrierError> {
        self.send_piece(piece, out)
    }

    fn receive(
        &mut self,
        inbox: &mut Inbox,
        out: &mut Vec<u8>,
        hand_over: &mut dyn FnMut(u32, Zeroizing<Vec<u8>>),
    ) -> Result<(), CarrierError> {
        Self::receive(self, inbox, out)?;
        while let Some(arrival) = self.next(out)? {
            match arrival {
                Arrival::Whole(reply) => hand_over(reply.id, reply.content),
                Arrival::Refused { shortage, .. } => return Err(shortage.into()),
            }
        }
        Ok(())
    }

    fn tick(&mut self, now: Duration) {
        Self::tick(self, now);
    }

    fn expects_more(&self) -> bool {
        Self::expects_more(self)
    }
}

/// A link's connection, and what is known of how soon replies come over it.
#[derive(Debug)]
struct Connection {
    tcp: TcpStream,
    vigil: Vigil,
}

impl Socket for Connection {
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        let awake = self.vigil.keep(|| match recv(&self.tcp, &mut *room, RecvFlags::DONTWAIT) {
            Ok((count, _)) => Some(Ok(count)),
            Err(Errno::WOULDBLOCK | Errno::INTR) => None,
            Err(error) => Some(Err(error.into())),
        });
        awake.unwrap_or_else(|| Read::read(&mut &self.tcp, room))
    }

    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        Write::write_all(&mut &self.tcp, bytes)
    }

    fn has_news(&self, within: Duration) -> bool {
        let mut looked_at = [PollFd::new(&self.tcp, PollFlags::IN)];
        let within = Timespec::try_from(within).ok();
        // If that cannot be found out, the next read will tell.
        poll(&mut looked_at, within.as_ref()).is_ok_and(|ready| ready > 0)
    }
}
