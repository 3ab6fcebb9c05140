//! What both ends of an established link share: whole messages in, whole messages out.
//!
//! Reading and writing are two tasks, so that neither end can wait for the other while both
//! buffers are full; the engine between them is locked for one record at a time.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};
use zeroize::Zeroizing;

use super::frames::{frame_buffer, read_frame, write_frame};
use crate::{
    channel::{Assembler, AssemblerLimits, Opened, PartError, Session, SessionError, split},
    wire::MAXIMUM_MESSAGE_BYTES,
};

/// A request or a reply with its request's number.
pub(super) type Message = (u32, Zeroizing<Vec<u8>>);

/// The engine of one link, shared by its two tasks.
#[derive(Clone, Debug)]
pub(super) struct SharedSession(Arc<Mutex<Session>>);

impl SharedSession {
    pub(super) fn new(session: Session) -> Self {
        Self(Arc::new(Mutex::new(session)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Session> {
        // A panic while the engine was locked leaves it no worse than any error does.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The receiving half of a link.
pub(super) struct Receiver<R> {
    stream: R,
    session: SharedSession,
    assembler: Assembler,
    frame: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Receiver<R> {
    /// A receiver that puts together at most `incomplete` messages at once.
    pub(super) fn new(stream: R, session: SharedSession, incomplete: usize) -> Self {
        let assembler = Assembler::new(AssemblerLimits {
            message_bytes: MAXIMUM_MESSAGE_BYTES,
            total_bytes: 2 * MAXIMUM_MESSAGE_BYTES,
            messages: incomplete,
        });
        Self { stream, session, assembler, frame: Vec::new() }
    }

    /// The next whole message; `None` when the peer has ended the stream. A replayed record is
    /// counted by the engine, logged here and never delivered.
    pub(super) async fn next(&mut self) -> Result<Option<Message>, ReceiveError> {
        loop {
            if !read_frame(&mut self.stream, &mut self.frame).await? {
                return Ok(None);
            }
            let opened = self.session.lock().open(&self.frame)?;
            match opened {
                Opened::Replayed => tracing::warn!("a replayed record was refused"),
                Opened::Data(part) => {
                    if let Some(message) = self.assembler.push(&part)? {
                        return Ok(Some((message.id, message.content)));
                    }
                }
            }
        }
    }
}

/// Seals and sends queued messages until the queue is closed and empty.
pub(super) async fn send_messages(
    mut stream: impl AsyncWrite + Unpin,
    session: SharedSession,
    mut queue: mpsc::Receiver<Message>,
) -> Result<(), ReceiveError> {
    let mut frame = frame_buffer();
    while let Some((id, message)) = queue.recv().await {
        for part in split(id, &message) {
            frame.truncate(0);
            frame.extend_from_slice(&frame_buffer());
            session.lock().seal(&part, &mut frame)?;
            write_frame(&mut stream, &mut frame).await?;
        }
        // Messages queued behind this one share its flush.
        if queue.is_empty() {
            stream.flush().await?;
        }
    }
    stream.shutdown().await?;
    Ok(())
}

/// Why a link cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReceiveError {
    #[error("the connection failed: {0}")]
    Stream(#[from] io::Error),
    #[error("{0}")]
    Session(#[from] SessionError),
    #[error("{0}")]
    Part(#[from] PartError),
}
