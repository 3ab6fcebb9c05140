//! The HSM's rules: who may do what, what counts as a failure, what a lock-out costs.
//!
//! Plain blocking functions over a store. [`Status`] is the only vocabulary of refusals; what
//! else is to be known goes to the log.

mod administration;
mod application;
mod at_appliance;
mod audit;
mod audit_events;
mod audit_keeping;
mod audit_refusals;
mod audit_state;
mod audit_sums;
mod budget;
mod clients;
mod counted;
mod domains;
mod integrity;
mod keys;
mod login;
pub mod mechanism;
mod ntls;
mod object;
mod partition;
mod policy;
mod registry;
mod role_keys;
mod roles;
mod security_officer;
mod session;
mod shared_login;
mod stc_settings;
mod syslog;
mod transfer_keys;
mod work;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, atomic::AtomicBool},
    time::{SystemTime, UNIX_EPOCH},
};

pub use budget::{Charge, Debt, MemoryLimits};
pub use ntls::{NtlsClient, NtlsFailure};
pub use security_officer::LoginFailure;
pub use session::{AdminSession, LinkClient, LinkSession};
pub use work::Work;

use crate::{
    crypto::{KeyPair, PasswordParameters, PublicKey, Random, RandomError, SystemRandom},
    model::{AuditEvents, HsmPolicySet, PolicySet, Role, SerialNumber, Status, StcSettings},
    store::{ApplianceStore, ClientRow, Sealer, Seat, StoreError},
};

use audit_state::AuditState;
use budget::Budget;
use counted::Counted;
use object::Vault;
use shared_login::SharedLogins;

/// The version of the firmware whose rules these are.
pub const FIRMWARE: &str = "7.7.0";

/// The HSM's storage in bytes (a Luna A790's).
pub const HSM_STORAGE_BYTES: u64 = 33_554_432;

/// An HSM over its store.
pub struct Hsm {
    store: Arc<dyn ApplianceStore>,
    sealer: Sealer,
    cost: PasswordParameters,
    random: Mutex<Box<dyn Random + Send>>,
    now: Box<dyn Fn() -> u64 + Send + Sync>,
    /// What every handshake needs. A store shared by several daemons will have to announce
    /// changes; with one daemon every change goes through here.
    known: RwLock<HashMap<SerialNumber, Arc<KnownPartition>>>,
    /// Where clients are looked for in place of a partition's keys if there is no such partition:
    /// it takes as long. The one key in it is nobody's.
    nobody: HashSet<PublicKey>,
    /// What every NTLS connection and request needs, likewise.
    ntls: RwLock<Arc<Vec<NtlsClient>>>,
    /// The HSM's policies in force.
    policies: RwLock<HsmPolicySet>,
    /// For each role of each partition, what its logins hold on to.
    logins: Mutex<HashMap<(SerialNumber, Role), Arc<AtomicBool>>>,
    /// The logins that links share.
    shared: SharedLogins,
    /// The memory that clients may have.
    budget: Budget,
    /// What was counted for right passwords and not set back.
    counted: Counted,
    /// Held over changes of the HSM and over its SO's logins, which count before they check:
    /// right passwords at the same time must not look like wrong ones.
    turn: Mutex<()>,
    /// What of the audit log is in memory.
    audit: AuditState,
}

