//! Rows that were changed from outside are not used, and are named.

use lunacm::{
    hsm::{Hsm, LinkSession},
    model::{
        AuditEvents, PolicyValue, RecordedUses, Reply, Request, Role, Status,
        cryptoki::{AttributeType as A, Template},
    },
};
use rusqlite::Connection;

use crate::{
    hsm_support::{
        Bench, PO, another, ask, client_key, done, label, log_in, login, password, register,
    },
    support::{CO, aes, application, create, data, find, labelled, partition, text, token},
};

/// A partition with a row in every table, and a second one beside it.
fn furnished() -> (Bench, LinkSession, LinkSession) {
    let (bench, officer, link) = partition();
    let hsm = &bench.hsm;
    bench.create("par1");
    done(hsm, &officer, register(7));
    let changes = vec![PolicyValue { number: 20, value: 7 }];
    done(hsm, &officer, Request::ChangePolicies { changes, erase: false });
    let events = AuditEvents { symmetric: RecordedUses::First, ..AuditEvents::ALL };
    hsm.configure_audit(&bench.admin, None, Some(events)).unwrap();
    hsm.configure_audit(&bench.admin, Some(&label("par0")), Some(AuditEvents::ALL)).unwrap();
    hsm.change_hsm_policies(&bench.admin, &[PolicyValue { number: 21, value: 0 }], true).unwrap();
    hsm.check_addresses(true).unwrap();
    for name in ["key", "other"] {
        aes(hsm, &link, token().with(A::LABEL, text(name))).unwrap();
    }
    create(hsm, &link, data("note").with(A::TOKEN, true)).unwrap();
    (bench, officer, link)
}

fn sql(bench: &Bench, statements: &str) {
    let connection = Connection::open(bench.path().join("appliance.db")).unwrap();
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    connection.execute_batch(statements).unwrap();
}

/// The rows that are named, after a start.
fn named(bench: &mut Bench, statements: &str) -> Vec<String> {
    sql(bench, statements);
    bench.reopen();
    bench.hsm.check_rows().unwrap()
}

#[test]
fn an_untouched_store_is_sound_through_all_that_happens() {
    let (mut bench, officer, link) = furnished();
    assert_eq!(bench.hsm.check_rows().unwrap(), [""; 0]);
    bench.reopen();
    assert_eq!(bench.hsm.check_rows().unwrap(), [""; 0]);
    let hsm = &bench.hsm;
    let wrong = another(&link);
    assert_eq!(
        ask(hsm, &wrong, login(Role::CryptoOfficer, "wrong-password")),
        Reply::Failed(Status::PinIncorrect)
    );
    let link = application(hsm, &link);
    log_in(hsm, &link, Role::CryptoOfficer, CO);
    let key = find(hsm, &link, labelled("key"))[0];
    crate::support::set(hsm, &link, key, labelled("renamed")).unwrap();
    crate::support::destroy(hsm, &link, key).unwrap();
    assert_eq!(hsm.check_rows().unwrap(), [""; 0]);
    let officer = another(&officer);
    log_in(hsm, &officer, Role::PartitionSo, PO);
    crate::hsm_support::initialize(hsm, &officer);
    assert_eq!(hsm.check_rows().unwrap(), [""; 0]);
    bench.log_in();
    bench.hsm.delete_partition(&bench.admin, &label("par1")).unwrap();
    assert_eq!(bench.hsm.check_rows().unwrap(), [""; 0]);
    bench.zeroize(true);
    assert_eq!(bench.hsm.check_rows().unwrap(), [""; 0]);
    bench.reopen();
    assert_eq!(bench.hsm.check_rows().unwrap(), [""; 0]);
}

