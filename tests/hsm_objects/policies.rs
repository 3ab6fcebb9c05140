//! Policies about keys: for each what is refused with it, and what goes on beside.

use lunacm::{
    hsm::{Hsm, LinkSession, mechanism},
    model::{
        Policy, PolicyValue, Request, Status,
        cryptoki::{
            AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest, KeyType, Mechanism,
            MechanismType as M, ObjectClass, Operation, Template,
        },
    },
};

use crate::{
    hsm_support::done,
    support::{
        P256, S, aes, create, generate, made, one_part, pair, partition, perform, set, sign,
    },
};

/// Changes a policy as the Partition SO.
pub fn turn(hsm: &Hsm, officer: &LinkSession, policy: Policy, value: u8) {
    let changes = vec![PolicyValue { number: policy.number(), value }];
    done(hsm, officer, Request::ChangePolicies { changes, erase: true });
}

fn dated() -> Template {
    Template::default().with(A::START_DATE, AttributeValue::bytes(*b"20260131"))
}

#[test]
fn policy_39_permits_dates() {
    let (bench, officer, link) = partition();
    let hsm = &bench.hsm;
    assert_eq!(aes(hsm, &link, dated()), Err(Status::AttributeValueInvalid));
    let empty = Template::default().with(A::END_DATE, AttributeValue::bytes([]));
    aes(hsm, &link, empty).unwrap();
    let plain = aes(hsm, &link, Template::default()).unwrap();
    assert_eq!(set(hsm, &link, plain, dated()), Err(Status::AttributeValueInvalid));
    turn(hsm, &officer, Policy::KeyDates, 1);
    aes(hsm, &link, dated()).unwrap();
    let later = dated().with(A::END_DATE, AttributeValue::bytes(*b"20270131"));
    aes(hsm, &link, later).unwrap();
}

#[test]
fn policies_2_and_6_permit_unwrapping() {
    let (bench, officer, link) = partition();
    let hsm = &bench.hsm;
    turn(hsm, &officer, Policy::PrivateKeyCloning, 0);
    turn(hsm, &officer, Policy::PrivateKeyWrapping, 1);
    let wrapping = || Template::default().with(A::WRAP, true).with(A::UNWRAP, true);
    let kek = aes(hsm, &link, wrapping()).unwrap();
    let out = Template::default().with(A::EXTRACTABLE, true);
    let secret = aes(hsm, &link, out.clone()).unwrap();
    let (_, private) = pair(hsm, &link, Template::default(), out).unwrap();
    let mechanism = || Mechanism::plain(M::AES_KEY_WRAP_KWP);
    let wrap = |key| {
        let request =
            CryptokiRequest::WrapKey { session: S, mechanism: mechanism(), wrapping_key: kek, key };
        match perform(hsm, &link, request) {
            Ok(Some(CryptokiReply::Bytes(bytes))) => bytes.to_vec(),
            other => panic!("{other:?}"),
        }
    };
    let kinds = [
        (wrap(secret), ObjectClass::SECRET_KEY, KeyType::AES, Policy::SecretKeyUnwrapping),
        (wrap(private), ObjectClass::PRIVATE_KEY, KeyType::EC, Policy::PrivateKeyUnwrapping),
    ];
    let unwrap = |wrapped: &[u8], class: ObjectClass, kind: KeyType| {
        let template = Template::default().with(A::CLASS, class.0).with(A::KEY_TYPE, kind.0);
        let (wrapped, mechanism) = (wrapped.to_vec(), mechanism());
        let unwrapping_key = kek;
        let request =
            CryptokiRequest::UnwrapKey { session: S, mechanism, unwrapping_key, wrapped, template };
        made(perform(hsm, &link, request)).map(drop)
    };
    for (_, _, _, policy) in &kinds {
        for (wrapped, class, kind, _) in &kinds {
            assert_eq!(unwrap(wrapped, *class, *kind), Ok(()), "{class}");
        }
        turn(hsm, &officer, *policy, 0);
        for (wrapped, class, kind, own) in &kinds {
            let expected = if own == policy { Err(Status::FunctionNotSupported) } else { Ok(()) };
            assert_eq!(unwrap(wrapped, *class, *kind), expected, "{class}");
        }
        turn(hsm, &officer, *policy, 1);
    }
}

