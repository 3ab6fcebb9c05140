//! Rows outside the seals, authenticated: each row has a MAC under a key of the HSM, and one MAC
//! over all of these says which rows there are, in which state of the database. Whoever can write
//! the database without the key can neither alter a row, nor put an older one back, nor leave one
//! out, without its being noticed and named.
//!
//! What is expected is in memory while the store is open. The table `witness` brings it there at a
//! start, and `state` says that the table is whole and of the state that `keys/confirmed` knows.

mod kinds;
mod noting;
mod objects;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use zeroize::Zeroizing;

use kinds::OBJECTS;
pub(super) use kinds::Table;
pub(super) use objects::ObjectMark;
use objects::ObjectSet;
use rows::{Place, Rows, decode, differing, row_name};

use super::{StoreError, keyring::HSM};
use crate::crypto::{Digest, hmac};

/// The table of this file, and the MAC over all of it.
pub(super) const TABLES: &str = "
CREATE TABLE witness (
    owner INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    entry BLOB NOT NULL,
    PRIMARY KEY (owner, kind)
) STRICT;
ALTER TABLE state ADD COLUMN mac BLOB;
";

/// What is expected of the database.
pub(super) struct Witness {
    key: Zeroizing<Vec<u8>>,
    /// Nothing was ever expected: the first transaction takes what is there for sound.
    first: bool,
    rows: BTreeMap<Place, Rows>,
    sets: BTreeMap<i64, ObjectSet>,
    /// What the database has in the table, as one hash each.
    entries: BTreeMap<Place, [u8; 32]>,
}

/// What a transaction changes about it, once it has happened.
pub(super) struct Next {
    rows: BTreeMap<Place, Rows>,
    sets: BTreeMap<i64, ObjectSet>,
    entries: BTreeMap<Place, [u8; 32]>,
}

/// What a transaction says about its rows while it goes on.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Objects that were added (`true`) or removed.
    objects: Vec<(i64, ObjectMark, bool)>,
    /// Owners and tables that were emptied: what was expected of them counts no more.
    emptied: Vec<Place>,
    /// Tables that are going to be changed, and were sound.
    touched: Vec<(i64, Table)>,
}

impl Notes {
    /// A table's rows are going to be changed.
    ///
    /// # Errors
    /// They are not as they are expected.
    pub(super) fn touch(
        &mut self,
        witness: &Witness,
        connection: &Connection,
        place: (i64, Table),
    ) -> Result<(), StoreError> {
        if !self.touched.contains(&place) {
            witness.check(connection, place, None)?;
            self.touched.push(place);
        }
        Ok(())
    }

    pub(super) fn add(&mut self, owner: i64, mark: ObjectMark) {
        self.objects.push((owner, mark, true));
    }

    pub(super) fn remove(&mut self, owner: i64, mark: ObjectMark) {
        self.objects.push((owner, mark, false));
    }

    /// All rows of a table were deleted.
    pub(super) fn emptied(&mut self, owner: i64, table: Table) {
        self.emptied.push((owner, table.kind().number));
    }

    /// All objects were deleted.
    pub(super) fn emptied_objects(&mut self, owner: i64) {
        self.objects.retain(|(of, ..)| *of != owner);
        self.emptied.push((owner, OBJECTS));
    }

    pub(super) const fn mark(&self) -> usize {
        self.objects.len()
    }

    pub(super) fn back_to(&mut self, mark: usize) {
        self.objects.truncate(mark);
    }
}