/// An altered row, an added one and one that was left out, in every table; each is named, and the
/// store starts.
#[test]
fn every_table_is_watched() {
    let cases = [
        ("UPDATE hsm SET failures = 2", "the row of the HSM was altered"),
        ("UPDATE hsm_policy SET value = 1", "HSM policy 21 was altered"),
        ("INSERT INTO hsm_policy VALUES (15, 1)", "HSM policy 15 was added from outside"),
        ("DELETE FROM hsm_policy", "HSM policy 21 is missing"),
        ("UPDATE setting SET value = '0'", "setting ntls address check was altered"),
        ("DELETE FROM setting", "setting ntls address check is missing"),
        ("INSERT INTO setting VALUES ('force officer', '0')", "setting force officer was added"),
        ("UPDATE audit_events SET events = 0", "the events of the audit log was altered"),
        ("UPDATE partition_audit_events SET events = 0", "the events of the audit log (partition"),
        (
            "INSERT INTO ntls_client VALUES (9, 'mallory', '192.0.2.9', NULL, x'00')",
            "NTLS client mallory was added from outside",
        ),
        (
            "INSERT INTO ntls_assignment SELECT 9, serial FROM partition LIMIT 1",
            "NTLS assignment 9 to 1",
        ),
        (
            "UPDATE partition SET storage = 9000000 WHERE name = 'par0'",
            "the row of the partition (",
        ),
        ("UPDATE partition SET label = NULL WHERE name = 'par0'", "the row of the partition ("),
        ("DELETE FROM partition WHERE name = 'par1'", "is missing"),
        ("UPDATE role SET failures = 1 WHERE role = 2", "role 2 (partition"),
        ("UPDATE role SET must_change = 1 WHERE role = 2", "role 2 (partition"),
        ("DELETE FROM role WHERE role = 2", "role 2 (partition"),
        (
            "UPDATE client SET key = zeroblob(32) WHERE label = 'Client7'",
            "client Client7 (partition",
        ),
        ("DELETE FROM client WHERE label = 'Client7'", "is missing"),
        ("UPDATE policy SET value = 10", "policy 20 (partition"),
        ("DELETE FROM policy", "policy 20 (partition"),
        ("UPDATE domain SET is_primary = 0", "domain domain1 (partition"),
        ("DELETE FROM domain", "domain domain1 (partition"),
        ("UPDATE object SET charge = 1 WHERE private = 0", "objects of partition"),
        ("UPDATE object SET handle = 77 WHERE private = 0", "object 77 (partition"),
        ("DELETE FROM object WHERE private = 0", "objects of partition"),
        (
            "INSERT INTO object SELECT partition, handle + 50, private, charge, sealed, slot
             FROM object WHERE private = 0",
            "objects of partition",
        ),
    ];
    for (statements, expected) in cases {
        let (mut bench, ..) = furnished_quickly();
        let named = named(&mut bench, statements);
        assert!(
            named.iter().any(|named| named.contains(expected)),
            "{statements}: no {expected:?} in {named:?}"
        );
        // It is named as long as it is so.
        bench.reopen();
        assert!(!bench.hsm.check_rows().unwrap().is_empty(), "{statements}");
    }
}

thread_local! {
    static FURNISHED: std::cell::OnceCell<tempfile::TempDir> = const { std::cell::OnceCell::new() };
}

/// A copy of a furnished store: making one takes many writes.
fn furnished_quickly() -> (Bench, LinkSession) {
    FURNISHED.with(|made| {
        let made = made.get_or_init(|| {
            let Bench { hsm, directory, .. } = furnished().0;
            drop(hsm);
            directory
        });
        let bench = Bench::copy_of(made.path());
        let serial = bench.hsm.partitions().unwrap()[0].serial;
        let serials = bench.hsm.partitions().unwrap();
        let serial =
            serials.iter().find(|one| one.name == label("par0")).map_or(serial, |one| one.serial);
        (bench, LinkSession::new(serial, client_key(1)))
    })
}

#[test]
fn a_failure_counter_that_was_set_back_is_noticed() {
    let (mut bench, link) = furnished_quickly();
    for _ in 0..3 {
        bench.hsm.perform(&another(&link), login(Role::CryptoOfficer, "wrong-password"));
    }
    let named = named(&mut bench, "UPDATE role SET failures = 0 WHERE role = 2");
    assert!(named.iter().any(|named| named.contains("role 2")), "{named:?}");
    let reply = bench.hsm.perform(&another(&link), login(Role::CryptoOfficer, CO)).0;
    assert_eq!(reply, Reply::Failed(Status::DeviceError));
    // The other partition is not concerned.
    assert_eq!(bench.hsm.partitions().unwrap().len(), 2);
}

