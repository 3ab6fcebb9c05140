//! The audit log: records chained by a keyed hash, so that none can be altered, moved, left out
//! or cut off at the end.

use rusqlite::{Connection, OptionalExtension, params};
use zeroize::Zeroizing;

use super::{AuditArchive, AuditClosing, AuditWalk, Sealer, Seat, StoreError, audit_archive};
use crate::{
    crypto::{Digest, Random, hmac},
    model::SerialNumber,
};

/// The audit log. No method has a default body.
pub trait AuditStore: Send + Sync {
    /// Adds a record behind the last one. One that is not `durable` outlives the process, but
    /// perhaps not the machine's loss of power.
    ///
    /// # Errors
    /// The store cannot be written.
    fn append_audit(&self, record: AuditRow, durable: bool) -> Result<(), StoreError>;

    /// At most `limit` records behind number `after`, by number; of one partition, if given.
    ///
    /// # Errors
    /// The store cannot be read.
    fn audit(
        &self,
        after: u64,
        partition: Option<SerialNumber>,
        limit: u32,
    ) -> Result<Vec<NumberedAuditRow>, StoreError>;

    /// How far the log reaches.
    ///
    /// # Errors
    /// The store cannot be read.
    fn audit_extent(&self) -> Result<AuditExtent, StoreError>;

    /// Walks the chain, from the first record that was ever made.
    ///
    /// # Errors
    /// The store cannot be read.
    fn check_audit(&self) -> Result<AuditWalk, StoreError>;

    /// As [`Self::audit`], for all partitions, with the records' MACs.
    ///
    /// # Errors
    /// The store cannot be read.
    fn linked_audit(&self, after: u64, limit: u32) -> Result<Vec<LinkedAuditRow>, StoreError>;

    /// The MAC of a record behind one with this MAC.
    fn audit_mac(&self, before: &[u8], record: &NumberedAuditRow) -> Vec<u8>;

    /// The ranges of records that have left the log, by number.
    ///
    /// # Errors
    /// The store cannot be read.
    fn audit_archives(&self) -> Result<Vec<AuditArchive>, StoreError>;

    /// Takes a range of records out of the log and records that; `false` if the log begins
    /// elsewhere by now.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn close_audit(&self, closing: &AuditClosing, record: &AuditRow) -> Result<bool, StoreError>;
}

/// How far the log reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditExtent {
    /// The time of the last record, in seconds since 1970 UTC; 0 without one.
    pub time: u64,
    /// What the records take, in bytes.
    pub bytes: u64,
    /// The number before the first record.
    pub start: u64,
    /// The number of the last record that was made.
    pub last: u64,
    /// The time of the first record; none if there is no record.
    pub since: Option<u64>,
}

/// One record with its number and its MAC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedAuditRow {
    /// The record.
    pub record: NumberedAuditRow,
    /// Its MAC, over the one before.
    pub mac: Vec<u8>,
}

/// What a record takes beside what it says, in bytes: its columns and its place in the table.
pub const AUDIT_ROW_BYTES: u64 = 64;

/// One record to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// When, in seconds since 1970 UTC.
    pub time: u64,
    /// The partition it is about.
    pub partition: Option<SerialNumber>,
    /// What it says, sealed.
    pub sealed: Vec<u8>,
}

/// One record with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedAuditRow {
    /// The number, from 1.
    pub sequence: u64,
    /// The record.
    pub row: AuditRow,
}

/// The end of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) sequence: u64,
    pub(super) mac: Vec<u8>,
}

/// What makes and checks the chain.
pub(super) struct Chain(Zeroizing<Vec<u8>>);

impl Chain {
    /// The chain's key, made with the store and sealed under its key.
    pub(super) fn open(
        connection: &Connection,
        sealer: &Sealer,
        random: &mut dyn Random,
    ) -> Result<Self, StoreError> {
        let seat = Seat { store: "audit", object: "audit", field: "key" };
        let sealed: Option<Vec<u8>> = connection.query_row(KEY, [], |row| row.get(0)).optional()?;
        if let Some(sealed) = sealed {
            return Ok(Self(sealer.open(seat, &sealed)?));
        }
        let mut key = Zeroizing::new(vec![0; 32]);
        random.fill(&mut key)?;
        let chain = Self(key);
        let start = Head { sequence: 0, mac: Vec::new() };
        let values = params![sealer.seal(seat, &chain.0, random)?, 0, [0_u8; 0], chain.end(&start)];
        connection.execute(START, values)?;
        Ok(chain)
    }

