//! Objects that are cleared, cloned, backed up and restored.

use lunacm::{
    hsm::{Hsm, LinkSession},
    model::{
        Imported, ObjectEntry, PolicyValue, Reply, Request, Role, Status, TransferPurpose,
        cryptoki::{
            AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest, KeyType,
            ObjectClass, SessionId, Template,
        },
    },
};

use crate::hsm_support::{
    Bench, DOMAIN, PO, add_role, another, ask, done, label, log_in, password, refused,
};

const CO: &str = "co-password";
const CU: &str = "cu-password";
const SALT: [u8; 16] = [7; 16];
const CLONE: TransferPurpose = TransferPurpose::Clone;

/// A partition of this domain, and its Crypto Officer with a session.
fn partition(bench: &Bench, name: &str, domain: Option<&str>) -> LinkSession {
    let link = bench.first_client(bench.create(name));
    let request = Request::Initialize {
        label: label(name),
        password: password(PO),
        domain: domain.map(password),
        domain_label: None,
        policies: Vec::new(),
    };
    done(&bench.hsm, &link, request);
    log_in(&bench.hsm, &link, Role::PartitionSo, PO);
    let crypto = add_role(&bench.hsm, &link, Role::CryptoOfficer, CO);
    open(&bench.hsm, &crypto);
    crypto
}

/// Opens the one session that tests need.
pub fn open(hsm: &Hsm, link: &LinkSession) {
    let open = CryptokiRequest::OpenSession { session: SessionId(1), read_write: true };
    done(hsm, link, Request::Cryptoki(open));
}

pub fn create(hsm: &Hsm, crypto: &LinkSession, template: Template) {
    let request = CryptokiRequest::CreateObject { session: SessionId(1), template };
    match ask(hsm, crypto, Request::Cryptoki(request)) {
        Reply::Cryptoki(CryptokiReply::Object(_)) => {}
        other => panic!("{other:?}"),
    }
}

fn data(name: &str, private: bool) -> Template {
    Template::default()
        .with(A::CLASS, ObjectClass::DATA.0)
        .with(A::TOKEN, true)
        .with(A::PRIVATE, private)
        .with(A::LABEL, AttributeValue::bytes(name.as_bytes()))
        .with(A::VALUE, AttributeValue::bytes(name.as_bytes()))
}

pub fn contents(hsm: &Hsm, link: &LinkSession) -> Vec<ObjectEntry> {
    match ask(hsm, link, Request::Contents) {
        Reply::Objects(objects) => objects,
        other => panic!("{other:?}"),
    }
}

fn labels(hsm: &Hsm, link: &LinkSession) -> Vec<String> {
    contents(hsm, link).into_iter().map(|object| object.label).collect()
}

fn export(handle: u32, purpose: TransferPurpose) -> Request {
    Request::ExportObject { handle: handle.into(), purpose, salt: SALT }
}

fn exported(hsm: &Hsm, link: &LinkSession, handle: u32) -> Vec<u8> {
    match ask(hsm, link, export(handle, CLONE)) {
        Reply::Sealed(sealed) => sealed,
        other => panic!("{other:?}"),
    }
}

fn import(sealed: &[u8], replace: bool) -> Request {
    Request::ImportObject { sealed: sealed.to_vec(), purpose: CLONE, salt: SALT, replace }
}

fn change(changes: &[(u8, u8)]) -> Request {
    let value = |(number, value): &(u8, u8)| PolicyValue { number: *number, value: *value };
    Request::ChangePolicies { changes: changes.iter().map(value).collect(), erase: true }
}