#[test]
fn whoever_was_added_is_no_client_and_the_others_are() {
    let (mut bench, link) = furnished_quickly();
    let insert = format!(
        "INSERT INTO client (partition, label, key) VALUES ({}, 'mallory', x'{}')",
        link.serial(),
        "2a".repeat(32)
    );
    let named = named(&mut bench, &insert);
    assert!(named.iter().any(|named| named.contains("client mallory")), "{named:?}");
    let reply = |key| {
        let link = LinkSession::new(link.serial(), key);
        bench.hsm.perform(&link, Request::Describe).0
    };
    assert_eq!(reply([0x2a; 32]), Reply::Failed(Status::StcSessionInvalid));
    assert!(matches!(reply(client_key(1)), Reply::Partition(_)));
    // An NTLS client likewise.
    let hosts = |hsm: &Hsm| hsm.ntls_clients().len();
    assert_eq!(hosts(&bench.hsm), 0);
    sql(&bench, "INSERT INTO ntls_client VALUES (9, 'mallory', '192.0.2.9', NULL, x'00')");
    bench.reopen();
    assert_eq!(hosts(&bench.hsm), 0);
}

#[test]
fn an_officer_who_was_put_in_does_not_log_in() {
    let (mut bench, _) = furnished_quickly();
    let mut other = Bench::initialized();
    other.reopen();
    let password_of = "(SELECT verifier FROM other.hsm)";
    let attach = format!("ATTACH '{}' AS other;", other.path().join("appliance.db").display());
    let named = named(
        &mut bench,
        &format!(
            "{attach} UPDATE hsm SET salt = (SELECT salt FROM other.hsm), verifier = {password_of}"
        ),
    );
    assert!(named.iter().any(|named| named.contains("the row of the HSM")), "{named:?}");
    assert!(bench.hsm.login(&bench.admin, &password(crate::hsm_support::SO)).is_err());
    // Zeroization is the way out for whoever has no copy.
    bench.zeroize(false);
    assert_eq!(bench.hsm.check_rows().unwrap(), [""; 0]);
    bench.initialize();
    bench.log_in();
}

#[test]
fn a_policy_that_was_set_is_not_in_force() {
    let (mut bench, _) = furnished_quickly();
    named(&mut bench, "INSERT INTO hsm_policy VALUES (15, 1)");
    let policies = bench.hsm.hsm_policies();
    assert!(!policies.permits(lunacm::model::HsmPolicy::ResetPartitionPin));
}

#[test]
fn an_older_row_is_refused() {
    for table in ["role", "object"] {
        let (mut bench, link) = furnished_quickly();
        let copy = format!("CREATE TABLE IF NOT EXISTS main.old_{table} AS SELECT * FROM {table}");
        sql(&bench, &copy);
        let hsm = &bench.hsm;
        let app = application(hsm, &link);
        log_in(hsm, &app, Role::CryptoOfficer, CO);
        let key = find(hsm, &app, labelled("key"))[0];
        crate::support::set(hsm, &app, key, labelled("renamed")).unwrap();
        let other = find(hsm, &app, labelled("other"))[0];
        crate::support::destroy(hsm, &app, other).unwrap();
        let change_password =
            crate::hsm_support::change(Role::CryptoOfficer, CO, "another-password");
        done(hsm, &app, change_password);
        let back = format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM old_{table}");
        let named = named(&mut bench, &back);
        assert!(!named.is_empty(), "{table}");
        let hsm = &bench.hsm;
        let right = if table == "role" { CO } else { "another-password" };
        let app = application(hsm, &link);
        let reply = hsm.perform(&app, login(Role::CryptoOfficer, right)).0;
        if table == "role" {
            assert!(matches!(reply, Reply::Failed(_)), "{reply:?}");
        } else {
            assert_eq!(reply, Reply::Done);
            assert_eq!(find(hsm, &app, labelled("key")), [], "the older version");
            assert_eq!(find(hsm, &app, labelled("other")), [], "the destroyed one");
            assert_eq!(find(hsm, &app, Template::default()).len(), 1, "what was not touched");
        }
    }
}

