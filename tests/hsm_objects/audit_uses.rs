//! Uses of keys in the audit log, where the HSM SO wants them.

use lunacm::{
    hsm::{AdminSession, Hsm, LinkSession},
    model::{
        AuditAct, AuditQuery, Reply, Request, Role, Status,
        cryptoki::{
            CryptokiRequest, Mechanism, MechanismType as M, ObjectHandle, Operation, Template,
        },
    },
};
use zeroize::Zeroizing;

use crate::{
    hsm_support::{self, Bench},
    support::{
        CO, S, aes, done, imported, one_part, pair, partition, perform, refused, sign, token,
    },
};

/// What was recorded of uses of keys: what, with which label, and what came of it.
fn uses(hsm: &Hsm) -> Vec<(AuditAct, Status)> {
    let records = hsm.audit_records(&AuditQuery::default()).unwrap();
    let entries = records.into_iter().map(|record| record.entry.unwrap());
    let uses = entries.filter(|entry| entry.act.is_use());
    uses.map(|entry| (entry.act, entry.outcome)).collect()
}

fn configure(bench: &Bench, events: &str, partition: Option<&str>) {
    let partition = partition.map(hsm_support::label);
    let events = (events != "default").then(|| events.parse().unwrap());
    bench.hsm.configure_audit(&bench.admin, partition.as_ref(), events).unwrap();
}

fn encrypt(hsm: &Hsm, link: &LinkSession, key: ObjectHandle) -> Result<Vec<u8>, Status> {
    one_part(hsm, link, (Operation::Encrypt, M::AES_ECB), key, &[7; 16])
}

#[test]
fn every_use_is_recorded_before_it_is_answered() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let (_, private) = pair(hsm, &link, token(), token()).unwrap();
    let secret = aes(hsm, &link, Template::default()).unwrap();
    sign(hsm, &link, private).unwrap();
    assert_eq!(uses(hsm), [], "nobody has asked for it");
    configure(&bench, "all", None);
    sign(hsm, &link, private).unwrap();
    sign(hsm, &link, private).unwrap();
    encrypt(hsm, &link, secret).unwrap();
    assert_eq!(
        encrypt(hsm, &link, private),
        Err(Status::KeyFunctionNotPermitted),
        "a private key that encrypts nothing"
    );
    let wanted = [
        (AuditAct::Sign, Status::Ok),
        (AuditAct::Sign, Status::Ok),
        (AuditAct::Encrypt, Status::Ok),
        (AuditAct::Encrypt, Status::KeyFunctionNotPermitted),
    ];
    assert_eq!(uses(hsm), wanted);
    let records =
        hsm.audit_records(&AuditQuery { last: Some(2), ..AuditQuery::default() }).unwrap();
    let entry = records[0].entry.clone().unwrap();
    assert_eq!(entry.role, Some(Role::CryptoOfficer));
    assert_eq!(entry.objects.len(), 1);
    assert_eq!(records[0].partition, Some(link.serial()));
    assert_eq!(hsm.check_audit().unwrap().broken, None);
    configure(&bench, "none", None);
    sign(hsm, &link, private).unwrap();
    assert_eq!(uses(hsm), wanted);
}

#[test]
fn kinds_of_keys_and_outcomes_are_told_apart() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let (_, private) = pair(hsm, &link, token(), token()).unwrap();
    let secret = aes(hsm, &link, Template::default()).unwrap();
    let wrong_length = || one_part(hsm, &link, (Operation::Encrypt, M::AES_ECB), secret, b"short");
    configure(&bench, "symmetric,failure", None);
    sign(hsm, &link, private).unwrap();
    encrypt(hsm, &link, secret).unwrap();
    let refusal = wrong_length().unwrap_err();
    assert_eq!(uses(hsm), [(AuditAct::Encrypt, refusal)]);
    // The partition's own setting goes before the HSM's, until it is taken back.
    configure(&bench, "asymmetric,success", Some("par0"));
    sign(hsm, &link, private).unwrap();
    wrong_length().unwrap_err();
    assert_eq!(uses(hsm)[1..], [(AuditAct::Sign, Status::Ok)]);
    configure(&bench, "default", Some("par0"));
    sign(hsm, &link, private).unwrap();
    assert_eq!(uses(hsm).len(), 2);
}

#[test]
fn the_first_use_after_each_login_is_enough_if_wanted() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    configure(&bench, "first,success", None);
    let (_, private) = pair(hsm, &link, token(), token()).unwrap();
    for _ in 0..3 {
        sign(hsm, &link, private).unwrap();
    }
    let once = [(AuditAct::Sign, Status::Ok)];
    assert_eq!(uses(hsm), once);
    assert_eq!(hsm_support::ask(hsm, &link, Request::Logout), Reply::Done);
    hsm_support::log_in(hsm, &link, Role::CryptoOfficer, CO);
    sign(hsm, &link, private).unwrap();
    sign(hsm, &link, private).unwrap();
    assert_eq!(uses(hsm), [once, once].concat());
}

