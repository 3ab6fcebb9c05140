//! What a multiplexer drives: a codec and a socket.

use std::{io, time::Duration};

use zeroize::Zeroizing;

use super::inbox::Inbox;

/// Turns messages into a connection's bytes and back.
pub(super) trait Codec {
    /// Requests longer than this are sent piece by piece, so that the other end can begin with the
    /// first pieces while the last ones are made.
    const PIECE_BYTES: usize;

    /// Why it cannot go on; the connection is then over.
    type Error: std::fmt::Display;

    /// Puts a piece of a request to the end of `out`: all of it, or its next bytes.
    fn send(&mut self, piece: Piece<'_>, out: &mut Vec<u8>) -> Result<(), Self::Error>;

    /// Takes in what has come and hands over the replies that are complete; what it has to say
    /// itself goes to the end of `out`.
    fn receive(
        &mut self,
        inbox: &mut Inbox,
        out: &mut Vec<u8>,
        hand_over: &mut dyn FnMut(u32, Zeroizing<Vec<u8>>),
    ) -> Result<(), Self::Error>;

    /// Lets time pass: `now` is the time since any fixed moment.
    fn tick(&mut self, now: Duration);

    /// Whether the other end is to say something soon that is no reply, and that should not wait
    /// for the next call: the end of a change of keys, with which the old ones go.
    fn expects_more(&self) -> bool;
}

/// Bytes of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'r> {
    /// The request's number.
    pub(super) id: u32,
    /// How many bytes of the request came before, in pieces of [`Codec::PIECE_BYTES`].
    pub(super) before: usize,
    pub(super) bytes: &'r [u8],
    /// Whether the request ends with it.
    pub(super) is_last: bool,
}

/// A connection that one thread reads while another one writes.
pub(super) trait Socket {
    /// Reads what is there; waits for it, but not for long: `WouldBlock` or `TimedOut` is no end.
    fn read(&self, room: &mut [u8]) -> io::Result<usize>;

    /// Writes all of it.
    fn write_all(&self, bytes: &[u8]) -> io::Result<()>;

    /// Whether there is something to read, or will be within this time.
    fn has_news(&self, within: Duration) -> bool;
}