#[test]
fn policy_17_permits_signatures_with_keys_from_elsewhere() {
    let (bench, officer, link) = partition();
    let hsm = &bench.hsm;
    let (_, own) = pair(hsm, &link, Template::default(), Template::default()).unwrap();
    let foreign = Template::default()
        .with(A::CLASS, ObjectClass::PRIVATE_KEY.0)
        .with(A::KEY_TYPE, KeyType::EC.0)
        .with(A::EC_PARAMS, AttributeValue::bytes(P256))
        .with(A::VALUE, AttributeValue::bytes([7; 32]));
    let foreign = create(hsm, &link, foreign).unwrap();
    sign(hsm, &link, foreign).unwrap();
    turn(hsm, &officer, Policy::NonLocalKeySigning, 0);
    assert_eq!(sign(hsm, &link, foreign), Err(Status::KeyFunctionNotPermitted));
    sign(hsm, &link, own).unwrap();
    // Secret keys from elsewhere make codes, and what is no signature is not concerned.
    let secret = create(hsm, &link, crate::support::imported(&[7; 16])).unwrap();
    one_part(hsm, &link, (Operation::Sign, M::AES_CMAC), secret, b"data").unwrap();
    one_part(hsm, &link, (Operation::Encrypt, M::AES_ECB), secret, &[0; 16]).unwrap();
}

#[test]
fn policy_28_permits_keys_to_be_made() {
    let (bench, officer, link) = partition();
    let hsm = &bench.hsm;
    turn(hsm, &officer, Policy::KeyManagement, 0);
    assert_eq!(aes(hsm, &link, Template::default()), Err(Status::MechanismInvalid));
    let refused = pair(hsm, &link, Template::default(), Template::default());
    assert_eq!(refused, Err(Status::MechanismInvalid));
    turn(hsm, &officer, Policy::KeyManagement, 1);
    aes(hsm, &link, Template::default()).unwrap();
    pair(hsm, &link, Template::default(), Template::default()).unwrap();
}

/// What FIPS 140-3 does not approve of our mechanisms.
const NOT_APPROVED: [M; 13] = [
    M::RSA_X_509,
    M::RSA_PKCS,
    M::SHA1_RSA_PKCS,
    M::SHA1_RSA_PKCS_PSS,
    M::ECDSA_SHA1,
    M::CHACHA20_KEY_GEN,
    M::CHACHA20_POLY1305,
    M::CONCATENATE_BASE_AND_DATA,
    M::CONCATENATE_DATA_AND_BASE,
    M::CONCATENATE_BASE_AND_KEY,
    M::XOR_BASE_AND_DATA,
    M::AES_ECB_ENCRYPT_DATA,
    M::AES_CBC_ENCRYPT_DATA,
];

#[test]
fn policy_43_permits_what_fips_does_not_approve() {
    let (bench, officer, link) = partition();
    let hsm = &bench.hsm;
    let listed = || match perform(hsm, &link, CryptokiRequest::Mechanisms) {
        Ok(Some(CryptokiReply::Mechanisms(all))) => {
            all.iter().map(|one| one.mechanism).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    // RSA has policies of its own.
    let own = [M::RSA_X_509, M::RSA_PKCS];
    turn(hsm, &officer, Policy::RawRsa, 1);
    assert_eq!(listed().len(), mechanism::info().len());
    turn(hsm, &officer, Policy::NonFipsAlgorithms, 0);
    let left = listed();
    for info in mechanism::info() {
        let gone = NOT_APPROVED.contains(&info.mechanism) && !own.contains(&info.mechanism);
        assert_eq!(left.contains(&info.mechanism), !gone, "{}", info.mechanism);
    }
    let refused = generate(hsm, &link, M::CHACHA20_KEY_GEN, Template::default());
    assert_eq!(refused, Err(Status::MechanismInvalid));
    let (_, key) = pair(hsm, &link, Template::default(), Template::default()).unwrap();
    let refused = one_part(hsm, &link, (Operation::Sign, M::ECDSA_SHA1), key, b"data");
    assert_eq!(refused, Err(Status::MechanismInvalid));
    sign(hsm, &link, key).unwrap();
}
