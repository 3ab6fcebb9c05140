//! An application on a partition.

use lunacm::{
    hsm::{Hsm, LinkSession},
    model::{
        Reply, Request, Role, Status,
        cryptoki::{
            AttributeRead, AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest,
            KeyType, Mechanism, MechanismType as M, ObjectClass, ObjectHandle, Operation,
            SessionId, Template,
        },
    },
};
use zeroize::Zeroizing;

use crate::hsm_support::{Bench, add_role, another, ask};

/// The Crypto Officer's password.
pub const CO: &str = "co-password";
/// The one session that most tests need.
pub const S: SessionId = SessionId(1);
/// P-256 as an object identifier in DER.
pub const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// A partition with its Partition SO and its Crypto Officer logged in, the latter with a
/// read-write session.
pub fn partition() -> (Bench, LinkSession, LinkSession) {
    let (bench, officer) = Bench::with_officer();
    let link = add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    open(&bench.hsm, &link, S);
    (bench, officer, link)
}

/// Another application of the same client, with a read-write session and nobody logged in.
pub fn application(hsm: &Hsm, link: &LinkSession) -> LinkSession {
    let link = another(link);
    open(hsm, &link, S);
    link
}

pub fn open(hsm: &Hsm, link: &LinkSession, session: SessionId) {
    done(hsm, link, CryptokiRequest::OpenSession { session, read_write: true });
}

/// What comes of a request: a reply, nothing, or a refusal.
pub fn perform(
    hsm: &Hsm,
    link: &LinkSession,
    request: CryptokiRequest,
) -> Result<Option<CryptokiReply>, Status> {
    match ask(hsm, link, Request::Cryptoki(request)) {
        Reply::Done => Ok(None),
        Reply::Cryptoki(reply) => Ok(Some(reply)),
        Reply::Failed(status) => Err(status),
        other => panic!("{other:?}"),
    }
}

pub fn done(hsm: &Hsm, link: &LinkSession, request: CryptokiRequest) {
    assert_eq!(perform(hsm, link, request), Ok(None));
}

pub fn refused(hsm: &Hsm, link: &LinkSession, request: CryptokiRequest, status: Status) {
    let shown = format!("{request:?}");
    assert_eq!(perform(hsm, link, request), Err(status), "{shown}");
}

pub fn create(hsm: &Hsm, link: &LinkSession, template: Template) -> Result<ObjectHandle, Status> {
    made(perform(hsm, link, CryptokiRequest::CreateObject { session: S, template }))
}

pub fn made(reply: Result<Option<CryptokiReply>, Status>) -> Result<ObjectHandle, Status> {
    match reply? {
        Some(CryptokiReply::Object(handle)) => Ok(handle),
        other => panic!("{other:?}"),
    }
}

pub fn generate(
    hsm: &Hsm,
    link: &LinkSession,
    mechanism: M,
    template: Template,
) -> Result<ObjectHandle, Status> {
    let mechanism = Mechanism::plain(mechanism);
    made(perform(hsm, link, CryptokiRequest::GenerateKey { session: S, mechanism, template }))
}

/// An AES-256 key of the application's or the token's.
pub fn aes(hsm: &Hsm, link: &LinkSession, template: Template) -> Result<ObjectHandle, Status> {
    generate(hsm, link, M::AES_KEY_GEN, template.with(A::VALUE_LEN, 32))
}

pub fn pair(
    hsm: &Hsm,
    link: &LinkSession,
    public: Template,
    private: Template,
) -> Result<(ObjectHandle, ObjectHandle), Status> {
    let mechanism = Mechanism::plain(M::EC_KEY_PAIR_GEN);
    let public = public.with(A::EC_PARAMS, AttributeValue::bytes(P256));
    let request = CryptokiRequest::GenerateKeyPair { session: S, mechanism, public, private };
    match perform(hsm, link, request)? {
        Some(CryptokiReply::KeyPair { public, private }) => Ok((public, private)),
        other => panic!("{other:?}"),
    }
}

pub fn destroy(hsm: &Hsm, link: &LinkSession, object: ObjectHandle) -> Result<(), Status> {
    perform(hsm, link, CryptokiRequest::DestroyObject { session: S, object }).map(drop)
}

pub fn set(
    hsm: &Hsm,
    link: &LinkSession,
    object: ObjectHandle,
    template: Template,
) -> Result<(), Status> {
    perform(hsm, link, CryptokiRequest::SetAttributes { session: S, object, template }).map(drop)
}

pub fn copy(
    hsm: &Hsm,
    link: &LinkSession,
    object: ObjectHandle,
    template: Template,
) -> Result<ObjectHandle, Status> {
    made(perform(hsm, link, CryptokiRequest::CopyObject { session: S, object, template }))
}

pub fn get(
    hsm: &Hsm,
    link: &LinkSession,
    object: ObjectHandle,
    kind: A,
) -> Result<AttributeValue, Status> {
    let request = CryptokiRequest::GetAttributes { session: S, object, types: vec![kind] };
    match perform(hsm, link, request)? {
        Some(CryptokiReply::Attributes(mut read)) => match read.remove(0) {
            AttributeRead::Value(value) => Ok(value),
            AttributeRead::Refused(status) => Err(status),
        },
        other => panic!("{other:?}"),
    }
}

pub fn is(hsm: &Hsm, link: &LinkSession, object: ObjectHandle, kind: A) -> bool {
    get(hsm, link, object, kind) == Ok(true.into())
}

pub fn find(hsm: &Hsm, link: &LinkSession, template: Template) -> Vec<ObjectHandle> {
    let request = CryptokiRequest::FindObjects { session: S, template, after: None, limit: 1000 };
    match perform(hsm, link, request) {
        Ok(Some(CryptokiReply::Found { objects, more: false })) => objects,
        other => panic!("{other:?}"),
    }
}

/// Signs something with a key.
pub fn sign(hsm: &Hsm, link: &LinkSession, key: ObjectHandle) -> Result<Vec<u8>, Status> {
    one_part(hsm, link, (Operation::Sign, M::ECDSA_SHA256), key, b"data")
}

pub fn one_part(
    hsm: &Hsm,
    link: &LinkSession,
    (operation, mechanism): (Operation, M),
    key: ObjectHandle,
    data: &[u8],
) -> Result<Vec<u8>, Status> {
    let request = CryptokiRequest::Perform {
        session: S,
        operation,
        mechanism: Mechanism::plain(mechanism),
        key: Some(key),
        data: Zeroizing::new(data.to_vec()),
        signature: Vec::new(),
    };
    match perform(hsm, link, request)? {
        Some(CryptokiReply::Bytes(bytes)) => Ok(bytes.to_vec()),
        other => panic!("{other:?}"),
    }
}

pub fn text(text: &str) -> AttributeValue {
    AttributeValue::bytes(text.as_bytes())
}

pub fn labelled(label: &str) -> Template {
    Template::default().with(A::LABEL, text(label))
}

pub fn token() -> Template {
    Template::default().with(A::TOKEN, true)
}

/// A data object that needs no login.
pub fn data(label: &str) -> Template {
    labelled(label).with(A::CLASS, ObjectClass::DATA.0).with(A::PRIVATE, false)
}

/// A secret key to be created.
pub fn imported(value: &[u8]) -> Template {
    Template::default()
        .with(A::CLASS, ObjectClass::SECRET_KEY.0)
        .with(A::KEY_TYPE, KeyType::AES.0)
        .with(A::VALUE, AttributeValue::bytes(value))
}
