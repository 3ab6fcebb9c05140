//! What the audit log keeps, what may leave it, and what stops at its ceiling.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use lunacm::{
    crypto::{PasswordParameters, SystemRandom},
    hsm::{AdminSession, Hsm, Surroundings},
    model::{
        AuditAct, AuditActor, AuditDetail, AuditEntry, AuditQuery, AuditSetting, Role, Rotation,
        Status, cryptoki::AttributeType as A,
    },
    store::SqliteAppliance,
};

use crate::{
    hsm_support::{Bench, login, password, refused},
    support::{CO, aes, application, create, data, partition, perform, text, token},
};

fn entries(hsm: &Hsm) -> Vec<AuditEntry> {
    let records = hsm.audit_records(&AuditQuery::default()).unwrap();
    records.into_iter().map(|record| record.entry.unwrap()).collect()
}

fn last(hsm: &Hsm, act: AuditAct) -> AuditEntry {
    entries(hsm).into_iter().rfind(|entry| entry.act == act).unwrap()
}

/// Adds a record.
fn add(bench: &Bench) {
    bench
        .hsm
        .record_administration(&bench.admin, (None, AuditAct::Administer), Status::Ok)
        .unwrap();
}

#[test]
fn a_wrap_is_recorded_with_both_keys() {
    use lunacm::model::cryptoki::{CryptokiRequest, Mechanism, MechanismType as M};
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let named = |name: &str| token().with(A::LABEL, text(name));
    let wrapping = aes(hsm, &link, named("wrapping").with(A::WRAP, true)).unwrap();
    let key = aes(hsm, &link, named("key").with(A::EXTRACTABLE, true)).unwrap();
    let request = CryptokiRequest::WrapKey {
        session: crate::support::S,
        mechanism: Mechanism::plain(M::AES_KEY_WRAP_KWP),
        wrapping_key: wrapping,
        key,
    };
    perform(hsm, &link, request).unwrap();
    let wrap = last(hsm, AuditAct::WrapKey);
    let labels: Vec<_> = wrap.objects.iter().map(|object| object.label.as_str()).collect();
    assert_eq!((labels, wrap.role), (vec!["key", "wrapping"], Some(Role::CryptoOfficer)));
}

#[test]
fn records_are_for_the_hsm_so_to_read_and_to_keep() {
    let bench = Bench::initialized();
    let (hsm, nobody) = (&bench.hsm, AdminSession::new());
    add(&bench);
    let query = AuditQuery::default();
    assert_eq!(hsm.read_audit(&nobody, &query), Err(Status::UserNotLoggedIn));
    assert!(!hsm.read_audit(&bench.admin, &query).unwrap().is_empty());
    let setting = AuditSetting::Rotation(Rotation::Hourly { minute: 0 });
    assert_eq!(hsm.keep_audit(&nobody, setting), Err(Status::UserNotLoggedIn));
    assert_eq!(hsm.clear_audit(&nobody, true), Err(Status::UserNotLoggedIn));
    assert_eq!(hsm.keep_audit(&bench.admin, AuditSetting::Size(1)), Err(Status::ArgumentsBad));
}

#[test]
fn settings_outlive_a_restart() {
    let mut bench = Bench::initialized();
    let rotation = Rotation::Daily { hour: 12, minute: 5 };
    for setting in [
        AuditSetting::Rotation(rotation),
        AuditSetting::Size(64 << 10),
        AuditSetting::Ceiling(1 << 20),
    ] {
        bench.hsm.keep_audit(&bench.admin, setting).unwrap();
    }
    bench.reopen();
    let settings = bench.hsm.audit_settings();
    assert_eq!((settings.rotation, settings.size, settings.ceiling), (rotation, 64 << 10, 1 << 20));
}

