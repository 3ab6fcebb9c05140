//! What both ends of a link share: messages to a socket's bytes and back. TLS around frames, in
//! the frames records of the channel, in the records parts of messages. No socket is touched.

use std::{mem, time::Duration};

use rustls::pki_types::CertificateDer;
use zeroize::{Zeroize, Zeroizing};

use super::{codec::Piece, inbox::Inbox, tunnel::Tunnel};
use crate::{
    channel::{
        Arrival, Assembler, AssemblerLimits, MAXIMUM_CHUNK_BYTES, Opened, PartError, Room, Session,
        SessionError, Shortage, split_piece,
    },
    crypto::{SystemRandom, erase},
    wire::{FRAME_HEADER_BYTES, FrameError, MAXIMUM_MESSAGE_BYTES, frame_header, frame_length},
};

/// What a link keeps of messages that arrive in parts.
const INCOMPLETE: AssemblerLimits = AssemblerLimits {
    message_bytes: MAXIMUM_MESSAGE_BYTES,
    total_bytes: 2 * MAXIMUM_MESSAGE_BYTES,
    messages: 64,
};

/// What it keeps as long as nobody knows who is there: a message has to come in one part.
const NOTHING_INCOMPLETE: AssemblerLimits = AssemblerLimits { messages: 0, ..INCOMPLETE };

/// Frames in a TLS connection, or in none.
#[derive(Debug)]
pub(super) struct Framed {
    tunnel: Option<Tunnel>,
    plain: Vec<u8>,
    taken: usize,
}

impl Framed {
    pub(super) const fn new(tunnel: Option<Tunnel>) -> Self {
        Self { tunnel, plain: Vec::new(), taken: 0 }
    }

    /// Takes in what has come; what TLS has to say goes to the end of `out`.
    pub(super) fn receive(
        &mut self,
        inbox: &mut Inbox,
        out: &mut Vec<u8>,
    ) -> Result<(), CarrierError> {
        self.plain.drain(..self.taken);
        self.taken = 0;
        if let Some(tunnel) = &mut self.tunnel {
            tunnel.receive(inbox, &mut self.plain, out)?;
        } else {
            let pending = inbox.pending();
            let count = pending.len();
            self.plain.extend_from_slice(pending);
            inbox.consume(count);
        }
        Ok(())
    }

    /// The content of the next whole frame.
    pub(super) fn frame(&mut self) -> Result<Option<&mut [u8]>, CarrierError> {
        let rest = self.plain.get_mut(self.taken..).unwrap_or_default();
        let Some((header, content)) = rest.split_first_chunk_mut::<FRAME_HEADER_BYTES>() else {
            return Ok(None);
        };
        let length = frame_length(*header)?;
        let content = content.get_mut(..length);
        if content.is_some() {
            self.taken += FRAME_HEADER_BYTES + length;
        }
        Ok(content)
    }

    /// Whether a whole frame, or one of an impossible size, is there.
    fn has_frame(&self) -> bool {
        let rest = self.plain.get(self.taken..).unwrap_or_default();
        rest.split_first_chunk::<FRAME_HEADER_BYTES>().is_some_and(|(header, content)| {
            frame_length(*header).map_or(true, |length| content.len() >= length)
        })
    }

    /// Puts the length before `frame`, which starts with room for it, and the whole to the end of
    /// `out`.
    pub(super) fn send(&mut self, frame: &mut [u8], out: &mut Vec<u8>) -> Result<(), CarrierError> {
        let Some((header, content)) = frame.split_first_chunk_mut::<FRAME_HEADER_BYTES>() else {
            return Err(FrameError(0).into());
        };
        *header = frame_header(content.len())?;
        match &mut self.tunnel {
            Some(tunnel) => tunnel.send(frame, out)?,
            None => out.extend_from_slice(frame),
        }
        Ok(())
    }

    /// Tells the peer that nothing follows.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) {
        // A connection that cannot say so any more ends without.
        let _ = self.tunnel.as_mut().map(|tunnel| tunnel.close(out));
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.tunnel.as_ref().is_some_and(Tunnel::is_handshaking)
    }

    pub(super) fn protocol(&self) -> Option<&[u8]> {
        self.tunnel.as_ref().and_then(Tunnel::protocol)
    }

    pub(super) fn peer_certificate(&self) -> Option<CertificateDer<'static>> {
        self.tunnel.as_ref().and_then(Tunnel::peer_certificate)
    }

    fn release(&mut self) {
        self.plain.drain(..self.taken);
        self.taken = 0;
        self.plain.shrink_to_fit();
    }
}

/// One end of an established link. Without a session, messages are in TLS alone.
#[derive(Debug)]
pub(super) struct Carrier {
    framed: Framed,
    session: Option<Session>,
    assembler: Assembler,
    /// The frames of the message that is being sent.
    frame: Zeroizing<Vec<u8>>,
}

impl Carrier {
    pub(super) fn new(framed: Framed, session: Option<Session>) -> Self {
        let assembler = Assembler::new(INCOMPLETE);
        Self { framed, session, assembler, frame: Zeroizing::default() }
    }