#[test]
fn an_operation_in_parts_is_one_use_from_its_first_part_on() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    configure(&bench, "all", None);
    let secret = aes(hsm, &link, Template::default()).unwrap();
    let begin = |operation, mechanism| {
        let (mechanism, key) = (Mechanism::plain(mechanism), Some(secret));
        done(hsm, &link, CryptokiRequest::Begin { session: S, operation, mechanism, key });
    };
    let update = |operation| {
        let data = Zeroizing::new(vec![7; 16]);
        perform(hsm, &link, CryptokiRequest::Update { session: S, operation, data }).unwrap()
    };
    // One that was begun and given up used no key.
    begin(Operation::Encrypt, M::AES_ECB);
    done(hsm, &link, CryptokiRequest::Cancel { session: S, operation: Operation::Encrypt });
    assert_eq!(uses(hsm), []);
    begin(Operation::Encrypt, M::AES_ECB);
    update(Operation::Encrypt);
    assert_eq!(uses(hsm), [(AuditAct::Encrypt, Status::Ok)]);
    update(Operation::Encrypt);
    let finish = |operation| {
        let signature = Vec::new();
        perform(hsm, &link, CryptokiRequest::Finish { session: S, operation, signature }).unwrap()
    };
    finish(Operation::Encrypt);
    begin(Operation::Sign, M::AES_CMAC);
    finish(Operation::Sign);
    assert_eq!(uses(hsm)[1..], [(AuditAct::Sign, Status::Ok)]);
}

#[test]
fn a_digested_key_is_a_used_one_and_a_digest_is_not() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    configure(&bench, "all", None);
    let key = crate::support::create(hsm, &link, imported(&[7; 16])).unwrap();
    let (operation, mechanism) = (Operation::Digest, Mechanism::plain(M::SHA256));
    let begin = CryptokiRequest::Begin { session: S, operation, mechanism, key: None };
    done(hsm, &link, begin);
    let data = Zeroizing::new(vec![7; 16]);
    perform(hsm, &link, CryptokiRequest::Update { session: S, operation, data }).unwrap();
    assert_eq!(uses(hsm), []);
    // Partition policy 9 is off.
    let request = CryptokiRequest::UpdateWithKey { session: S, key };
    refused(hsm, &link, request, Status::KeyIndigestible);
    assert_eq!(uses(hsm), [(AuditAct::DigestKey, Status::KeyIndigestible)]);
}

#[test]
fn the_security_officer_says_what_is_recorded_and_it_stays() {
    let (mut bench, _, link) = partition();
    let nobody = AdminSession::new();
    let refusal = bench.hsm.configure_audit(&nobody, None, "all".parse().ok());
    assert_eq!(refusal, Err(Status::UserNotLoggedIn));
    let unknown = hsm_support::label("nowhere");
    let refusal = bench.hsm.configure_audit(&bench.admin, Some(&unknown), None);
    assert_eq!(refusal, Err(Status::ObjectHandleInvalid));
    configure(&bench, "first,success", None);
    configure(&bench, "all", Some("par0"));
    bench.reopen();
    let config = bench.hsm.audit_config().unwrap();
    assert_eq!(config.hsm.to_string(), "first,success");
    assert_eq!(config.partitions, [(hsm_support::label("par0"), "all".parse().ok())]);
    let link = hsm_support::another(&link);
    hsm_support::log_in(&bench.hsm, &link, Role::CryptoOfficer, CO);
    crate::support::open(&bench.hsm, &link, S);
    refused(
        &bench.hsm,
        &link,
        CryptokiRequest::Begin {
            session: S,
            operation: Operation::Sign,
            mechanism: Mechanism::plain(M::ECDSA),
            key: Some(ObjectHandle(77)),
        },
        Status::KeyHandleInvalid,
    );
    assert_eq!(uses(&bench.hsm), [(AuditAct::Sign, Status::KeyHandleInvalid)]);
}

/// Who waits for the store is answered by a thread of its own, which takes longer than a
/// signature.
#[test]
fn a_request_waits_for_the_store_once_unless_uses_are_recorded() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let signature =
        CryptokiRequest::Finish { session: S, operation: Operation::Sign, signature: Vec::new() };
    let waits = || hsm.waits_for_store(&link, &signature);
    assert!(waits(), "nobody has looked at the objects yet");
    hsm.bring_objects_to_hand(&link).unwrap();
    assert!(!waits());
    let (_, key) = pair(hsm, &link, token(), token()).unwrap();
    sign(hsm, &link, key).unwrap();
    assert!(!waits());
    configure(&bench, "all", None);
    assert!(waits());
    configure(&bench, "default", None);
    hsm.bring_objects_to_hand(&link).unwrap();
    assert!(!waits());
}
