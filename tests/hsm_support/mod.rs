//! An HSM in a directory of its own, with cheap passwords.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use lunacm::{
    crypto::{PasswordParameters, PublicKey, SystemRandom},
    hsm::{AdminSession, Effect, Hsm, LinkSession, Surroundings},
    model::{
        ClientLabel, Label, PartitionInfo, Password, Reply, Request, Role, RoleInfo, SerialNumber,
        Status, StorageSize,
    },
    store::SqliteAppliance,
};
use tempfile::TempDir;

pub mod room;

#[allow(unused_imports, reason = "each test program uses a part of it")]
pub use room::room_for;

/// The HSM SO's password.
pub const SO: &str = "so-password";
/// The Partition SO's password.
pub const PO: &str = "po-password";
/// The partition's cloning domain.
pub const DOMAIN: &str = "domain-of-par0";

const CHEAP: PasswordParameters = PasswordParameters { memory: 8, passes: 1, lanes: 1 };

/// The HSM in a directory.
pub fn open(directory: &Path) -> Hsm {
    let (store, sealer) = SqliteAppliance::open(directory, Box::new(SystemRandom::new())).unwrap();
    Hsm::open(Arc::new(store), sealer, CHEAP, Surroundings::system()).unwrap()
}

/// An HSM with its administrator and its directory.
pub struct Bench {
    pub hsm: Hsm,
    pub admin: AdminSession,
    pub directory: TempDir,
}

impl Bench {
    /// A new HSM.
    pub fn blank() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { hsm: open(directory.path()), admin: AdminSession::new(), directory }
    }

    /// One that is there.
    pub fn of(hsm: Hsm, directory: TempDir) -> Self {
        Self { hsm, admin: AdminSession::new(), directory }
    }

    /// An HSM that is initialized and whose SO is logged in.
    pub fn initialized() -> Self {
        let bench = Self::blank();
        bench.initialize();
        bench.log_in();
        bench
    }

    /// An initialized HSM with a partition that its first client has initialized; that client's
    /// link, with the Partition SO logged in.
    pub fn with_officer() -> (Self, LinkSession) {
        let bench = Self::initialized();
        let link = bench.first_client(bench.create("par0"));
        initialize(&bench.hsm, &link);
        log_in(&bench.hsm, &link, Role::PartitionSo, PO);
        (bench, link)
    }

    /// An HSM in a copy of a directory, with nobody logged in.
    pub fn copy_of(from: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        copy(from, directory.path());
        Self { hsm: open(directory.path()), admin: AdminSession::new(), directory }
    }

    /// What a restart of the daemon leaves: what is on the disk.
    pub fn reopen(&mut self) {
        self.hsm = open(self.directory.path());
        self.admin = AdminSession::new();
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn initialize(&self) -> Vec<Effect> {
        let domain = Some(password("domain-of-hsm"));
        self.hsm.initialize(&self.admin, &label("hsm0"), Some(password(SO)), domain).unwrap()
    }

    pub fn zeroize(&self, factory_reset: bool) -> Vec<Effect> {
        self.hsm.zeroize(&self.admin, factory_reset).unwrap()
    }

    pub fn log_in(&self) {
        self.hsm.login(&self.admin, &password(SO)).unwrap();
    }

    pub fn create(&self, name: &str) -> SerialNumber {
        self.hsm.create_partition(&self.admin, &label(name), StorageSize::Default).unwrap()
    }

    pub fn first_client(&self, serial: SerialNumber) -> LinkSession {
        let link = LinkSession::new(serial, client_key(1));
        self.hsm.activate(&link, client_label(1)).unwrap();
        link
    }
}

/// Copies the files of a data directory as they are at this moment: what SIGKILL would leave.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if !entry.file_name().to_string_lossy().ends_with("-shm") {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub fn initialize(hsm: &Hsm, link: &LinkSession) {
    let (label, password, domain) = (label("par0"), password(PO), Some(password(DOMAIN)));
    done(
        hsm,
        link,
        Request::Initialize { label, password, domain, domain_label: None, policies: Vec::new() },
    );
}

pub fn log_in(hsm: &Hsm, link: &LinkSession, role: Role, text: &str) {
    done(hsm, link, login(role, text));
}

/// Creates a role over its creator's link and gives it its lasting password over a link of its
/// own, on which it stays logged in.
pub fn add_role(hsm: &Hsm, creator: &LinkSession, role: Role, text: &str) -> LinkSession {
    done(hsm, creator, create(role, "initial-password"));
    let link = another(creator);
    log_in(hsm, &link, role, "initial-password");
    done(hsm, &link, change(role, "initial-password", text));
    link
}

/// Another link of the same client.
pub fn another(link: &LinkSession) -> LinkSession {
    LinkSession::new(link.serial(), link.client())
}

/// The answer to a request that has no effect on links.
pub fn ask(hsm: &Hsm, link: &LinkSession, request: Request) -> Reply {
    let (reply, effects) = hsm.perform(link, request);
    assert_eq!(effects, [], "{reply:?}");
    reply
}

pub fn done(hsm: &Hsm, link: &LinkSession, request: Request) {
    assert_eq!(ask(hsm, link, request), Reply::Done);
}

pub fn refused(hsm: &Hsm, link: &LinkSession, request: Request, status: Status) {
    let shown = format!("{request:?}");
    assert_eq!(ask(hsm, link, request), Reply::Failed(status), "{shown}");
}

pub fn info(hsm: &Hsm, link: &LinkSession) -> PartitionInfo {
    match ask(hsm, link, Request::Describe) {
        Reply::Partition(info) => info,
        other => panic!("{other:?}"),
    }
}

pub fn role_info(hsm: &Hsm, link: &LinkSession, role: Role) -> RoleInfo {
    match ask(hsm, link, Request::DescribeRole { role }) {
        Reply::Role(info) => info,
        other => panic!("{other:?}"),
    }
}

/// The names a partition keeps its clients under.
pub fn client_names(hsm: &Hsm, officer: &LinkSession) -> Vec<String> {
    match ask(hsm, officer, Request::Clients) {
        Reply::Clients(clients) => clients.iter().map(|one| one.label.to_string()).collect(),
        other => panic!("{other:?}"),
    }
}

pub fn login(role: Role, text: &str) -> Request {
    Request::Login { role, password: password(text) }
}

pub fn create(role: Role, text: &str) -> Request {
    Request::CreateRole { role, password: password(text) }
}

pub fn change(role: Role, old: &str, new: &str) -> Request {
    Request::ChangePassword { role, old: password(old), new: password(new) }
}

pub fn reset(role: Role, text: &str) -> Request {
    Request::ResetPassword { role, password: password(text) }
}

pub fn register(number: u8) -> Request {
    Request::RegisterClient { label: client_label(number), key: client_key(number) }
}

pub fn deregister(number: u8) -> Request {
    Request::DeregisterClient { label: client_label(number) }
}

pub fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

pub fn label(text: &str) -> Label {
    text.parse().unwrap()
}

pub fn client_label(number: u8) -> ClientLabel {
    format!("Client{number}").parse().unwrap()
}

pub const fn client_key(number: u8) -> PublicKey {
    [number; 32]
}