#[test]
fn objects_go_to_partitions_of_their_domain_only() {
    let bench = Bench::initialized();
    let hsm = &bench.hsm;
    let one = partition(&bench, "one", Some(DOMAIN));
    let same = partition(&bench, "same", Some(DOMAIN));
    let other = partition(&bench, "other", Some("another-domain"));
    create(hsm, &one, data("public", false));
    create(hsm, &one, data("private", true));
    for object in contents(hsm, &one) {
        let sealed = exported(hsm, &one, object.handle);
        let text = String::from_utf8_lossy(&sealed).into_owned();
        assert!(!text.contains(&object.label), "{text}");
        refused(hsm, &other, import(&sealed, false), Status::DomainMismatch);
        assert!(matches!(
            ask(hsm, &same, import(&sealed, false)),
            Reply::Imported(Imported::Added(_))
        ));
    }
    assert_eq!(labels(hsm, &same), ["public", "private"]);
    assert!(labels(hsm, &other).is_empty());
    // The private one needs a login there too.
    assert_eq!(labels(hsm, &another_role(&bench, &same)), ["public"]);
}

/// The Partition SO over a link of its own.
fn another_role(bench: &Bench, link: &LinkSession) -> LinkSession {
    let officer = another(link);
    log_in(&bench.hsm, &officer, Role::PartitionSo, PO);
    officer
}

#[test]
fn an_object_is_taken_in_once_and_replaced_on_demand() {
    let bench = Bench::initialized();
    let hsm = &bench.hsm;
    let one = partition(&bench, "one", Some(DOMAIN));
    let two = partition(&bench, "two", Some(DOMAIN));
    create(hsm, &one, data("object", true));
    let object = contents(hsm, &one).remove(0);
    let sealed = exported(hsm, &one, object.handle);
    let Reply::Imported(Imported::Added(handle)) = ask(hsm, &two, import(&sealed, false)) else {
        panic!("not added");
    };
    assert_eq!(ask(hsm, &two, import(&sealed, false)), Reply::Imported(Imported::Present(handle)));
    assert_eq!(ask(hsm, &two, import(&sealed, true)), Reply::Imported(Imported::Replaced(handle)));
    let copy = contents(hsm, &two);
    assert_eq!((copy.len(), copy[0].ouid), (1, object.ouid));
}

#[test]
fn what_was_altered_or_meant_for_something_else_does_not_open() {
    let bench = Bench::initialized();
    let hsm = &bench.hsm;
    let one = partition(&bench, "one", None);
    let two = partition(&bench, "two", None);
    create(hsm, &one, data("object", true));
    let handle = contents(hsm, &one)[0].handle;
    let sealed = exported(hsm, &one, handle);
    let mut altered = sealed.clone();
    *altered.last_mut().unwrap() ^= 1;
    refused(hsm, &two, import(&altered, false), Status::DomainMismatch);
    refused(hsm, &two, import(&[], false), Status::DomainMismatch);
    let request = Request::ImportObject {
        sealed: sealed.clone(),
        purpose: TransferPurpose::Backup,
        salt: SALT,
        replace: false,
    };
    refused(hsm, &two, request, Status::DomainMismatch);
    let request = Request::ImportObject { sealed, purpose: CLONE, salt: [8; 16], replace: false };
    refused(hsm, &two, request, Status::DomainMismatch);
}

#[test]
fn only_the_crypto_officer_moves_and_clears() {
    let bench = Bench::initialized();
    let hsm = &bench.hsm;
    let crypto = partition(&bench, "one", Some(DOMAIN));
    create(hsm, &crypto, data("public", false));
    let handle = contents(hsm, &crypto)[0].handle;
    let sealed = exported(hsm, &crypto, handle);
    let user = add_role(hsm, &crypto, Role::CryptoUser, CU);
    for link in [user, another_role(&bench, &crypto), another(&crypto)] {
        for request in [export(handle, CLONE), import(&sealed, false), Request::Clear] {
            refused(hsm, &link, request, Status::UserNotLoggedIn);
        }
    }
    refused(hsm, &crypto, export(handle + 1, CLONE), Status::ObjectHandleInvalid);
}

