//! A slot: the partition behind it, and what this application knows of it.

use std::{
    collections::{HashMap, HashSet},
    ops::RangeInclusive,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    client::{ApplicationSlot, AskError, ConnectFailure, Partition},
    model::{
        PartitionInfo, Reply, Request, Role, RoleInfo, Status,
        cryptoki::{
            CryptokiReply, CryptokiRequest, Mechanism, MechanismInfo, MechanismType, ObjectHandle,
            Operation, Parameters,
        },
    },
    net::{ConnectError, LinkError},
};

/// Uses of keys that are remembered as accepted, at most.
const MOST_ACCEPTED: usize = 4096;

/// A slot with the partition that `lunacm` shows under the same number.
pub(super) struct Slot {
    /// The number.
    pub(super) number: u32,
    /// The partition, reached over a link that comes back by itself.
    pub(super) partition: Arc<Partition>,
    tie: Mutex<Tie>,
    /// Whether the partition could not be reached when the slots were last looked at.
    lost: AtomicBool,
    /// Whether the application was last told that the token is present.
    told_present: AtomicBool,
}

/// What is true of one connection and void with the next.
#[derive(Default)]
struct Tie {
    connection: u64,
    role: Option<Role>,
    accepted: HashSet<Use>,
    mechanisms: Option<Vec<MechanismInfo>>,
    era: u64,
    changed: HashMap<ObjectHandle, u64>,
}

/// What a value that is kept for the caller is true for: it may be given out as long as the login
/// that it was made under lasts, and the object that it was made with is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Era {
    login: u64,
    object: u64,
}

/// A use of a key: an operation, a mechanism with the shape of its parameters, and the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Use {
    operation: Operation,
    mechanism: MechanismType,
    shape: (u64, u64, u64),
    key: Option<ObjectHandle>,
}

impl Use {
    pub(super) fn new(
        operation: Operation,
        mechanism: &Mechanism,
        key: Option<ObjectHandle>,
    ) -> Self {
        let shape = shape(&mechanism.parameters);
        Self { operation, mechanism: mechanism.mechanism, shape, key }
    }
}

impl Slot {
    pub(super) fn new(found: &ApplicationSlot) -> Self {
        Self {
            number: found.number,
            partition: found.partition.clone(),
            tie: Mutex::default(),
            lost: AtomicBool::new(false),
            told_present: AtomicBool::new(true),
        }
    }

    /// Asks the partition, over the link in use or a new one.
    ///
    /// # Errors
    /// The partition's refusal, or what kept the answer away.
    pub(super) fn ask(&self, request: &Request) -> Result<Reply, Status> {
        answered(self.partition.call(request))
    }

    /// Asks the partition over one connection only.
    ///
    /// # Errors
    /// As [`Self::ask`]; [`Status::DeviceRemoved`] if the connection is no more.
    pub(super) fn ask_on(&self, connection: u64, request: &Request) -> Result<Reply, Status> {
        answered(self.partition.call_on(connection, request))
    }

