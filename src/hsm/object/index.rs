//! Which objects have a value in an attribute.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, Hash, Hasher, RandomState},
};

use super::{Object, handles::Handles, is_revealed};
use crate::model::cryptoki::{Attribute, AttributeKind, AttributeValue, Template};

/// Handles by what their objects show: a search looks at the objects that it finds, and at one
/// word for sixty-four that have only a part of what it asks for.
///
/// A value stands here as its hash under a key of this index. Two values with the same one would
/// cost a look at an object in vain.
#[derive(Default)]
pub(super) struct Index {
    sets: HashMap<u64, Handles>,
    key: RandomState,
}

/// What the index knows of a search.
pub(super) enum Candidates<'i> {
    /// Nothing: every object has to be looked at.
    All,
    /// That nothing matches.
    None,
    /// That only those in all of these sets can match.
    In {
        /// The smallest set.
        first: &'i Handles,
        /// The others.
        others: Vec<&'i Handles>,
    },
}

impl Index {
    pub(super) fn add(&mut self, object: &Object) {
        for value in shown(object) {
            match self.sets.entry(hash(&self.key, value)) {
                Entry::Occupied(mut set) => set.get_mut().insert(object.handle()),
                Entry::Vacant(place) => drop(place.insert(Handles::One(object.handle()))),
            }
        }
    }

    pub(super) fn remove(&mut self, object: &Object) {
        for value in shown(object) {
            if let Entry::Occupied(mut set) = self.sets.entry(hash(&self.key, value))
                && set.get_mut().remove(object.handle())
            {
                set.remove();
            }
        }
    }

    /// The objects among which every match is.
    pub(super) fn candidates(&self, template: &Template) -> Candidates<'_> {
        let wanted = template.0.iter().filter(|attribute| is_indexed(attribute));
        let sets: Option<Vec<_>> =
            wanted.map(|attribute| self.sets.get(&hash(&self.key, attribute))).collect();
        let Some(mut others) = sets else { return Candidates::None };
        // The fewest words decide how many are looked at.
        others.sort_by_key(|set| std::cmp::Reverse(set.words()));
        match others.pop() {
            None => Candidates::All,
            Some(first) => {
                others.reverse();
                Candidates::In { first, others }
            }
        }
    }
}

/// Whether a search is a matter of microseconds: it names a text or a number of some length, which
/// few objects have, or returns whatever there is.
pub(in crate::hsm) fn is_narrow(template: &Template) -> bool {
    let is_rare = |attribute: &Attribute| match &attribute.value {
        AttributeValue::Bytes(bytes) => !bytes.is_empty(),
        _ => false,
    };
    template.0.is_empty() || template.0.iter().any(is_rare)
}

/// What a search may find an object by.
fn shown(object: &Object) -> impl Iterator<Item = &Attribute> {
    let all = object.attributes().0.iter();
    all.filter(|attribute| is_indexed(attribute) && is_revealed(object, attribute.kind))
}

const fn is_indexed(attribute: &Attribute) -> bool {
    !matches!(attribute.kind.kind(), AttributeKind::Mechanisms | AttributeKind::Template)
}

fn hash(key: &RandomState, attribute: &Attribute) -> u64 {
    let mut hasher = key.build_hasher();
    attribute.kind.hash(&mut hasher);
    match &attribute.value {
        AttributeValue::Boolean(value) => (0_u8, value).hash(&mut hasher),
        AttributeValue::Number(value) => (1_u8, value).hash(&mut hasher),
        AttributeValue::Bytes(value) => (2_u8, value.as_slice()).hash(&mut hasher),
        // Not in the index.
        AttributeValue::Mechanisms(_) | AttributeValue::Template(_) => {}
    }
    hasher.finish()
}
