//! What a transaction leaves to be expected.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};

use super::{
    Next, Notes, Witness, hash,
    kinds::{OBJECTS, Table},
    objects::ObjectSet,
    rows::{Place, Rows, encode, expected_after},
};
use crate::store::{StoreError, keyring::HSM};

impl Witness {
    /// Notes what was done to objects and to tables that were touched, within the transaction.
    pub(in crate::store) fn note_touched(
        &self,
        connection: &Connection,
        notes: &Notes,
        sequence: u64,
    ) -> Result<Next, StoreError> {
        let mut next =
            Next { rows: BTreeMap::new(), sets: BTreeMap::new(), entries: self.entries.clone() };
        for (owner, table) in &notes.touched {
            let place = (*owner, table.kind().number);
            let rows = self.present_rows(connection, *owner, *table)?;
            if self.rows.get(&place) != Some(&rows) {
                next.put(connection, place, (!rows.is_empty()).then(|| encode(&rows)))?;
                next.rows.insert(place, rows);
            }
        }
        self.note_sets(connection, notes, &mut next)?;
        self.set_mac(connection, &next, sequence)?;
        Ok(next)
    }

    /// Notes all that a transaction changed, within it. `before` are the rows as they were at its
    /// beginning: what is altered without this store is neither used nor made sound.
    ///
    /// # Errors
    /// The transaction changed a row that is not as it was expected.
    pub(in crate::store) fn note(
        &self,
        connection: &Connection,
        before: &BTreeMap<Place, Rows>,
        (notes, sequence): (&Notes, u64),
    ) -> Result<Next, StoreError> {
        let after = self.present(connection)?;
        let gone = self.gone(before, &after);
        let mut next =
            Next { rows: BTreeMap::new(), sets: BTreeMap::new(), entries: self.entries.clone() };
        let places: BTreeSet<_> =
            before.keys().chain(after.keys()).chain(self.rows.keys()).copied().collect();
        let none = Rows::new();
        for place in places {
            let expected = self.rows.get(&place).unwrap_or(&none);
            let after = after.get(&place).unwrap_or(&none);
            let rows = if self.first || notes.emptied.contains(&place) || gone.contains(&place.0) {
                after.clone()
            } else {
                let before = before.get(&place).unwrap_or(&none);
                expected_after(place, expected, (before, after))?
            };
            if rows != *expected {
                next.put(connection, place, (!rows.is_empty()).then(|| encode(&rows)))?;
                next.rows.insert(place, rows);
            }
        }
        if self.first {
            next.sets = ObjectSet::read_all(connection, &self.key)?;
        }
        self.note_sets(connection, notes, &mut next)?;
        for owner in gone {
            if self.sets.contains_key(&owner) || next.sets.contains_key(&owner) {
                next.sets.insert(owner, ObjectSet::default());
                next.put(connection, (owner, OBJECTS), None)?;
            }
        }
        self.set_mac(connection, &next, sequence)?;
        Ok(next)
    }

    /// The partitions that are there no more.
    fn gone(&self, before: &BTreeMap<Place, Rows>, after: &BTreeMap<Place, Rows>) -> BTreeSet<i64> {
        let known = before.keys().chain(self.rows.keys()).map(|(owner, _)| *owner);
        let partition = Table::Partition.kind().number;
        known.filter(|owner| *owner != HSM && !after.contains_key(&(*owner, partition))).collect()
    }

    /// What was emptied has its set from nothing, and what was added after that is in it.
    fn note_sets(
        &self,
        connection: &Connection,
        notes: &Notes,
        next: &mut Next,
    ) -> Result<(), StoreError> {
        for (owner, kind) in &notes.emptied {
            if *kind == OBJECTS {
                next.sets.insert(*owner, ObjectSet::default());
            }
        }
        for (owner, mark, added) in &notes.objects {
            let known = self.sets.get(owner).copied().unwrap_or_default();
            let set = next.sets.entry(*owner).or_insert(known);
            if *added {
                set.add(&self.key, *owner, *mark);
            } else {
                set.remove(&self.key, *owner, *mark);
            }
        }
        for (owner, set) in next.sets.clone() {
            let entry = set.entry(&self.key, owner);
            next.put(connection, (owner, OBJECTS), Some(entry))?;
        }
        Ok(())
    }

    fn set_mac(
        &self,
        connection: &Connection,
        next: &Next,
        sequence: u64,
    ) -> Result<(), StoreError> {
        let mac = self.mac(sequence, &next.entries);
        connection.prepare_cached(SET_MAC)?.execute([mac])?;
        Ok(())
    }
}

impl Next {
    fn put(
        &mut self,
        connection: &Connection,
        place: Place,
        entry: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        if let Some(entry) = entry {
            let values = params![place.0, place.1, entry];
            connection.prepare_cached(PUT)?.execute(values)?;
            self.entries.insert(place, hash(&entry));
        } else {
            connection.prepare_cached(REMOVE)?.execute(params![place.0, place.1])?;
            self.entries.remove(&place);
        }
        Ok(())
    }
}

const SET_MAC: &str = "UPDATE state SET mac = ?1";
const PUT: &str = "INSERT OR REPLACE INTO witness (owner, kind, entry) VALUES (?1, ?2, ?3)";
const REMOVE: &str = "DELETE FROM witness WHERE owner = ?1 AND kind = ?2";
