//! What a copy may be that its original is not: every attribute, with every kind of value.

use lunacm::{
    hsm::{Hsm, LinkSession},
    model::{
        PolicySet, Request, Role, Status,
        cryptoki::{
            AttributeType as A, AttributeValue, MechanismType as M, ObjectHandle, Template,
        },
    },
};

use crate::{
    hsm_support::{Bench, add_role, done},
    support::{CO, S, aes, copy, destroy, get, open, pair},
};

/// What may become of an attribute in a copy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The copy's own.
    Free,
    /// As a change of the original, which may be forbidden.
    Changes,
    /// Given up, but not gained, where the original does not change.
    Use,
    Rises,
    Falls,
    Stays,
}

const fn fate(kind: A) -> Fate {
    match kind {
        A::TOKEN | A::LABEL | A::ID | A::UNIQUE_ID | A::DESTROYABLE => Fate::Free,
        A::START_DATE | A::END_DATE | A::SUBJECT => Fate::Changes,
        A::ENCRYPT
        | A::DECRYPT
        | A::SIGN
        | A::SIGN_RECOVER
        | A::VERIFY
        | A::VERIFY_RECOVER
        | A::WRAP
        | A::UNWRAP
        | A::DERIVE
        | A::ENCAPSULATE
        | A::DECAPSULATE
        | A::MODIFIABLE => Fate::Use,
        A::PRIVATE | A::SENSITIVE | A::WRAP_WITH_TRUSTED => Fate::Rises,
        A::EXTRACTABLE | A::COPYABLE | A::ALWAYS_SENSITIVE | A::NEVER_EXTRACTABLE => Fate::Falls,
        _ => Fate::Stays,
    }
}

fn values() -> Vec<AttributeValue> {
    vec![
        true.into(),
        false.into(),
        0.into(),
        0x10.into(),
        AttributeValue::bytes([]),
        AttributeValue::bytes([7; 32]),
        AttributeValue::bytes(*b"20260131"),
        AttributeValue::Mechanisms(Vec::new()),
        AttributeValue::Mechanisms(vec![M::AES_ECB]),
        AttributeValue::Template(Template::default()),
    ]
}

type Read = Result<AttributeValue, Status>;
type Facts = Vec<(A, Read)>;

fn facts(hsm: &Hsm, link: &LinkSession, key: ObjectHandle) -> Facts {
    A::ALL.iter().map(|kind| (*kind, get(hsm, link, key, *kind))).collect()
}

/// What a copy has that it may not have.
fn shed(before: &Facts, after: &Facts, strict: bool) -> Vec<A> {
    let (yes, no) = (Ok(true.into()), Ok(false.into()));
    let fixed = before.contains(&(A::MODIFIABLE, no.clone())) || strict;
    let wrong = |kind: A, from: &Read, to: &Read| match fate(kind) {
        Fate::Free => false,
        Fate::Changes => strict,
        Fate::Use if kind == A::MODIFIABLE => {
            *to == yes && before.contains(&(A::MODIFIABLE, no.clone()))
        }
        Fate::Use => fixed && (*to == yes || strict),
        // What nobody says of an object of this class.
        Fate::Rises => *from != no || *to != yes,
        Fate::Falls => *from != yes || *to != no,
        // Which is no longer shown.
        Fate::Stays => {
            !(from.is_ok() && *to == Err(Status::AttributeSensitive) && is_hidden(after))
        }
    };
    let pairs = before.iter().zip(after).filter(|(from, to)| from != to);
    pairs.filter(|(from, to)| wrong(from.0, &from.1, &to.1)).map(|(from, _)| from.0).collect()
}

fn is_hidden(facts: &Facts) -> bool {
    facts.contains(&(A::SENSITIVE, Ok(true.into())))
        || facts.contains(&(A::EXTRACTABLE, Ok(false.into())))
}

fn check(hsm: &Hsm, link: &LinkSession, originals: &[ObjectHandle], strict: bool) -> usize {
    let mut copies = 0;
    for original in originals {
        let before = facts(hsm, link, *original);
        for kind in A::ALL {
            for value in values() {
                for more in [None, Some((A::MODIFIABLE, true)), Some((A::SENSITIVE, true))] {
                    let mut template = Template::default().with(*kind, value.clone());
                    if let Some((also, value)) = more.filter(|(also, _)| also != kind) {
                        template.set(also, value);
                    }
                    let Ok(made) = copy(hsm, link, *original, template.clone()) else { continue };
                    copies += 1;
                    let shed = shed(&before, &facts(hsm, link, made), strict);
                    assert!(shed.is_empty(), "{original:?} copied with {template:?} shed {shed:?}");
                    // Those that are not destroyed go with the session.
                    let _ = destroy(hsm, link, made);
                }
            }
        }
    }
    copies
}

/// Keys that are protected in different ways.
fn originals(hsm: &Hsm, link: &LinkSession, one_role: bool) -> Vec<ObjectHandle> {
    let wraps = Template::default().with(A::WRAP, true).with(A::UNWRAP, true);
    let demands = AttributeValue::Template(Template::default().with(A::SENSITIVE, true));
    let bound = wraps
        .clone()
        .with(A::ALLOWED_MECHANISMS, AttributeValue::Mechanisms(vec![M::AES_KEY_WRAP]))
        .with(A::UNWRAP_TEMPLATE, demands.clone())
        .with(A::DERIVE_TEMPLATE, demands)
        .with(A::EXTRACTABLE, true)
        .with(A::WRAP_WITH_TRUSTED, true);
    let open = Template::default()
        .with(A::SENSITIVE, false)
        .with(A::EXTRACTABLE, true)
        .with(A::DERIVE, true);
    let mut keys = vec![
        aes(hsm, link, wraps.clone()).unwrap(),
        aes(hsm, link, wraps.with(A::MODIFIABLE, false)).unwrap(),
        aes(hsm, link, bound).unwrap(),
        aes(hsm, link, open).unwrap(),
    ];
    let asks = Template::default().with(A::SIGN, true).with(A::ALWAYS_AUTHENTICATE, true);
    let (public, private) = pair(hsm, link, Template::default(), asks).unwrap();
    keys.extend([public, private]);
    if !one_role {
        keys.push(aes(hsm, link, Template::default()).unwrap());
    }
    keys
}

#[test]
fn a_copy_sheds_nothing() {
    let (bench, _, link) = crate::support::partition();
    let keys = originals(&bench.hsm, &link, false);
    assert!(check(&bench.hsm, &link, &keys, false) > 100);
}

#[test]
fn under_strict_a_copy_has_another_place_and_name_only() {
    let (bench, officer) = Bench::with_officer();
    let changes = PolicySet::strict();
    done(&bench.hsm, &officer, Request::ChangePolicies { changes, erase: true });
    let link = add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    open(&bench.hsm, &link, S);
    let keys = originals(&bench.hsm, &link, true);
    assert!(check(&bench.hsm, &link, &keys, true) > 20);
}

#[test]
fn what_does_not_change_gains_nothing_by_a_copy() {
    let (bench, _, link) = crate::support::partition();
    let hsm = &bench.hsm;
    let fixed = Template::default().with(A::WRAP, true).with(A::MODIFIABLE, false);
    let key = aes(hsm, &link, fixed).unwrap();
    for kind in [A::DECRYPT, A::MODIFIABLE] {
        let gained = copy(hsm, &link, key, Template::default().with(kind, true));
        assert_eq!(gained, Err(Status::TemplateInconsistent), "{kind}");
    }
    copy(hsm, &link, key, Template::default().with(A::WRAP, false)).unwrap();
}
