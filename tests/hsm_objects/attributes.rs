//! The attribute rules of PKCS#11 v3.1 section 4.

use lunacm::model::{
    Status,
    cryptoki::{
        AttributeType as A, AttributeValue, CryptokiRequest, KeyType, MechanismType as M,
        ObjectClass, Template,
    },
};

use crate::support::{
    S, aes, copy, create, data, destroy, find, get, imported, is, labelled, pair, partition,
    perform, set, sign, text, token,
};

#[test]
fn a_template_has_to_make_sense() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let class = |number: u64| Template::default().with(A::CLASS, number);
    let mut twice = data("twice");
    twice.0.push(twice.0[0].clone());
    let secret = class(ObjectClass::SECRET_KEY.0);
    for (template, status) in [
        (Template::default(), Status::TemplateIncomplete),
        (class(99), Status::AttributeValueInvalid),
        (class(ObjectClass::HW_FEATURE.0), Status::AttributeValueInvalid),
        (secret.clone(), Status::TemplateIncomplete),
        (secret.with(A::KEY_TYPE, KeyType::AES.0), Status::TemplateIncomplete),
        (class(ObjectClass::SECRET_KEY.0).with(A::KEY_TYPE, 0x99), Status::AttributeValueInvalid),
        (twice, Status::TemplateInconsistent),
        (data("").with(A::LABEL, true), Status::AttributeValueInvalid),
        (data("").with(A::MODULUS, text("m")), Status::AttributeTypeInvalid),
        (data("").with(A::UNIQUE_ID, text("id")), Status::AttributeReadOnly),
        (imported(&[7; 16]).with(A::LOCAL, true), Status::AttributeReadOnly),
        (imported(&[7; 16]).with(A::ALWAYS_SENSITIVE, true), Status::AttributeReadOnly),
        (imported(&[7; 16]).with(A::VALUE_LEN, 16), Status::AttributeReadOnly),
        (imported(&[7; 16]).with(A::TRUSTED, true), Status::AttributeReadOnly),
        (imported(&[7; 16]).with(A::START_DATE, text("today")), Status::AttributeValueInvalid),
        (
            imported(&[7; 16]).with(A::TOKEN, true).with(A::PRIVATE, false),
            Status::TemplateInconsistent,
        ),
    ] {
        let shown = format!("{template:?}");
        assert_eq!(create(hsm, &link, template), Err(status), "{shown}");
    }
    assert_eq!(find(hsm, &link, Template::default()), []);
}

#[test]
fn what_nobody_says_is_the_specifications() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let object = create(hsm, &link, data("plain")).unwrap();
    for (kind, value) in [
        (A::TOKEN, AttributeValue::from(false)),
        (A::MODIFIABLE, true.into()),
        (A::COPYABLE, true.into()),
        (A::DESTROYABLE, true.into()),
        (A::LABEL, text("plain")),
        (A::APPLICATION, text("")),
        (A::VALUE, text("")),
    ] {
        assert_eq!(get(hsm, &link, object, kind), Ok(value), "{kind}");
    }
    assert_eq!(get(hsm, &link, object, A::MODULUS), Err(Status::AttributeTypeInvalid));
    match get(hsm, &link, object, A::UNIQUE_ID) {
        Ok(AttributeValue::Bytes(id)) => assert_eq!(id.len(), 24),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_history_of_a_key_is_told_truly() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let open = Template::default().with(A::SENSITIVE, false).with(A::EXTRACTABLE, true);
    let facts = |key| {
        [A::LOCAL, A::SENSITIVE, A::ALWAYS_SENSITIVE, A::EXTRACTABLE, A::NEVER_EXTRACTABLE]
            .map(|kind| is(hsm, &link, key, kind))
    };
    let generated = aes(hsm, &link, Template::default()).unwrap();
    assert_eq!(facts(generated), [true, true, true, false, true]);
    let generated = aes(hsm, &link, open.clone()).unwrap();
    assert_eq!(facts(generated), [true, false, false, true, false]);
    set(hsm, &link, generated, Template::default().with(A::SENSITIVE, true)).unwrap();
    set(hsm, &link, generated, Template::default().with(A::EXTRACTABLE, false)).unwrap();
    assert_eq!(facts(generated), [true, true, false, false, false]);
    let created = create(hsm, &link, imported(&[7; 16])).unwrap();
    assert_eq!(facts(created), [false, true, false, false, false]);
    let mechanism = get(hsm, &link, created, A::KEY_GEN_MECHANISM);
    assert_eq!(mechanism, Ok(u64::MAX.into()));
    let mechanism = get(hsm, &link, generated, A::KEY_GEN_MECHANISM);
    assert_eq!(mechanism, Ok(M::AES_KEY_GEN.0.into()));
}

#[test]
fn what_is_sensitive_or_stays_inside_is_not_shown() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let with = |sensitive: bool, extractable: bool| {
        imported(&[7; 16]).with(A::SENSITIVE, sensitive).with(A::EXTRACTABLE, extractable)
    };
    for (sensitive, extractable) in [(true, true), (true, false), (false, false)] {
        let key = create(hsm, &link, with(sensitive, extractable)).unwrap();
        assert_eq!(get(hsm, &link, key, A::VALUE), Err(Status::AttributeSensitive));
        assert_eq!(get(hsm, &link, key, A::VALUE_LEN), Ok(16.into()));
    }
    // A search for the value would be an oracle.
    let sought = || Template::default().with(A::VALUE, AttributeValue::bytes([7; 16]));
    assert_eq!(find(hsm, &link, sought()), []);
    let key = create(hsm, &link, with(false, true)).unwrap();
    assert_eq!(get(hsm, &link, key, A::VALUE), Ok(AttributeValue::bytes([7; 16])));
    assert_eq!(find(hsm, &link, sought()), [key]);
}

