//! Sets of handles, of which sixty-four that follow each other are one word.
//!
//! A value that every object has makes a set of all objects; what several such values have in
//! common is found word by word.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Included, Unbounded},
};

use crate::model::cryptoki::ObjectHandle;

/// Handles of a word.
const WORD: u64 = 64;

/// Handles that rise.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Handles {
    /// Most values are one object's only: labels, identifiers, parts of keys.
    One(ObjectHandle),
    /// Words by their places; none of them is empty.
    Many(BTreeMap<u64, u64>),
}

impl Handles {
    pub(super) fn insert(&mut self, handle: ObjectHandle) {
        if let Self::One(first) = self {
            if *first == handle {
                return;
            }
            let (place, bit) = split(*first);
            *self = Self::Many(BTreeMap::from([(place, bit)]));
        }
        if let Self::Many(words) = self {
            let (place, bit) = split(handle);
            *words.entry(place).or_default() |= bit;
        }
    }

    /// Removes a handle; whether none is left.
    pub(super) fn remove(&mut self, handle: ObjectHandle) -> bool {
        match self {
            Self::One(only) => *only == handle,
            Self::Many(words) => {
                let (place, bit) = split(handle);
                if let Some(word) = words.get_mut(&place) {
                    *word &= !bit;
                    if *word == 0 {
                        words.remove(&place);
                    }
                }
                words.is_empty()
            }
        }
    }

    /// What of a search through these there is to look at.
    pub(super) fn words(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(words) => words.len(),
        }
    }

    fn word(&self, place: u64) -> u64 {
        match self {
            Self::One(only) => {
                let (at, bit) = split(*only);
                if at == place { bit } else { 0 }
            }
            Self::Many(words) => words.get(&place).copied().unwrap_or_default(),
        }
    }

    /// The handles behind `after`, rising, that are in all of the others too.
    pub(super) fn common<'h>(
        &'h self,
        others: &'h [&'h Self],
        after: Option<ObjectHandle>,
    ) -> impl Iterator<Item = ObjectHandle> + 'h {
        let (one, many) = match self {
            Self::One(only) => (Some(split(*only)), None),
            Self::Many(words) => {
                let from = after.map_or(Unbounded, |after| Included(after.0 / WORD));
                (None, Some(words.range((from, Unbounded)).map(|(place, word)| (*place, *word))))
            }
        };
        let behind = (after.map_or(Unbounded, Excluded), Unbounded);
        one.into_iter()
            .chain(many.into_iter().flatten())
            .flat_map(move |(place, word)| {
                let word = others.iter().fold(word, |word, other| match word {
                    0 => 0,
                    word => word & other.word(place),
                });
                handles_of(place, word)
            })
            .filter(move |handle| std::ops::RangeBounds::contains(&behind, handle))
    }
}

const fn split(handle: ObjectHandle) -> (u64, u64) {
    (handle.0 / WORD, 1 << (handle.0 % WORD))
}

fn handles_of(place: u64, mut word: u64) -> impl Iterator<Item = ObjectHandle> {
    std::iter::from_fn(move || {
        if word == 0 {
            return None;
        }
        let bit = u64::from(word.trailing_zeros());
        word &= word - 1;
        Some(ObjectHandle(place * WORD + bit))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(numbers: &BTreeSet<u64>) -> Option<Handles> {
        let mut numbers = numbers.iter().map(|number| ObjectHandle(*number));
        let mut handles = Handles::One(numbers.next()?);
        numbers.for_each(|number| handles.insert(number));
        Some(handles)
    }

    proptest! {
        #[test]
        fn what_is_common_is_found_in_order(
            sets in prop::collection::vec(prop::collection::btree_set(0_u64..300, 1..200), 1..4),
            after in prop::option::of(0_u64..300),
        ) {
            let handles: Vec<_> = sets.iter().map(|numbers| set(numbers).unwrap()).collect();
            let others: Vec<_> = handles[1..].iter().collect();
            let found: Vec<_> = handles[0].common(&others, after.map(ObjectHandle)).collect();
            let wanted: Vec<_> = sets[0]
                .iter()
                .filter(|number| sets.iter().all(|set| set.contains(number)))
                .filter(|number| after.is_none_or(|after| **number > after))
                .map(|number| ObjectHandle(*number))
                .collect();
            prop_assert_eq!(found, wanted);
        }

        #[test]
        fn what_is_removed_is_gone(
            numbers in prop::collection::btree_set(0_u64..300, 1..50),
            gone in prop::collection::btree_set(0_u64..300, 1..50),
        ) {
            let mut handles = set(&numbers).unwrap();
            let mut left = numbers;
            for number in gone {
                left.remove(&number);
                let empty = handles.remove(ObjectHandle(number));
                prop_assert_eq!(empty, left.is_empty());
                if empty {
                    return Ok(());
                }
                let found: Vec<_> = handles.common(&[], None).map(|handle| handle.0).collect();
                prop_assert_eq!(found, left.iter().copied().collect::<Vec<_>>());
            }
        }
    }
}
