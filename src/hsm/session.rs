//! Who is logged in, over which link.

use std::{
    fmt,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use zeroize::Zeroizing;

use super::{
    application::Application,
    budget::{Account, Charge, Debt},
    object::Unlocked,
    shared_login::SharedLogin,
};
use crate::{
    crypto::{CertificateHash, PasswordKey, PublicKey},
    model::{Role, SerialNumber, Status},
};

/// Who is at the other end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkClient {
    /// An STC client, by its public identity.
    Stc(PublicKey),
    /// An NTLS client, by its certificate.
    Ntls(CertificateHash),
    /// Nobody: the appliance's administrator, who has typed a role's password.
    Administrator,
}

impl From<PublicKey> for LinkClient {
    fn from(key: PublicKey) -> Self {
        Self::Stc(key)
    }
}

impl From<CertificateHash> for LinkClient {
    fn from(certificate: CertificateHash) -> Self {
        Self::Ntls(certificate)
    }
}

/// One link of a client to a partition, with a login of its own or one that it shares. Its
/// requests may run at the same time.
pub struct LinkSession {
    serial: SerialNumber,
    client: LinkClient,
    /// Where the client connects from, if that is known.
    address: Option<IpAddr>,
    /// The link's own login, which is used unless it shares one.
    own: Mutex<Option<Login>>,
    shared: OnceLock<Arc<SharedLogin>>,
    /// How many shared logins had ended when this link last looked.
    seen_ended: AtomicU64,
    application: Application,
    /// Nobody is at the other end any more.
    gone: AtomicBool,
}

/// A role that is logged in.
pub(super) struct Login {
    pub(super) role: Role,
    /// The partition's generation at login: another one voids it.
    pub(super) generation: u64,
    /// What the role's keys are wrapped under: they are opened when they are needed.
    pub(super) password_key: Arc<PasswordKey>,
    /// The salt of the credential that `password_key` belongs to.
    pub(super) salt: [u8; 16],
    /// Whether nothing but a change of password is permitted.
    pub(super) must_change: bool,
    /// Cleared when the role is logged out everywhere else.
    pub(super) valid: Arc<AtomicBool>,
    /// Which login it is, of all that the link has had.
    pub(super) mark: LoginMark,
    /// The partition's private objects, for roles that have any.
    pub(super) unlocked: Option<Arc<Unlocked>>,
}

/// One login, and no other.
pub(super) type LoginMark = Arc<()>;

/// A key that what a partition has is sealed under: its domains, or its private objects.
pub(super) type PartitionKey = Zeroizing<[u8; 32]>;

impl LinkSession {
    /// A link on which nobody is logged in, and whose memory nothing limits.
    pub fn new(serial: SerialNumber, client: impl Into<LinkClient>) -> Self {
        Self::charged(serial, client.into(), Account::unlimited())
    }

    /// A link on which nobody is logged in, and whose memory is charged to this account.
    pub(super) fn charged(serial: SerialNumber, client: LinkClient, account: Arc<Account>) -> Self {
        Self {
            serial,
            client,
            address: None,
            own: Mutex::new(None),
            shared: OnceLock::new(),
            seen_ended: AtomicU64::new(0),
            application: Application::new(account),
            gone: AtomicBool::new(false),
        }
    }

    /// The same link, whose client connects from this address.
    pub const fn from_address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// The address that the client connects from.
    pub(super) const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Notes that nobody is at the other end any more: nothing is begun for it, and what takes
    /// long is left.
    pub fn peer_gone(&self) {
        self.gone.store(true, Ordering::Release);
    }

    /// Whether somebody is at the other end.
    pub fn is_wanted(&self) -> bool {
        !self.gone.load(Ordering::Acquire)
    }

    /// Memory of the link's client; none if it has no more.
    pub fn charge(&self, bytes: usize) -> Option<Charge> {
        Charge::take(self.application.account(), bytes)
    }

    /// Memory that is the link's client's already.
    pub fn owe(&self, bytes: usize) -> Debt {
        Debt::new(self.application.account(), bytes)
    }

