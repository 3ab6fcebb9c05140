//! The audit log: what it says, and that nobody rewrites it.

use std::path::Path;

use lunacm::{
    hsm::Hsm,
    model::{
        AuditAct, AuditActor, AuditDetail, AuditEntry, AuditQuery, Role, Status,
        cryptoki::{AttributeType as A, ObjectClass, Template},
    },
};

use crate::support::{
    aes, application, create, data, destroy, labelled, pair, partition, set, sign, token,
};

fn entries(hsm: &Hsm) -> Vec<AuditEntry> {
    let records = hsm.audit_records(&AuditQuery::default()).unwrap();
    records.into_iter().map(|record| record.entry.unwrap()).collect()
}

fn acts(hsm: &Hsm, from: usize) -> Vec<(AuditAct, Status)> {
    entries(hsm)[from..].iter().map(|entry| (entry.act, entry.outcome)).collect()
}

#[test]
fn every_act_with_keys_is_recorded_and_no_use_of_them() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let before = entries(hsm).len();
    let (public, private) =
        pair(hsm, &link, token().with(A::LABEL, crate::support::text("p")), token()).unwrap();
    sign(hsm, &link, private).unwrap();
    set(hsm, &link, public, labelled("q")).unwrap();
    let key = aes(hsm, &link, Template::default()).unwrap();
    destroy(hsm, &link, key).unwrap();
    destroy(hsm, &link, private).unwrap();
    let wanted = [
        AuditAct::GenerateKeyPair,
        AuditAct::ModifyObject,
        AuditAct::GenerateKey,
        AuditAct::DestroyObject,
        AuditAct::DestroyObject,
    ];
    assert_eq!(acts(hsm, before), wanted.map(|act| (act, Status::Ok)));
    let pair = &entries(hsm)[before];
    assert_eq!(pair.role, Some(Role::CryptoOfficer));
    let AuditActor::Client { label, key } = &pair.actor else { panic!("{pair:?}") };
    assert_eq!((label.as_str(), *key), ("Client1", [1; 32]));
    let classes: Vec<_> = pair.objects.iter().map(|object| object.class).collect();
    assert_eq!(classes, [ObjectClass::PUBLIC_KEY, ObjectClass::PRIVATE_KEY]);
    assert_eq!(pair.objects[0].label, "p");
}

#[test]
fn a_record_names_the_role_that_was_logged_in() {
    let (bench, officer, link) = partition();
    let hsm = &bench.hsm;
    let before = entries(hsm).len();
    let register = |number| crate::hsm_support::register(number);
    crate::hsm_support::done(hsm, &officer, register(2));
    crate::hsm_support::refused(hsm, &link, register(3), Status::UserNotLoggedIn);
    let told: Vec<_> = entries(hsm)[before..].iter().map(|entry| entry.role).collect();
    assert_eq!(told, [Some(Role::PartitionSo), Some(Role::CryptoOfficer)]);
}

#[test]
fn who_tries_what_he_may_not_is_recorded() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let nobody = application(hsm, &link);
    let before = entries(hsm).len();
    assert!(aes(hsm, &nobody, token()).is_err());
    let wrong = crate::hsm_support::login(Role::CryptoOfficer, "wrong-password");
    crate::hsm_support::refused(hsm, &nobody, wrong, Status::PinIncorrect);
    // A slip is not.
    assert!(create(hsm, &nobody, Template::default()).is_err());
    let wanted =
        [(AuditAct::GenerateKey, Status::UserNotLoggedIn), (AuditAct::Login, Status::PinIncorrect)];
    assert_eq!(acts(hsm, before), wanted);
}

/// The records behind this many, with how many more each stands for.
fn sums(hsm: &Hsm, from: usize) -> Vec<(AuditAct, Option<Role>, u64)> {
    let more = |entry: &AuditEntry| match &entry.detail {
        Some(AuditDetail::Summed { more, .. }) => *more,
        _ => 0,
    };
    entries(hsm)[from..].iter().map(|entry| (entry.act, entry.role, more(entry))).collect()
}

#[test]
fn a_flood_of_refusals_costs_two_records_a_minute() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let nobody = application(hsm, &link);
    let before = entries(hsm).len();
    for _ in 0..3_000 {
        assert_eq!(aes(hsm, &nobody, token()), Err(Status::UserNotLoggedIn));
    }
    let first = (AuditAct::GenerateKey, None, 0);
    assert_eq!(sums(hsm, before), [first]);
    hsm.note_link_end(&nobody);
    hsm.count_ended_links();
    assert_eq!(sums(hsm, before), [first, (AuditAct::GenerateKey, None, 2_999)]);
    hsm.end_audit_minute();
    assert_eq!(sums(hsm, before).len(), 2);
    assert!(aes(hsm, &nobody, token()).is_err());
    hsm.end_audit_minute();
    assert_eq!(sums(hsm, before)[2..], [first]);
    assert_eq!(hsm.check_audit().unwrap().broken, None);
}

