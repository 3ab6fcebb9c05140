//! Rights that end while something is under way: what was begun under them does not land.

use std::{thread, time::Duration};

use lunacm::{
    crypto::CertificateHash,
    hsm::{Hsm, LinkSession},
    model::{
        ApplicationId, PolicyValue, Reply, Request, Role, Status,
        cryptoki::{
            AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest, Mechanism,
            MechanismType as M, SessionId, Template,
        },
    },
};

use crate::{
    hsm_support::{
        Bench, PO, SO, add_role, another, change, client_key, client_label, deregister, done, info,
        label, log_in, login, password, refused, register, reset,
    },
    transfer::{contents, open},
};

const CO: &str = "co-password";
const CU: &str = "cu-password";

/// A pair that takes a while.
fn slow_pair(token: bool) -> Request {
    let template = || Template::default().with(A::TOKEN, token);
    let public = template()
        .with(A::MODULUS_BITS, 4096)
        .with(A::PUBLIC_EXPONENT, AttributeValue::bytes([1, 0, 1]));
    Request::Cryptoki(CryptokiRequest::GenerateKeyPair {
        session: SessionId(1),
        mechanism: Mechanism::plain(M::RSA_PKCS_KEY_PAIR_GEN),
        public,
        private: template(),
    })
}

/// What comes of a slow request if this happens while it is under way.
fn meanwhile(hsm: &Hsm, link: &LinkSession, request: &Request, act: impl Fn()) -> Reply {
    thread::scope(|scope| {
        let begun = scope.spawn(|| hsm.perform(link, request.clone()).0);
        thread::sleep(Duration::from_millis(30));
        act();
        begun.join().unwrap()
    })
}

/// A partition with its Partition SO, its Crypto Officer with a session, and a second client.
fn partition() -> (Bench, LinkSession, LinkSession) {
    let (bench, officer) = Bench::with_officer();
    done(&bench.hsm, &officer, register(2));
    let made = add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    done(&bench.hsm, &made, Request::Logout);
    let crypto = LinkSession::new(officer.serial(), client_key(2));
    log_in(&bench.hsm, &crypto, Role::CryptoOfficer, CO);
    open(&bench.hsm, &crypto);
    (bench, officer, crypto)
}

/// Tries again while the request was faster than what was to happen meanwhile.
fn caught(status: Status, attempt: impl Fn() -> Reply) {
    for _ in 0..8 {
        match attempt() {
            Reply::Cryptoki(CryptokiReply::KeyPair { .. }) => {}
            reply => return assert_eq!(reply, Reply::Failed(status)),
        }
    }
    panic!("what was begun lands each time");
}

/// The Crypto Officer's slow request comes to nothing if `act` happens meanwhile.
fn nothing_lands(
    status: Status,
    act: impl Fn(&Bench, &LinkSession, &LinkSession),
    left: impl Fn(&Bench, &LinkSession) -> usize,
) {
    caught(status, || {
        let (bench, officer, crypto) = partition();
        let slow = slow_pair(true);
        let reply = meanwhile(&bench.hsm, &crypto, &slow, || act(&bench, &officer, &crypto));
        if matches!(reply, Reply::Failed(_)) {
            assert_eq!(left(&bench, &officer), 0);
        }
        assert_eq!(bench.hsm.check_audit().unwrap().broken, None);
        reply
    });
}

fn stored(bench: &Bench, _: &LinkSession) -> usize {
    bench.hsm.partitions().unwrap().iter().map(|one| usize::try_from(one.objects).unwrap()).sum()
}

#[test]
fn what_a_deregistered_client_had_begun_does_not_land() {
    let act = |bench: &Bench, officer: &LinkSession, _: &LinkSession| {
        assert_eq!(bench.hsm.perform(officer, deregister(2)).0, Reply::Done);
    };
    nothing_lands(Status::StcSessionInvalid, act, stored);
}

#[test]
fn what_a_client_by_certificate_had_begun_does_not_land() {
    caught(Status::StcSessionInvalid, revoked_meanwhile);
}

