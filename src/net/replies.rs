//! What a link at the appliance's end has for its peer: replies, of which as much becomes bytes as the
//! peer takes.

use std::{
    any::Any,
    collections::VecDeque,
    io, mem,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::AsyncWrite;
use zeroize::Zeroizing;

use super::{
    codec::Piece,
    performed::Answered,
    server::Service,
    serving::{LinkEnd, OUT_BYTES, Serving},
};
use crate::{channel::MAXIMUM_CHUNK_BYTES, crypto::erase};

/// Bytes of replies that are sealed in a row: whole chunks of the channel. One that is longer waits
/// for its turn, so that neither others wait for it, nor twice its memory for the peer.
const SLICE_BYTES: usize = MAXIMUM_CHUNK_BYTES;

/// A buffer for replies that grew beyond this is given back after use.
const KEPT_BYTES: usize = 64 * 1024;

/// Bytes of a link's buffers that the service does not hear of: those of one that waits.
const FEW_BYTES: usize = 16 * 1024;

/// Replies that wait to become bytes, first come first served.
#[derive(Default)]
pub(super) struct Replies {
    waiting: VecDeque<Waiting>,
    bytes: usize,
}

/// A reply, and what has been charged for it.
struct Waiting {
    id: u32,
    reply: Zeroizing<Vec<u8>>,
    /// How much of it has become bytes.
    sent: usize,
    held: Option<Box<dyn Any + Send>>,
}

impl Replies {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Bytes that have not been sealed.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes that the service has charged nothing for.
    fn uncharged(&self) -> usize {
        let free = self.waiting.iter().filter(|waiting| waiting.held.is_none());
        free.map(|waiting| waiting.reply.capacity()).sum()
    }

    fn push(&mut self, waiting: Waiting) {
        self.bytes += waiting.reply.len();
        self.waiting.push_back(waiting);
    }

    /// The next bytes of the first reply.
    fn next(&mut self) -> Option<Piece<'_>> {
        let Waiting { id, reply, sent, .. } = self.waiting.front_mut()?;
        let before = *sent;
        let rest = reply.get(before..).unwrap_or_default();
        let bytes = rest.get(..SLICE_BYTES).unwrap_or(rest);
        *sent += bytes.len();
        self.bytes -= bytes.len();
        Some(Piece { id: *id, before, bytes, is_last: *sent == reply.len() })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        erase(mem::take(&mut self.reply));
    }
}

impl<S: Service> Serving<S> {
    /// Has a reply sent: at once if it is short and none is before it.
    pub(super) fn reply(&mut self, id: u32, answered: Answered) -> Result<(), LinkEnd> {
        let Answered { reply, end, held } = answered;
        let sent = if self.replies.is_empty() && reply.len() <= SLICE_BYTES {
            let sent = self.carrier.send(id, &reply, &mut self.out);
            erase(reply);
            sent
        } else {
            self.replies.push(Waiting { id, reply, sent: 0, held });
            Ok(())
        };
        sent?;
        self.seated.answered();
        if end {
            self.end();
        }
        self.come_up();
        Ok(())
    }

    /// Seals more of the replies that wait, if the peer has taken enough.
    pub(super) fn send_waiting(&mut self) -> Result<(), LinkEnd> {
        if self.out.len() - self.written >= OUT_BYTES {
            return Ok(());
        }
        let Some(piece) = self.replies.next() else { return Ok(()) };
        let is_last = piece.is_last;
        self.carrier.send_piece(piece, &mut self.out)?;
        if is_last {
            self.replies.waiting.pop_front();
        }
        Ok(())
    }

    /// Writes what the peer takes.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> Result<(), LinkEnd> {
        while let Some(rest) = self.out.get(self.written..).filter(|rest| !rest.is_empty()) {
            match Pin::new(&mut self.tcp).poll_write(context, rest) {
                Poll::Ready(Ok(0)) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Poll::Ready(Ok(count)) => {
                    self.written += count;
                    self.taken += u64::try_from(count).unwrap_or_default();
                }
                Poll::Ready(Err(error)) => return Err(error.into()),
                Poll::Pending => {
                    // From now on somebody has to see whether the peer takes it.
                    self.clock.stop_resting();
                    self.count_buffers();
                    return Ok(());
                }
            }
        }
        self.out.clear();
        self.written = 0;
        if self.out.capacity() > KEPT_BYTES {
            self.out = Vec::new();
        }
        Ok(())
    }

    /// Tells the service how much memory the link's buffers have, if that is not what it knows.
    pub(super) fn count_buffers(&mut self) {
        let replies = self.out.capacity() + self.replies.uncharged();
        let bytes = replies + self.inbox.capacity() + self.carrier.capacity();
        let bytes = if bytes > FEW_BYTES { bytes } else { 0 };
        if bytes != self.buffers {
            self.buffers = bytes;
            self.open.service.has_buffers(&self.open.link, bytes);
        }
    }
}
