//! An appliance with a partition in use, as often as a test wants it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use lunacm::{
    crypto::{PasswordParameters, SystemRandom},
    hsm::{AdminSession, Hsm, LinkSession, Surroundings},
    model::{
        Reply, Request, Role, SerialNumber, Status, TransferPurpose,
        cryptoki::{
            AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest, Mechanism,
            MechanismType as M, ObjectClass, ObjectHandle, SessionId, Template,
        },
    },
    store::{SqliteAppliance, StoreError},
};
use tempfile::TempDir;

use crate::hsm_support::{
    Bench, PO, SO, add_role, client_key, copy, done, log_in, login, password, register,
};

pub const CO: &str = "co-password";
pub const CU: &str = "cu-password";
pub const WRONG: &str = "not-the-password";
pub const S: SessionId = SessionId(1);
pub const SALT: [u8; 16] = [7; 16];
pub const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// The objects of the partition, by label.
pub const KEPT: &str = "kept";
pub const MOVED: &str = "moved";

const CHEAP: PasswordParameters = PasswordParameters { memory: 8, passes: 1, lanes: 1 };

/// What scenes are copies of.
pub struct Base {
    directory: TempDir,
    pub serial: SerialNumber,
    /// An object as it left another appliance of the same domains.
    pub sealed: Vec<u8>,
}

/// An HSM with its administrator logged in, and a partition with a link of each role.
pub struct Scene {
    pub hsm: Hsm,
    pub admin: AdminSession,
    directory: TempDir,
    pub serial: SerialNumber,
    pub sealed: Vec<u8>,
    pub officer: LinkSession,
    pub crypto: LinkSession,
    pub user: LinkSession,
}

/// A directory in memory where there is one: whether the disk is quick is not what is tried here.
pub fn directory() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
    tempfile::Builder::new().tempdir_in(parent).unwrap()
}

/// What SIGKILL would leave at this moment.
pub fn crash(path: &Path) -> TempDir {
    let left = directory();
    copy(path, left.path());
    left
}

pub fn open(path: &Path) -> Result<Hsm, StoreError> {
    let (store, sealer) = SqliteAppliance::open(path, Box::new(SystemRandom::new()))?;
    Hsm::open(Arc::new(store), sealer, CHEAP, Surroundings::system())
}

pub fn base() -> Base {
    let (bench, officer) = Bench::with_officer();
    let serial = officer.serial();
    let crypto = add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    add_role(&bench.hsm, &crypto, Role::CryptoUser, CU);
    done(&bench.hsm, &officer, register(2));
    bench.create("par1");
    session(&bench.hsm, &crypto);
    for label in [KEPT, MOVED] {
        let template = data(label);
        let request = CryptokiRequest::CreateObject { session: S, template };
        assert!(matches!(
            bench.hsm.perform(&crypto, Request::Cryptoki(request)).0,
            Reply::Cryptoki(_)
        ));
    }
    let private = token("signer");
    let public = token("signer").with(A::EC_PARAMS, AttributeValue::bytes(P256));
    let mechanism = Mechanism::plain(M::EC_KEY_PAIR_GEN);
    let pair = CryptokiRequest::GenerateKeyPair { session: S, mechanism, public, private };
    assert!(matches!(bench.hsm.perform(&crypto, Request::Cryptoki(pair)).0, Reply::Cryptoki(_)));
    let handle = find(&bench.hsm, &crypto, MOVED).unwrap();
    let purpose = TransferPurpose::Clone;
    let export = Request::ExportObject { handle: handle.0, purpose, salt: SALT };
    let (Reply::Sealed(sealed), _) = bench.hsm.perform(&crypto, export) else { panic!() };
    let Bench { hsm, directory, .. } = bench;
    drop(hsm);
    Base { directory, serial, sealed }
}

impl Scene {
    /// A scene in which every role has failed to log in once.
    pub fn of(base: &Base) -> Self {
        let directory = crash(base.directory.path());
        let hsm = open(directory.path()).unwrap();
        let admin = AdminSession::new();
        hsm.login(&admin, &password(SO)).unwrap();
        let link = || LinkSession::new(base.serial, client_key(1));
        let (officer, crypto, user) = (link(), link(), link());
        log_in(&hsm, &officer, Role::PartitionSo, PO);
        for (link, role, text) in
            [(&crypto, Role::CryptoOfficer, CO), (&user, Role::CryptoUser, CU)]
        {
            log_in(&hsm, link, role, text);
            session(&hsm, link);
        }
        let scene = Self {
            hsm,
            admin,
            directory,
            serial: base.serial,
            sealed: base.sealed.clone(),
            officer,
            crypto,
            user,
        };
        for role in [Role::PartitionSo, Role::CryptoOfficer, Role::CryptoUser] {
            let refused = scene.ask(&link(), login(role, WRONG));
            assert_eq!(refused, Err(Status::PinIncorrect));
        }
        scene.hsm.login(&AdminSession::new(), &password(WRONG)).unwrap_err();
        scene
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A link that nobody is logged in on.
    pub fn link(&self) -> LinkSession {
        LinkSession::new(self.serial, client_key(1))
    }

    pub fn ask(&self, link: &LinkSession, request: Request) -> Result<(), Status> {
        match self.hsm.perform(link, request).0 {
            Reply::Failed(status) => Err(status),
            _ => Ok(()),
        }
    }

    pub fn object(&self, label: &str) -> ObjectHandle {
        find(&self.hsm, &self.crypto, label).unwrap_or(ObjectHandle(u64::MAX))
    }
}

pub fn session(hsm: &Hsm, link: &LinkSession) {
    let open = CryptokiRequest::OpenSession { session: S, read_write: true };
    done(hsm, link, Request::Cryptoki(open));
}

pub fn find(hsm: &Hsm, link: &LinkSession, label: &str) -> Option<ObjectHandle> {
    let template = Template::default().with(A::LABEL, AttributeValue::bytes(label.as_bytes()));
    let request = CryptokiRequest::FindObjects { session: S, template, after: None, limit: 1 };
    match hsm.perform(link, Request::Cryptoki(request)).0 {
        Reply::Cryptoki(CryptokiReply::Found { objects, .. }) => objects.first().copied(),
        _ => None,
    }
}

pub fn token(label: &str) -> Template {
    let label = AttributeValue::bytes(label.as_bytes());
    Template::default().with(A::TOKEN, true).with(A::PRIVATE, true).with(A::LABEL, label)
}

pub fn data(label: &str) -> Template {
    let value = AttributeValue::bytes(label.as_bytes());
    token(label).with(A::CLASS, ObjectClass::DATA.0).with(A::VALUE, value)
}
