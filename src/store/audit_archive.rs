//! Records that have left the log: for archives, or for good.
//!
//! The log begins behind the last record that left. Which ranges left, and in which file they are,
//! stands in rows that are chained as the records are: from the first record that was ever made to
//! the one that the log begins with there is no gap that could hide something.

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    AuditRow, StoreError,
    audit::{self, Chain, Head},
};

/// A range of records that has left the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditArchive {
    /// The number of the first record.
    pub first: u64,
    /// The number of the last one.
    pub last: u64,
    /// The MAC of the record before the first; empty before the first one of all.
    pub before: Vec<u8>,
    /// The MAC of the last one.
    pub mac: Vec<u8>,
    /// When they left, in seconds since 1970 UTC.
    pub time: u64,
    /// The file that holds them; none if they were cleared.
    pub file: Option<String>,
    /// The file's size in bytes.
    pub bytes: u64,
}

/// Which records are to leave the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditClosing {
    /// The number before the first one: the log has to begin there still.
    pub start: u64,
    /// The number of the last one; `start` if none leaves.
    pub last: u64,
    /// When, in seconds since 1970 UTC.
    pub time: u64,
    /// The file that holds them, and its size in bytes; none if they are cleared.
    pub file: Option<(String, u64)>,
    /// Whether the archives that are there are gone too.
    pub forget: bool,
}

/// What a walk along the chain found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditWalk {
    /// Records in the log.
    pub records: u64,
    /// The number of the first record that does not hold.
    pub broken: Option<u64>,
}

/// Where the log begins: behind this record.
pub(super) fn start(connection: &Connection, chain: &Chain) -> Result<Head, StoreError> {
    let mut statement = connection.prepare_cached(START)?;
    let (head, seal) = statement.query_row([], |row| {
        let head = Head { sequence: row.get(0)?, mac: row.get(1)? };
        Ok((head, row.get::<_, Option<Vec<u8>>>(2)?))
    })?;
    let holds = match seal {
        Some(seal) => chain.start(&head) == seal,
        None => head == Head { sequence: 0, mac: Vec::new() },
    };
    if holds { Ok(head) } else { Err(StoreError::Row("audit chain's start")) }
}

/// The ranges that have left, by number.
pub(super) fn read(connection: &Connection) -> Result<Vec<(AuditArchive, Vec<u8>)>, StoreError> {
    let mut statement = connection.prepare_cached(ARCHIVES)?;
    let rows = statement.query_map([], |row| {
        let archive = AuditArchive {
            first: row.get(0)?,
            last: row.get(1)?,
            before: row.get(2)?,
            mac: row.get(3)?,
            time: row.get(4)?,
            file: row.get(5)?,
            bytes: row.get(6)?,
        };
        Ok((archive, row.get(7)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The number of the first record that no range accounts for, from the first one that was made to
/// the one that the log begins with.
pub(super) fn check(connection: &Connection, chain: &Chain) -> Result<Option<u64>, StoreError> {
    let mut end = Head { sequence: 0, mac: Vec::new() };
    for (archive, seal) in read(connection)? {
        let follows = archive.first == end.sequence + 1 && archive.before == end.mac;
        if !follows || archive.last < archive.first || chain.archive(&archive) != seal {
            return Ok(Some(end.sequence + 1));
        }
        end = Head { sequence: archive.last, mac: archive.mac };
    }
    match start(connection, chain) {
        Ok(start) if start == end => Ok(None),
        Ok(_) | Err(StoreError::Row(_)) => Ok(Some(end.sequence + 1)),
        Err(error) => Err(error),
    }
}

/// Takes a range out of the log and records that; `false` if the log begins elsewhere by now.
pub(super) fn close(
    connection: &Connection,
    chain: &Chain,
    (closing, record): (&AuditClosing, &AuditRow),
) -> Result<bool, StoreError> {
    let begin = start(connection, chain)?;
    let mut head = audit::head(connection, chain)?;
    if begin.sequence != closing.start || closing.last > head.sequence {
        return Ok(false);
    }
    let mut archives: Vec<_> = read(connection)?.into_iter().map(|(archive, _)| archive).collect();
    if closing.forget {
        for archive in &mut archives {
            (archive.file, archive.bytes) = (None, 0);
        }
    }
    if closing.last > begin.sequence {
        let mac: Option<Vec<u8>> =
            connection.query_row(MAC, [closing.last], |row| row.get(0)).optional()?;
        let Some(mac) = mac else { return Ok(false) };
        let (file, bytes) = closing.file.clone().unzip();
        archives.push(AuditArchive {
            first: begin.sequence + 1,
            last: closing.last,
            before: begin.mac,
            mac: mac.clone(),
            time: closing.time,
            file,
            bytes: bytes.unwrap_or_default(),
        });
        connection.execute(DELETE, [closing.last])?;
        let start = Head { sequence: closing.last, mac };
        connection.execute(SET_START, params![start.sequence, start.mac, chain.start(&start)])?;
    }
    write(connection, chain, merged(archives))?;
    audit::append(connection, chain, &mut head, record)?;
    audit::set_head(connection, chain, &head)?;
    Ok(true)
}

/// Ranges side by side that are gone for good are one.
fn merged(archives: Vec<AuditArchive>) -> Vec<AuditArchive> {
    let mut merged: Vec<AuditArchive> = Vec::new();
    for archive in archives {
        match merged.last_mut() {
            Some(before) if before.file.is_none() && archive.file.is_none() => {
                (before.last, before.mac, before.time) = (archive.last, archive.mac, archive.time);
            }
            _ => merged.push(archive),
        }
    }
    merged
}

fn write(
    connection: &Connection,
    chain: &Chain,
    archives: Vec<AuditArchive>,
) -> Result<(), StoreError> {
    connection.execute(DELETE_ARCHIVES, [])?;
    let mut statement = connection.prepare_cached(ADD_ARCHIVE)?;
    for archive in archives {
        let seal = chain.archive(&archive);
        let AuditArchive { first, last, before, mac, time, file, bytes } = archive;
        statement.execute(params![first, last, before, mac, time, file, bytes, seal])?;
    }
    Ok(())
}

const START: &str = "SELECT start, start_mac, start_seal FROM audit_chain";
const SET_START: &str = "UPDATE audit_chain SET start = ?1, start_mac = ?2, start_seal = ?3";
const MAC: &str = "SELECT mac FROM audit WHERE sequence = ?1";
const DELETE: &str = "DELETE FROM audit WHERE sequence <= ?1";
const ARCHIVES: &str = "SELECT first, last, before, mac, time, file, bytes, seal \
     FROM audit_archive ORDER BY first";
const DELETE_ARCHIVES: &str = "DELETE FROM audit_archive";
const ADD_ARCHIVE: &str = "INSERT INTO audit_archive \
     (first, last, before, mac, time, file, bytes, seal) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// The tables of this file.
pub(super) const TABLES: &str = "
ALTER TABLE audit_chain ADD COLUMN start INTEGER NOT NULL DEFAULT 0;
ALTER TABLE audit_chain ADD COLUMN start_mac BLOB NOT NULL DEFAULT x'';
ALTER TABLE audit_chain ADD COLUMN start_seal BLOB;
CREATE TABLE audit_archive (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    before BLOB NOT NULL,
    mac BLOB NOT NULL,
    time INTEGER NOT NULL,
    file TEXT,
    bytes INTEGER NOT NULL,
    seal BLOB NOT NULL
) STRICT;
";
