//! Which role may do what, and what policies leave of it.

use lunacm::{
    hsm::{Hsm, LinkSession},
    model::{
        Policy, PolicyValue, Request, Role, Status,
        cryptoki::{
            AttributeType as A, CryptokiReply, CryptokiRequest, MechanismType as M, Template,
        },
    },
};

use crate::{
    hsm_support::{PO, add_role, done, log_in},
    support::{
        S, aes, application, copy, create, data, destroy, find, get, imported, is, labelled, open,
        pair, partition, perform, set, sign, token,
    },
};

/// Changes a policy as the Partition SO.
fn decide(hsm: &Hsm, officer: &LinkSession, policy: Policy, value: u8) {
    let changes = vec![PolicyValue { number: policy.number(), value }];
    done(hsm, officer, Request::ChangePolicies { changes, erase: true });
}

#[test]
fn without_a_login_there_are_public_objects_only() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let key = aes(hsm, &link, token()).unwrap();
    let public = create(hsm, &link, data("public").with(A::TOKEN, true)).unwrap();
    let nobody = application(hsm, &link);
    assert_eq!(find(hsm, &nobody, Template::default()), [public]);
    assert_eq!(get(hsm, &nobody, key, A::LABEL), Err(Status::ObjectHandleInvalid));
    assert_eq!(destroy(hsm, &nobody, key), Err(Status::ObjectHandleInvalid));
    assert_eq!(aes(hsm, &nobody, Template::default()), Err(Status::UserNotLoggedIn));
    let private = data("private").with(A::PRIVATE, true);
    assert_eq!(create(hsm, &nobody, private), Err(Status::UserNotLoggedIn));
    create(hsm, &nobody, data("another").with(A::TOKEN, true)).unwrap();
}

#[test]
fn the_crypto_user_uses_keys_and_manages_none() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let (_, key) = pair(hsm, &link, token(), token()).unwrap();
    let user = add_role(hsm, &link, Role::CryptoUser, "cu-password");
    open(hsm, &user, S);
    sign(hsm, &user, key).unwrap();
    assert_eq!(aes(hsm, &user, token()), Err(Status::UserNotLoggedIn));
    assert_eq!(create(hsm, &user, imported(&[7; 16])), Err(Status::UserNotLoggedIn));
    assert_eq!(set(hsm, &user, key, labelled("mine")), Err(Status::UserNotLoggedIn));
    assert_eq!(copy(hsm, &user, key, Template::default()), Err(Status::UserNotLoggedIn));
    assert_eq!(destroy(hsm, &user, key), Err(Status::UserNotLoggedIn));
    let public = create(hsm, &user, data("note").with(A::TOKEN, true)).unwrap();
    destroy(hsm, &user, public).unwrap();
}

#[test]
fn the_limited_officer_makes_keys_and_destroys_none() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let limited = add_role(hsm, &link, Role::LimitedCryptoOfficer, "lco-password");
    open(hsm, &limited, S);
    let key = aes(hsm, &limited, token()).unwrap();
    assert_eq!(set(hsm, &limited, key, labelled("mine")), Err(Status::UserNotLoggedIn));
    assert_eq!(destroy(hsm, &limited, key), Err(Status::UserNotLoggedIn));
    let own = aes(hsm, &limited, Template::default()).unwrap();
    destroy(hsm, &limited, own).unwrap();
    destroy(hsm, &link, key).unwrap();
}

#[test]
fn the_partition_so_trusts_and_sees_no_keys() {
    let (bench, officer, link) = partition();
    let hsm = &bench.hsm;
    let (public, private) = pair(hsm, &link, token(), token()).unwrap();
    open(hsm, &officer, S);
    assert_eq!(find(hsm, &officer, Template::default()), [public]);
    assert_eq!(get(hsm, &officer, private, A::LABEL), Err(Status::ObjectHandleInvalid));
    assert_eq!(aes(hsm, &officer, token()), Err(Status::UserNotLoggedIn));
    let trusted = || Template::default().with(A::TRUSTED, true);
    assert_eq!(set(hsm, &link, public, trusted()), Err(Status::AttributeReadOnly));
    set(hsm, &officer, public, trusted()).unwrap();
    assert!(is(hsm, &link, public, A::TRUSTED));
}

#[test]
fn an_initial_password_permits_no_keys() {
    let (bench, officer, link) = partition();
    let hsm = &bench.hsm;
    done(hsm, &link, crate::hsm_support::create(Role::CryptoUser, "initial-password"));
    let user = application(hsm, &officer);
    log_in(hsm, &user, Role::CryptoUser, "initial-password");
    let request = CryptokiRequest::CreateObject { session: S, template: data("d") };
    assert_eq!(perform(hsm, &user, request), Err(Status::PinExpired));
    perform(hsm, &user, CryptokiRequest::Random { bytes: 16 }).unwrap();
}

#[test]
fn policies_are_in_force() {
    let (bench, officer, link) = partition();
    let hsm = &bench.hsm;
    let key = aes(hsm, &link, token()).unwrap();
    decide(hsm, &officer, Policy::ChangingKeyAttributes, 0);
    assert_eq!(set(hsm, &link, key, labelled("x")), Err(Status::AttributeReadOnly));
    decide(hsm, &officer, Policy::KeyManagement, 0);
    assert_eq!(aes(hsm, &link, token()), Err(Status::MechanismInvalid));
    // Back on it is destructive: the objects go, the roles stay.
    decide(hsm, &officer, Policy::KeyManagement, 1);
    assert_eq!(find(hsm, &link, Template::default()), []);
    decide(hsm, &officer, Policy::MultipurposeKeys, 0);
    assert_eq!(aes(hsm, &link, token()), Err(Status::TemplateInconsistent));
    let single = token().with(A::SIGN, false).with(A::VERIFY, false);
    aes(hsm, &link, single).unwrap();
}

#[test]
fn mechanisms_are_listed_under_the_policies() {
    let (bench, officer, link) = partition();
    let hsm = &bench.hsm;
    let listed = |wanted: M| match perform(hsm, &link, CryptokiRequest::Mechanisms) {
        Ok(Some(CryptokiReply::Mechanisms(all))) => all.iter().any(|one| one.mechanism == wanted),
        other => panic!("{other:?}"),
    };
    assert!(listed(M::RSA_PKCS) && !listed(M::RSA_X_509) && listed(M::AES_GCM));
    decide(hsm, &officer, Policy::RawRsa, 1);
    assert!(listed(M::RSA_X_509));
    decide(hsm, &officer, Policy::RsaPkcs, 0);
    decide(hsm, &officer, Policy::RawRsa, 0);
    assert!(!listed(M::RSA_PKCS) && !listed(M::RSA_X_509) && listed(M::AES_GCM));
}

#[test]
fn a_repeated_initialization_leaves_nothing() {
    let (bench, officer, link) = partition();
    let hsm = &bench.hsm;
    let public = create(hsm, &link, data("public").with(A::TOKEN, true)).unwrap();
    aes(hsm, &link, token()).unwrap();
    crate::hsm_support::initialize(hsm, &officer);
    let fresh = application(hsm, &officer);
    assert_eq!(find(hsm, &fresh, Template::default()), []);
    assert_eq!(get(hsm, &fresh, public, A::LABEL), Err(Status::ObjectHandleInvalid));
    let info = crate::hsm_support::info(hsm, &fresh);
    assert_eq!((info.objects, info.used_storage), (0, lunacm::model::CLIENT_IDENTITY_BYTES));
    let _ = PO;
}
