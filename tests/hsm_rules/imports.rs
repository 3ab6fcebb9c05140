//! What comes in: sealed by an HSM, or made up by a client that knows what seals it.

use lunacm::{
    hsm::LinkSession,
    model::{
        Imported, Reply, Request, Status,
        cryptoki::{
            Attribute, AttributeType as A, AttributeValue, CryptokiRequest, KeyType, Mechanism,
            MechanismType as M, ObjectClass, ObjectHandle, SessionId, Template,
        },
    },
    wire,
};
use proptest::prelude::*;

use crate::{
    hsm_support::{Bench, DOMAIN, ask, refused},
    moving::{
        HISTORY, crypto_officer, destroy, forged, generated, hsm, import, imported, sealed, truths,
    },
    transfer::contents,
};

fn unique(byte: u8) -> AttributeValue {
    AttributeValue::bytes(format!("{byte:02x}").repeat(12).into_bytes())
}

/// An AES key that a client makes up.
fn made_up() -> Template {
    Template::default()
        .with(A::CLASS, ObjectClass::SECRET_KEY.0)
        .with(A::TOKEN, true)
        .with(A::PRIVATE, true)
        .with(A::KEY_TYPE, KeyType::AES.0)
        .with(A::VALUE, AttributeValue::bytes([0x51; 32]))
        .with(A::SENSITIVE, true)
        .with(A::EXTRACTABLE, false)
        .with(A::ENCRYPT, true)
        .with(A::WRAP, true)
        .with(A::UNIQUE_ID, unique(1))
}

fn without(mut template: Template, kind: A) -> Template {
    template.0.retain(|attribute| attribute.kind != kind);
    template
}

fn also(mut template: Template, kind: A, value: impl Into<AttributeValue>) -> Template {
    template.0.push(Attribute { kind, value: value.into() });
    template
}

#[test]
fn what_a_client_makes_up_is_no_more_than_it_could_create() {
    let bench = hsm(Some("domain-of-hsm"));
    let link = crypto_officer(&bench, "one", Some(DOMAIN));
    let claims = made_up()
        .with(A::TRUSTED, true)
        .with(A::LOCAL, true)
        .with(A::ALWAYS_SENSITIVE, true)
        .with(A::NEVER_EXTRACTABLE, true)
        .with(A::KEY_GEN_MECHANISM, M::AES_KEY_GEN.0);
    let copy = imported(&bench, &link, forged(DOMAIN.as_bytes(), &claims), false);
    assert_eq!(truths(&bench, &link, copy, &HISTORY), [false; 4]);
    // So nothing leaves under it that asks for a trusted key.
    let target = Template::default().with(A::EXTRACTABLE, true).with(A::WRAP_WITH_TRUSTED, true);
    let request = CryptokiRequest::WrapKey {
        session: SessionId(1),
        mechanism: Mechanism::plain(M::AES_KEY_WRAP_KWP),
        wrapping_key: copy,
        key: generated(&bench, &link, target),
    };
    refused(&bench.hsm, &link, Request::Cryptoki(request), Status::KeyNotWrappable);
}

