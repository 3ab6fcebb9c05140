//! One link at the appliance's end: one task, which reads, has answered and writes.

use std::{
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    sync::mpsc,
    task::{spawn_blocking, yield_now},
    time::{Instant, Sleep, sleep_until},
};

use super::{
    carrier::{Carrier, CarrierError},
    establish::Established,
    half_open::Place,
    inbox::Inbox,
    server::{Answered, Closer, Performed, Service, Shared},
    workers::Seated,
};
use crate::{
    channel::{Session, SessionSettings},
    crypto::erase,
};

/// Requests of one link that threads may work on at the same time; more wait in the socket.
const REQUESTS_AT_ONCE: usize = 64;

/// Requests answered where they arrive before the replies are written: so few that the peer has
/// something to do while the next ones are answered.
const ANSWERS_A_WRITE: usize = 2;

/// Requests answered where they arrive before other links have a turn.
const ANSWERS_A_TURN: usize = 32;

/// Bytes that may wait for the peer to take them; until then no further request is read.
const OUT_BYTES: usize = 256 * 1024;

/// A buffer for replies that grew beyond this is given back after use.
const KEPT_BYTES: usize = 64 * 1024;

/// How long requests in flight may take once a link is told to end.
const DRAIN_PATIENCE: Duration = Duration::from_secs(20);

/// Silence after which a link gives its buffers back.
const REST: Duration = Duration::from_secs(1);

/// What reaches a link from other threads.
#[derive(Debug)]
pub(super) enum Event {
    /// A request was answered.
    Answered(u32, Answered),
    /// Whoever worked on a request is gone without an answer.
    Failed,
    /// Something else holds for the channel.
    Set(SessionSettings),
    /// The channel's keys are to be changed.
    Rekey,
    /// The link is to end.
    End,
}

/// Serves a link to its end.
pub(super) async fn serve_link<S: Service>(
    established: Established,
    place: Place,
    seated: Seated,
    shared: Arc<Shared<S>>,
) {
    let Established { tcp, peer, carrier, inbox } = established;
    let (sender, events) = mpsc::unbounded_channel();
    let closer = Closer(sender.clone());
    let _entry = shared.enter(closer.clone());
    let service = shared.service.clone();
    let open = Open { link: Arc::new(service.open(peer, closer)), service };
    let patience = open.service.activation_patience(&open.link);
    let mut serving = Serving {
        open,
        idle: shared.limits.idle,
        tcp,
        carrier,
        inbox,
        out: Vec::new(),
        written: 0,
        sender,
        events,
        running: 0,
        place: Some(place),
        seated,
        ending: false,
        resting: false,
        start: Instant::now(),
        heard: Instant::now(),
        alarm: Box::pin(sleep_until(Instant::now() + patience)),
    };
    match serving.run().await {
        Ok(()) => {}
        // A client that goes without a farewell is no event; a bad record is.
        Err(LinkEnd::Io(error)) => tracing::debug!(%error, "connection ended"),
        Err(LinkEnd::Carrier(error)) => tracing::warn!(%error, "link ended"),
        Err(LinkEnd::Silent(reason)) => tracing::info!(reason, "link ended"),
    }
}

/// The service's side of a link, closed when dropped.
struct Open<S: Service> {
    service: Arc<S>,
    link: Arc<S::Link>,
}

impl<S: Service> Drop for Open<S> {
    fn drop(&mut self) {
        self.service.close(&self.link);
    }
}

struct Serving<S: Service> {
    open: Open<S>,
    idle: Option<Duration>,
    tcp: TcpStream,
    carrier: Carrier,
    inbox: Inbox,
    /// Bytes for the peer, of which the first `written` have been taken.
    out: Vec<u8>,
    written: usize,
    sender: mpsc::UnboundedSender<Event>,
    events: mpsc::UnboundedReceiver<Event>,
    /// Requests that threads work on.
    running: usize,
    /// Held until the first record has authenticated.
    place: Option<Place>,
    /// The worker that serves this link.
    seated: Seated,
    /// No further request is read.
    ending: bool,
    /// The buffers have been given back.
    resting: bool,
    start: Instant,
    heard: Instant,
    alarm: Pin<Box<Sleep>>,
}

