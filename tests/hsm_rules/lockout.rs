//! Failed logins: counted on the appliance, across links and restarts; what the last one costs.

use lunacm::{
    crypto::SystemRandom,
    hsm::{Admission, Effect, Hsm, LinkSession},
    model::{Reply, Role, Status},
    store::{RoleStore, SqliteAppliance},
};

use crate::hsm_support::{
    Bench, PO, add_role, another, client_key, done, info, initialize, log_in, login, refused,
    register, role_info,
};

const CO: &str = "co-password";
const LCO: &str = "lco-password";
const CU: &str = "cu-password";

fn with_all_roles() -> (Bench, LinkSession) {
    let (bench, officer) = Bench::with_officer();
    let crypto = add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    add_role(&bench.hsm, &crypto, Role::LimitedCryptoOfficer, LCO);
    add_role(&bench.hsm, &crypto, Role::CryptoUser, CU);
    (bench, officer)
}

/// Wrong passwords, each over a link of its own, all of them answered in the ordinary way.
fn fail(hsm: &Hsm, link: &LinkSession, role: Role, times: u8) {
    for _ in 0..times {
        refused(hsm, &another(link), login(role, "not-the-password"), Status::PinIncorrect);
    }
}

/// Fails a role's login up to its limit.
fn lock(bench: &Bench, link: &LinkSession, role: Role) {
    fail(&bench.hsm, link, role, 9);
    refused(&bench.hsm, &another(link), login(role, "not-the-password"), Status::PinLocked);
}

/// What is left of a partition whose SO failed too often.
fn assert_zeroized(bench: &Bench, officer: &LinkSession, identity: [u8; 32]) {
    let serial = officer.serial();
    let entry = &bench.hsm.partitions().unwrap()[0];
    assert_eq!((entry.serial, &entry.label, entry.clients), (serial, &None, 0));
    assert_eq!(entry.used_storage, 0);
    assert!(entry.roles.iter().all(|role| !role.initialized));
    assert_ne!(entry.key, identity);
    assert_eq!(*bench.hsm.identity(serial).unwrap().public(), entry.key);
    assert_eq!(bench.hsm.admission(serial, &client_key(1)), Admission::FirstContact);
}

#[test]
fn a_success_sets_the_counter_to_zero() {
    let (bench, officer) = with_all_roles();
    for (role, text) in [(Role::PartitionSo, PO), (Role::CryptoOfficer, CO), (Role::CryptoUser, CU)]
    {
        for _ in 0..2 {
            fail(&bench.hsm, &officer, role, 9);
            assert_eq!(role_info(&bench.hsm, &officer, role).attempts_left, 1);
            log_in(&bench.hsm, &another(&officer), role, text);
            assert_eq!(role_info(&bench.hsm, &officer, role).attempts_left, 10);
        }
    }
}

#[test]
fn ten_failures_of_the_partition_so_zeroize_the_partition() {
    let (mut bench, officer) = with_all_roles();
    let serial = officer.serial();
    done(&bench.hsm, &officer, register(2));
    let identity = *bench.hsm.identity(serial).unwrap().public();
    fail(&bench.hsm, &officer, Role::PartitionSo, 4);
    bench.reopen();
    fail(&bench.hsm, &officer, Role::PartitionSo, 5);
    bench.reopen();
    let last = login(Role::PartitionSo, "not-the-password");
    let (reply, effects) = bench.hsm.perform(&another(&officer), last);
    assert_eq!(reply, Reply::Failed(Status::PinLocked));
    assert_eq!(effects, [Effect::EndLinks { serial, client: None }]);
    assert_zeroized(&bench, &officer, identity);
    bench.reopen();
    assert_zeroized(&bench, &officer, identity);
    // And it can be taken and initialized anew.
    let link = bench.first_client(serial);
    initialize(&bench.hsm, &link);
    log_in(&bench.hsm, &link, Role::PartitionSo, PO);
}

#[test]
fn wrong_old_passwords_of_the_partition_so_zeroize_too() {
    let (bench, officer) = Bench::with_officer();
    let identity = *bench.hsm.identity(officer.serial()).unwrap().public();
    let request = crate::hsm_support::change(Role::PartitionSo, "not-the-password", "new-password");
    for _ in 0..9 {
        refused(&bench.hsm, &officer, request.clone(), Status::PinIncorrect);
    }
    let (reply, effects) = bench.hsm.perform(&officer, request);
    assert_eq!(reply, Reply::Failed(Status::PinLocked));
    assert_eq!(effects.len(), 1);
    assert_zeroized(&bench, &officer, identity);
}

#[test]
fn a_zeroization_that_a_kill_cut_off_is_completed() {
    let (mut bench, officer) = Bench::with_officer();
    let serial = officer.serial();
    let identity = *bench.hsm.identity(serial).unwrap().public();
    // The tenth failure was counted, and then the daemon was killed.
    let random = Box::new(SystemRandom::new());
    let (store, _) = SqliteAppliance::open(bench.path(), random).unwrap();
    for count in 1..=10 {
        assert_eq!(store.count_failure(serial, Role::PartitionSo).unwrap(), count);
    }
    drop(store);
    bench.reopen();
    let (reply, effects) = bench.hsm.perform(&another(&officer), login(Role::PartitionSo, PO));
    assert_eq!(reply, Reply::Failed(Status::PinLocked));
    assert_eq!(effects, [Effect::EndLinks { serial, client: None }]);
    assert_zeroized(&bench, &officer, identity);
}

