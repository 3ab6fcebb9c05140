//! Keys that leave wrapped, and come back.

use lunacm::{
    hsm::{Hsm, LinkSession},
    model::{
        Policy, PolicyValue, Request, Status,
        cryptoki::{
            Attribute, AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest, GcmLike,
            KeyType, Mechanism, MechanismType as M, ObjectClass, ObjectHandle, Operation,
            Parameters, Template,
        },
    },
};

use crate::support::{CO, S, aes, get, is, made, one_part, pair, partition, perform};

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
fn an_unwrapped_key_is_read_by_nobody_unless_its_key_says_so() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let readable = || secret().with(A::SENSITIVE, false);
    let key = aes(hsm, &link, Template::default().with(A::EXTRACTABLE, true)).unwrap();
    let consent = AttributeValue::Template(Template::default().with(A::SENSITIVE, false));
    let template =
        |consent: &AttributeValue| Template::default().with(A::UNWRAP_TEMPLATE, consent.clone());
    for (more, outcome) in [
        (Template::default(), Err(Status::TemplateInconsistent)),
        (Template::default().with(A::SENSITIVE, false), Err(Status::TemplateInconsistent)),
        (template(&consent), Ok(())),
        (Template::default().with(A::SENSITIVE, false).with(A::EXTRACTABLE, true), Ok(())),
    ] {
        let kek = kek(hsm, &link, more.clone());
        let wrapped = wrap(hsm, &link, kek, key).unwrap();
        let back = unwrap(hsm, &link, kek, (&wrapped, readable()));
        assert_eq!(back.map(drop), outcome, "{more:?}");
        let open = secret().with(A::PRIVATE, false);
        let back = unwrap(hsm, &link, kek, (&wrapped, open));
        assert_eq!(back, Err(Status::TemplateInconsistent), "{more:?}");
    }
    let absent = ObjectHandle(99);
    let refused = unwrap(hsm, &link, absent, (&[1; 24], secret()));
    assert_eq!(refused, Err(Status::UnwrappingKeyHandleInvalid));
}

fn gcm(nonce: &[u8]) -> Mechanism {
    let inner = GcmLike { nonce: nonce.to_vec(), associated: Vec::new(), tag_bits: 128 };
    Mechanism { mechanism: M::AES_GCM, parameters: Parameters::Gcm(inner) }
}

fn ccm(nonce: &[u8]) -> Mechanism {
    let inner = GcmLike { nonce: nonce.to_vec(), associated: Vec::new(), tag_bits: 128 };
    Mechanism { mechanism: M::AES_CCM, parameters: Parameters::Ccm { data_bytes: 32, inner } }
}

#[test]
fn nonces_of_wraps_are_drawn_and_travel_along() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let kek = kek(hsm, &link, Template::default());
    let key = aes(hsm, &link, Template::default().with(A::EXTRACTABLE, true)).unwrap();
    let mac = |key| one_part(hsm, &link, (Operation::Sign, M::AES_CMAC), key, b"data");
    let wrap = |mechanism: Mechanism| {
        let request = CryptokiRequest::WrapKey { session: S, mechanism, wrapping_key: kek, key };
        match perform(hsm, &link, request)? {
            Some(CryptokiReply::Bytes(bytes)) => Ok(bytes.to_vec()),
            other => panic!("{other:?}"),
        }
    };
    let unwrap = |mechanism: Mechanism, wrapped: &[u8]| {
        let (wrapped, template) = (wrapped.to_vec(), secret());
        let unwrapping_key = kek;
        let request =
            CryptokiRequest::UnwrapKey { session: S, mechanism, unwrapping_key, wrapped, template };
        made(perform(hsm, &link, request))
    };
    for (mechanism, drawn) in [(M::AES_GCM, 16), (M::AES_CCM, 12)] {
        let with = |nonce: &[u8]| if mechanism == M::AES_GCM { gcm(nonce) } else { ccm(nonce) };
        for given in [&[0; 12][..], &[5; 12]] {
            assert_eq!(wrap(with(given)), Err(Status::MechanismParamInvalid));
        }
        let one = wrap(with(&[])).unwrap();
        assert_eq!(one.len(), 32 + 16 + drawn);
        assert_ne!(one, wrap(with(&[])).unwrap());
        let back = unwrap(with(&[]), &one).unwrap();
        assert_eq!(mac(back).unwrap(), mac(key).unwrap());
        // The nonce may be cut off and given back, as for Luna.
        let (sealed, nonce) = one.split_at(one.len() - drawn);
        if nonce.len() <= 13 || drawn == 16 {
            let back = unwrap(with(nonce), sealed).unwrap();
            assert_eq!(mac(back).unwrap(), mac(key).unwrap());
        }
        assert_eq!(unwrap(with(&[]), &one[..drawn - 1]), Err(Status::EncryptedDataLenRange));
    }
}

