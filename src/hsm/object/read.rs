//! What an object shows of itself.

use super::{
    Object,
    rules::{rule_of, subtype_of},
};
use crate::model::{
    Status,
    cryptoki::{AttributeRead, AttributeType as A},
};

/// One attribute as `C_GetAttributeValue` reads it.
pub(in crate::hsm) fn read(object: &Object, kind: A) -> AttributeRead {
    let rule = subtype_of(object.attributes()).ok().and_then(|subtype| rule_of(subtype, kind));
    let Some(rule) = rule else { return AttributeRead::Refused(Status::AttributeTypeInvalid) };
    if rule.is_secret() && !reveals_secrets(object) {
        return AttributeRead::Refused(Status::AttributeSensitive);
    }
    let value = object.attributes().get(kind).cloned().or_else(|| rule.emptiness());
    value.map_or(AttributeRead::Refused(Status::AttributeTypeInvalid), AttributeRead::Value)
}

/// Whether a search may look at an attribute: one that is not revealed could be guessed by it.
pub(in crate::hsm) fn is_revealed(object: &Object, kind: A) -> bool {
    !is_ever_secret(kind)
        || reveals_secrets(object)
        || subtype_of(object.attributes())
            .is_ok_and(|subtype| rule_of(subtype, kind).is_none_or(|rule| !rule.is_secret()))
}

fn reveals_secrets(object: &Object) -> bool {
    !object.is(A::SENSITIVE) && object.attributes().boolean(A::EXTRACTABLE) != Some(false)
}

/// Whether an attribute is a secret of some kind of object: the others need no look at the rules of
/// theirs.
const fn is_ever_secret(kind: A) -> bool {
    matches!(
        kind,
        A::VALUE
            | A::SEED
            | A::PRIVATE_EXPONENT
            | A::PRIME_1
            | A::PRIME_2
            | A::EXPONENT_1
            | A::EXPONENT_2
            | A::COEFFICIENT
    )
}

#[cfg(test)]
mod tests {
    use super::{
        super::rules::{Subtype, rules},
        *,
    };
    use crate::model::cryptoki::{KeyType, ObjectClass};

    #[test]
    fn every_secret_is_known_as_one() {
        let mut secrets = 0;
        for class in ObjectClass::ALL {
            for kind in KeyType::ALL {
                let subtype = Subtype { class: *class, number: kind.0 };
                for rule in rules(subtype).filter(|rule| rule.is_secret()) {
                    assert!(is_ever_secret(rule.kind), "{} of {class}, {kind}", rule.kind);
                    secrets += 1;
                }
            }
        }
        assert!(secrets > 0);
    }
}