    /// What the partition says of itself now.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) fn describe(&self) -> Result<PartitionInfo, Status> {
        match self.ask(&Request::Describe)? {
            Reply::Partition(info) => Ok(info),
            _ => Err(Status::DeviceError),
        }
    }

    /// The state of a role.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) fn describe_role(&self, role: Role) -> Result<RoleInfo, Status> {
        match self.ask(&Request::DescribeRole { role })? {
            Reply::Role(info) => Ok(info),
            _ => Err(Status::DeviceError),
        }
    }

    /// The lengths that new passwords have under the partition's policies.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) fn password_lengths(&self) -> Result<RangeInclusive<usize>, Status> {
        match self.ask(&Request::Policies)? {
            Reply::Policies { policies, .. } => Ok(policies.password_lengths()),
            _ => Err(Status::DeviceError),
        }
    }

    /// The mechanisms; `anew` asks the partition even if they are known.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) fn mechanisms(&self, anew: bool) -> Result<Vec<MechanismInfo>, Status> {
        let known = self.tie(self.partition.connection()).mechanisms.clone();
        if let Some(known) = known.filter(|_| !anew) {
            return Ok(known);
        }
        match self.ask(&Request::Cryptoki(CryptokiRequest::Mechanisms))? {
            Reply::Cryptoki(CryptokiReply::Mechanisms(mechanisms)) => {
                let mut tie = self.tie(self.partition.connection());
                tie.mechanisms = Some(mechanisms.clone());
                Ok(mechanisms)
            }
            _ => Err(Status::DeviceError),
        }
    }

    /// The role that is logged in over a connection.
    pub(super) fn role(&self, connection: u64) -> Option<Role> {
        // A login that processes share begins and ends elsewhere too: the partition knows.
        if self.partition.target().application.is_some()
            && let Ok(Reply::Partition(info)) = self.ask_on(connection, &Request::Describe)
        {
            self.set_role(connection, info.logged_in);
        }
        self.tie(connection).role
    }

    /// Notes who is logged in over a connection. Who may do what has changed with it.
    pub(super) fn set_role(&self, connection: u64, role: Option<Role>) {
        let mut tie = self.tie(connection);
        if tie.role != role {
            // A login that begins takes nobody anything away.
            tie.era += u64::from(tie.role.is_some());
            tie.role = role;
            tie.accepted.clear();
        }
    }

    /// What a value made with this object now is true for; none if the connection is no more.
    pub(super) fn era(&self, connection: u64, object: Option<ObjectHandle>) -> Option<Era> {
        if !self.is_connected(connection) {
            return None;
        }
        // A login that processes share may have ended elsewhere.
        self.role(connection);
        let tie = self.tie(connection);
        let object = object.and_then(|object| tie.changed.get(&object)).copied();
        Some(Era { login: tie.era, object: object.unwrap_or_default() })
    }

    /// Whether this connection is the one in use, and is up as far as this end knows.
    pub(super) fn is_connected(&self, connection: u64) -> bool {
        self.partition.connection() == connection && self.partition.is_up()
    }

    /// A link beside this one, for a login of its own; it ends with this one at the latest.
    ///
    /// # Errors
    /// The partition cannot be reached.
    pub(super) fn beside(&self) -> Result<Arc<Partition>, Status> {
        self.partition.beside().map_err(|failure| unanswered(&AskError::Lost(failure)))
    }

    /// Whether the partition has accepted this use of a key before.
    pub(super) fn has_accepted(&self, connection: u64, usage: &Use) -> bool {
        self.tie(connection).accepted.contains(usage)
    }

    /// Notes that the partition accepts this use of a key.
    pub(super) fn note_accepted(&self, connection: u64, usage: Use) {
        let mut tie = self.tie(connection);
        if tie.accepted.len() >= MOST_ACCEPTED {
            tie.accepted.clear();
        }
        tie.accepted.insert(usage);
    }

    /// Forgets what was accepted of an object, which is changing, and what is kept of it.
    pub(super) fn forget_accepted(&self, connection: u64, object: ObjectHandle) {
        let mut tie = self.tie(connection);
        tie.accepted.retain(|usage| usage.key != Some(object));
        if tie.changed.len() >= MOST_ACCEPTED {
            tie.changed.clear();
            tie.era += 1;
        }
        *tie.changed.entry(object).or_default() += 1;
    }

    /// Notes whether the partition was reached when the slots were looked at.
    pub(super) fn set_lost(&self, lost: bool) {
        self.lost.store(lost, Ordering::Relaxed);
    }

    /// Whether the partition can be reached now.
    pub(super) fn is_present(&self) -> bool {
        self.partition.is_up() || self.ping().is_ok()
    }

    /// Whether the partition can be reached, as far as that is known without asking one that could
    /// not be reached a moment ago.
    pub(super) fn was_present(&self) -> bool {
        self.partition.is_up() || !self.lost.load(Ordering::Relaxed) && self.ping().is_ok()
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) fn ping(&self) -> Result<(), Status> {
        done(&self.ask(&Request::Ping)?)
    }

    /// Whether the partition has come or gone since the application was last told.
    pub(super) fn take_event(&self) -> bool {
        let present = self.was_present();
        self.told_present.swap(present, Ordering::Relaxed) != present
    }

    /// What is true of this connection; an older one's is void.
    fn tie(&self, connection: u64) -> MutexGuard<'_, Tie> {
        let mut tie = self.tie.lock().unwrap_or_else(PoisonError::into_inner);
        if tie.connection != connection {
            *tie = Tie { connection, era: tie.era + 1, ..Tie::default() };
        }
        tie
    }
}

/// Holds that a reply says that something was done, and no more.
///
/// # Errors
/// It says something else.
pub(super) const fn done(reply: &Reply) -> Result<(), Status> {
    match reply {
        Reply::Done => Ok(()),
        _ => Err(Status::DeviceError),
    }
}

/// What a partition answered, refusals as errors.
///
/// # Errors
/// The partition's refusal, or what kept the answer away.
pub(super) fn answered(answer: Result<Reply, AskError>) -> Result<Reply, Status> {
    match answer {
        Ok(Reply::Failed(status)) => Err(status),
        Ok(reply) => Ok(reply),
        Err(error) => Err(unanswered(&error)),
    }
}

const fn unanswered(error: &AskError) -> Status {
    match error {
        AskError::Lost(ConnectFailure::Refused(Status::SessionCount)) => Status::SessionCount,
        // The library is being given up.
        AskError::Lost(ConnectFailure::Connect(ConnectError::GivenUp)) => {
            Status::CryptokiNotInitialized
        }
        AskError::Lost(_) => Status::TokenNotPresent,
        // It may have been performed, or may yet be. Only shells give requests up. One that
        // another partition answered was not performed by this one.
        AskError::Unanswered(LinkError::Closed | LinkError::Timeout)
        | AskError::GivenUp { .. }
        | AskError::OtherPartition(_)
        | AskError::Malformed => Status::DeviceError,
        // It was not performed.
        AskError::Reconnected | AskError::Unanswered(LinkError::NotSent) => Status::DeviceRemoved,
    }
}

/// What of parameters decides whether they are acceptable, beside the mechanism: lengths and
/// choices, not contents.
fn shape(parameters: &Parameters) -> (u64, u64, u64) {
    match parameters {
        Parameters::Bytes(bytes) => (1, length(bytes), 0),
        Parameters::Number(number) => (2, *number, 0),
        Parameters::Pss(pss) => (pss.hash.0, pss.mask.0, pss.salt_bytes),
        Parameters::Oaep(oaep) => (oaep.hash.0, oaep.mask.0, length(&oaep.label)),
        Parameters::Counter { bits, .. } => (3, *bits, 0),
        Parameters::Gcm(gcm) => (4, length(&gcm.nonce), gcm.tag_bits),
        Parameters::Ccm { inner, .. } => (5, length(&inner.nonce), inner.tag_bits),
        Parameters::Eddsa { prehash: true, context } => (6, length(context), 0),
        Parameters::Eddsa { prehash: false, context } => (7, length(context), 0),
        Parameters::SignContext { context, .. } => (8, length(context), 0),
        _ => (0, 0, 0),
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
