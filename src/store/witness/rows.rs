//! The names and MACs of one table's rows, compared, and as the database keeps them.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::{Kind, Table};
use crate::store::{StoreError, keyring::HSM};

/// The size in bytes of a row's MAC.
const MAC_BYTES: usize = 32;

/// The rows of one kind and owner: for each name its MAC.
pub(super) type Rows = BTreeMap<String, [u8; MAC_BYTES]>;

/// Owner and kind.
pub(super) type Place = (i64, u8);

/// What is expected of a table behind a transaction: of rows that it did not touch, what was
/// expected before.
pub(super) fn expected_after(
    (owner, kind): Place,
    expected: &Rows,
    (before, after): (&Rows, &Rows),
) -> Result<Rows, StoreError> {
    let mut rows = expected.clone();
    for name in differing(before, after) {
        let sound = before.get(&name) == expected.get(&name);
        match after.get(&name) {
            Some(mac) if sound => drop(rows.insert(name, *mac)),
            None => drop(rows.remove(&name)),
            Some(_) => {
                let table = Table::ALL.iter().find(|table| table.kind().number == kind);
                let named = table.map(|table| row_name(owner, table.kind(), &name));
                return Err(StoreError::Damaged(named.unwrap_or_default()));
            }
        }
    }
    Ok(rows)
}

/// The names whose rows differ.
pub(super) fn differing(one: &Rows, other: &Rows) -> BTreeSet<String> {
    let names = one.keys().chain(other.keys());
    names.filter(|name| one.get(*name) != other.get(*name)).cloned().collect()
}

/// What a row is called in messages.
pub(super) fn row_name(owner: i64, kind: &Kind, name: &str) -> String {
    let mut text = kind.what.to_owned();
    if !name.is_empty() {
        text = format!("{text} {name}");
    }
    if owner == HSM { text } else { format!("{text} (partition {owner})") }
}

pub(super) fn encode(rows: &Rows) -> Vec<u8> {
    let mut entry = Vec::new();
    for (name, mac) in rows {
        let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
        entry.extend_from_slice(&length.to_be_bytes());
        entry.extend_from_slice(name.as_bytes());
        entry.extend_from_slice(mac);
    }
    entry
}

pub(super) fn decode(mut entry: &[u8]) -> Option<Rows> {
    let mut rows = Rows::new();
    while !entry.is_empty() {
        let (length, rest) = entry.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (name, rest) = rest.split_at_checked(length)?;
        let (mac, rest) = rest.split_first_chunk()?;
        rows.insert(String::from_utf8(name.to_vec()).ok()?, *mac);
        entry = rest;
    }
    Some(rows)
}
