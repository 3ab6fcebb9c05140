//! Rules that hold whatever an application tries.

use std::{cell::OnceCell, collections::BTreeMap};

use lunacm::{
    hsm::LinkSession,
    model::{
        Status,
        cryptoki::{
            Attribute, AttributeType as A, AttributeValue, KeyType, MechanismType as M,
            ObjectHandle, Template,
        },
    },
};
use proptest::prelude::*;

use crate::{
    hsm_support::Bench,
    support::{P256, aes, copy, create, destroy, find, get, is, partition, set},
};

thread_local! {
    static PARTITION: OnceCell<(Bench, LinkSession, LinkSession)> = const { OnceCell::new() };
}

const FLAGS: [A; 10] = [
    A::SENSITIVE,
    A::EXTRACTABLE,
    A::WRAP_WITH_TRUSTED,
    A::COPYABLE,
    A::MODIFIABLE,
    A::TRUSTED,
    A::LOCAL,
    A::ALWAYS_SENSITIVE,
    A::NEVER_EXTRACTABLE,
    A::ENCRYPT,
];

/// What an application tries: other flags, on the key or on its copy.
fn attempts() -> impl Strategy<Value = Vec<(bool, Vec<(usize, bool)>)>> {
    let flags = prop::collection::vec((0..FLAGS.len(), any::<bool>()), 1..4);
    prop::collection::vec((any::<bool>(), flags), 1..12)
}

fn template(flags: &[(usize, bool)]) -> Template {
    flags
        .iter()
        .fold(Template::default(), |template, (flag, value)| template.with(FLAGS[*flag], *value))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is set or copied, no key ever gets less protected than it was, and its history is
    /// never told better than it is.
    #[test]
    fn protection_never_falls(
        sensitive: bool,
        extractable: bool,
        attempts in attempts(),
    ) {
        PARTITION.with(|partition_of_thread| {
            let (bench, _, link) = partition_of_thread.get_or_init(partition);
            let hsm = &bench.hsm;
            let facts = |key: ObjectHandle| -> BTreeMap<A, bool> {
                FLAGS.into_iter().map(|kind| (kind, is(hsm, link, key, kind))).collect()
            };
            let first = Template::default()
                .with(A::SENSITIVE, sensitive)
                .with(A::EXTRACTABLE, extractable);
            let mut key = aes(hsm, link, first).unwrap();
            for (on_copy, flags) in attempts {
                let before = facts(key);
                let template = template(&flags);
                if on_copy {
                    if let Ok(made) = copy(hsm, link, key, template) {
                        key = made;
                    }
                } else {
                    let _ = set(hsm, link, key, template);
                }
                let after = facts(key);
                let kept_true = [A::SENSITIVE, A::WRAP_WITH_TRUSTED, A::LOCAL];
                for kind in kept_true {
                    prop_assert!(after[&kind] || !before[&kind], "{kind} fell");
                }
                let kept_false =
                    [A::EXTRACTABLE, A::COPYABLE, A::ALWAYS_SENSITIVE, A::NEVER_EXTRACTABLE, A::TRUSTED];
                for kind in kept_false {
                    prop_assert!(!after[&kind] || before[&kind], "{kind} rose");
                }
                prop_assert!(!after[&A::ALWAYS_SENSITIVE] || after[&A::SENSITIVE]);
                prop_assert!(!after[&A::NEVER_EXTRACTABLE] || !after[&A::EXTRACTABLE]);
                let shown = matches!(get(hsm, link, key, A::VALUE), Ok(AttributeValue::Bytes(_)));
                prop_assert_eq!(shown, !after[&A::SENSITIVE] && after[&A::EXTRACTABLE]);
            }
            Ok(())
        })?;
    }
}

/// A value of any kind, whatever its attribute's is.
fn value() -> impl Strategy<Value = AttributeValue> {
    prop_oneof![
        any::<bool>().prop_map(AttributeValue::from),
        prop_oneof![0..5_u64, Just(0x1f), Just(0x10), any::<u64>()].prop_map(AttributeValue::from),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(AttributeValue::bytes),
        Just(AttributeValue::bytes(P256)),
        Just(AttributeValue::bytes(*b"20260131")),
        Just(AttributeValue::Mechanisms(vec![M::AES_ECB])),
        Just(AttributeValue::Template(Template::default().with(A::SIGN, true))),
    ]
}

fn any_template() -> impl Strategy<Value = Template> {
    let kind = prop::sample::select(A::ALL);
    let attribute = (kind, value()).prop_map(|(kind, value)| Attribute { kind, value });
    let class = prop_oneof![0..5_u64, Just(99)];
    let key_type = prop::sample::select(KeyType::ALL);
    (prop::collection::vec(attribute, 0..8), class, key_type).prop_map(
        |(others, class, key_type)| {
            let mut template =
                Template::default().with(A::CLASS, class).with(A::KEY_TYPE, key_type.0);
            template.0.extend(others);
            template
        },
    )
}

/// What PKCS#11 v3.1 section 5.7.1 permits `C_CreateObject` to return, as far as the appliance
/// has a say in it.
const CREATE: [Status; 12] = [
    Status::AttributeReadOnly,
    Status::AttributeTypeInvalid,
    Status::AttributeValueInvalid,
    Status::CurveNotSupported,
    Status::DeviceMemory,
    Status::DomainParamsInvalid,
    Status::PinExpired,
    Status::SessionHandleInvalid,
    Status::SessionReadOnly,
    Status::TemplateIncomplete,
    Status::TemplateInconsistent,
    Status::UserNotLoggedIn,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Whatever stands in a template: what comes of it is an object or a refusal that the
    /// specification has for the function, and the object is gone again when it is destroyed.
    #[test]
    fn any_template_is_answered(template in any_template(), changes in any_template()) {
        PARTITION.with(|partition_of_thread| {
            let (bench, _, link) = partition_of_thread.get_or_init(partition);
            let hsm = &bench.hsm;
            let shown = format!("{template:?}");
            match create(hsm, link, template) {
                Ok(object) => {
                    let found = find(hsm, link, Template::default());
                    prop_assert!(found.contains(&object), "{}", shown);
                    let _ = set(hsm, link, object, changes.clone());
                    if let Ok(copied) = copy(hsm, link, object, changes) {
                        let _ = destroy(hsm, link, copied);
                    }
                    let destroyable = is(hsm, link, object, A::DESTROYABLE);
                    prop_assert_eq!(destroy(hsm, link, object).is_ok(), destroyable);
                }
                Err(status) => prop_assert!(CREATE.contains(&status), "{} of {}", status, shown),
            }
            Ok(())
        })?;
    }
}