#[test]
fn nonces_of_encryption_are_drawn_for_who_leaves_them_out() {
    let (bench, officer, link) = partition();
    let hsm = &bench.hsm;
    let key = aes(hsm, &link, Template::default()).unwrap();
    let perform_one = |operation, mechanism: &Mechanism, data: &[u8]| {
        let request = CryptokiRequest::Perform {
            session: S,
            operation,
            mechanism: mechanism.clone(),
            key: Some(key),
            data: data.to_vec().into(),
            signature: Vec::new(),
        };
        match perform(hsm, &link, request)? {
            Some(CryptokiReply::Bytes(bytes)) => Ok(bytes.to_vec()),
            other => panic!("{other:?}"),
        }
    };
    let in_parts = |operation, mechanism: &Mechanism, data: &[u8]| -> Result<Vec<u8>, Status> {
        let (mechanism, session) = (mechanism.clone(), S);
        perform(
            hsm,
            &link,
            CryptokiRequest::Begin { session, operation, mechanism, key: Some(key) },
        )?;
        let mut output = Vec::new();
        let parts = data.chunks(7).map(|part| CryptokiRequest::Update {
            session,
            operation,
            data: part.to_vec().into(),
        });
        let finish = CryptokiRequest::Finish { session, operation, signature: Vec::new() };
        for request in parts.chain([finish]) {
            if let Some(CryptokiReply::Bytes(bytes)) = perform(hsm, &link, request)? {
                output.extend_from_slice(&bytes);
            }
        }
        Ok(output)
    };
    let text = b"a text of more than one block";
    let (drawn, given) = (gcm(&[]), gcm(&[5; 12]));
    let sealed = perform_one(Operation::Encrypt, &drawn, text).unwrap();
    assert_eq!(sealed.len(), text.len() + 32);
    let (body, nonce) = sealed.split_at(sealed.len() - 16);
    for open in [
        perform_one(Operation::Decrypt, &drawn, &sealed),
        in_parts(Operation::Decrypt, &drawn, &sealed),
    ] {
        assert_eq!(open.unwrap(), text);
    }
    assert_eq!(perform_one(Operation::Decrypt, &gcm(nonce), body).unwrap(), text);
    let parted = in_parts(Operation::Encrypt, &drawn, text).unwrap();
    assert_eq!(perform_one(Operation::Decrypt, &drawn, &parted).unwrap(), text);
    assert_eq!(perform_one(Operation::Encrypt, &given, text).unwrap().len(), text.len() + 16);
    crate::policies::turn(hsm, &officer, Policy::NonFipsAlgorithms, 0);
    let refused = perform_one(Operation::Encrypt, &given, text);
    assert_eq!(refused, Err(Status::MechanismParamInvalid));
    assert_eq!(in_parts(Operation::Encrypt, &given, text), Err(Status::MechanismParamInvalid));
    let sealed = perform_one(Operation::Encrypt, &drawn, text).unwrap();
    assert_eq!(perform_one(Operation::Decrypt, &drawn, &sealed).unwrap(), text);
}

#[test]
fn a_padding_is_no_oracle() {
    let (bench, officer, link) = partition();
    let hsm = &bench.hsm;
    let vector = || Parameters::Bytes(vec![9; 16]);
    let mechanism = || Mechanism { mechanism: M::AES_CBC_PAD, parameters: vector() };
    let attempt = |unwrapping_key, wrapped: &[u8]| {
        let (mechanism, wrapped, template) = (mechanism(), wrapped.to_vec(), secret());
        let request =
            CryptokiRequest::UnwrapKey { session: S, mechanism, unwrapping_key, wrapped, template };
        made(perform(hsm, &link, request)).map(drop)
    };
    let wrapped_by = |wrapping_key| {
        let key = aes(hsm, &link, Template::default().with(A::EXTRACTABLE, true)).unwrap();
        let mechanism = mechanism();
        let request = CryptokiRequest::WrapKey { session: S, mechanism, wrapping_key, key };
        match perform(hsm, &link, request) {
            Ok(Some(CryptokiReply::Bytes(bytes))) => bytes.to_vec(),
            other => panic!("{other:?}"),
        }
    };
    let wrapping = kek(hsm, &link, Template::default());
    assert_eq!(attempt(wrapping, &wrapped_by(wrapping)), Err(Status::MechanismInvalid));
    let decrypting = kek(hsm, &link, Template::default().with(A::DECRYPT, true));
    attempt(decrypting, &wrapped_by(decrypting)).unwrap();
    crate::policies::turn(hsm, &officer, Policy::CbcPadWrapping, 1);
    let wrapping = kek(hsm, &link, Template::default());
    let wrapped = wrapped_by(wrapping);
    attempt(wrapping, &wrapped).unwrap();
    // Whatever is changed, it is wrong in one way only.
    for at in 0..wrapped.len() {
        for flip in [1, 0x10, 0xff] {
            let mut altered = wrapped.clone();
            altered[at] ^= flip;
            let outcome = attempt(wrapping, &altered);
            assert!(matches!(outcome, Ok(()) | Err(Status::WrappedKeyInvalid)), "{outcome:?}");
        }
    }
}

#[test]
fn what_a_trusted_key_brings_in_leaves_under_trusted_keys_only() {
    let (bench, officer, link) = partition();
    let hsm = &bench.hsm;
    // The Partition SO's own session object, which it trusts; its application becomes the officer's.
    crate::support::open(hsm, &officer, S);
    let kek =
        kek(hsm, &officer, Template::default().with(A::PRIVATE, false).with(A::TRUSTED, true));
    crate::hsm_support::done(hsm, &officer, Request::Logout);
    crate::hsm_support::log_in(hsm, &officer, lunacm::model::Role::CryptoOfficer, CO);
    let trusted = Template::default().with(A::EXTRACTABLE, true).with(A::WRAP_WITH_TRUSTED, true);
    let key = aes(hsm, &officer, trusted).unwrap();
    let wrapped = wrap(hsm, &officer, kek, key).unwrap();
    let back = unwrap(hsm, &officer, kek, (&wrapped, secret())).unwrap();
    assert!(is(hsm, &officer, back, A::WRAP_WITH_TRUSTED));
    let asked = secret().with(A::WRAP_WITH_TRUSTED, false);
    let refused = unwrap(hsm, &officer, kek, (&wrapped, asked));
    assert_eq!(refused, Err(Status::TemplateInconsistent));
    let _ = link;
}
