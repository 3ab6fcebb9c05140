//! Keys that leave wrapped, and come back.

use lunacm::{
    hsm::{Hsm, LinkSession},
    model::{
        Policy, PolicyValue, Request, Status,
        cryptoki::{
            Attribute, AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest, KeyType,
            Mechanism, MechanismType as M, ObjectClass, ObjectHandle, Operation, Template,
        },
    },
};

use crate::support::{S, aes, get, is, made, one_part, pair, partition, perform};

fn kek(hsm: &Hsm, link: &LinkSession, more: Template) -> ObjectHandle {
    let mut template = Template::default().with(A::WRAP, true).with(A::UNWRAP, true);
    for Attribute { kind, value } in more.0 {
        template.set(kind, value);
    }
    aes(hsm, link, template).unwrap()
}

fn wrap(
    hsm: &Hsm,
    link: &LinkSession,
    wrapping_key: ObjectHandle,
    key: ObjectHandle,
) -> Result<Vec<u8>, Status> {
    let mechanism = Mechanism::plain(M::AES_KEY_WRAP_KWP);
    match perform(hsm, link, CryptokiRequest::WrapKey { session: S, mechanism, wrapping_key, key })?
    {
        Some(CryptokiReply::Bytes(bytes)) => Ok(bytes.to_vec()),
        other => panic!("{other:?}"),
    }
}

fn unwrap(
    hsm: &Hsm,
    link: &LinkSession,
    unwrapping_key: ObjectHandle,
    (wrapped, template): (&[u8], Template),
) -> Result<ObjectHandle, Status> {
    let (mechanism, wrapped) = (Mechanism::plain(M::AES_KEY_WRAP_KWP), wrapped.to_vec());
    let session = S;
    let request =
        CryptokiRequest::UnwrapKey { session, mechanism, unwrapping_key, wrapped, template };
    made(perform(hsm, link, request))
}

fn secret() -> Template {
    Template::default().with(A::CLASS, ObjectClass::SECRET_KEY.0).with(A::KEY_TYPE, KeyType::AES.0)
}

#[test]
fn a_key_comes_back_as_it_was() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let kek = kek(hsm, &link, Template::default());
    let key = aes(hsm, &link, Template::default().with(A::EXTRACTABLE, true)).unwrap();
    let wrapped = wrap(hsm, &link, kek, key).unwrap();
    let back = unwrap(hsm, &link, kek, (&wrapped, secret())).unwrap();
    let mac = |key| one_part(hsm, &link, (Operation::Sign, M::AES_CMAC), key, b"data");
    assert_eq!(mac(back).unwrap(), mac(key).unwrap());
    let facts = [A::LOCAL, A::ALWAYS_SENSITIVE, A::NEVER_EXTRACTABLE, A::EXTRACTABLE];
    assert_eq!(facts.map(|kind| is(hsm, &link, back, kind)), [false, false, false, true]);
    let mut altered = wrapped.clone();
    altered[3] ^= 1;
    let refused = unwrap(hsm, &link, kek, (&altered, secret()));
    assert_eq!(refused, Err(Status::WrappedKeyInvalid));
}

#[test]
fn a_key_leaves_only_if_it_may() {
    let (bench, officer, link) = partition();
    let hsm = &bench.hsm;
    let kek = kek(hsm, &link, Template::default());
    let inside = aes(hsm, &link, Template::default()).unwrap();
    assert_eq!(wrap(hsm, &link, kek, inside), Err(Status::KeyUnextractable));
    let extractable = || Template::default().with(A::EXTRACTABLE, true);
    let picky = aes(hsm, &link, extractable().with(A::WRAP_WITH_TRUSTED, true)).unwrap();
    assert_eq!(wrap(hsm, &link, kek, picky), Err(Status::KeyNotWrappable));
    // Private keys do not leave under the policies that partitions begin with.
    let (public, private) = pair(hsm, &link, Template::default(), extractable()).unwrap();
    assert_eq!(wrap(hsm, &link, kek, private), Err(Status::KeyNotWrappable));
    assert_eq!(wrap(hsm, &link, kek, public), Err(Status::KeyNotWrappable));
    let useless = aes(hsm, &link, Template::default()).unwrap();
    assert_eq!(wrap(hsm, &link, useless, picky), Err(Status::KeyFunctionNotPermitted));
    let nothing = ObjectHandle(99);
    assert_eq!(wrap(hsm, &link, nothing, picky), Err(Status::WrappingKeyHandleInvalid));
    let changes = vec![PolicyValue { number: Policy::SecretKeyWrapping.number(), value: 0 }];
    crate::hsm_support::done(hsm, &officer, Request::ChangePolicies { changes, erase: true });
    let plain = aes(hsm, &link, extractable()).unwrap();
    assert_eq!(wrap(hsm, &link, kek, plain), Err(Status::KeyNotWrappable));
}

#[test]
fn templates_of_keys_bind_what_they_wrap() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let signing = AttributeValue::Template(Template::default().with(A::SIGN, true));
    let inside = AttributeValue::Template(Template::default().with(A::EXTRACTABLE, false));
    let demands =
        Template::default().with(A::WRAP_TEMPLATE, signing).with(A::UNWRAP_TEMPLATE, inside);
    let kek = kek(hsm, &link, demands);
    let extractable = || Template::default().with(A::EXTRACTABLE, true);
    let silent = aes(hsm, &link, extractable().with(A::SIGN, false)).unwrap();
    assert_eq!(wrap(hsm, &link, kek, silent), Err(Status::KeyHandleInvalid));
    let signer = aes(hsm, &link, extractable()).unwrap();
    let wrapped = wrap(hsm, &link, kek, signer).unwrap();
    let contrary = unwrap(hsm, &link, kek, (&wrapped, secret().with(A::EXTRACTABLE, true)));
    assert_eq!(contrary, Err(Status::TemplateInconsistent));
    let back = unwrap(hsm, &link, kek, (&wrapped, secret())).unwrap();
    assert!(!is(hsm, &link, back, A::EXTRACTABLE));
    let wrong = unwrap(hsm, &link, kek, (&wrapped, secret().with(A::VALUE_LEN, 16)));
    assert_eq!(wrong, Err(Status::TemplateInconsistent));
    let _ = get(hsm, &link, back, A::VALUE_LEN);
}

#[test]
fn what_is_concatenated_is_kept_as_well_as_its_base() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let base = aes(hsm, &link, Template::default().with(A::DERIVE, true)).unwrap();
    let data = lunacm::model::cryptoki::Parameters::Data(zeroize::Zeroizing::new(vec![1; 16]));
    let derive = |template| {
        let mechanism = M::CONCATENATE_BASE_AND_DATA;
        let mechanism = Mechanism { mechanism, parameters: data.clone() };
        let request =
            CryptokiRequest::DeriveKey { session: S, mechanism, base_key: base, template };
        made(perform(hsm, &link, request))
    };
    let open = Template::default().with(A::SENSITIVE, false);
    assert_eq!(derive(open), Err(Status::TemplateInconsistent));
    let open = Template::default().with(A::EXTRACTABLE, true);
    assert_eq!(derive(open), Err(Status::TemplateInconsistent));
    let derived = derive(Template::default()).unwrap();
    assert!(is(hsm, &link, derived, A::SENSITIVE) && is(hsm, &link, derived, A::ALWAYS_SENSITIVE));
    assert_eq!(get(hsm, &link, derived, A::VALUE), Err(Status::AttributeSensitive));
}