    /// The MAC of a record of this number, behind one with this MAC.
    pub(super) fn link(&self, (before, number): (&[u8], u64), record: &AuditRow) -> Vec<u8> {
        let partition = record.partition.map_or(0, SerialNumber::value);
        let parts: [&[u8]; 6] = [
            b"record",
            before,
            &number.to_be_bytes(),
            &record.time.to_be_bytes(),
            &partition.to_be_bytes(),
            &record.sealed,
        ];
        hmac(Digest::Sha256, &self.0, &parts).to_vec()
    }

    /// Says where the log begins: without it the first records could be cut off.
    pub(super) fn start(&self, head: &Head) -> Vec<u8> {
        let parts: [&[u8]; 3] = [b"start", &head.mac, &head.sequence.to_be_bytes()];
        hmac(Digest::Sha256, &self.0, &parts).to_vec()
    }

    /// Says what a range is that has left the log.
    pub(super) fn archive(&self, archive: &AuditArchive) -> Vec<u8> {
        let AuditArchive { first, last, before, mac, time, file, bytes } = archive;
        let (kind, file): (&[u8], _) =
            if file.is_some() { (b"archived", file.as_deref()) } else { (b"cleared", None) };
        let parts: [&[u8]; 8] = [
            kind,
            &first.to_be_bytes(),
            &last.to_be_bytes(),
            &time.to_be_bytes(),
            &bytes.to_be_bytes(),
            // Both are empty or of one length.
            before,
            mac,
            file.unwrap_or_default().as_bytes(),
        ];
        hmac(Digest::Sha256, &self.0, &parts).to_vec()
    }

    /// Says where the chain ends: without it the last records could be cut off.
    fn end(&self, head: &Head) -> Vec<u8> {
        let parts: [&[u8]; 3] = [b"end", &head.mac, &head.sequence.to_be_bytes()];
        hmac(Digest::Sha256, &self.0, &parts).to_vec()
    }
}

/// Where the chain ends.
pub(super) fn head(connection: &Connection, chain: &Chain) -> Result<Head, StoreError> {
    let (head, end) = stored_head(connection)?;
    // A chain that was tampered with is not continued in silence: what follows would look sound.
    if chain.end(&head) == end { Ok(head) } else { Err(StoreError::Row("audit chain's end")) }
}

fn stored_head(connection: &Connection) -> Result<(Head, Vec<u8>), StoreError> {
    let mut statement = connection.prepare_cached(HEAD)?;
    Ok(statement
        .query_row([], |row| Ok((Head { sequence: row.get(0)?, mac: row.get(1)? }, row.get(2)?)))?)
}

pub(super) fn set_head(
    connection: &Connection,
    chain: &Chain,
    head: &Head,
) -> Result<(), StoreError> {
    let values = params![head.sequence, head.mac, chain.end(head)];
    connection.prepare_cached(SET_HEAD)?.execute(values)?;
    Ok(())
}

pub(super) fn append(
    connection: &Connection,
    chain: &Chain,
    head: &mut Head,
    record: &AuditRow,
) -> Result<(), StoreError> {
    let sequence = head.sequence + 1;
    let mac = chain.link((&head.mac, sequence), record);
    let partition = record.partition.map(SerialNumber::value);
    let values = params![sequence, record.time, partition, record.sealed, mac];
    connection.prepare_cached(APPEND)?.execute(values)?;
    *head = Head { sequence, mac };
    Ok(())
}

