//! Roles: created, given a password of their own, logged in.

use lunacm::{
    hsm::Hsm,
    model::{ApplicationId, Reply, Request, Role, Status},
};

use crate::hsm_support::{
    Bench, PO, add_role, another, ask, change, create, deregister, done, info, log_in, login,
    refused, register, role_info,
};

const INITIAL: &str = "initial-password";

fn roles_there(hsm: &Hsm, link: &lunacm::hsm::LinkSession) -> Vec<Role> {
    let there = |role: &Role| role_info(hsm, link, *role).initialized;
    Role::OF_PARTITION.into_iter().filter(there).collect()
}

#[test]
fn each_role_is_created_by_its_creator_only() {
    let (bench, officer) = Bench::with_officer();
    let hsm = &bench.hsm;
    let nobody = another(&officer);
    let below = [Role::LimitedCryptoOfficer, Role::CryptoUser];
    for role in below {
        refused(hsm, &officer, create(role, INITIAL), Status::UserNotLoggedIn);
    }
    refused(hsm, &nobody, create(Role::CryptoOfficer, INITIAL), Status::UserNotLoggedIn);
    let crypto = add_role(hsm, &officer, Role::CryptoOfficer, "co-password");
    refused(hsm, &crypto, create(Role::CryptoOfficer, INITIAL), Status::UserNotLoggedIn);
    assert_eq!(roles_there(hsm, &nobody), [Role::PartitionSo, Role::CryptoOfficer]);
    for role in below {
        let link = add_role(hsm, &crypto, role, "lower-password");
        refused(hsm, &link, create(Role::CryptoUser, INITIAL), Status::UserNotLoggedIn);
        refused(hsm, &crypto, create(role, INITIAL), Status::FunctionRejected);
    }
    assert_eq!(roles_there(hsm, &nobody), Role::OF_PARTITION);
    refused(hsm, &officer, create(Role::CryptoOfficer, INITIAL), Status::FunctionRejected);
}

#[test]
fn roles_that_nobody_creates() {
    let (bench, officer) = Bench::with_officer();
    for role in [Role::PartitionSo, Role::HsmSecurityOfficer] {
        refused(&bench.hsm, &officer, create(role, INITIAL), Status::UserTypeInvalid);
    }
    let hsm_so = Role::HsmSecurityOfficer;
    let link = another(&officer);
    refused(&bench.hsm, &link, login(hsm_so, PO), Status::UserTypeInvalid);
    refused(&bench.hsm, &link, Request::DescribeRole { role: hsm_so }, Status::UserTypeInvalid);
    refused(&bench.hsm, &link, change(hsm_so, PO, "new-password"), Status::UserTypeInvalid);
}

#[test]
fn an_uninitialized_role_does_not_log_in() {
    let (bench, officer) = Bench::with_officer();
    let link = another(&officer);
    for role in [Role::CryptoOfficer, Role::LimitedCryptoOfficer, Role::CryptoUser] {
        refused(&bench.hsm, &link, login(role, PO), Status::UserPinNotInitialized);
    }
}

#[test]
fn an_initial_password_permits_its_change_and_little_else() {
    let (mut bench, officer) = Bench::with_officer();
    done(&bench.hsm, &officer, create(Role::CryptoOfficer, INITIAL));
    bench.reopen();
    let hsm = &bench.hsm;
    let role = Role::CryptoOfficer;
    let link = another(&officer);
    assert!(role_info(hsm, &link, role).password_to_be_changed);
    log_in(hsm, &link, role, INITIAL);
    for request in [
        Request::Contents,
        Request::Clients,
        Request::Identity,
        Request::DeregisterSelf,
        create(Role::CryptoUser, INITIAL),
        register(2),
        deregister(1),
    ] {
        refused(hsm, &link, request, Status::PinExpired);
    }
    done(hsm, &link, Request::Ping);
    assert_eq!(info(hsm, &link).logged_in, Some(role));
    done(hsm, &link, Request::Logout);
    log_in(hsm, &link, role, INITIAL);
    refused(hsm, &link, change(role, INITIAL, INITIAL), Status::PinInvalid);
    refused(hsm, &link, Request::Contents, Status::PinExpired);
    done(hsm, &link, change(role, INITIAL, "co-password"));
    assert_eq!(ask(hsm, &link, Request::Contents), Reply::Objects(Vec::new()));
    assert!(!role_info(hsm, &link, role).password_to_be_changed);
    done(hsm, &link, create(Role::CryptoUser, INITIAL));

    bench.reopen();
    let link = another(&officer);
    refused(&bench.hsm, &link, login(role, INITIAL), Status::PinIncorrect);
    log_in(&bench.hsm, &link, role, "co-password");
    assert_eq!(ask(&bench.hsm, &link, Request::Contents), Reply::Objects(Vec::new()));
}

