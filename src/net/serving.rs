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
    time::timeout,
};

use super::{
    carrier::{Carrier, CarrierError},
    client_key::ClientKey,
    clock::Clock,
    establish::Established,
    event::{Answer, Event},
    half_open::Place,
    inbox::Inbox,
    performed::Performed,
    replies::Replies,
    server::{Closer, Entry, Limits, Service, Shared},
    turns::Turns,
    workers::Seated,
};
use crate::channel::{Arrival, Message, PartError, Room, Session};

/// Requests of one link that threads may work on at the same time; more wait in the socket.
const REQUESTS_AT_ONCE: usize = 64;

/// Requests answered where they arrive before the replies are written: so few that the peer has
/// something to do while the next ones are answered.
const ANSWERS_A_WRITE: usize = 2;

/// Bytes that may wait for the peer to take them; until then no further request is read.
pub(super) const OUT_BYTES: usize = 256 * 1024;

/// Bytes of requests in parts that one link may have with threads; until then no further request is
/// read.
const LARGE_BYTES: usize = 8 << 20;

/// How long the peer may take to accept a farewell: if it does not read, it goes without.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(1);

/// Serves a link to its end.
pub(super) async fn serve_link<S: Service>(
    established: Established,
    place: Place,
    seated: Seated,
    shared: Arc<Shared<S>>,
) {
    let Established { tcp, peer, carrier, inbox } = established;
    let address = peer.address;
    let client = ClientKey::from(&peer.identity);
    let (sender, events) = mpsc::unbounded_channel();
    let closer = Closer(sender.clone());
    let entry = shared.enter(closer.clone());
    let service = shared.service.clone();
    let link = Arc::new(service.open(peer, closer));
    let open = Open { link, service, client, entry, shared: shared.clone() };
    let patience = open.service.activation_patience(&open.link);
    let mut serving = Serving {
        open,
        limits: shared.limits,
        room: shared.room.clone(),
        tcp,
        carrier,
        inbox,
        out: Vec::new(),
        written: 0,
        replies: Replies::default(),
        buffers: 0,
        taken: 0,
        sender,
        events,
        running: 0,
        large: 0,
        place: Some(place),
        up: false,
        seated,
        ending: false,
        turns: Turns::new(),
        clock: Clock::new(patience),
    };
    match serving.run().await {
        Ok(()) => {}
        // A client that goes without a farewell is no event; a bad record is.
        Err(LinkEnd::Io(error)) => tracing::debug!(%error, "connection ended"),
        Err(LinkEnd::Carrier(error)) => tracing::warn!(%address, %error, "link ended"),
        Err(LinkEnd::Late(reason)) => tracing::info!(%address, reason, "link ended"),
    }
}

/// The service's side of a link, closed when dropped.
pub(super) struct Open<S: Service> {
    pub(super) service: Arc<S>,
    pub(super) link: Arc<S::Link>,
    pub(super) client: ClientKey,
    pub(super) entry: Entry<S>,
    pub(super) shared: Arc<Shared<S>>,
}

impl<S: Service> Open<S> {
    /// Leaves what nobody waits for any more.
    fn peer_gone(&self) {
        self.service.peer_gone(&self.link);
        self.shared.lanes.forget(self.client, self.entry.number);
    }
}

impl<S: Service> Drop for Open<S> {
    fn drop(&mut self) {
        self.peer_gone();
        self.service.close(&self.link);
    }
}

pub(super) struct Serving<S: Service> {
    pub(super) open: Open<S>,
    pub(super) limits: Limits,
    /// For requests in parts, of all links.
    room: Room,
    pub(super) tcp: TcpStream,
    pub(super) carrier: Carrier,
    pub(super) inbox: Inbox,
    /// Bytes for the peer, of which the first `written` have been taken.
    pub(super) out: Vec<u8>,
    pub(super) written: usize,
    /// Replies that are not among these bytes yet.
    pub(super) replies: Replies,
    /// Bytes of buffers that the service has heard of.
    pub(super) buffers: usize,
    /// Bytes that the peer has taken since the link began.
    pub(super) taken: u64,
    pub(super) sender: mpsc::UnboundedSender<Event>,
    events: mpsc::UnboundedReceiver<Event>,
    /// Requests that threads work on.
    pub(super) running: usize,
    /// Bytes of those that came in parts.
    pub(super) large: usize,
    /// Held until the first record has authenticated.
    pub(super) place: Option<Place>,
    /// The link has been activated: until then it is one request at a time, in one part.
    up: bool,
    /// The worker that serves this link.
    pub(super) seated: Seated,
    /// No further request is read.
    ending: bool,
    pub(super) turns: Turns,
    pub(super) clock: Clock,
}