pub(super) fn read(
    connection: &Connection,
    after: u64,
    partition: Option<SerialNumber>,
    limit: u32,
) -> Result<Vec<NumberedAuditRow>, StoreError> {
    let mut statement = connection.prepare_cached(RECORDS)?;
    let values = params![after, partition.map(SerialNumber::value), limit];
    let rows = statement.query_map(values, |row| Ok(numbered(row)?.0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn read_linked(
    connection: &Connection,
    after: u64,
    limit: u32,
) -> Result<Vec<LinkedAuditRow>, StoreError> {
    let mut statement = connection.prepare_cached(RECORDS)?;
    let rows = statement.query_map(params![after, None::<u64>, limit], |row| {
        let (record, mac) = numbered(row)?;
        Ok(LinkedAuditRow { record, mac })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn check(connection: &Connection, chain: &Chain) -> Result<AuditWalk, StoreError> {
    let mut broken = audit_archive::check(connection, chain)?;
    let mut head =
        audit_archive::start(connection, chain).unwrap_or(Head { sequence: 0, mac: Vec::new() });
    let mut statement = connection.prepare_cached(RECORDS)?;
    let mut rows = statement.query(params![0, None::<u64>, i64::MAX])?;
    let mut records = 0;
    while let Some(row) = rows.next()? {
        let (record, mac) = numbered(row)?;
        records += 1;
        let number = head.sequence + 1;
        let holds =
            record.sequence == number && chain.link((&head.mac, number), &record.row) == mac;
        if broken.is_none() && !holds {
            // A gap is told by the number that is missing.
            broken = Some(head.sequence + 1);
        }
        head = Head { sequence: record.sequence, mac };
    }
    let (end, seal) = stored_head(connection)?;
    if broken.is_none() && (end != head || chain.end(&end) != seal) {
        broken = Some(head.sequence + 1);
    }
    Ok(AuditWalk { records, broken })
}

pub(super) fn extent(connection: &Connection) -> Result<AuditExtent, StoreError> {
    let time = |statement| connection.query_row(statement, [], |row| row.get(0)).optional();
    let (since, latest): (Option<u64>, Option<u64>) = (time(EARLIEST)?, time(LATEST)?);
    let bytes = connection.query_row(BYTES, [AUDIT_ROW_BYTES], |row| row.get(0))?;
    let ends = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (start, last) = connection.query_row(ENDS, [], ends)?;
    Ok(AuditExtent { time: latest.unwrap_or_default(), bytes, start, last, since })
}

fn numbered(row: &rusqlite::Row<'_>) -> rusqlite::Result<(NumberedAuditRow, Vec<u8>)> {
    let partition: Option<u64> = row.get(2)?;
    let partition = partition.map(SerialNumber::new);
    let record = AuditRow { time: row.get(1)?, partition, sealed: row.get(3)? };
    Ok((NumberedAuditRow { sequence: row.get(0)?, row: record }, row.get(4)?))
}

const KEY: &str = "SELECT key FROM audit_chain";
const START: &str = "INSERT INTO audit_chain (id, key, sequence, mac, end) \
     VALUES (1, ?1, ?2, ?3, ?4)";
const HEAD: &str = "SELECT sequence, mac, end FROM audit_chain";
const SET_HEAD: &str = "UPDATE audit_chain SET sequence = ?1, mac = ?2, end = ?3";
const APPEND: &str = "INSERT INTO audit (sequence, time, partition, sealed, mac) \
     VALUES (?1, ?2, ?3, ?4, ?5)";
const ENDS: &str = "SELECT start, sequence FROM audit_chain";
const EARLIEST: &str = "SELECT time FROM audit ORDER BY sequence LIMIT 1";
const LATEST: &str = "SELECT time FROM audit ORDER BY sequence DESC LIMIT 1";
const BYTES: &str = "SELECT coalesce(sum(length(sealed) + ?1), 0) FROM audit";
const RECORDS: &str = "SELECT sequence, time, partition, sealed, mac FROM audit \
     WHERE sequence > ?1 AND (?2 IS NULL OR partition = ?2) ORDER BY sequence LIMIT ?3";

/// The tables.
pub(super) const TABLES: &str = "
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    partition INTEGER,
    sealed BLOB NOT NULL,
    mac BLOB NOT NULL
) STRICT;
CREATE TABLE audit_chain (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    key BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    mac BLOB NOT NULL,
    end BLOB NOT NULL
) STRICT;
";
