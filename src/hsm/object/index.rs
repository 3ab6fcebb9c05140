//! Which objects have a value in an attribute that searches ask for.

use std::collections::{BTreeSet, HashMap};

use crate::model::cryptoki::{AttributeType as A, AttributeValue, ObjectHandle, Template};

/// The attributes that searches ask for.
const INDEXED: [A; 8] = [
    A::LABEL,
    A::ID,
    A::UNIQUE_ID,
    A::CLASS,
    A::KEY_TYPE,
    A::SUBJECT,
    A::OBJECT_ID,
    A::APPLICATION,
];

/// Handles by the values of [`INDEXED`] attributes. None of these is ever secret.
#[derive(Default)]
pub(super) struct Index(HashMap<(A, Box<[u8]>), BTreeSet<ObjectHandle>>);

/// What the index knows of a search.
pub(super) enum Candidates<'i> {
    /// Nothing: every object has to be looked at.
    All,
    /// That nothing matches.
    None,
    /// That only these can match.
    These(&'i BTreeSet<ObjectHandle>),
}

impl Index {
    pub(super) fn add(&mut self, handle: ObjectHandle, attributes: &Template) {
        for place in places(attributes) {
            self.0.entry(place).or_default().insert(handle);
        }
    }

    pub(super) fn remove(&mut self, handle: ObjectHandle, attributes: &Template) {
        for place in places(attributes) {
            if let Some(handles) = self.0.get_mut(&place) {
                handles.remove(&handle);
                if handles.is_empty() {
                    self.0.remove(&place);
                }
            }
        }
    }

    /// The objects among which every match is.
    pub(super) fn candidates(&self, template: &Template) -> Candidates<'_> {
        let mut best = None;
        for place in places(template) {
            let Some(handles) = self.0.get(&place) else { return Candidates::None };
            if best.is_none_or(|least: &BTreeSet<_>| handles.len() < least.len()) {
                best = Some(handles);
            }
        }
        best.map_or(Candidates::All, Candidates::These)
    }
}

/// Whether a search looks at few objects, because it names a value that few have; or at as many as
/// it returns. Others may have to look at every object of a partition.
pub(in crate::hsm) fn is_narrow(template: &Template) -> bool {
    const COMMON: [A; 2] = [A::CLASS, A::KEY_TYPE];
    template.0.is_empty() || places(template).any(|(kind, _)| !COMMON.contains(&kind))
}

/// Where an object with these attributes stands. An empty value is as good as none.
fn places(attributes: &Template) -> impl Iterator<Item = (A, Box<[u8]>)> {
    INDEXED.into_iter().filter_map(|kind| match attributes.get(kind)? {
        AttributeValue::Bytes(bytes) if !bytes.is_empty() => Some((kind, bytes.as_slice().into())),
        AttributeValue::Number(number) => Some((kind, number.to_be_bytes().into())),
        _ => None,
    })
}