#[test]
fn some_attributes_turn_once_and_some_never() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let one = |kind, value: bool| Template::default().with(kind, value);
    let template = one(A::SENSITIVE, true).with(A::EXTRACTABLE, false);
    let key = aes(hsm, &link, template.with(A::WRAP_WITH_TRUSTED, true)).unwrap();
    for (kind, value) in [
        (A::SENSITIVE, false),
        (A::EXTRACTABLE, true),
        (A::WRAP_WITH_TRUSTED, false),
        (A::TOKEN, true),
        (A::PRIVATE, false),
        (A::LOCAL, false),
        (A::MODIFIABLE, false),
        (A::TRUSTED, true),
    ] {
        let refused = set(hsm, &link, key, one(kind, value));
        assert_eq!(refused, Err(Status::AttributeReadOnly), "{kind}");
    }
    // One refusal keeps all of a template out.
    let both = labelled("new").with(A::SENSITIVE, false);
    assert_eq!(set(hsm, &link, key, both), Err(Status::AttributeReadOnly));
    assert_eq!(get(hsm, &link, key, A::LABEL), Ok(text("")));
    set(hsm, &link, key, labelled("new").with(A::ENCRYPT, false)).unwrap();
    assert_eq!(get(hsm, &link, key, A::LABEL), Ok(text("new")));
    let unknown = Template::default().with(A::MODULUS, text("m"));
    assert_eq!(set(hsm, &link, key, unknown), Err(Status::AttributeTypeInvalid));
}

#[test]
fn an_object_that_says_so_is_not_changed_copied_or_destroyed() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let fixed = [A::MODIFIABLE, A::COPYABLE, A::DESTROYABLE]
        .iter()
        .fold(data("fixed"), |template, kind| template.with(*kind, false));
    let object = create(hsm, &link, fixed).unwrap();
    assert_eq!(set(hsm, &link, object, labelled("other")), Err(Status::ActionProhibited));
    assert_eq!(copy(hsm, &link, object, Template::default()), Err(Status::ActionProhibited));
    assert_eq!(destroy(hsm, &link, object), Err(Status::ActionProhibited));
    let object = create(hsm, &link, data("free")).unwrap();
    destroy(hsm, &link, object).unwrap();
    assert_eq!(destroy(hsm, &link, object), Err(Status::ObjectHandleInvalid));
}

#[test]
fn a_copy_is_an_object_of_its_own() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let key = aes(hsm, &link, labelled("original").with(A::EXTRACTABLE, true)).unwrap();
    let other = copy(hsm, &link, key, token().with(A::EXTRACTABLE, false)).unwrap();
    assert!(is(hsm, &link, other, A::TOKEN) && is(hsm, &link, other, A::LOCAL));
    assert!(!is(hsm, &link, other, A::EXTRACTABLE) && is(hsm, &link, key, A::EXTRACTABLE));
    assert_ne!(get(hsm, &link, key, A::UNIQUE_ID), get(hsm, &link, other, A::UNIQUE_ID));
    let back = Template::default().with(A::EXTRACTABLE, true);
    assert_eq!(copy(hsm, &link, other, back), Err(Status::AttributeReadOnly));
    let public = Template::default().with(A::PRIVATE, false);
    assert_eq!(copy(hsm, &link, other, public), Err(Status::TemplateInconsistent));
    destroy(hsm, &link, key).unwrap();
    assert_eq!(get(hsm, &link, other, A::LABEL), Ok(text("original")));
}

#[test]
fn a_key_does_what_its_attributes_say() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let (public, private) = pair(hsm, &link, Template::default(), Template::default()).unwrap();
    assert_eq!(sign(hsm, &link, private).unwrap().len(), 64);
    assert_eq!(sign(hsm, &link, public), Err(Status::KeyFunctionNotPermitted));
    set(hsm, &link, private, Template::default().with(A::SIGN, false)).unwrap();
    assert_eq!(sign(hsm, &link, private), Err(Status::KeyFunctionNotPermitted));
    let only = AttributeValue::Mechanisms(vec![M::ECDSA]);
    let private = Template::default().with(A::ALLOWED_MECHANISMS, only);
    let (_, private) = pair(hsm, &link, Template::default(), private).unwrap();
    assert_eq!(sign(hsm, &link, private), Err(Status::MechanismInvalid));
    for list in [vec![M::ECDSA, M::ECDSA_SHA256], Vec::new()] {
        let those = AttributeValue::Mechanisms(list);
        let private = Template::default().with(A::ALLOWED_MECHANISMS, those);
        let (_, private) = pair(hsm, &link, Template::default(), private).unwrap();
        assert_eq!(sign(hsm, &link, private).unwrap().len(), 64);
    }
}

#[test]
fn sizes_are_what_objects_are_charged() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let object = create(hsm, &link, data("sized").with(A::TOKEN, true)).unwrap();
    let size = perform(hsm, &link, CryptokiRequest::ObjectSize { session: S, object });
    let used = crate::hsm_support::info(hsm, &link).used_storage;
    let clients = lunacm::model::CLIENT_IDENTITY_BYTES;
    match size {
        Ok(Some(lunacm::model::cryptoki::CryptokiReply::Size(size))) => {
            assert_eq!(size, used - clients);
        }
        other => panic!("{other:?}"),
    }
}