    /// Whether the client has more waiting for it than it has memory for: nothing is answered that
    /// takes more, until it has taken some of that.
    pub fn is_overdrawn(&self) -> bool {
        self.application.account().is_overdrawn()
    }

    /// The partition that the link leads to.
    pub const fn serial(&self) -> SerialNumber {
        self.serial
    }

    /// The client at the other end.
    pub const fn client(&self) -> LinkClient {
        self.client
    }

    /// The login, if it is of this generation and still valid; another one is dropped.
    pub(super) fn login(&self, generation: u64) -> MutexGuard<'_, Option<Login>> {
        let mut login = self.lock();
        let ended = login.take_if(|login| {
            login.generation != generation || !login.valid.load(Ordering::Acquire)
        });
        if self.notices_end(ended.is_some()) {
            self.application.log_out();
        }
        login
    }

    /// Whether this login stands still. Unlike [`Self::login`], it ends nothing.
    pub(super) fn stands(&self, generation: u64, mark: &LoginMark) -> bool {
        self.lock().as_ref().is_some_and(|login| {
            Arc::ptr_eq(&login.mark, mark)
                && login.generation == generation
                && login.valid.load(Ordering::Acquire)
        })
    }

    /// Whether a login has ended since this link last looked, over this link or another one.
    fn notices_end(&self, here: bool) -> bool {
        let Some(shared) = self.shared.get() else { return here };
        let ended = if here { shared.end() } else { shared.ended() };
        self.seen_ended.swap(ended, Ordering::AcqRel) != ended
    }

    /// Shares a login from now on.
    ///
    /// # Errors
    /// The link shares one already, or has one of its own.
    pub(super) fn share(&self, login: Arc<SharedLogin>) -> Result<(), Status> {
        if self.lock().is_some() {
            return Err(Status::UserAlreadyLoggedIn);
        }
        self.seen_ended.store(login.ended(), Ordering::Release);
        self.shared.set(login).map_err(|_| Status::FunctionRejected)
    }

    /// The end of the application's last session at the other end: it takes the login with it,
    /// unless other links share that.
    pub(super) fn sessions_ended(&self, generation: u64) {
        if self.shared.get().is_some() {
            self.application.log_out();
        } else {
            self.log_out(generation);
        }
    }

    /// Ends the login, and with it what the application has that needs one.
    pub(super) fn log_out(&self, generation: u64) -> Option<Role> {
        let role = {
            let mut login = self.login(generation);
            let role = login.take().map(|login| login.role);
            self.notices_end(role.is_some());
            role
        };
        self.application.log_out();
        role
    }

    /// The sessions and session objects of the application at the other end.
    pub(super) const fn application(&self) -> &Application {
        &self.application
    }

    /// The role that is logged in.
    pub(super) fn role(&self, generation: u64) -> Option<Role> {
        self.login(generation).as_ref().map(|login| login.role)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Login>> {
        let login = self.shared.get().map_or(&self.own, |shared| &shared.login);
        login.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LinkSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkSession({})", self.serial)
    }
}

/// One administrator's connection.
#[derive(Debug, Default)]
pub struct AdminSession {
    /// The salt of the HSM SO's credential at login: another one voids it.
    login: Mutex<Option<[u8; 16]>>,
    /// The user of this machine at the other end, if that is known.
    user: Option<u32>,
}

impl AdminSession {
    /// A connection on which the HSM SO is not logged in.
    pub fn new() -> Self {
        Self::default()
    }

    /// A connection of this user of the machine, on which the HSM SO is not logged in.
    pub fn of_user(user: u32) -> Self {
        Self { user: Some(user), ..Self::default() }
    }

    /// The user of the machine at the other end.
    pub(super) const fn user(&self) -> Option<u32> {
        self.user
    }

    pub(super) fn set(&self, login: Option<[u8; 16]>) {
        *self.login.lock().unwrap_or_else(PoisonError::into_inner) = login;
    }

    pub(super) fn get(&self) -> Option<[u8; 16]> {
        *self.login.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