#[test]
fn what_is_changed_while_the_appliance_runs_is_refused_as_well() {
    let (bench, link) = furnished_quickly();
    sql(&bench, "UPDATE role SET failures = 0, must_change = 1 WHERE role = 2");
    let reply = bench.hsm.perform(&another(&link), login(Role::CryptoOfficer, CO)).0;
    assert_eq!(reply, Reply::Failed(Status::DeviceError));
    // Nor does the next change make it sound.
    sql(&bench, "INSERT INTO setting VALUES ('mallory', '1')");
    bench.hsm.check_addresses(false).unwrap();
    let named = bench.hsm.check_rows().unwrap();
    assert!(named.iter().any(|named| named.contains("setting mallory")), "{named:?}");
    assert!(named.iter().any(|named| named.contains("role 2")), "{named:?}");
}

#[test]
fn a_store_whose_witness_was_changed_does_not_start() {
    for statements in [
        "UPDATE witness SET entry = x'00' WHERE kind = 1",
        "DELETE FROM witness WHERE kind = 17",
        "UPDATE state SET mac = zeroblob(32)",
        "UPDATE state SET sequence = sequence + 1",
    ] {
        let (bench, _) = furnished_quickly();
        sql(&bench, statements);
        let Bench { hsm, directory, .. } = bench;
        drop(hsm);
        let random = Box::new(lunacm::crypto::SystemRandom::new());
        let error = lunacm::store::SqliteAppliance::open(directory.path(), random).unwrap_err();
        assert!(error.to_string().contains("changed from outside"), "{statements}: {error}");
    }
}

#[test]
fn an_older_database_is_refused() {
    let (bench, link) = furnished_quickly();
    let database = bench.path().join("appliance.db");
    let (wal, older) = (bench.path().join("appliance.db-wal"), bench.path().join("older"));
    let Bench { hsm, admin, directory } = bench;
    drop(hsm);
    std::fs::copy(&database, &older).unwrap();
    let mut bench = Bench { hsm: crate::hsm_support::open(directory.path()), admin, directory };
    bench.hsm.perform(&another(&link), login(Role::CryptoOfficer, "wrong-password"));
    let random = || Box::new(lunacm::crypto::SystemRandom::new());
    // Its log is missing, as after SIGKILL: a copy at this moment has it beside it.
    let killed = tempfile::tempdir().unwrap();
    crate::hsm_support::copy(bench.path(), killed.path());
    assert!(killed.path().join("appliance.db-wal").exists());
    std::fs::remove_file(killed.path().join("appliance.db-wal")).unwrap();
    let before = std::fs::read(killed.path().join("appliance.db")).unwrap();
    let error = lunacm::store::SqliteAppliance::open(killed.path(), random()).unwrap_err();
    assert!(error.to_string().contains("older than what was confirmed"), "{error}");
    assert_eq!(std::fs::read(killed.path().join("appliance.db")).unwrap(), before);
    assert!(!killed.path().join("appliance.db-wal").exists());
    // An older copy is put back.
    let Bench { hsm, directory, .. } = bench;
    drop(hsm);
    assert!(!wal.exists());
    let newest = std::fs::read(&database).unwrap();
    std::fs::copy(&older, &database).unwrap();
    let error = lunacm::store::SqliteAppliance::open(directory.path(), random()).unwrap_err();
    assert!(error.to_string().contains("older than what was confirmed"), "{error}");
    std::fs::write(&database, newest).unwrap();
    bench = Bench {
        hsm: crate::hsm_support::open(directory.path()),
        admin: lunacm::hsm::AdminSession::new(),
        directory,
    };
    assert_eq!(bench.hsm.check_rows().unwrap(), [""; 0]);
}
