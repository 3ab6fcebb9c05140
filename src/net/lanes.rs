//! Which threads work on what takes a while.

use std::{io, thread};

use super::{
    client_key::ClientKey,
    lane::{Job, Kind, Lane},
};

/// Threads for what waits for the disk: those that wait at the same time wait for one write.
const STORING_THREADS: usize = 64;

/// How many of them one client may have at a time.
const STORING_THREADS_OF_ONE: usize = 48;

/// Threads for what waits for the disk and comes from links without a login.
const GUESTS_STORING_THREADS: usize = 4;

/// Threads for large requests from links without a login.
const GUESTS_BULK_THREADS: usize = 1;

/// What kind of work a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkKind {
    /// It keeps a processor busy for less than a tenth of a second: private keys, passwords.
    Computing,
    /// It may keep a processor busy for seconds: key pairs of RSA, keys out of passwords.
    Lengthy,
    /// Either of these, on a link that nobody is logged in on.
    Guest,
    /// It waits for the disk.
    Storing,
    /// It waits for the disk, on a link that nobody is logged in on.
    GuestStoring,
    /// It is large, and what else it is is not known before it has been read.
    Bulk,
    /// The same on a link that nobody is logged in on.
    GuestBulk,
}

/// The threads behind all links.
pub(super) struct Lanes {
    computing: Lane,
    lengthy: Lane,
    guest: Lane,
    storing: Lane,
    guest_storing: Lane,
    bulk: Lane,
    guest_bulk: Lane,
}

impl Lanes {
    /// Threads for a machine with as many processors as this one.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(super) fn start() -> io::Result<Self> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let kind = |name, threads, niceness| Kind { name, threads, per_client: threads, niceness };
        let storing =
            Kind { per_client: STORING_THREADS_OF_ONE, ..kind("storing", STORING_THREADS, 0) };
        Ok(Self {
            computing: Lane::start(kind("computing", processors.max(2), 1))?,
            lengthy: Lane::start(kind("lengthy", processors.div_ceil(2), 10))?,
            guest: Lane::start(kind("guest", 1, 19))?,
            storing: Lane::start(storing)?,
            guest_storing: Lane::start(kind("guest-storing", GUESTS_STORING_THREADS, 5))?,
            bulk: Lane::start(kind("bulk", processors.max(2), 1))?,
            guest_bulk: Lane::start(kind("guest-bulk", GUESTS_BULK_THREADS, 10))?,
        })
    }

    /// Whether a client may queue another request.
    pub(super) fn has_room(&self, kind: WorkKind, client: ClientKey) -> bool {
        self.lane(kind).has_room(client)
    }

    /// Queues a request of a client; false if it has too many, which drops it.
    pub(super) fn push(&self, kind: WorkKind, client: ClientKey, job: Job) -> bool {
        self.lane(kind).push(client, job)
    }

    const fn lane(&self, kind: WorkKind) -> &Lane {
        match kind {
            WorkKind::Computing => &self.computing,
            WorkKind::Lengthy => &self.lengthy,
            WorkKind::Guest => &self.guest,
            WorkKind::Storing => &self.storing,
            WorkKind::GuestStoring => &self.guest_storing,
            WorkKind::Bulk => &self.bulk,
            WorkKind::GuestBulk => &self.guest_bulk,
        }
    }

    /// Drops what a link has queued.
    pub(super) fn forget(&self, client: ClientKey, link: u64) {
        let Self { computing, lengthy, guest, storing, guest_storing, bulk, guest_bulk } = self;
        for lane in [computing, lengthy, guest, storing, guest_storing, bulk, guest_bulk] {
            lane.forget(client, link);
        }
    }
}
