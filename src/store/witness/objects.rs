//! The set of a partition's objects: one value that changes with each of them, at a cost that does
//! not grow with their number.
//!
//! The value is the exclusive or of one pseudorandom value for each object (a multiset hash under a
//! key: Clarke, Devadas, van Dijk, Gassend, Suh 2003). It never leaves memory: the database has a MAC
//! of it, so that nobody collects values that cancel each other out. What an object's row says is
//! bound to its sealed value as well; this tells which rows there are.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::{
    crypto::{Digest, hmac},
    store::StoreError,
};

/// What the database says of an object, besides its sealed value. A version of an object has a
/// slot of its own.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct ObjectMark {
    pub(in crate::store) handle: u64,
    pub(in crate::store) private: bool,
    pub(in crate::store) charge: u64,
    pub(in crate::store) slot: Option<u32>,
}

/// The objects of one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ObjectSet {
    count: u64,
    value: [u8; 32],
    /// Rows were added, altered or left out behind the store's back, once, since the partition was
    /// last erased.
    pub(super) damaged: bool,
}

impl ObjectSet {
    /// The sets of all partitions that have objects.
    pub(super) fn read_all(
        connection: &Connection,
        key: &[u8],
    ) -> Result<BTreeMap<i64, Self>, StoreError> {
        let mut sets = BTreeMap::<i64, Self>::new();
        let mut statement = connection.prepare_cached(ALL)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let owner = row.get(0)?;
            let (handle, private, charge) = (row.get(1)?, row.get(2)?, row.get(3)?);
            let mark = ObjectMark { handle, private, charge, slot: row.get(4)? };
            let set = sets.entry(owner).or_default();
            set.mix(key, owner, mark);
            set.count += 1;
        }
        Ok(sets)
    }

    pub(super) fn add(&mut self, key: &[u8], owner: i64, mark: ObjectMark) {
        self.mix(key, owner, mark);
        self.count = self.count.saturating_add(1);
    }

    pub(super) fn remove(&mut self, key: &[u8], owner: i64, mark: ObjectMark) {
        self.mix(key, owner, mark);
        self.count = self.count.saturating_sub(1);
    }

    fn mix(&mut self, key: &[u8], owner: i64, mark: ObjectMark) {
        let slot = mark.slot.map_or(u64::MAX, u64::from);
        let parts: [&[u8]; 6] = [
            b"object",
            &owner.to_be_bytes(),
            &mark.handle.to_be_bytes(),
            &[u8::from(mark.private)],
            &mark.charge.to_be_bytes(),
            &slot.to_be_bytes(),
        ];
        let one = hmac(Digest::Sha256, key, &parts);
        for (sum, byte) in self.value.iter_mut().zip(one.iter()) {
            *sum ^= byte;
        }
    }

    /// What the database keeps of it.
    pub(super) fn entry(&self, key: &[u8], owner: i64) -> Vec<u8> {
        let (count, damaged) = (self.count.to_be_bytes(), [u8::from(self.damaged)]);
        let parts: [&[u8]; 5] = [b"objects", &owner.to_be_bytes(), &count, &self.value, &damaged];
        let mut entry = hmac(Digest::Sha256, key, &parts).to_vec();
        entry.extend_from_slice(&damaged);
        entry
    }
}

const ALL: &str = "SELECT partition, handle, private, charge, slot FROM object";
