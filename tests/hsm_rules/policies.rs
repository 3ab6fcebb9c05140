//! Policies of partitions and of the HSM: who sets them, within what, at what price, and what
//! those that the rules themselves read bring about.

use lunacm::{
    hsm::{Effect, Hsm, LinkSession},
    model::{HsmPolicy, Policy, PolicySet, PolicyValue, Reply, Request, Role, Status},
};

use crate::hsm_support::{
    Bench, DOMAIN, PO, add_role, another, ask, change, create, done, label, log_in, login,
    password, refused, role_info,
};

const CO: &str = "co-password";

fn values(changes: &[(u8, u8)]) -> Vec<PolicyValue> {
    changes.iter().map(|(number, value)| PolicyValue { number: *number, value: *value }).collect()
}

fn set(changes: &[(u8, u8)]) -> Request {
    Request::ChangePolicies { changes: values(changes), erase: false }
}

fn policies(hsm: &Hsm, link: &LinkSession) -> PolicySet {
    match ask(hsm, link, Request::Policies) {
        Reply::Policies { policies, .. } => policies,
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_the_partition_so_changes_policies() {
    let (mut bench, officer) = Bench::with_officer();
    let crypto = add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    for link in [&crypto, &another(&officer)] {
        assert_eq!(policies(&bench.hsm, link), PolicySet::defaults());
        refused(&bench.hsm, link, set(&[(20, 5)]), Status::UserNotLoggedIn);
    }
    done(&bench.hsm, &officer, set(&[(20, 5), (2, 0)]));
    for _ in 0..2 {
        let now = policies(&bench.hsm, &another(&officer));
        assert_eq!((now.failed_logins(), now.get(Policy::PrivateKeyUnwrapping)), (5, 0));
        assert_eq!(now.changes_from(&PolicySet::defaults()), values(&[(2, 0), (20, 5)]));
        bench.reopen();
    }
}

#[test]
fn a_change_that_cannot_be_is_none_at_all() {
    let (bench, officer) = Bench::with_officer();
    for (changes, status) in [
        (vec![(20, 5), (99, 1)], Status::PolicyIdInvalid),
        (vec![(20, 5), (22, 1)], Status::ConfigIllegal),
        (vec![(20, 5), (23, 1)], Status::ConfigIllegal),
        (vec![(20, 0)], Status::ConfigIllegal),
        (vec![(20, 11)], Status::ConfigIllegal),
        (vec![(20, 5), (1, 1)], Status::ConfigFailsDependencies),
    ] {
        refused(&bench.hsm, &officer, set(&changes), status);
        assert_eq!(policies(&bench.hsm, &officer), PolicySet::defaults());
    }
}

#[test]
fn a_destructive_change_needs_consent() {
    let (bench, officer) = Bench::with_officer();
    // Turning something off that is destructive to turn on costs nothing.
    done(&bench.hsm, &officer, set(&[(0, 0)]));
    refused(&bench.hsm, &officer, set(&[(1, 1)]), Status::ConfigChangeIllegal);
    let changes = values(&[(1, 1)]);
    done(&bench.hsm, &officer, Request::ChangePolicies { changes, erase: true });
    assert!(policies(&bench.hsm, &officer).permits(Policy::PrivateKeyWrapping));
}

#[test]
fn policy_20_lowers_the_limit_of_failed_logins() {
    let (bench, officer) = Bench::with_officer();
    add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    done(&bench.hsm, &officer, set(&[(20, 3)]));
    assert_eq!(role_info(&bench.hsm, &officer, Role::CryptoOfficer).attempts_left, 3);
    assert_eq!(role_info(&bench.hsm, &officer, Role::PartitionSo).attempts_left, 10);
    for status in [Status::PinIncorrect, Status::PinIncorrect, Status::PinLocked] {
        let wrong = login(Role::CryptoOfficer, "not-the-password");
        refused(&bench.hsm, &another(&officer), wrong, status);
    }
    let right = login(Role::CryptoOfficer, CO);
    refused(&bench.hsm, &another(&officer), right, Status::PinLocked);
}

#[test]
fn policies_25_and_26_bound_new_passwords() {
    let (bench, officer) = Bench::with_officer();
    done(&bench.hsm, &officer, set(&[(25, 255 - 12), (26, 16)]));
    let role = Role::CryptoOfficer;
    for (length, fits) in [(11, false), (12, true), (17, false)] {
        let text = "x".repeat(length);
        let request = if fits { create(role, &text) } else { change(Role::PartitionSo, PO, &text) };
        let reply = ask(&bench.hsm, &officer, request);
        let expected = if fits { Reply::Done } else { Reply::Failed(Status::PinLenRange) };
        assert_eq!(reply, expected, "{length}");
    }
    // A password from before keeps working.
    log_in(&bench.hsm, &another(&officer), Role::PartitionSo, PO);
}

#[test]
fn policy_25_permits_four_characters_and_no_less() {
    let (bench, officer) = Bench::with_officer();
    let (short, shorter) =
        (create(Role::CryptoOfficer, "1234"), create(Role::CryptoOfficer, "123"));
    refused(&bench.hsm, &officer, short.clone(), Status::PinLenRange);
    refused(&bench.hsm, &officer, set(&[(25, 252)]), Status::ConfigIllegal);
    done(&bench.hsm, &officer, set(&[(25, 251)]));
    refused(&bench.hsm, &officer, shorter, Status::PinLenRange);
    done(&bench.hsm, &officer, short);
    log_in(&bench.hsm, &another(&officer), Role::CryptoOfficer, "1234");
}

#[test]
fn policy_37_is_asked_for_by_serial_number() {
    let (bench, officer) = Bench::with_officer();
    assert!(!bench.hsm.requires_stc(officer.serial()));
    done(&bench.hsm, &officer, set(&[(37, 1)]));
    assert!(bench.hsm.requires_stc(officer.serial()));
    refused(&bench.hsm, &officer, set(&[(37, 0)]), Status::ConfigChangeIllegal);
}

#[test]
fn an_initialization_takes_a_template() {
    let bench = Bench::initialized();
    let link = bench.first_client(bench.create("par0"));
    let initialize = |changes: &[(u8, u8)]| Request::Initialize {
        label: label("par0"),
        password: password(PO),
        domain: Some(password(DOMAIN)),
        domain_label: None,
        policies: values(changes),
    };
    refused(&bench.hsm, &link, initialize(&[(1, 1)]), Status::ConfigFailsDependencies);
    // The Partition SO's own password follows the template already.
    refused(&bench.hsm, &link, initialize(&[(25, 255 - 20)]), Status::PinLenRange);
    done(&bench.hsm, &link, initialize(&[(0, 0), (1, 1)]));
    assert!(policies(&bench.hsm, &link).permits(Policy::PrivateKeyWrapping));
    log_in(&bench.hsm, &link, Role::PartitionSo, PO);
    // Without one, what was set stays.
    done(&bench.hsm, &link, initialize(&[]));
    assert!(policies(&bench.hsm, &link).permits(Policy::PrivateKeyWrapping));
}

#[test]
fn zeroization_brings_the_defaults_back() {
    let (bench, officer) = Bench::with_officer();
    done(&bench.hsm, &officer, set(&[(20, 3)]));
    for _ in 0..10 {
        bench.hsm.perform(&another(&officer), login(Role::PartitionSo, "not-the-password"));
    }
    let link = bench.first_client(officer.serial());
    assert_eq!(policies(&bench.hsm, &link), PolicySet::defaults());
}

#[test]
fn only_the_hsm_so_changes_the_hsms_policies() {
    let mut bench = Bench::initialized();
    let change = |bench: &Bench, changes: &[(u8, u8)], erase| {
        bench.hsm.change_hsm_policies(&bench.admin, &values(changes), erase)
    };
    assert_eq!(change(&bench, &[(21, 0)], false), Ok(Vec::new()));
    assert_eq!(change(&bench, &[(6, 1)], false), Err(Status::ConfigIllegal));
    assert_eq!(change(&bench, &[(39, 1)], false), Err(Status::PolicyIdInvalid));
    bench.hsm.logout(&bench.admin).unwrap();
    assert_eq!(change(&bench, &[(21, 1)], false), Err(Status::UserNotLoggedIn));
    bench.reopen();
    assert!(!bench.hsm.hsm_policies().permits(HsmPolicy::ForcePinChange));
}

#[test]
fn a_destructive_hsm_policy_erases_the_partitions() {
    let (bench, officer) = Bench::with_officer();
    let serial = officer.serial();
    let change = |changes: &[(u8, u8)], erase| {
        bench.hsm.change_hsm_policies(&bench.admin, &values(changes), erase)
    };
    assert_eq!(change(&[(7, 0)], false), Err(Status::ConfigChangeIllegal));
    assert_eq!(bench.hsm.partitions().unwrap().len(), 1);
    assert_eq!(change(&[(7, 0)], true), Ok(vec![Effect::EndLinks { serial, client: None }]));
    assert!(bench.hsm.partitions().unwrap().is_empty() && bench.hsm.identity(serial).is_none());
    let link = bench.first_client(bench.create("par1"));
    crate::hsm_support::initialize(&bench.hsm, &link);
    assert!(!policies(&bench.hsm, &link).permits(Policy::PrivateKeyCloning));
    log_in(&bench.hsm, &link, Role::PartitionSo, PO);
    refused(&bench.hsm, &link, set(&[(0, 1)]), Status::ConfigIllegal);
}

#[test]
fn hsm_policy_21_decides_whether_an_initial_password_lasts() {
    let (bench, officer) = Bench::with_officer();
    bench.hsm.change_hsm_policies(&bench.admin, &values(&[(21, 0)]), false).unwrap();
    done(&bench.hsm, &officer, create(Role::CryptoOfficer, CO));
    let link = another(&officer);
    log_in(&bench.hsm, &link, Role::CryptoOfficer, CO);
    assert_eq!(ask(&bench.hsm, &link, Request::Contents), Reply::Objects(Vec::new()));
}