fn revoked_meanwhile() -> Reply {
    let (bench, officer, _) = partition();
    let certificate = vec![9; 100];
    let host = "host9".parse().unwrap();
    bench.hsm.register_ntls_client(client_label(9), host, certificate.clone()).unwrap();
    bench.hsm.assign_partition(&client_label(9), &label("par0")).unwrap();
    let link = LinkSession::new(officer.serial(), CertificateHash::of(&certificate));
    log_in(&bench.hsm, &link, Role::CryptoOfficer, CO);
    open(&bench.hsm, &link);
    let reply = meanwhile(&bench.hsm, &link, &slow_pair(true), || {
        bench.hsm.revoke_partition(&client_label(9), &label("par0")).unwrap();
    });
    if matches!(reply, Reply::Failed(_)) {
        assert_eq!(stored(&bench, &officer), 0);
    }
    reply
}

#[test]
fn what_was_begun_before_a_logout_does_not_land() {
    let act = |bench: &Bench, _: &LinkSession, crypto: &LinkSession| {
        done(&bench.hsm, crypto, Request::Logout);
        log_in(&bench.hsm, crypto, Role::CryptoOfficer, CO);
    };
    nothing_lands(Status::UserNotLoggedIn, act, stored);
}

#[test]
fn what_was_begun_under_a_password_that_is_changed_does_not_land() {
    let act = |bench: &Bench, officer: &LinkSession, _: &LinkSession| {
        let link = another(officer);
        log_in(&bench.hsm, &link, Role::CryptoOfficer, CO);
        done(&bench.hsm, &link, change(Role::CryptoOfficer, CO, "new-co-password"));
    };
    nothing_lands(Status::UserNotLoggedIn, act, stored);
}

#[test]
fn what_was_begun_before_others_were_logged_out_does_not_land() {
    let act = |bench: &Bench, officer: &LinkSession, _: &LinkSession| {
        done(&bench.hsm, officer, Request::LogOutOthers { role: Role::CryptoOfficer });
    };
    nothing_lands(Status::UserNotLoggedIn, act, stored);
}

#[test]
fn what_was_begun_under_other_policies_does_not_land() {
    let act = |bench: &Bench, officer: &LinkSession, _: &LinkSession| {
        let changes = vec![PolicyValue { number: 28, value: 0 }];
        done(&bench.hsm, officer, Request::ChangePolicies { changes, erase: true });
    };
    nothing_lands(Status::FunctionCanceled, act, stored);
}

#[test]
fn what_was_begun_before_a_zeroization_does_not_land() {
    let act = |bench: &Bench, officer: &LinkSession, _: &LinkSession| {
        for _ in 0..10 {
            bench.hsm.perform(&another(officer), login(Role::PartitionSo, "not-the-password"));
        }
        assert_eq!(bench.hsm.partitions().unwrap()[0].label, None);
    };
    nothing_lands(Status::StcSessionInvalid, act, stored);
}

#[test]
fn what_was_begun_before_an_initialization_does_not_land() {
    let act = |bench: &Bench, officer: &LinkSession, _: &LinkSession| {
        crate::hsm_support::initialize(&bench.hsm, officer);
    };
    nothing_lands(Status::UserNotLoggedIn, act, stored);
}

#[test]
fn what_was_begun_on_a_deleted_partition_does_not_land() {
    let act = |bench: &Bench, _: &LinkSession, _: &LinkSession| {
        bench.hsm.delete_partition(&bench.admin, &label("par0")).unwrap();
        // Another of the same name is another one.
        bench.create("par0");
    };
    nothing_lands(Status::TokenNotPresent, act, stored);
}

#[test]
fn a_session_object_of_an_ended_login_is_nobodys() {
    caught(Status::UserNotLoggedIn, another_role_meanwhile);
}

fn another_role_meanwhile() -> Reply {
    let (bench, officer, crypto) = partition();
    add_role(&bench.hsm, &second(&bench, &officer), Role::CryptoUser, CU);
    let reply = meanwhile(&bench.hsm, &crypto, &slow_pair(false), || {
        done(&bench.hsm, &crypto, Request::Logout);
        log_in(&bench.hsm, &crypto, Role::CryptoUser, CU);
    });
    if !matches!(reply, Reply::Failed(_)) {
        return reply;
    }
    let all = CryptokiRequest::FindObjects {
        session: SessionId(1),
        template: Template::default(),
        after: None,
        limit: 10,
    };
    let found = format!("{:?}", bench.hsm.perform(&crypto, Request::Cryptoki(all)).0);
    assert!(found.contains("[]"), "{found}");
    assert_eq!(contents(&bench.hsm, &crypto).len(), 0);
    reply
}