impl Witness {
    /// What is expected of a database that has a state; of one that never had any, what is there.
    ///
    /// # Errors
    /// The table is not whole, or not of this state.
    pub(super) fn open(connection: &Connection, base: &[u8]) -> Result<Self, StoreError> {
        let key = hmac(Digest::Sha256, base, &[b"witness"]);
        let (rows, sets, entries) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut witness = Self { key, first: false, rows, sets, entries };
        let (sequence, mac): (u64, Option<Vec<u8>>) =
            connection.query_row(STATE, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if sequence == 0 {
            witness.first = true;
            return Ok(witness);
        }
        let mut sets = ObjectSet::read_all(connection, &witness.key)?;
        let mut statement = connection.prepare(ENTRIES)?;
        let entries = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?)))?;
        for entry in entries {
            let (owner, kind, entry): (i64, u8, Vec<u8>) = entry?;
            witness.entries.insert((owner, kind), hash(&entry));
            if kind == OBJECTS {
                let set = sets.entry(owner).or_default();
                set.damaged = set.entry(&witness.key, owner) != entry;
            } else {
                let rows = decode(&entry).ok_or(StoreError::Damaged(String::from(WITNESS)))?;
                witness.rows.insert((owner, kind), rows);
            }
        }
        // Rows of objects where none are expected.
        for (owner, set) in &mut sets {
            set.damaged |= !witness.entries.contains_key(&(*owner, OBJECTS));
        }
        witness.sets = sets;
        let expected = witness.mac(sequence, &witness.entries);
        if mac.as_deref() == Some(&expected) {
            Ok(witness)
        } else {
            Err(StoreError::Damaged(String::from(WITNESS)))
        }
    }

    /// All rows as they are, of every table and owner.
    pub(super) fn present(
        &self,
        connection: &Connection,
    ) -> Result<BTreeMap<Place, Rows>, StoreError> {
        let mut statement = connection.prepare_cached(OWNERS)?;
        let owners = statement.query_map([], |row| row.get(0))?;
        let mut owners: BTreeSet<i64> = owners.collect::<Result<_, _>>()?;
        owners.insert(HSM);
        let mut all = BTreeMap::new();
        for owner in owners {
            let tables = Table::ALL.iter();
            for table in tables.filter(|table| table.kind().of_partition == (owner != HSM)) {
                let rows = self.present_rows(connection, owner, *table)?;
                if !rows.is_empty() {
                    all.insert((owner, table.kind().number), rows);
                }
            }
        }
        Ok(all)
    }

    fn present_rows(
        &self,
        connection: &Connection,
        owner: i64,
        table: Table,
    ) -> Result<Rows, StoreError> {
        let mut rows = Rows::new();
        let kind = table.kind().number;
        table.each_row(connection, owner, |name, content| {
            let parts: [&[u8]; 4] = [b"row", &owner.to_be_bytes(), &[kind], content];
            let mac = hmac(Digest::Sha256, &self.key, &parts);
            let mac = mac.as_slice().try_into().unwrap_or_default();
            rows.insert(name, mac);
        })?;
        Ok(rows)
    }

    /// Refuses the rows of a table, or the one of a name, that are not as they are expected.
    ///
    /// # Errors
    /// They are not; the first is named.
    pub(super) fn check(
        &self,
        connection: &Connection,
        (owner, table): (i64, Table),
        only: Option<&str>,
    ) -> Result<(), StoreError> {
        let unsound = self.unsound(connection, owner, table)?;
        let unsound = unsound.into_iter().find(|name| only.is_none_or(|only| only == name));
        match unsound {
            None => Ok(()),
            Some(name) => Err(StoreError::Damaged(row_name(owner, table.kind(), &name))),
        }
    }

    /// The names of a table's rows that are not as they are expected, or are missing.
    pub(super) fn unsound(
        &self,
        connection: &Connection,
        owner: i64,
        table: Table,
    ) -> Result<BTreeSet<String>, StoreError> {
        let present = self.present_rows(connection, owner, table)?;
        let none = Rows::new();
        let expected = self.rows.get(&(owner, table.kind().number)).unwrap_or(&none);
        Ok(differing(expected, &present))
    }

    /// Every row that is not as it is expected, as a sentence.
    pub(super) fn damages(&self, connection: &Connection) -> Result<Vec<String>, StoreError> {
        let present = self.present(connection)?;
        let none = Rows::new();
        let places: BTreeSet<_> = present.keys().chain(self.rows.keys()).copied().collect();
        let mut damages = Vec::new();
        for place in places {
            let expected = self.rows.get(&place).unwrap_or(&none);
            let there = present.get(&place).unwrap_or(&none);
            let Some(table) = Table::ALL.iter().find(|table| table.kind().number == place.1) else {
                continue;
            };
            for name in differing(expected, there) {
                let how = match (expected.get(&name), there.get(&name)) {
                    (Some(_), None) => "is missing",
                    (None, _) => "was added from outside",
                    (Some(_), Some(_)) => "was altered",
                };
                damages.push(format!("{} {how}", row_name(place.0, table.kind(), &name)));
            }
        }
        let sets = ObjectSet::read_all(connection, &self.key)?;
        let owners: BTreeSet<_> = sets.keys().chain(self.sets.keys()).copied().collect();
        for owner in owners {
            let expected = self.sets.get(&owner).copied().unwrap_or_default();
            let there = sets.get(&owner).copied().unwrap_or_default();
            if expected.damaged || there != expected {
                damages.push(format!(
                    "objects of partition {owner} were altered, added or left out from outside"
                ));
            }
        }
        Ok(damages)
    }

    fn mac(&self, sequence: u64, entries: &BTreeMap<Place, [u8; 32]>) -> Vec<u8> {
        let mut all = Vec::with_capacity(entries.len() * 41);
        for ((owner, kind), hash) in entries {
            all.extend_from_slice(&owner.to_be_bytes());
            all.push(*kind);
            all.extend_from_slice(hash);
        }
        let parts: [&[u8]; 3] = [b"state", &sequence.to_be_bytes(), &all];
        hmac(Digest::Sha256, &self.key, &parts).to_vec()
    }

    /// The transaction has happened.
    pub(super) fn take(&mut self, next: Next) {
        self.first = false;
        self.rows.extend(next.rows);
        self.rows.retain(|_, rows| !rows.is_empty());
        self.sets.extend(next.sets);
        self.entries = next.entries;
    }
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Witness(..)")
    }
}

fn hash(entry: &[u8]) -> [u8; 32] {
    let hash = Digest::Sha256.start().update(entry).finish();
    hash.as_slice().try_into().unwrap_or_default()
}

const WITNESS: &str = "the table that says which rows there are";
const STATE: &str = "SELECT sequence, mac FROM state";
const ENTRIES: &str = "SELECT owner, kind, entry FROM witness";
const OWNERS: &str = "SELECT serial FROM partition";