#[test]
fn an_initial_password_permits_what_says_who_and_where_one_is() {
    let (bench, officer) = Bench::with_officer();
    let hsm = &bench.hsm;
    let (role, id) = (Role::CryptoOfficer, ApplicationId { major: 1, minor: 2 });
    done(hsm, &officer, create(role, INITIAL));
    let first = another(&officer);
    done(hsm, &first, Request::JoinApplication(id));
    log_in(hsm, &first, role, INITIAL);
    // The same application over a second link.
    let second = another(&officer);
    done(hsm, &second, Request::JoinApplication(id));
    for request in [
        Request::OpenApplication(id),
        Request::JoinApplication(ApplicationId { major: 1, minor: 3 }),
        Request::CloseApplication(id),
        Request::Ping,
    ] {
        let shown = format!("{request:?}");
        assert_ne!(ask(hsm, &first, request), Reply::Failed(Status::PinExpired), "{shown}");
    }
    for request in [Request::Describe, Request::DescribeRole { role }, Request::Policies] {
        let reply = ask(hsm, &first, request);
        assert!(!matches!(reply, Reply::Failed(_)), "{reply:?}");
    }
}

#[test]
fn roles_are_created_in_any_order() {
    let (bench, officer) = Bench::with_officer();
    let crypto = add_role(&bench.hsm, &officer, Role::CryptoOfficer, "co-password");
    for role in [Role::CryptoUser, Role::LimitedCryptoOfficer] {
        add_role(&bench.hsm, &crypto, role, "password-of-another");
        assert!(role_info(&bench.hsm, &officer, role).initialized, "{role}");
    }
}

#[test]
fn new_passwords_follow_the_rules() {
    let (bench, officer) = Bench::with_officer();
    let (longest, too_long) = ("x".repeat(255), "x".repeat(256));
    for (text, status) in [
        ("short77", Status::PinLenRange),
        (too_long.as_str(), Status::PinLenRange),
        ("", Status::PinLenRange),
        (" leading1", Status::PinInvalid),
        ("with\"quote", Status::PinInvalid),
    ] {
        refused(&bench.hsm, &officer, create(Role::CryptoOfficer, text), status);
        refused(&bench.hsm, &officer, change(Role::PartitionSo, PO, text), status);
    }
    refused(&bench.hsm, &officer, change(Role::PartitionSo, PO, PO), Status::PinInvalid);
    assert!(!role_info(&bench.hsm, &officer, Role::CryptoOfficer).initialized);
    done(&bench.hsm, &officer, change(Role::PartitionSo, PO, &longest));
    log_in(&bench.hsm, &another(&officer), Role::PartitionSo, &longest);
}

#[test]
fn a_role_changes_its_own_password_only() {
    let (bench, officer) = Bench::with_officer();
    let (role, new) = (Role::CryptoOfficer, "new-password");
    let crypto = add_role(&bench.hsm, &officer, role, "co-password");
    for link in [&officer, &another(&officer)] {
        refused(&bench.hsm, link, change(role, "co-password", new), Status::UserNotLoggedIn);
    }
    refused(&bench.hsm, &crypto, change(Role::PartitionSo, PO, new), Status::UserNotLoggedIn);
    assert_eq!(role_info(&bench.hsm, &officer, role).attempts_left, 10);
}

#[test]
fn a_wrong_old_password_counts() {
    let (bench, officer) = Bench::with_officer();
    let role = Role::CryptoOfficer;
    let crypto = add_role(&bench.hsm, &officer, role, "co-password");
    for left in [9, 8] {
        let request = change(role, "not-the-password", "new-password");
        refused(&bench.hsm, &crypto, request, Status::PinIncorrect);
        assert_eq!(role_info(&bench.hsm, &crypto, role).attempts_left, left);
    }
    done(&bench.hsm, &crypto, change(role, "co-password", "new-password"));
    assert_eq!(role_info(&bench.hsm, &crypto, role).attempts_left, 10);
}

#[test]
fn one_role_a_link() {
    let (bench, officer) = Bench::with_officer();
    let crypto = add_role(&bench.hsm, &officer, Role::CryptoOfficer, "co-password");
    let hsm = &bench.hsm;
    let own = login(Role::PartitionSo, PO);
    refused(hsm, &officer, own.clone(), Status::UserAlreadyLoggedIn);
    let wrong = login(Role::PartitionSo, "not-the-password");
    refused(hsm, &officer, wrong, Status::UserAlreadyLoggedIn);
    refused(hsm, &crypto, own.clone(), Status::UserAnotherAlreadyLoggedIn);
    assert_eq!(role_info(hsm, &officer, Role::PartitionSo).attempts_left, 10);
    done(hsm, &crypto, Request::Logout);
    refused(hsm, &crypto, Request::Logout, Status::UserNotLoggedIn);
    done(hsm, &crypto, own);
    let seen = [&officer, &crypto, &another(&officer)]
        .map(|link| role_info(hsm, link, Role::PartitionSo).logged_in);
    assert_eq!(seen, [true, true, false]);
}

#[test]
fn a_link_is_not_activated_twice() {
    let (bench, officer) = Bench::with_officer();
    let again = Request::Activate { client: crate::hsm_support::client_label(1) };
    refused(&bench.hsm, &officer, again, Status::FunctionRejected);
}