    /// One that takes messages in one part only until [`Self::permit_parts`]; those in several
    /// share this room with those of other links.
    pub(super) fn reserved(framed: Framed, session: Option<Session>, room: Room) -> Self {
        let assembler = Assembler::sharing(NOTHING_INCOMPLETE, room);
        Self { framed, session, assembler, frame: Zeroizing::default() }
    }

    /// From now on messages may come in several parts.
    pub(super) const fn permit_parts(&mut self) {
        self.assembler.set_limits(INCOMPLETE);
    }

    /// When the oldest message began that has not come in full, by [`Self::tick`]'s time.
    pub(super) fn oldest_incomplete(&self) -> Option<Duration> {
        self.assembler.oldest()
    }

    /// Puts a message to the end of `out`.
    pub(super) fn send(
        &mut self,
        id: u32,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), CarrierError> {
        self.send_piece(Piece { id, before: 0, bytes: message, is_last: true }, out)
    }

    /// Puts a piece of a message to the end of `out`.
    pub(super) fn send_piece(
        &mut self,
        piece: Piece<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), CarrierError> {
        self.send_control(out)?;
        // Pieces but the last are whole numbers of chunks.
        let before = piece.before / MAXIMUM_CHUNK_BYTES;
        for part in split_piece(piece.id, before, piece.bytes, piece.is_last) {
            start(&mut self.frame);
            match &mut self.session {
                Some(session) => session.seal_pieces(&part.pieces(), &mut self.frame)?,
                None => part.pieces().iter().for_each(|piece| self.frame.extend_from_slice(piece)),
            }
            self.framed.send(&mut self.frame, out)?;
        }
        Ok(())
    }

    /// Takes in what has come; what TLS has to say goes to the end of `out`.
    pub(super) fn receive(
        &mut self,
        inbox: &mut Inbox,
        out: &mut Vec<u8>,
    ) -> Result<(), CarrierError> {
        self.framed.receive(inbox, out)
    }

    /// The next message that is complete, or that there was no room for; what the channel's engine has to say goes to the end of
    /// `out`. A replayed record is counted by the engine, logged here and never handed over.
    pub(super) fn next(&mut self, out: &mut Vec<u8>) -> Result<Option<Arrival>, CarrierError> {
        loop {
            let Some(frame) = self.framed.frame()? else { return Ok(None) };
            let arrival = match &mut self.session {
                None => {
                    let arrival = self.assembler.push(frame);
                    frame.zeroize();
                    arrival?
                }
                Some(session) => match session.open(frame)? {
                    Opened::Data(part) => {
                        let arrival = self.assembler.push(part);
                        part.zeroize();
                        arrival?
                    }
                    Opened::Control => None,
                    Opened::Replayed => {
                        tracing::warn!("a replayed record was refused");
                        None
                    }
                },
            };
            self.send_control(out)?;
            if arrival.is_some() {
                return Ok(arrival);
            }
        }
    }

    /// Lets time pass: `now` is the time since any fixed moment.
    pub(super) fn tick(&mut self, now: Duration) {
        self.assembler.tick(now);
        if let Some(session) = &mut self.session {
            session.tick(now);
        }
    }

    /// Whether the peer's engine is about to say something without being asked.
    pub(super) fn expects_more(&self) -> bool {
        self.session.as_ref().is_some_and(Session::is_changing_keys)
    }

    /// Tells the channel something; what it then has to say goes to the end of `out`.
    pub(super) fn change(
        &mut self,
        change: impl FnOnce(&mut Session),
        out: &mut Vec<u8>,
    ) -> Result<(), CarrierError> {
        self.session.as_mut().map(change);
        self.send_control(out)
    }

    /// Puts what the channel's engine has to say to the end of `out`: changes of keys, settings.
    fn send_control(&mut self, out: &mut Vec<u8>) -> Result<(), CarrierError> {
        while let Some(session) = self.session.as_mut().filter(|session| session.has_control()) {
            start(&mut self.frame);
            session.next_control(&mut SystemRandom::new(), &mut self.frame)?;
            self.framed.send(&mut self.frame, out)?;
        }
        Ok(())
    }

    /// Whether [`Self::next`] has something to look at.
    pub(super) fn has_next(&self) -> bool {
        self.framed.has_frame()
    }

    /// The channel, if there is one.
    pub(super) const fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Tells the peer that nothing follows.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) {
        self.framed.close(out);
    }

    /// Bytes of memory that its buffers hold, but for messages that arrive in parts.
    pub(super) fn capacity(&self) -> usize {
        self.framed.plain.capacity() + self.frame.capacity()
    }

    /// Gives back the memory that an idle link does not need.
    pub(super) fn release(&mut self) {
        self.framed.release();
        erase(mem::take(&mut self.frame));
    }
}

/// Starts a frame: room for its length.
fn start(frame: &mut Vec<u8>) {
    frame.clear();
    frame.extend_from_slice(&[0; FRAME_HEADER_BYTES]);
}

/// Why a link cannot go on.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum CarrierError {
    #[error("TLS failed: {0}")]
    Tls(#[from] rustls::Error),
    #[error("{0}")]
    Frame(#[from] FrameError),
    #[error("{0}")]
    Session(#[from] SessionError),
    #[error("{0}")]
    Part(#[from] PartError),
    /// At the client's end, where nothing is left to be refused.
    #[error("{0}")]
    NoRoom(#[from] Shortage),
}