/// What an HSM has from the machine it runs on.
pub struct Surroundings {
    /// Randomness.
    pub random: Box<dyn Random + Send>,
    /// The clock: seconds since 1970 UTC.
    pub now: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Surroundings {
    /// The operating system's.
    pub fn system() -> Self {
        let since = |now: SystemTime| now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self {
            random: Box::new(SystemRandom::new()),
            now: Box::new(move || since(SystemTime::now())),
        }
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Surroundings(..)")
    }
}

/// A partition, as handshakes and every request need it.
#[derive(Debug)]
struct KnownPartition {
    identity: KeyPair,
    initialized: bool,
    generation: u64,
    clients: Vec<ClientRow>,
    /// The clients' public identities.
    keys: HashSet<PublicKey>,
    /// The policies in force, within the capabilities.
    policies: PolicySet,
    /// The settings for STC.
    stc: StcSettings,
    /// Which uses of keys are recorded.
    events: AuditEvents,
    /// Held over every request that changes the partition, from its first look at the store: what
    /// it decides by does not change meanwhile.
    turn: Arc<Mutex<()>>,
    /// Read while what a request has made is stored, from the last look at whether it may be;
    /// waited for by whoever has ended a right to it, before that is answered.
    landing: Arc<RwLock<()>>,
    /// The token objects.
    vault: Arc<Vault>,
}

impl KnownPartition {
    fn settle(&self) {
        drop(self.landing.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Whether a partition takes a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The client is registered.
    Registered,
    /// The partition is uninitialized and has no client: it takes the first one that activates.
    FirstContact,
    /// The client is not registered, or there is no such partition.
    Refused,
}

/// What has to happen to live links after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// These links end, once requests in flight are answered.
    EndLinks {
        /// The partition they lead to.
        serial: SerialNumber,
        /// The client they come from; every client's if none is given.
        client: Option<LinkClient>,
    },
    /// These links hear of the partition's settings for STC, which have changed.
    StcSettings {
        /// The partition they lead to.
        serial: SerialNumber,
    },
}

impl Effect {
    /// The partition that the links lead to.
    pub const fn serial(&self) -> SerialNumber {
        match self {
            Self::EndLinks { serial, .. } | Self::StcSettings { serial } => *serial,
        }
    }
}

impl Hsm {
    /// The HSM that is in this store. The cost is for passwords set from now on.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn open(
        store: Arc<dyn ApplianceStore>,
        sealer: Sealer,
        cost: PasswordParameters,
        surroundings: Surroundings,
    ) -> Result<Self, StoreError> {
        let Surroundings { random, now } = surroundings;
        let random = Mutex::new(random);
        let (known, ntls, turn) = (RwLock::default(), RwLock::default(), Mutex::default());
        let stored = policy::stored_hsm_policies(&*store);
        let policies = RwLock::new(stored.or_else(integrity::least_policies)?);
        let (logins, shared) = (Mutex::default(), SharedLogins::default());
        let nobody = HashSet::from([[0; 32]]);
        let audit = AuditState::open(&*store)?;
        let budget = Budget::new(MemoryLimits::NONE);
        let hsm = Self {
            store,
            sealer,
            cost,
            random,
            now,
            known,
            nobody,
            ntls,
            policies,
            logins,
            shared,
            budget,
            counted: Counted::default(),
            turn,
            audit,
        };
        hsm.load_all()?;
        hsm.load_ntls()?;
        Ok(hsm)
    }

    /// This HSM, whose clients have no more memory than this.
    #[must_use]
    pub fn with_memory(mut self, limits: MemoryLimits) -> Self {
        self.budget = Budget::new(limits);
        self
    }

    /// A client's link to a partition, on which nobody is logged in.
    pub fn link(&self, serial: SerialNumber, client: impl Into<LinkClient>) -> LinkSession {
        let client = client.into();
        LinkSession::charged(serial, client, self.budget.account(client))
    }

    /// Bytes of memory that clients have taken.
    pub fn memory_taken(&self) -> usize {
        self.budget.taken()
    }

    /// A partition's static key pair, for the handshake.
    pub fn identity(&self, serial: SerialNumber) -> Option<KeyPair> {
        self.known(serial).map(|known| known.identity.clone())
    }

