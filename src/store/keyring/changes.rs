//! What one transaction changes about keys: nothing of it counts before the transaction does.

use std::collections::BTreeSet;

use super::{KeyFile, Keyring, path_of};
use crate::store::StoreError;

/// The changes of one transaction. One of the three ends has to be called.
pub(in crate::store) struct KeyChanges<'k> {
    ring: &'k mut Keyring,
    taken: Vec<(i64, u32)>,
    freed: Vec<(i64, u32)>,
    /// The files that were live before, in the order of the changes.
    replaced: Vec<(i64, Option<KeyFile>)>,
}

/// A place in the order of changes.
#[derive(Clone, Copy)]
pub(in crate::store) struct Mark {
    taken: usize,
    freed: usize,
}

impl<'k> KeyChanges<'k> {
    pub(super) const fn new(ring: &'k mut Keyring) -> Self {
        Self { ring, taken: Vec::new(), freed: Vec::new(), replaced: Vec::new() }
    }

    /// The keys as they are within the transaction.
    pub(in crate::store) const fn ring(&self) -> &Keyring {
        self.ring
    }

    /// Seals a value under a slot of its own, and says which.
    pub(in crate::store) fn seal_in_slot(
        &mut self,
        owner: i64,
        what: &str,
        value: &[u8],
    ) -> Result<(u32, Vec<u8>), StoreError> {
        let Keyring { files, random, .. } = &mut *self.ring;
        let slot = files.get_mut(&owner).ok_or(StoreError::Sealed)?.take(random.as_mut())?;
        self.taken.push((owner, slot));
        let sealed = self.ring.seal_value((owner, Some(slot)), what, value)?;
        Ok((slot, sealed))
    }

    /// Seals another value under a slot that was taken in this transaction.
    pub(in crate::store) fn seal_at(
        &mut self,
        (owner, slot): (i64, u32),
        what: &str,
        value: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        self.ring.seal_value((owner, Some(slot)), what, value)
    }

    /// Seals a value under the generation's secret.
    pub(in crate::store) fn seal(
        &mut self,
        owner: i64,
        what: &str,
        value: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        self.ring.seal_value((owner, None), what, value)
    }

    /// Has the key in a slot destroyed with the transaction.
    pub(in crate::store) fn free(&mut self, owner: i64, slot: u32) {
        self.freed.push((owner, slot));
    }

    /// Begins a generation: its keys are on the disk from here on, and live. Those of the one
    /// before are destroyed with the transaction.
    pub(in crate::store) fn begin(
        &mut self,
        owner: i64,
        generation: u64,
    ) -> Result<(), StoreError> {
        let path = path_of(&self.ring.directory, owner, generation);
        let file = KeyFile::make(path, generation, self.ring.random.as_mut())?;
        let before = self.ring.files.insert(owner, file);
        self.replaced.push((owner, before));
        Ok(())
    }

    /// Has the keys of an owner destroyed with the transaction.
    pub(in crate::store) fn end(&mut self, owner: i64) {
        let before = self.ring.files.remove(&owner);
        self.replaced.push((owner, before));
    }

    pub(in crate::store) const fn mark(&self) -> Mark {
        Mark { taken: self.taken.len(), freed: self.freed.len() }
    }

    /// Takes back what was changed about slots behind a mark.
    pub(in crate::store) fn back_to(&mut self, mark: Mark) {
        self.freed.truncate(mark.freed);
        for (owner, slot) in self.taken.split_off(mark.taken) {
            if let Some(file) = self.ring.files.get_mut(&owner) {
                file.release(slot);
            }
        }
    }

    /// The transaction did not happen: all is as before.
    pub(in crate::store) fn undo(mut self) {
        let begun = self.put_back();
        for file in begun {
            // It sealed nothing. What stays of it is destroyed at the next start.
            if let Err(error) = file.destroy(self.ring.random.as_mut()) {
                tracing::warn!(%error, "new keys cannot be removed");
            }
        }
        self.back_to(Mark { taken: 0, freed: 0 });
    }

    /// Nobody knows whether the transaction will have happened after a restart: memory is as
    /// before, and no key is destroyed or used for anything else.
    pub(in crate::store) fn leave_open(mut self) {
        drop(self.put_back());
    }

    fn put_back(&mut self) -> Vec<KeyFile> {
        let mut begun = Vec::new();
        for (owner, before) in std::mem::take(&mut self.replaced).into_iter().rev() {
            begun.extend(self.ring.files.remove(&owner));
            if let Some(before) = before {
                self.ring.files.insert(owner, before);
            }
        }
        begun
    }

    /// The transaction has happened: destroys what it ended. Files are gone from the disk on
    /// return, and so are slots if `at_once`; otherwise they are once the file is settled. Says
    /// whether anything was destroyed.
    ///
    /// # Errors
    /// Something could not be destroyed. It is tried again when files are settled, and at the
    /// next start.
    pub(in crate::store) fn carry_out(self, at_once: bool) -> Result<bool, StoreError> {
        let Self { ring, freed, replaced, .. } = self;
        let whole: Vec<_> = replaced.iter().filter_map(|(_, file)| file.as_ref()).collect();
        let erases = !whole.is_empty() || !freed.is_empty();
        ring.doomed.extend(whole.iter().map(|file| file.path().to_owned()));
        let mut failed = ring.destroy_doomed().err();
        let Keyring { files, random, .. } = &mut *ring;
        let whole = |owner| replaced.iter().any(|(replaced, _)| *replaced == owner);
        let slots = freed.into_iter().filter(|(owner, _)| !whole(*owner));
        let mut touched = BTreeSet::new();
        for (owner, slot) in slots {
            if let Some(file) = files.get_mut(&owner) {
                failed = file.destroy_slot(slot, random.as_mut()).err().or(failed);
                touched.insert(owner);
            }
        }
        for owner in touched.into_iter().filter(|_| at_once) {
            if let Some(file) = files.get_mut(&owner) {
                failed = file.settle().err().or(failed);
            }
        }
        failed.map_or(Ok(erases), Err)
    }
}