/// Why a link ended, if not as it should.
enum LinkEnd {
    Io(io::Error),
    Carrier(CarrierError),
    Silent(&'static str),
}

/// What a link has to do next.
enum Step {
    Event(Event),
    Read(usize),
    /// There are requests that there was no room for.
    Requests,
    Alarm,
    Done,
}

impl<S: Service> Serving<S> {
    async fn run(&mut self) -> Result<(), LinkEnd> {
        let settings = self.open.service.session_settings(&self.open.link);
        self.carrier.change(|session| session.set(settings), &mut self.out)?;
        // The first request may have come with the end of the handshake.
        self.answer().await?;
        loop {
            match poll_fn(|context| self.poll_step(context)).await? {
                Step::Event(Event::Answered(id, answered)) => {
                    self.running -= 1;
                    self.reply(id, answered)?;
                }
                Step::Event(Event::Failed) => {
                    self.running -= 1;
                    self.end();
                }
                Step::Event(Event::Set(settings)) => {
                    self.carrier.change(|session| session.set(settings), &mut self.out)?;
                }
                Step::Event(Event::Rekey) => {
                    self.carrier.change(Session::rekey, &mut self.out)?;
                }
                Step::Event(Event::End) | Step::Read(0) => self.end(),
                Step::Read(count) => {
                    self.inbox.filled(count);
                    self.wake_up();
                    self.carrier.receive(&mut self.inbox, &mut self.out)?;
                    self.answer().await?;
                }
                Step::Requests => self.answer().await?,
                Step::Alarm => self.look_at_the_clock()?,
                Step::Done => break,
            }
        }
        self.carrier.close(&mut self.out);
        self.tcp.write_all(&self.out).await?;
        Ok(self.tcp.shutdown().await?)
    }

    /// Answers what has come, or has it answered.
    async fn answer(&mut self) -> Result<(), LinkEnd> {
        let mut answers = 0_usize;
        while !self.ending
            && self.has_room()
            && let Some(message) = self.carrier.next(&mut self.out)?
        {
            // Its first record has authenticated: the link is no longer half open.
            if self.place.take().is_some() {
                self.alarm.as_mut().reset(Instant::now() + REST);
            }
            match self.open.service.perform(&self.open.link, message.content) {
                Performed::Now(answered) => {
                    self.reply(message.id, answered)?;
                    answers += 1;
                    if answers.is_multiple_of(ANSWERS_A_WRITE) {
                        poll_fn(|context| Poll::Ready(self.poll_write(context))).await?;
                    }
                    if answers.is_multiple_of(ANSWERS_A_TURN) {
                        yield_now().await;
                    }
                }
                Performed::Later(work) => {
                    self.running += 1;
                    let mut task =
                        Task { id: message.id, sender: self.sender.clone(), done: false };
                    spawn_blocking(move || task.finish(work()));
                }
            }
        }
        Ok(())
    }

    fn reply(&mut self, id: u32, answered: Answered) -> Result<(), LinkEnd> {
        let sent = self.carrier.send(id, &answered.reply, &mut self.out);
        erase(answered.reply);
        sent?;
        self.seated.answered();
        if answered.end {
            self.end();
        }
        Ok(())
    }

    /// Reads no more; what is under way gets its time.
    fn end(&mut self) {
        if !self.ending {
            self.ending = true;
            self.alarm.as_mut().reset(Instant::now() + DRAIN_PATIENCE);
        }
    }

    fn wake_up(&mut self) {
        self.heard = Instant::now();
        if self.resting {
            self.resting = false;
            self.alarm.as_mut().reset(self.heard + REST);
        }
    }