/// The Crypto Officer over another link.
fn second(bench: &Bench, officer: &LinkSession) -> LinkSession {
    let link = another(officer);
    log_in(&bench.hsm, &link, Role::CryptoOfficer, CO);
    link
}

#[test]
fn a_changed_password_ends_the_other_logins_of_its_role_only() {
    let (bench, officer, crypto) = partition();
    let hsm = &bench.hsm;
    let user = add_role(hsm, &crypto, Role::CryptoUser, CU);
    let other = second(&bench, &officer);
    let application = another(&officer);
    done(hsm, &application, Request::JoinApplication(ApplicationId { major: 7, minor: 1 }));
    log_in(hsm, &application, Role::CryptoOfficer, CO);
    let joined = another(&officer);
    done(hsm, &joined, Request::JoinApplication(ApplicationId { major: 7, minor: 1 }));
    assert_eq!(info(hsm, &joined).logged_in, Some(Role::CryptoOfficer));
    done(hsm, &crypto, change(Role::CryptoOfficer, CO, "new-co-password"));
    assert_eq!(info(hsm, &crypto).logged_in, Some(Role::CryptoOfficer));
    for link in [&other, &application, &joined] {
        assert_eq!(info(hsm, link).logged_in, None);
        refused(hsm, link, Request::Contents, Status::UserNotLoggedIn);
    }
    assert_eq!(info(hsm, &user).logged_in, Some(Role::CryptoUser));
    assert_eq!(info(hsm, &officer).logged_in, Some(Role::PartitionSo));
    // The login that has changed it goes on, with the new password.
    done(hsm, &crypto, change(Role::CryptoOfficer, "new-co-password", CO));
    done(hsm, &crypto, reset(Role::CryptoUser, "new-cu-password"));
    assert_eq!(info(hsm, &user).logged_in, None);
    assert_eq!(info(hsm, &crypto).logged_in, Some(Role::CryptoOfficer));
}

#[test]
fn a_shared_login_that_changes_its_password_goes_on_for_all_who_share_it() {
    let (bench, officer, _) = partition();
    let hsm = &bench.hsm;
    let links = [another(&officer), another(&officer)];
    for link in &links {
        done(hsm, link, Request::JoinApplication(ApplicationId { major: 9, minor: 1 }));
    }
    log_in(hsm, &links[0], Role::CryptoOfficer, CO);
    done(hsm, &links[1], change(Role::CryptoOfficer, CO, "new-co-password"));
    for link in &links {
        assert_eq!(info(hsm, link).logged_in, Some(Role::CryptoOfficer));
    }
}

#[test]
fn the_partition_so_changes_its_password_and_is_the_only_one_left() {
    let (bench, officer, crypto) = partition();
    let hsm = &bench.hsm;
    let other = another(&officer);
    log_in(hsm, &other, Role::PartitionSo, PO);
    done(hsm, &other, change(Role::PartitionSo, PO, "new-po-password"));
    assert_eq!(info(hsm, &officer).logged_in, None);
    assert_eq!(info(hsm, &crypto).logged_in, Some(Role::CryptoOfficer));
    // And its keys are with the new password.
    crate::hsm_support::initialize(hsm, &other);
}

#[test]
fn the_hsm_sos_changed_password_ends_its_other_logins() {
    let bench = Bench::initialized();
    let other = lunacm::hsm::AdminSession::new();
    bench.hsm.login(&other, &password(SO)).unwrap();
    bench.hsm.change_officer_password(&other, &password(SO), &password("new-so-password")).unwrap();
    assert!(bench.hsm.describe(&other).unwrap().logged_in);
    assert!(!bench.hsm.describe(&bench.admin).unwrap().logged_in);
    let refused = bench.hsm.create_partition(
        &bench.admin,
        &label("par0"),
        lunacm::model::StorageSize::Default,
    );
    assert_eq!(refused, Err(Status::UserNotLoggedIn));
}