/// What no call makes, and how it is refused.
fn impossible() -> Vec<(&'static str, Template, Status)> {
    use Status as S;
    let rsa = Template::default()
        .with(A::CLASS, ObjectClass::PRIVATE_KEY.0)
        .with(A::TOKEN, true)
        .with(A::PRIVATE, true)
        .with(A::KEY_TYPE, KeyType::RSA.0)
        .with(A::UNIQUE_ID, unique(2));
    let empty = || AttributeValue::bytes([]);
    let odd = AttributeValue::bytes(b"\xff\xfe\x1b[2J\xff\xfe\x1b[2J".to_vec());
    let certificate = Template::default()
        .with(A::CLASS, ObjectClass::CERTIFICATE.0)
        .with(A::TOKEN, true)
        .with(A::UNIQUE_ID, unique(3));
    vec![
        ("an openly stored secret", made_up().with(A::PRIVATE, false), S::TemplateInconsistent),
        ("a session object", made_up().with(A::TOKEN, false), S::TemplateInconsistent),
        ("neither token nor session", without(made_up(), A::TOKEN), S::TemplateInconsistent),
        ("no identifier", without(made_up(), A::UNIQUE_ID), S::TemplateIncomplete),
        ("an odd identifier", made_up().with(A::UNIQUE_ID, odd), S::AttributeValueInvalid),
        ("an empty identifier", made_up().with(A::UNIQUE_ID, empty()), S::AttributeValueInvalid),
        ("nothing", Template::default(), S::TemplateIncomplete),
        ("no value", without(made_up(), A::VALUE), S::TemplateIncomplete),
        ("no type of key", without(made_up(), A::KEY_TYPE), S::TemplateIncomplete),
        ("RSA without numbers", rsa.clone(), S::TemplateIncomplete),
        ("a class twice", also(made_up(), A::CLASS, 2), S::TemplateInconsistent),
        ("a value twice", also(made_up(), A::VALUE, empty()), S::TemplateInconsistent),
        ("an unknown class", made_up().with(A::CLASS, 0x8000_0001), S::AttributeValueInvalid),
        ("an unknown type", made_up().with(A::KEY_TYPE, 0x7777), S::AttributeValueInvalid),
        ("a class that is bytes", made_up().with(A::CLASS, empty()), S::AttributeValueInvalid),
        ("a flag that is a number", made_up().with(A::ENCRYPT, 7), S::AttributeValueInvalid),
        ("a part of another key", made_up().with(A::MODULUS, empty()), S::AttributeTypeInvalid),
        ("a length that is not", made_up().with(A::VALUE_LEN, 16), S::AttributeValueInvalid),
        (
            "a check value of another key",
            made_up().with(A::CHECK_VALUE, AttributeValue::bytes([1, 2, 3])),
            S::AttributeValueInvalid,
        ),
        (
            "a date that is none",
            made_up().with(A::START_DATE, AttributeValue::bytes(b"20261399".to_vec())),
            S::AttributeValueInvalid,
        ),
        ("a certificate of nobody", certificate, S::TemplateIncomplete),
    ]
}

#[test]
fn what_no_call_makes_does_not_come_in() {
    let bench = hsm(Some("domain-of-hsm"));
    let link = crypto_officer(&bench, "one", Some(DOMAIN));
    for (what, template, status) in impossible() {
        let reply = ask(&bench.hsm, &link, import(forged(DOMAIN.as_bytes(), &template), false));
        assert_eq!(reply, Reply::Failed(status), "{what}");
    }
    // Keys of no length, and parts that fit nothing: refused, for whatever reason.
    let short = |bytes: usize| made_up().with(A::VALUE, AttributeValue::bytes(vec![1; bytes]));
    let rsa = Template::default()
        .with(A::CLASS, ObjectClass::PRIVATE_KEY.0)
        .with(A::TOKEN, true)
        .with(A::PRIVATE, true)
        .with(A::KEY_TYPE, KeyType::RSA.0)
        .with(A::MODULUS, AttributeValue::bytes([]))
        .with(A::PUBLIC_EXPONENT, AttributeValue::bytes([]))
        .with(A::PRIVATE_EXPONENT, AttributeValue::bytes([3]))
        .with(A::UNIQUE_ID, unique(2));
    for template in [short(0), short(1), short(33), rsa] {
        let reply = ask(&bench.hsm, &link, import(forged(DOMAIN.as_bytes(), &template), false));
        assert!(matches!(reply, Reply::Failed(_)), "{template:?}");
    }
    assert!(contents(&bench.hsm, &link).is_empty());
}