#[test]
fn ten_failures_of_the_crypto_officer_lock_the_crypto_roles() {
    let (mut bench, officer) = with_all_roles();
    lock(&bench, &officer, Role::CryptoOfficer);
    for _ in 0..2 {
        for (role, text) in
            [(Role::CryptoOfficer, CO), (Role::LimitedCryptoOfficer, LCO), (Role::CryptoUser, CU)]
        {
            assert!(role_info(&bench.hsm, &officer, role).locked, "{role}");
            refused(&bench.hsm, &another(&officer), login(role, text), Status::PinLocked);
        }
        bench.reopen();
    }
    assert!(!role_info(&bench.hsm, &officer, Role::PartitionSo).locked);

    let link = another(&officer);
    log_in(&bench.hsm, &link, Role::PartitionSo, PO);
    initialize(&bench.hsm, &link);
    let crypto = add_role(&bench.hsm, &link, Role::CryptoOfficer, CO);
    add_role(&bench.hsm, &crypto, Role::CryptoUser, CU);
}

#[test]
fn ten_failures_of_a_lower_role_lock_that_role_only() {
    let (bench, officer) = with_all_roles();
    lock(&bench, &officer, Role::CryptoUser);
    refused(&bench.hsm, &another(&officer), login(Role::CryptoUser, CU), Status::PinLocked);
    log_in(&bench.hsm, &another(&officer), Role::CryptoOfficer, CO);
    log_in(&bench.hsm, &another(&officer), Role::LimitedCryptoOfficer, LCO);
    let state = info(&bench.hsm, &officer);
    assert!(state.label.is_some());
}

#[test]
fn right_passwords_at_the_same_time_lock_nothing() {
    let (bench, officer) = with_all_roles();
    fail(&bench.hsm, &officer, Role::CryptoOfficer, 9);
    std::thread::scope(|scope| {
        for _ in 0..32 {
            let link = another(&officer);
            let hsm = &bench.hsm;
            scope.spawn(move || log_in(hsm, &link, Role::CryptoOfficer, CO));
        }
    });
    assert_eq!(role_info(&bench.hsm, &officer, Role::CryptoOfficer).attempts_left, 10);
}

#[test]
fn wrong_passwords_at_the_same_time_all_count() {
    let (bench, officer) = with_all_roles();
    let tries = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..32 {
            let link = another(&officer);
            let (hsm, tries) = (&bench.hsm, &tries);
            scope.spawn(move || {
                let request = login(Role::CryptoUser, "not-the-password");
                if hsm.perform(&link, request).0 == Reply::Failed(Status::PinIncorrect) {
                    tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(tries.into_inner(), 9);
    refused(&bench.hsm, &another(&officer), login(Role::CryptoUser, CU), Status::PinLocked);
}

/// Two partitions of one client, each with its Partition SO logged in, and roles that the other
/// has not.
fn two_partitions() -> (Bench, [LinkSession; 2]) {
    let bench = Bench::initialized();
    let links = ["par0", "par1"].map(|name| bench.first_client(bench.create(name)));
    for (link, lower) in links.iter().zip([Role::LimitedCryptoOfficer, Role::CryptoUser]) {
        initialize(&bench.hsm, link);
        log_in(&bench.hsm, link, Role::PartitionSo, PO);
        let crypto = add_role(&bench.hsm, link, Role::CryptoOfficer, CO);
        add_role(&bench.hsm, &crypto, lower, LCO);
    }
    (bench, links)
}

#[test]
fn roles_and_counters_are_each_partitions_own() {
    let (bench, links) = two_partitions();
    let hsm = &bench.hsm;
    for (link, has, has_not) in [
        (&links[0], Role::LimitedCryptoOfficer, Role::CryptoUser),
        (&links[1], Role::CryptoUser, Role::LimitedCryptoOfficer),
    ] {
        assert!(role_info(hsm, link, has).initialized);
        assert!(!role_info(hsm, link, has_not).initialized);
        let entry = hsm.partitions().unwrap().into_iter().find(|one| one.serial == link.serial());
        let roles = entry.unwrap().roles;
        let there: Vec<_> =
            roles.iter().filter(|one| one.initialized).map(|one| one.role).collect();
        assert_eq!(there, [Role::PartitionSo, Role::CryptoOfficer, has]);
    }
    let left = |role| links.each_ref().map(|link| role_info(hsm, link, role).attempts_left);
    for role in [Role::PartitionSo, Role::CryptoOfficer] {
        assert_eq!(left(role), [10, 10]);
        fail(hsm, &links[0], role, 3);
        assert_eq!(left(role), [7, 10], "{role}");
        fail(hsm, &links[1], role, 5);
        assert_eq!(left(role), [7, 5], "{role}");
    }
    for (role, text) in [(Role::PartitionSo, PO), (Role::CryptoOfficer, CO)] {
        log_in(hsm, &another(&links[0]), role, text);
        assert_eq!(left(role), [10, 5], "{role}");
        fail(hsm, &links[0], role, 2);
        log_in(hsm, &another(&links[1]), role, text);
        assert_eq!(left(role), [8, 10], "{role}");
    }
    // Nor is a role locked out where nobody failed.
    lock(&bench, &links[0], Role::LimitedCryptoOfficer);
    fail(hsm, &links[0], Role::CryptoOfficer, 7);
    refused(
        hsm,
        &another(&links[0]),
        login(Role::CryptoOfficer, "not-the-password"),
        Status::PinLocked,
    );
    for (role, text) in [(Role::CryptoOfficer, CO), (Role::CryptoUser, LCO)] {
        log_in(hsm, &another(&links[1]), role, text);
    }
    assert!(!role_info(hsm, &links[1], Role::CryptoOfficer).locked);
}