/// Why a link ended, if not as it should.
pub(super) enum LinkEnd {
    Io(io::Error),
    Carrier(CarrierError),
    Late(&'static str),
}

/// What a link has to do next.
pub(super) enum Step {
    Event(Event),
    Read(usize),
    /// There are requests that there was no room for.
    Requests,
    /// There are replies that the peer has room for now.
    Replies,
    Alarm,
    Done,
}

impl<S: Service> Serving<S> {
    async fn run(&mut self) -> Result<(), LinkEnd> {
        let settings = self.open.service.session_settings(&self.open.link);
        self.carrier.change(|session| session.set(settings), &mut self.out)?;
        self.come_up();
        // The first request may have come with the end of the handshake.
        self.answer().await?;
        loop {
            match self.step().await? {
                Step::Event(Event::Answered(Answer { id, answered, held })) => {
                    self.running -= 1;
                    self.large -= held.bytes();
                    drop(held);
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
                Step::Event(Event::End) => self.end(),
                Step::Read(0) => {
                    self.open.peer_gone();
                    self.end();
                }
                Step::Read(count) => {
                    self.inbox.filled(count);
                    self.hear();
                    self.carrier.receive(&mut self.inbox, &mut self.out)?;
                    self.answer().await?;
                    self.count_buffers();
                    self.keep_pace().await?;
                }
                Step::Requests => self.answer().await?,
                Step::Replies => self.send_waiting()?,
                Step::Alarm => self.look_at_the_clock()?,
                Step::Done => break,
            }
        }
        self.carrier.close(&mut self.out);
        Ok(say_farewell(&mut self.tcp, &self.out).await?)
    }

    /// Answers what has come, or has it answered.
    async fn answer(&mut self) -> Result<(), LinkEnd> {
        let mut answers = 0_usize;
        while !self.ending
            && self.has_room()
            && let Some(arrival) = self.next()?
        {
            // Its first record has authenticated: the link is no longer half open.
            if self.place.take().is_some() {
                self.clock.ring_soon();
            }
            let Message { id, content, held } = match arrival {
                Arrival::Whole(message) => message,
                Arrival::Refused { id, shortage } => {
                    tracing::warn!(%shortage, "a request in parts was refused");
                    self.reply(id, self.open.service.no_room())?;
                    continue;
                }
            };
            match self.open.service.perform(&self.open.link, content) {
                Performed::Now(answered) => {
                    self.reply(id, answered)?;
                    answers += 1;
                    if answers.is_multiple_of(ANSWERS_A_WRITE) {
                        poll_fn(|context| Poll::Ready(self.poll_write(context))).await?;
                        self.let_others_go_first().await?;
                    }
                }
                Performed::Later(kind, work) => self.have_answered(kind, (id, held), work)?,
            }
        }
        Ok(())
    }

    /// The next request.
    fn next(&mut self) -> Result<Option<Arrival>, LinkEnd> {
        self.carrier.next(&mut self.out).map_err(|error| match error {
            CarrierError::Part(PartError::TooManyMessages) if !self.up => {
                LinkEnd::Late("a request before its activation did not come in one part")
            }
            error => error.into(),
        })
    }

    /// Has the link take more once it is up.
    pub(super) fn come_up(&mut self) {
        if !self.up && self.open.service.is_up(&self.open.link) {
            self.up = true;
            self.carrier.permit_parts();
        }
    }

    /// Reads no more; what is under way gets its time.
    pub(super) fn end(&mut self) {
        if !self.ending {
            self.ending = true;
            self.clock.end();
        }
    }

    pub(super) fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<Result<Step, LinkEnd>> {
        if let Poll::Ready(Some(event)) = self.events.poll_recv(context) {
            return Poll::Ready(Ok(Step::Event(event)));
        }
        self.poll_write(context)?;
        if self.out.is_empty() && !self.replies.is_empty() {
            return Poll::Ready(Ok(Step::Replies));
        }
        if self.ending && self.running == 0 && self.out.is_empty() {
            return Poll::Ready(Ok(Step::Done));
        }
        if let Some(place) = &mut self.place
            && place.poll_pushed_out(context).is_ready()
        {
            let reason = "too many links sent no request: the oldest was ended";
            return Poll::Ready(Err(LinkEnd::Late(reason)));
        }
        if !self.ending && self.has_room() {
            if self.carrier.has_next() {
                return Poll::Ready(Ok(Step::Requests));
            }
            if let Poll::Ready(read) = self.poll_read(context) {
                return Poll::Ready(Ok(Step::Read(read?)));
            }
        }
        ready!(self.clock.alarm.as_mut().poll(context));
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

    /// Whether a further request may be taken.
    fn has_room(&self) -> bool {
        let at_once = if self.up { REQUESTS_AT_ONCE } else { 1 };
        let is_laden = self.large > 0 && (self.large >= LARGE_BYTES || self.room.is_scarce());
        let waits = self.out.len() - self.written + self.replies.bytes();
        self.running < at_once && waits < OUT_BYTES && !is_laden
    }
}

/// Sends the last bytes, and that nothing follows.
async fn say_farewell(peer: &mut (impl AsyncWrite + Unpin), farewell: &[u8]) -> io::Result<()> {
    let saying = async {
        peer.write_all(farewell).await?;
        peer.shutdown().await
    };
    timeout(FAREWELL_PATIENCE, saying).await?
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_does_not_read_goes_without_a_farewell() {
        let (mut near, _far) = tokio::io::duplex(1);
        let farewell = timeout(20 * FAREWELL_PATIENCE, say_farewell(&mut near, b"farewell"));
        let error = farewell.await.expect("it waits for nobody").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