#[test]
fn clearing_leaves_the_roles_and_nothing_else() {
    let bench = Bench::initialized();
    let hsm = &bench.hsm;
    let crypto = partition(&bench, "one", Some(DOMAIN));
    for number in 0..300 {
        create(hsm, &crypto, data(&format!("object {number}"), number % 2 == 0));
    }
    let kept = data("kept", true).with(A::DESTROYABLE, false);
    create(hsm, &crypto, kept);
    assert_eq!(ask(hsm, &crypto, Request::Clear), Reply::Left(45));
    assert_eq!(ask(hsm, &crypto, Request::Clear), Reply::Left(0));
    assert_eq!(ask(hsm, &crypto, Request::Clear), Reply::Left(0));
    assert!(contents(hsm, &crypto).is_empty());
    log_in(hsm, &another(&crypto), Role::PartitionSo, PO);
}

#[test]
fn policies_hold_keys_back_at_both_ends() {
    let bench = Bench::initialized();
    let hsm = &bench.hsm;
    let one = partition(&bench, "one", Some(DOMAIN));
    let two = partition(&bench, "two", Some(DOMAIN));
    let key = Template::default()
        .with(A::CLASS, ObjectClass::SECRET_KEY.0)
        .with(A::KEY_TYPE, KeyType::GENERIC_SECRET.0)
        .with(A::TOKEN, true)
        .with(A::VALUE, AttributeValue::bytes([5; 32]));
    let request = CryptokiRequest::CreateObject { session: SessionId(1), template: key };
    let Reply::Cryptoki(CryptokiReply::Object(_)) = ask(hsm, &one, Request::Cryptoki(request))
    else {
        panic!("no key");
    };
    let handle = contents(hsm, &one)[0].handle;
    let sealed = exported(hsm, &one, handle);
    for link in [&one, &two] {
        done(hsm, &another_role(&bench, link), change(&[(4, 0)]));
    }
    refused(hsm, &one, export(handle, CLONE), Status::OperationNotAllowed);
    refused(hsm, &two, import(&sealed, false), Status::OperationNotAllowed);
}

#[test]
fn policies_of_the_hsm_hold_clones_and_backups_back() {
    let bench = Bench::initialized();
    let hsm = &bench.hsm;
    let one = partition(&bench, "one", Some(DOMAIN));
    create(hsm, &one, data("object", true));
    let handle = contents(hsm, &one)[0].handle;
    for (number, refused_for, permitted_for) in
        [(16, CLONE, TransferPurpose::Backup), (22, TransferPurpose::Backup, CLONE)]
    {
        let set = |value| {
            let changes = [PolicyValue { number, value }];
            bench.hsm.change_hsm_policies(&bench.admin, &changes, false)
        };
        set(0).unwrap();
        refused(hsm, &one, export(handle, refused_for), Status::OperationNotAllowed);
        assert!(matches!(ask(hsm, &one, export(handle, permitted_for)), Reply::Sealed(_)));
        if number == 16 {
            set(1).unwrap();
        }
    }
}

#[test]
fn the_appliance_lists_the_objects_of_partitions_without_stc_clients_only() {
    let bench = Bench::initialized();
    let hsm = &bench.hsm;
    let crypto = partition(&bench, "one", Some(DOMAIN));
    create(hsm, &crypto, data("public", false));
    create(hsm, &crypto, data("private", true));
    let list = |text: &str| {
        let objects = hsm.partition_contents(&label("one"), &password(text))?;
        Ok::<Vec<String>, Status>(objects.into_iter().map(|object| object.label).collect())
    };
    assert_eq!(list(CO), Err(Status::OperationNotAllowed));
    assert_eq!(hsm.perform(&crypto, Request::DeregisterSelf).0, Reply::Done);
    assert_eq!(list("not-the-password"), Err(Status::PinIncorrect));
    assert_eq!(list(CO).unwrap(), ["public", "private"]);
    let unknown = hsm.partition_contents(&label("none"), &password(CO));
    assert_eq!(unknown, Err(Status::ObjectHandleInvalid));
}