    fn look_at_the_clock(&mut self) -> Result<(), LinkEnd> {
        if self.ending {
            return Err(LinkEnd::Silent("a request, or the peer, outlived the link"));
        }
        if self.place.is_some() {
            return Err(LinkEnd::Silent("it was not activated in time"));
        }
        let now = Instant::now();
        self.carrier.tick(now - self.start);
        let silence = now - self.heard;
        let idle = self.idle.filter(|_| self.running == 0);
        if idle.is_some_and(|idle| silence >= idle) {
            tracing::info!("an idle link is ended");
            self.end();
            return Ok(());
        }
        let session = self.carrier.session();
        let old_keys = session.is_some_and(|session| session.status().old_keys);
        self.resting = silence >= REST && !old_keys;
        if self.resting {
            self.inbox.release();
            self.carrier.release();
            self.out.shrink_to_fit();
        }
        let next = match (self.resting, self.idle) {
            (false, _) => now + REST,
            (true, Some(idle)) => (self.heard + idle).max(now + REST),
            // Nothing is to be done before something comes.
            (true, None) => now + Duration::from_hours(24),
        };
        self.alarm.as_mut().reset(next);
        Ok(())
    }

    fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<Result<Step, LinkEnd>> {
        if let Poll::Ready(Some(event)) = self.events.poll_recv(context) {
            return Poll::Ready(Ok(Step::Event(event)));
        }
        self.poll_write(context)?;
        if self.ending && self.running == 0 && self.out.is_empty() {
            return Poll::Ready(Ok(Step::Done));
        }
        if let Some(place) = &mut self.place
            && place.poll_pushed_out(context).is_ready()
        {
            let reason = "too many links sent no request: the oldest was ended";
            return Poll::Ready(Err(LinkEnd::Silent(reason)));
        }
        if !self.ending && self.has_room() {
            if self.carrier.has_next() {
                return Poll::Ready(Ok(Step::Requests));
            }
            if let Poll::Ready(read) = self.poll_read(context) {
                return Poll::Ready(Ok(Step::Read(read?)));
            }
        }
        ready!(self.alarm.as_mut().poll(context));
        Poll::Ready(Ok(Step::Alarm))
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // A link that waits needs no buffer to wait with.
        if self.inbox.is_released() {
            ready!(self.tcp.poll_read_ready(context))?;
        }
        let mut room = ReadBuf::new(self.inbox.room());
        ready!(Pin::new(&mut self.tcp).poll_read(context, &mut room))?;
        Poll::Ready(Ok(room.filled().len()))
    }

    /// Writes what the peer takes.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Result<(), LinkEnd> {
        while let Some(rest) = self.out.get(self.written..).filter(|rest| !rest.is_empty()) {
            match Pin::new(&mut self.tcp).poll_write(context, rest) {
                Poll::Ready(Ok(0)) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Poll::Ready(Ok(count)) => self.written += count,
                Poll::Ready(Err(error)) => return Err(error.into()),
                Poll::Pending => return Ok(()),
            }
        }
        self.out.clear();
        self.written = 0;
        if self.out.capacity() > KEPT_BYTES {
            self.out = Vec::new();
        }
        Ok(())
    }

    /// Whether a further request may be taken.
    const fn has_room(&self) -> bool {
        self.running < REQUESTS_AT_ONCE && self.out.len() - self.written < OUT_BYTES
    }
}

/// A request that a thread works on: its link hears of the end, come what may.
struct Task {
    id: u32,
    sender: mpsc::UnboundedSender<Event>,
    done: bool,
}

impl Task {
    fn finish(&mut self, answered: Answered) {
        self.done = true;
        // It fails only if the link has ended.
        let _ = self.sender.send(Event::Answered(self.id, answered));
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if !self.done {
            tracing::error!("a request ended badly");
            let _ = self.sender.send(Event::Failed);
        }
    }
}

impl From<io::Error> for LinkEnd {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<CarrierError> for LinkEnd {
    fn from(error: CarrierError) -> Self {
        Self::Carrier(error)
    }
}