#[test]
fn the_chain_goes_on_over_archives_and_clearing() {
    let (mut bench, _, link) = partition();
    let range = bench.hsm.audit_range().unwrap();
    let mut rows = Vec::new();
    let kept = |row| {
        rows.push(row);
        Ok(())
    };
    bench.hsm.each_audit_row(range, kept).unwrap();
    assert_eq!(u64::try_from(rows.len()).unwrap(), range.1);
    let file = ("audit-1.log".to_owned(), 9);
    assert_eq!(bench.hsm.close_audit(None, range, file.clone()), Ok(true));
    assert_eq!(bench.hsm.close_audit(None, range, file), Ok(false), "closed twice");
    let closed = last(&bench.hsm, AuditAct::ArchiveAudit);
    assert_eq!(closed.actor, AuditActor::Appliance);
    let detail = AuditDetail::Archived { first: 1, last: range.1, file: "audit-1.log".to_owned() };
    assert_eq!(closed.detail, Some(detail));

    create(&bench.hsm, &link, data("d").with(A::TOKEN, true)).unwrap();
    assert_eq!(bench.hsm.check_audit().unwrap().broken, None);
    let archive = bench.hsm.audit_archives().unwrap().remove(0);
    let check = |rows: &[_]| bench.hsm.check_archived(&archive, rows.iter().cloned().map(Some));
    assert_eq!(check(&rows), None);
    assert_eq!(check(&rows[1..]), Some(1));
    assert_eq!(check(&rows[..rows.len() - 1]), Some(range.1));
    let mut altered = rows.clone();
    altered[2].record.row.time += 1;
    assert_eq!(check(&altered), Some(3));
    let more = [&rows[..], &rows[..1]].concat();
    assert_eq!(check(&more), Some(range.1 + 1));

    bench.hsm.clear_audit(&bench.admin, true).unwrap();
    let cleared = last(&bench.hsm, AuditAct::ClearAudit);
    assert_eq!(
        (cleared.actor, cleared.role),
        (AuditActor::Administrator, Some(Role::HsmSecurityOfficer))
    );
    assert!(matches!(cleared.detail, Some(AuditDetail::Cleared { first: 1, .. })));
    let ranges = bench.hsm.audit_archives().unwrap();
    assert!(matches!(&ranges[..], [one] if one.file.is_none() && one.first == 1), "{ranges:?}");
    bench.reopen();
    let checked = bench.hsm.check_audit().unwrap();
    assert_eq!((checked.records, checked.broken), (1, None));
}

#[test]
fn a_range_that_nobody_closed_is_missed() {
    for (statement, changed) in [
        ("DELETE FROM audit_archive", 1),
        ("UPDATE audit_archive SET file = NULL", 1),
        ("UPDATE audit_chain SET start = 0, start_mac = x'', start_seal = NULL", 1),
        ("UPDATE audit_chain SET start = start + 1", 1),
    ] {
        let bench = Bench::initialized();
        add(&bench);
        let range = bench.hsm.audit_range().unwrap();
        bench.hsm.close_audit(None, range, ("a.log".to_owned(), 1)).unwrap();
        assert_eq!(bench.hsm.check_audit().unwrap().broken, None);
        let path = bench.path().join("appliance.db");
        let connection = rusqlite::Connection::open(path).unwrap();
        assert_eq!(connection.execute(statement, []).unwrap(), changed);
        assert!(bench.hsm.check_audit().unwrap().broken.is_some(), "{statement}");
    }
}

#[test]
fn at_the_ceiling_clients_are_refused_and_what_nobody_does_never_gets_there() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    hsm.keep_audit(&bench.admin, AuditSetting::Size(16 << 10)).unwrap();
    hsm.keep_audit(&bench.admin, AuditSetting::Ceiling(64 << 10)).unwrap();
    let nobody = application(hsm, &link);
    let public = || data("public").with(A::TOKEN, true).with(A::PRIVATE, false);
    let refusal = (0..1_000).find_map(|_| create(hsm, &nobody, public()).err());
    assert_eq!(refusal, Some(Status::LogFull));
    let share = hsm.audit_room().2;
    assert!((50..60).contains(&share), "{share}");
    // Refusals are counted from here on.
    let before = entries(hsm).len();
    assert!(aes(hsm, &nobody, token()).is_err());
    hsm.end_audit_minute();
    assert_eq!(entries(hsm).len(), before);

    let refusal = (0..1_000).find_map(|_| create(hsm, &link, public()).err());
    assert_eq!(refusal, Some(Status::LogFull));
    let share = hsm.audit_room().2;
    assert!((100..110).contains(&share), "{share}");
    refused(hsm, &application(hsm, &link), login(Role::CryptoOfficer, CO), Status::LogFull);
    assert_eq!(hsm.check_audit().unwrap().broken, None);

    hsm.clear_audit(&bench.admin, true).unwrap();
    create(hsm, &link, public()).unwrap();
    hsm.end_audit_minute();
    let refusals = last(hsm, AuditAct::GenerateKey);
    assert_eq!(refusals.outcome, Status::UserNotLoggedIn, "what was counted is told in the end");
}