#[test]
fn what_is_replaced_stays_what_it_is_and_as_well_kept() {
    let bench = hsm(Some("domain-of-hsm"));
    let link = crypto_officer(&bench, "one", Some(DOMAIN));
    let attempts: [(&str, Template, Template, Option<Status>); 11] = [
        ("itself", made_up(), made_up(), None),
        (
            "what is not changed",
            made_up().with(A::MODIFIABLE, false),
            made_up(),
            Some(Status::ActionProhibited),
        ),
        (
            "what is not destroyed",
            made_up().with(A::DESTROYABLE, false),
            made_up(),
            Some(Status::ActionProhibited),
        ),
        (
            "an extractable one",
            made_up(),
            made_up().with(A::EXTRACTABLE, true),
            Some(Status::AttributeReadOnly),
        ),
        (
            "a readable one",
            made_up(),
            made_up().with(A::SENSITIVE, false),
            Some(Status::AttributeReadOnly),
        ),
        (
            "one that any key wraps",
            made_up().with(A::WRAP_WITH_TRUSTED, true),
            made_up(),
            Some(Status::AttributeReadOnly),
        ),
        (
            "another kind of key",
            made_up(),
            made_up().with(A::KEY_TYPE, KeyType::GENERIC_SECRET.0),
            Some(Status::TemplateInconsistent),
        ),
        (
            "another key",
            made_up(),
            made_up().with(A::VALUE, AttributeValue::bytes([0x52; 32])),
            Some(Status::AttributeReadOnly),
        ),
        (
            "one that other mechanisms use",
            made_up().with(A::ALLOWED_MECHANISMS, AttributeValue::Mechanisms(vec![M::AES_GCM])),
            made_up(),
            Some(Status::AttributeReadOnly),
        ),
        (
            "one of another name",
            made_up(),
            made_up().with(A::LABEL, AttributeValue::bytes(b"renamed".to_vec())),
            None,
        ),
        ("a better kept one", made_up(), made_up().with(A::WRAP_WITH_TRUSTED, true), None),
    ];
    for (number, (what, there, by, status)) in (1_u8..).zip(attempts) {
        let sealed = |template: Template| {
            forged(DOMAIN.as_bytes(), &template.with(A::UNIQUE_ID, unique(number)))
        };
        let handle = imported(&bench, &link, sealed(there), false);
        let reply = ask(&bench.hsm, &link, import(sealed(by), true));
        match status {
            None => assert_eq!(reply, Reply::Imported(Imported::Replaced(handle.0)), "{what}"),
            Some(status) => assert_eq!(reply, Reply::Failed(status), "{what}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Bytes that are sealed as they should be and are no object, or one cut, lengthened or
    /// altered: nothing panics, and whatever comes in is an object by all rules.
    #[test]
    fn altered_objects_come_in_by_the_rules_or_not_at_all(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in prop::option::of(any::<prop::sample::Index>()),
        noise in prop::option::of(prop::collection::vec(any::<u8>(), 0..64)),
    ) {
        thread_local! {
            static PLACE: (Bench, LinkSession) = {
                let bench = hsm(Some("domain-of-hsm"));
                let link = crypto_officer(&bench, "one", Some(DOMAIN));
                (bench, link)
            };
        }
        let mut bytes = wire::encode(&made_up()).unwrap().to_vec();
        let place = at.index(bytes.len());
        bytes[place] = byte;
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let bytes = noise.unwrap_or(bytes);
        PLACE.with(|(bench, link)| {
            let reply = bench.hsm.perform(link, import(sealed(DOMAIN.as_bytes(), &bytes), true)).0;
            match reply {
                Reply::Imported(Imported::Added(handle) | Imported::Replaced(handle)) => {
                    let handle = ObjectHandle(handle);
                    assert_eq!(truths(bench, link, handle, &HISTORY), [false; 4]);
                    assert_eq!(truths(bench, link, handle, &[A::TOKEN]), [true]);
                    bench.hsm.perform(link, destroy(handle));
                }
                Reply::Imported(Imported::Present(_)) | Reply::Failed(_) => {}
                other => panic!("{other:?}"),
            }
        });
    }
}
