//! Objects on their way, as HSMs seal them and as a client can make them up.

use lunacm::{
    crypto::{AeadKey, Cipher, PasswordHash, PasswordKey, PasswordParameters},
    hsm::LinkSession,
    model::{
        Imported, Password, Reply, Request, Role, TransferPurpose,
        cryptoki::{
            AttributeRead, AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest,
            Mechanism, MechanismType as M, ObjectHandle, SessionId, Template,
        },
    },
    store::Seat,
    wire,
};

use crate::{
    hsm_support::{Bench, PO, SO, add_role, ask, done, label, log_in, password},
    transfer::open,
};

const CO: &str = "co-password";
pub const SALT: [u8; 16] = [9; 16];
const PURPOSE: TransferPurpose = TransferPurpose::Backup;
pub const SEAT: Seat<'static> = Seat { store: "transfer", object: "backup", field: "attributes" };

/// What the bench's HSMs hash passwords and domains with.
const CHEAP: PasswordParameters = PasswordParameters { memory: 8, passes: 1, lanes: 1 };

/// The Crypto Officer of a new partition of this domain, with a session.
pub fn crypto_officer(bench: &Bench, name: &str, domain: Option<&str>) -> LinkSession {
    let officer = bench.first_client(bench.create(name));
    let request = Request::Initialize {
        label: label(name),
        password: password(PO),
        domain: domain.map(password),
        domain_label: None,
        policies: Vec::new(),
    };
    done(&bench.hsm, &officer, request);
    log_in(&bench.hsm, &officer, Role::PartitionSo, PO);
    let crypto = add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    open(&bench.hsm, &crypto);
    crypto
}

/// An HSM of this domain.
pub fn hsm(domain: Option<&str>) -> Bench {
    let bench = Bench::blank();
    let secrets: Option<Password> = domain.map(password);
    bench.hsm.initialize(&bench.admin, &label("hsm0"), Some(password(SO)), secrets).unwrap();
    bench.log_in();
    bench
}

/// What whoever knows a partition's domain makes of it.
pub fn known(domain: &[u8]) -> PasswordKey {
    PasswordHash::create(CHEAP, SALT, domain).unwrap().1
}

/// An object as partitions sealed it before the HSM's domain took part: anybody who knows the
/// partition's domain can.
pub fn forged(domain: &[u8], attributes: &Template) -> Vec<u8> {
    sealed(domain, &wire::encode(attributes).unwrap())
}

pub fn sealed(domain: &[u8], bytes: &[u8]) -> Vec<u8> {
    // The first version of sealed values, which no appliance makes any more.
    let mut associated = b"lunacm seal v1\0".to_vec();
    for name in [SEAT.store, SEAT.object, SEAT.field] {
        associated.extend_from_slice(&u64::try_from(name.len()).unwrap().to_be_bytes());
        associated.extend_from_slice(name.as_bytes());
    }
    let mut sealed = [&[1], [7; 12].as_slice(), bytes].concat();
    let key = AeadKey::new(Cipher::Aes256Gcm, known(domain).expose());
    key.seal([7; 12], &associated, &mut sealed, 13).unwrap();
    sealed
}

pub fn import(sealed: Vec<u8>, replace: bool) -> Request {
    Request::ImportObject { sealed, purpose: PURPOSE, salt: SALT, replace }
}

pub fn export(handle: ObjectHandle) -> Request {
    Request::ExportObject { handle: handle.0, purpose: PURPOSE, salt: SALT }
}

pub fn exported(bench: &Bench, link: &LinkSession, handle: ObjectHandle) -> Vec<u8> {
    match ask(&bench.hsm, link, export(handle)) {
        Reply::Sealed(sealed) => sealed,
        other => panic!("{other:?}"),
    }
}

pub fn imported(bench: &Bench, link: &LinkSession, sealed: Vec<u8>, replace: bool) -> ObjectHandle {
    match ask(&bench.hsm, link, import(sealed, replace)) {
        Reply::Imported(Imported::Added(handle) | Imported::Replaced(handle)) => {
            ObjectHandle(handle)
        }
        other => panic!("{other:?}"),
    }
}

/// An AES key that is generated on the partition.
pub fn generated(bench: &Bench, link: &LinkSession, template: Template) -> ObjectHandle {
    let request = CryptokiRequest::GenerateKey {
        session: SessionId(1),
        mechanism: Mechanism::plain(M::AES_KEY_GEN),
        template: template.with(A::TOKEN, true).with(A::VALUE_LEN, 32),
    };
    match ask(&bench.hsm, link, Request::Cryptoki(request)) {
        Reply::Cryptoki(CryptokiReply::Object(handle)) => handle,
        other => panic!("{other:?}"),
    }
}

/// Which of these are true of an object.
pub fn truths(bench: &Bench, link: &LinkSession, object: ObjectHandle, kinds: &[A]) -> Vec<bool> {
    let (session, types) = (SessionId(1), kinds.to_vec());
    let request = CryptokiRequest::GetAttributes { session, object, types };
    match ask(&bench.hsm, link, Request::Cryptoki(request)) {
        Reply::Cryptoki(CryptokiReply::Attributes(read)) => read
            .into_iter()
            .map(|one| one == AttributeRead::Value(AttributeValue::Boolean(true)))
            .collect(),
        other => panic!("{other:?}"),
    }
}

pub const HISTORY: [A; 4] = [A::TRUSTED, A::LOCAL, A::NEVER_EXTRACTABLE, A::ALWAYS_SENSITIVE];

pub fn destroy(object: ObjectHandle) -> Request {
    Request::Cryptoki(CryptokiRequest::DestroyObject { session: SessionId(1), object })
}