#[test]
fn a_zeroization_names_who_caused_it() {
    let (bench, officer) = Bench::with_officer();
    let hsm = &bench.hsm;
    let link = crate::hsm_support::another(&officer);
    for _ in 0..9 {
        refused(hsm, &link, login(Role::PartitionSo, "wrong"), Status::PinIncorrect);
    }
    hsm.perform(&link, login(Role::PartitionSo, "wrong"));
    let zeroized = last(hsm, AuditAct::Zeroize);
    let detail = AuditDetail::WrongPasswords { role: Role::PartitionSo, attempts: 10 };
    assert_eq!(zeroized.detail, Some(detail));
    assert!(matches!(&zeroized.actor, AuditActor::Client { label, .. } if label == "Client1"));

    let administrator = AdminSession::of_user(7);
    for _ in 0..3 {
        assert!(hsm.login(&administrator, &password("wrong")).is_err());
    }
    let zeroized = last(hsm, AuditAct::Zeroize);
    let detail = AuditDetail::WrongPasswords { role: Role::HsmSecurityOfficer, attempts: 3 };
    assert_eq!(zeroized.detail, Some(detail));
    assert_eq!(zeroized.source, Some(lunacm::model::AuditSource::User(7)));
    for factory_reset in [false, true] {
        hsm.zeroize(&administrator, factory_reset).unwrap();
        let detail = Some(AuditDetail::Ordered { factory_reset });
        assert_eq!(last(hsm, AuditAct::Zeroize).detail, detail);
    }
    assert_eq!(hsm.check_audit().unwrap().broken, None);
}

#[test]
fn a_clock_that_goes_back_is_recorded_once() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicU64::new(1_000_000));
    let open = || {
        let random = Box::new(SystemRandom::new());
        let (store, sealer) = SqliteAppliance::open(directory.path(), random).unwrap();
        let told = clock.clone();
        let now = Box::new(move || told.load(Ordering::SeqCst));
        let surroundings = Surroundings { random: Box::new(SystemRandom::new()), now };
        let cost = PasswordParameters { memory: 8, passes: 1, lanes: 1 };
        Hsm::open(Arc::new(store), sealer, cost, surroundings).unwrap()
    };
    let (hsm, admin) = (open(), AdminSession::new());
    let record = |hsm: &Hsm| {
        hsm.record_administration(&admin, (None, AuditAct::Administer), Status::Ok).unwrap();
    };
    record(&hsm);
    drop(hsm);
    clock.fetch_sub(3_600, Ordering::SeqCst);
    // The store remembers.
    let hsm = open();
    record(&hsm);
    record(&hsm);
    clock.fetch_sub(1, Ordering::SeqCst);
    record(&hsm);
    let acts: Vec<_> = entries(&hsm).iter().map(|entry| entry.act).collect();
    let (back, other) = (AuditAct::ClockBack, AuditAct::Administer);
    assert_eq!(acts, [other, back, other, other, other]);
    assert_eq!(last(&hsm, back).detail, Some(AuditDetail::ClockBack { seconds: 3_600 }));
}

#[test]
fn rotation_is_due_by_size_and_by_the_clock() {
    let bench = Bench::initialized();
    let (hsm, admin) = (&bench.hsm, &bench.admin);
    assert_eq!(hsm.is_rotation_due(), Ok(false));
    let rotation = Rotation::Monthly { day: 1, hour: 0, minute: 0 };
    hsm.keep_audit(admin, AuditSetting::Rotation(rotation)).unwrap();
    assert_eq!(hsm.is_rotation_due(), Ok(false), "the log is younger than the month");
    hsm.keep_audit(admin, AuditSetting::Size(16 << 10)).unwrap();
    let grows = || {
        add(&bench);
        hsm.is_rotation_due().unwrap()
    };
    assert!((0..500).any(|_| grows()));
    let range = hsm.audit_range().unwrap();
    hsm.close_audit(None, range, ("a.log".to_owned(), 1)).unwrap();
    assert_eq!(hsm.is_rotation_due(), Ok(false));
}
