//! What both ends of an established link share: whole messages in, whole messages out.
//!
//! Reading and writing are two tasks, so that neither end can wait for the other while both
//! buffers are full; the engine between them is locked for one record at a time.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    sync::{Notify, mpsc},
    time::{MissedTickBehavior, interval},
};
use zeroize::{Zeroize, Zeroizing};

use super::frames::{frame_buffer, read_frame, write_frame};
use crate::{
    channel::{Assembler, AssemblerLimits, Opened, PartError, Session, SessionError, split},
    crypto::SystemRandom,
    wire::MAXIMUM_MESSAGE_BYTES,
};

/// A request or a reply with its request's number.
pub(super) type Message = (u32, Zeroizing<Vec<u8>>);

/// How often the engine hears what time it is.
const TICK: Duration = Duration::from_secs(1);

/// The engine of one link, shared by its two tasks.
#[derive(Clone, Debug)]
pub(super) struct SharedSession {
    session: Arc<Mutex<Session>>,
    /// Wakes the sending task for control records.
    wake: Arc<Notify>,
}

impl SharedSession {
    pub(super) fn new(session: Session) -> Self {
        Self { session: Arc::new(Mutex::new(session)), wake: Arc::new(Notify::new()) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Session> {
        // A panic while the engine was locked leaves it no worse than any error does.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the engine's settings, or has it change its keys.
    pub(super) fn change(&self, change: impl FnOnce(&mut Session)) {
        change(&mut self.lock());
        self.wake.notify_one();
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
            let (opened, has_control) = {
                let mut session = self.session.lock();
                (session.open(&mut self.frame)?, session.has_control())
            };
            if has_control {
                self.session.wake.notify_one();
            }
            match opened {
                Opened::Control => {}
                Opened::Replayed => tracing::warn!("a replayed record was refused"),
                Opened::Data(part) => {
                    let message = self.assembler.push(part);
                    part.zeroize();
                    if let Some(message) = message? {
                        return Ok(Some((message.id, message.content)));
                    }
                }
            }
        }
    }
}

/// Seals and sends queued messages, and what the engine has to say, until the queue is closed and
/// empty.
pub(super) async fn send_messages(
    mut stream: impl AsyncWrite + Unpin,
    session: SharedSession,
    mut queue: mpsc::Receiver<Message>,
) -> Result<(), ReceiveError> {
    let start = Instant::now();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut frame = frame_buffer();
    loop {
        let message = tokio::select! {
            message = queue.recv() => match message {
                Some(message) => Some(message),
                None => break,
            },
            () = session.wake.notified() => None,
            _ = tick.tick() => {
                session.lock().tick(start.elapsed());
                None
            }
        };
        send_control(&mut stream, &session, &mut frame).await?;
        if let Some((id, message)) = message {
            for part in split(id, &message) {
                start_frame(&mut frame);
                session.lock().seal_pieces(&part.pieces(), &mut frame)?;
                write_frame(&mut stream, &mut frame).await?;
            }
        }
        // Messages queued behind this one share its flush.
        if queue.is_empty() {
            stream.flush().await?;
        }
    }
    stream.shutdown().await?;
    Ok(())
}

async fn send_control(
    stream: &mut (impl AsyncWrite + Unpin),
    session: &SharedSession,
    frame: &mut Vec<u8>,
) -> Result<(), ReceiveError> {
    loop {
        start_frame(frame);
        let more = session.lock().next_control(&mut SystemRandom::new(), frame)?;
        if !more {
            return Ok(());
        }
        write_frame(stream, frame).await?;
    }
}

fn start_frame(frame: &mut Vec<u8>) {
    frame.clear();
    frame.extend_from_slice(&frame_buffer());
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