#[test]
fn what_a_role_is_refused_again_and_again_is_counted_too() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let key = aes(hsm, &link, token().with(A::DESTROYABLE, false)).unwrap();
    let before = entries(hsm).len();
    for _ in 0..50 {
        assert_eq!(destroy(hsm, &link, key), Err(Status::ActionProhibited));
    }
    hsm.end_audit_minute();
    let role = Some(Role::CryptoOfficer);
    let wanted = [(AuditAct::DestroyObject, role, 0), (AuditAct::DestroyObject, role, 49)];
    assert_eq!(sums(hsm, before), wanted);
}

#[test]
fn session_objects_of_nobody_are_counted_and_wrong_passwords_are_not() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let nobody = application(hsm, &link);
    let before = entries(hsm).len();
    for _ in 0..20 {
        create(hsm, &nobody, data("d").with(A::PRIVATE, false)).unwrap();
    }
    for _ in 0..3 {
        let wrong = crate::hsm_support::login(Role::CryptoOfficer, "wrong-password");
        crate::hsm_support::refused(hsm, &nobody, wrong, Status::PinIncorrect);
    }
    hsm.end_audit_minute();
    let login = (AuditAct::Login, Some(Role::CryptoOfficer), 0);
    let created = |more| (AuditAct::CreateObject, None, more);
    assert_eq!(sums(hsm, before), [created(0), login, login, login, created(19)]);
}

#[test]
fn roles_and_clients_are_recorded() {
    let (bench, ..) = partition();
    let acts: Vec<_> = entries(&bench.hsm).iter().map(|entry| entry.act).collect();
    for act in
        [AuditAct::Initialize, AuditAct::Login, AuditAct::CreateRole, AuditAct::ChangePassword]
    {
        assert!(acts.contains(&act), "{act} is not in {acts:?}");
    }
}

#[test]
fn records_are_asked_for_by_number_and_count() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    for _ in 0..5 {
        create(hsm, &link, data("d")).unwrap();
    }
    let all = hsm.audit_records(&AuditQuery::default()).unwrap();
    let numbers: Vec<u64> = all.iter().map(|record| record.sequence).collect();
    assert_eq!(numbers, (1..=u64::try_from(all.len()).unwrap()).collect::<Vec<_>>());
    let query = AuditQuery { last: Some(2), ..AuditQuery::default() };
    assert_eq!(hsm.audit_records(&query).unwrap(), all[all.len() - 2..]);
    let query = AuditQuery { after: 3, ..AuditQuery::default() };
    assert_eq!(hsm.audit_records(&query).unwrap(), all[3..]);
    let query = AuditQuery { to: Some(1), ..AuditQuery::default() };
    assert_eq!(hsm.audit_records(&query).unwrap(), []);
    let unknown = Some(crate::hsm_support::label("nowhere"));
    let query = AuditQuery { partition: unknown, ..AuditQuery::default() };
    assert_eq!(hsm.audit_records(&query), Err(Status::ObjectHandleInvalid));
}

#[test]
fn tampering_is_found_where_it_was_done() {
    for (statement, broken) in [
        ("UPDATE audit SET time = time - 1 WHERE sequence = 3", 3),
        (
            "UPDATE audit SET sealed = (SELECT sealed FROM audit WHERE sequence = 4) WHERE sequence = 2",
            2,
        ),
        ("DELETE FROM audit WHERE sequence = 5", 5),
        ("DELETE FROM audit WHERE sequence = 1", 1),
    ] {
        let (mut bench, _, link) = partition();
        create(&bench.hsm, &link, data("d").with(A::TOKEN, true)).unwrap();
        bench.reopen();
        assert_eq!(bench.hsm.check_audit().unwrap().broken, None);
        execute(bench.path(), statement);
        assert_eq!(bench.hsm.check_audit().unwrap().broken, Some(broken), "{statement}");
    }
}

#[test]
fn a_log_that_was_cut_off_is_found() {
    let (bench, ..) = partition();
    let records = bench.hsm.check_audit().unwrap().records;
    execute(bench.path(), "DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit)");
    let check = bench.hsm.check_audit().unwrap();
    assert_eq!((check.records, check.broken), (records - 1, Some(records)));
}

fn execute(directory: &Path, statement: &str) {
    let connection = rusqlite::Connection::open(directory.join("appliance.db")).unwrap();
    assert_eq!(connection.execute(statement, []).unwrap(), 1, "{statement}");
}
