//! Rules that hold whatever an application tries.

use std::{cell::OnceCell, collections::BTreeMap};

use lunacm::{
    hsm::LinkSession,
    model::cryptoki::{AttributeType as A, AttributeValue, ObjectHandle, Template},
};
use proptest::prelude::*;

use crate::{
    hsm_support::Bench,
    support::{aes, copy, get, is, partition, set},
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
