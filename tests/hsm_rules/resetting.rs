//! Lost passwords and lock-outs: who may set whom back, and what stays logged in.

use lunacm::{
    hsm::LinkSession,
    model::{PolicyValue, Request, Role, Status},
};

use crate::hsm_support::{
    Bench, add_role, another, change, done, info, log_in, login, password, refused, role_info,
};

const CO: &str = "co-password";
const CU: &str = "cu-password";
const NEW: &str = "new-initial-password";

fn reset(role: Role) -> Request {
    Request::ResetPassword { role, password: password(NEW) }
}

/// A bench whose HSM policy 15 has this value, and its Partition SO.
fn with_policy_15(value: u8) -> (Bench, LinkSession) {
    let bench = Bench::initialized();
    let changes = [PolicyValue { number: 15, value }];
    bench.hsm.change_hsm_policies(&bench.admin, &changes, true).unwrap();
    let link = bench.first_client(bench.create("par0"));
    crate::hsm_support::initialize(&bench.hsm, &link);
    log_in(&bench.hsm, &link, Role::PartitionSo, crate::hsm_support::PO);
    (bench, link)
}

fn lock(bench: &Bench, link: &LinkSession, role: Role) {
    for _ in 0..10 {
        bench.hsm.perform(&another(link), login(role, "not-the-password"));
    }
    assert!(role_info(&bench.hsm, link, role).locked);
}

#[test]
fn the_partition_so_resets_the_crypto_officer_only_under_hsm_policy_15() {
    let (bench, officer) = with_policy_15(0);
    add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    lock(&bench, &officer, Role::CryptoOfficer);
    refused(&bench.hsm, &officer, reset(Role::CryptoOfficer), Status::OperationNotAllowed);
    assert!(role_info(&bench.hsm, &officer, Role::CryptoOfficer).locked);

    let (mut bench, officer) = with_policy_15(1);
    let crypto = add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    add_role(&bench.hsm, &crypto, Role::CryptoUser, CU);
    lock(&bench, &officer, Role::CryptoOfficer);
    for link in [&crypto, &another(&officer)] {
        refused(&bench.hsm, link, reset(Role::CryptoOfficer), Status::UserNotLoggedIn);
    }
    done(&bench.hsm, &officer, reset(Role::CryptoOfficer));
    let state = role_info(&bench.hsm, &officer, Role::CryptoOfficer);
    assert!(!state.locked && state.password_to_be_changed && state.attempts_left == 10);
    // The Crypto User was locked with it, and is not any more.
    log_in(&bench.hsm, &another(&officer), Role::CryptoUser, CU);
    bench.reopen();
    let link = another(&officer);
    refused(&bench.hsm, &link, login(Role::CryptoOfficer, CO), Status::PinIncorrect);
    log_in(&bench.hsm, &link, Role::CryptoOfficer, NEW);
    refused(&bench.hsm, &link, Request::Contents, Status::PinExpired);
    done(&bench.hsm, &link, change(Role::CryptoOfficer, NEW, "another-password"));
}

#[test]
fn the_crypto_officer_resets_the_roles_below() {
    let (bench, officer) = Bench::with_officer();
    let crypto = add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    refused(&bench.hsm, &crypto, reset(Role::CryptoUser), Status::UserPinNotInitialized);
    for role in [Role::LimitedCryptoOfficer, Role::CryptoUser] {
        let below = add_role(&bench.hsm, &crypto, role, CU);
        lock(&bench, &officer, role);
        refused(&bench.hsm, &officer, reset(role), Status::UserNotLoggedIn);
        refused(&bench.hsm, &below, reset(role), Status::UserNotLoggedIn);
        done(&bench.hsm, &crypto, reset(role));
        log_in(&bench.hsm, &another(&officer), role, NEW);
    }
    refused(&bench.hsm, &crypto, reset(Role::PartitionSo), Status::UserTypeInvalid);
}

#[test]
fn a_reset_password_follows_the_rules() {
    let (bench, officer) = Bench::with_officer();
    let crypto = add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    add_role(&bench.hsm, &crypto, Role::CryptoUser, CU);
    let request = Request::ResetPassword { role: Role::CryptoUser, password: password("short77") };
    refused(&bench.hsm, &crypto, request, Status::PinLenRange);
    log_in(&bench.hsm, &another(&officer), Role::CryptoUser, CU);
}

#[test]
fn a_role_ends_its_logins_elsewhere_and_no_other() {
    let (bench, officer) = Bench::with_officer();
    let hsm = &bench.hsm;
    let first = add_role(hsm, &officer, Role::CryptoOfficer, CO);
    let below = add_role(hsm, &first, Role::CryptoUser, CU);
    let second = another(&officer);
    log_in(hsm, &second, Role::CryptoOfficer, CO);
    let others = |role| Request::LogOutOthers { role };
    refused(hsm, &another(&officer), others(Role::CryptoOfficer), Status::UserNotLoggedIn);
    refused(hsm, &below, others(Role::CryptoOfficer), Status::UserNotLoggedIn);
    refused(hsm, &first, others(Role::PartitionSo), Status::UserNotLoggedIn);
    done(hsm, &first, others(Role::CryptoOfficer));
    assert_eq!(info(hsm, &first).logged_in, Some(Role::CryptoOfficer));
    assert_eq!(info(hsm, &second).logged_in, None);
    refused(hsm, &second, Request::Contents, Status::UserNotLoggedIn);
    assert_eq!(info(hsm, &below).logged_in, Some(Role::CryptoUser));
    assert_eq!(info(hsm, &officer).logged_in, Some(Role::PartitionSo));
    // A login made afterwards lasts, until the officer above ends them all.
    log_in(hsm, &second, Role::CryptoOfficer, CO);
    assert_eq!(info(hsm, &first).logged_in, Some(Role::CryptoOfficer));
    done(hsm, &officer, others(Role::CryptoOfficer));
    assert_eq!((info(hsm, &first).logged_in, info(hsm, &second).logged_in), (None, None));
}