    /// Whether a partition takes a client. Answers from memory, in a time that tells neither whether
    /// the partition exists nor how many clients it has.
    pub fn admission(&self, serial: SerialNumber, client: &PublicKey) -> Admission {
        let known = self.known(serial);
        let keys = known.as_ref().map_or(&self.nobody, |known| &known.keys);
        let registered = keys.contains(client);
        let Some(known) = known else { return Admission::Refused };
        if registered {
            Admission::Registered
        } else if !known.initialized && known.keys.is_empty() {
            Admission::FirstContact
        } else {
            Admission::Refused
        }
    }

    /// Whether the client of a link may use its partition now. Answers from memory.
    pub fn permits(&self, session: &LinkSession) -> bool {
        self.permits_client(session.serial(), session.client())
    }

    fn permits_client(&self, serial: SerialNumber, client: LinkClient) -> bool {
        match client {
            LinkClient::Stc(key) => self.admission(serial, &key) == Admission::Registered,
            LinkClient::Administrator => true,
            LinkClient::Ntls(certificate) => {
                self.is_assigned(serial, certificate) && !self.requires_stc(serial)
            }
        }
    }

    fn known(&self, serial: SerialNumber) -> Option<Arc<KnownPartition>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(&serial).cloned()
    }

    /// Waits until nothing is being stored on a partition by whoever had the right to it before
    /// it ended; what comes later sees that it has.
    fn settle(&self, serial: SerialNumber) {
        if let Some(known) = self.known(serial) {
            known.settle();
        }
    }

    /// The same for all partitions.
    fn settle_all(&self) {
        let all: Vec<_> =
            self.known.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for known in all {
            known.settle();
        }
    }

    /// Brings what is known of a partition up to what is stored.
    fn load(&self, serial: SerialNumber) -> Result<(), StoreError> {
        // The lock is held over the reads: the last to load has seen the last change.
        let mut all = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let Some(partition) = self.store.partition(serial)? else {
            let gone = all.remove(&serial);
            drop(all);
            if let Some(gone) = gone {
                gone.settle();
            }
            // Its assignments went with it.
            return self.load_ntls();
        };
        let identity = self.open_identity(&partition)?;
        let clients = self.store.clients(serial)?;
        let keys = clients.iter().map(|client| client.key).collect();
        let initialized = partition.label.is_some();
        let policies = self.stored_policies(serial)?;
        let stc = self.store.stc_settings(serial)?;
        let events = self.stored_events(serial)?;
        let before = all.get(&serial);
        let turn = before.map(|known| known.turn.clone()).unwrap_or_default();
        let landing = before.map(|known| known.landing.clone()).unwrap_or_default();
        let generation = partition.generation;
        let vault = match before.filter(|known| known.generation == generation) {
            Some(known) => known.vault.clone(),
            None => Arc::new(Vault::new(serial, generation, self.store.last_handle(serial)?)),
        };
        let known = KnownPartition {
            identity,
            initialized,
            generation,
            clients,
            keys,
            policies,
            stc,
            events,
            turn,
            landing,
            vault,
        };
        let known = Arc::new(known);
        all.insert(serial, known.clone());
        drop(all);
        known.settle();
        self.forget_shared_logins();
        Ok(())
    }

    /// Seals a value under any key.
    fn seal(&self, sealer: &Sealer, seat: Seat<'_>, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        sealer.seal(seat, value, random.as_mut())
    }

    fn fill<const BYTES: usize>(&self) -> Result<[u8; BYTES], RandomError> {
        let mut bytes = [0; BYTES];
        self.random.lock().unwrap_or_else(PoisonError::into_inner).fill(&mut bytes)?;
        Ok(bytes)
    }
}

impl fmt::Debug for Hsm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hsm(..)")
    }
}

/// Waits for its turn. What it guards is nothing that a panic could leave half done.
fn wait<T>(turn: &Mutex<T>) -> MutexGuard<'_, T> {
    turn.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A store that fails is a fault of the device; its log says which.
fn fault(error: impl Into<StoreError>) -> Status {
    let error = error.into();
    tracing::error!(%error, "the store failed");
    Status::DeviceError
}
