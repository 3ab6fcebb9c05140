//! Logins that links of one application share.

use lunacm::{
    hsm::{Hsm, LinkSession},
    model::{ApplicationId, Request, Role, Status},
};

use crate::hsm_support::{
    Bench, PO, add_role, another, ask, client_key, deregister, done, info, log_in, refused,
    register,
};

const ID: ApplicationId = ApplicationId { major: 1, minor: 40 };
const CO: &str = "co-password";

fn joined(hsm: &Hsm, link: &LinkSession) -> LinkSession {
    let link = another(link);
    done(hsm, &link, Request::JoinApplication(ID));
    link
}

fn role(hsm: &Hsm, link: &LinkSession) -> Option<Role> {
    info(hsm, link).logged_in
}

/// A partition with a Crypto Officer, over two links of one application.
fn bench() -> (Bench, LinkSession, LinkSession, LinkSession) {
    let (bench, officer) = Bench::with_officer();
    add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    let (one, two) = (joined(&bench.hsm, &officer), joined(&bench.hsm, &officer));
    (bench, officer, one, two)
}

#[test]
fn a_login_over_one_link_is_the_others_too() {
    let (bench, officer, one, two) = bench();
    let hsm = &bench.hsm;
    log_in(hsm, &one, Role::CryptoOfficer, CO);
    assert_eq!(role(hsm, &two), Some(Role::CryptoOfficer));
    refused(
        hsm,
        &two,
        Request::Login { role: Role::CryptoOfficer, password: crate::hsm_support::password(CO) },
        Status::UserAlreadyLoggedIn,
    );
    ask(hsm, &two, Request::Contents);
    // A link of its own, and one of another application, know nothing of it.
    assert_eq!(role(hsm, &officer), Some(Role::PartitionSo));
    assert_eq!(role(hsm, &another(&officer)), None);
    let other = another(&officer);
    done(hsm, &other, Request::JoinApplication(ApplicationId { major: 1, minor: 41 }));
    assert_eq!(role(hsm, &other), None);
    done(hsm, &two, Request::Logout);
    assert_eq!(role(hsm, &one), None);
    refused(hsm, &one, Request::Contents, Status::UserNotLoggedIn);
}

#[test]
fn another_client_shares_nothing() {
    let (bench, officer, one, _) = bench();
    let hsm = &bench.hsm;
    done(hsm, &officer, register(2));
    log_in(hsm, &one, Role::CryptoOfficer, CO);
    let stranger = LinkSession::new(one.serial(), client_key(2));
    done(hsm, &stranger, Request::JoinApplication(ID));
    assert_eq!(role(hsm, &stranger), None);
}

#[test]
fn a_login_ends_with_the_last_link_unless_it_is_open() {
    let (bench, officer, one, two) = bench();
    let hsm = &bench.hsm;
    log_in(hsm, &one, Role::CryptoOfficer, CO);
    drop(one);
    assert_eq!(role(hsm, &two), Some(Role::CryptoOfficer));
    drop(two);
    let again = joined(hsm, &officer);
    assert_eq!(role(hsm, &again), None);
    done(hsm, &again, Request::OpenApplication(ID));
    log_in(hsm, &again, Role::CryptoOfficer, CO);
    drop(again);
    let later = joined(hsm, &officer);
    assert_eq!(role(hsm, &later), Some(Role::CryptoOfficer));
    done(hsm, &officer, Request::CloseApplication(ID));
    assert_eq!(role(hsm, &later), None);
    drop(later);
    refused(hsm, &officer, Request::CloseApplication(ID), Status::ObjectHandleInvalid);
}

#[test]
fn a_client_that_goes_leaves_no_login_behind() {
    let (bench, officer, _, _) = bench();
    let hsm = &bench.hsm;
    done(hsm, &officer, register(2));
    let second = LinkSession::new(officer.serial(), client_key(2));
    done(hsm, &second, Request::OpenApplication(ID));
    done(hsm, &second, Request::JoinApplication(ID));
    log_in(hsm, &second, Role::PartitionSo, PO);
    drop(second);
    hsm.perform(&officer, deregister(2));
    done(hsm, &officer, register(2));
    let again = LinkSession::new(officer.serial(), client_key(2));
    done(hsm, &again, Request::JoinApplication(ID));
    assert_eq!(role(hsm, &again), None);
}

#[test]
fn a_link_shares_one_login_for_its_life() {
    let (bench, officer, one, _) = bench();
    let hsm = &bench.hsm;
    refused(hsm, &officer, Request::JoinApplication(ID), Status::UserAlreadyLoggedIn);
    refused(hsm, &one, Request::JoinApplication(ID), Status::FunctionRejected);
    for minor in 0..63 {
        let id = ApplicationId { major: 7, minor };
        done(hsm, &officer, Request::OpenApplication(id));
    }
    let id = ApplicationId { major: 8, minor: 0 };
    refused(hsm, &officer, Request::OpenApplication(id), Status::SessionCount);
}
