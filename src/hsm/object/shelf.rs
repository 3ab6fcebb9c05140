//! Objects in memory, found by handle or by what they are.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Included, Unbounded},
    sync::Arc,
};

use super::{
    Object,
    index::{Candidates, Index},
    is_revealed,
};
use crate::model::cryptoki::{ObjectHandle, Template};

/// Objects by handle.
#[derive(Default)]
pub(in crate::hsm) struct Shelf {
    objects: BTreeMap<ObjectHandle, Arc<Object>>,
    index: Index,
}

impl Shelf {
    pub(in crate::hsm) fn get(&self, handle: ObjectHandle) -> Option<Arc<Object>> {
        self.objects.get(&handle).cloned()
    }

    pub(in crate::hsm) fn len(&self) -> usize {
        self.objects.len()
    }

    pub(in crate::hsm) fn all(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.values()
    }

    /// Puts an object in, in the place of the one with its handle.
    pub(in crate::hsm) fn put(&mut self, object: Arc<Object>) {
        self.remove(object.handle());
        self.index.add(&object);
        self.objects.insert(object.handle(), object);
    }

    pub(in crate::hsm) fn remove(&mut self, handle: ObjectHandle) -> Option<Arc<Object>> {
        let object = self.objects.remove(&handle)?;
        self.index.remove(&object);
        Some(object)
    }

    /// Removes the objects that this does not hold for.
    pub(in crate::hsm) fn retain(&mut self, keep: impl Fn(&Object) -> bool) {
        let gone: Vec<_> =
            self.objects.values().filter(|one| !keep(one)).map(|one| one.handle()).collect();
        for handle in gone {
            self.remove(handle);
        }
    }

    /// The first `limit` objects behind `after` that match a template, by handle.
    pub(in crate::hsm) fn find(
        &self,
        template: &Template,
        after: Option<ObjectHandle>,
        limit: usize,
    ) -> Vec<ObjectHandle> {
        let from = after.map_or(Unbounded, Excluded);
        let fits = |object: &&Arc<Object>| matches(object, template);
        match self.index.candidates(template) {
            Candidates::None => Vec::new(),
            Candidates::In { first, others } => first
                .common(&others, after)
                .filter_map(|handle| self.objects.get(&handle))
                .filter(fits)
                .take(limit)
                .map(|object| object.handle())
                .collect(),
            Candidates::All => self
                .objects
                .range((from, Included(ObjectHandle(u64::MAX))))
                .map(|(_, object)| object)
                .filter(fits)
                .take(limit)
                .map(|object| object.handle())
                .collect(),
        }
    }
}

/// Whether an object has every value of the template, among those that it shows.
fn matches(object: &Object, template: &Template) -> bool {
    template.0.iter().all(|wanted| {
        object.attributes().get(wanted.kind) == Some(&wanted.value)
            && is_revealed(object, wanted.kind)
    })
}
