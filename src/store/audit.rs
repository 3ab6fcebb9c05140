//! The audit log: records chained by a keyed hash, so that none can be altered, moved, left out
//! or cut off at the end.

use rusqlite::{Connection, OptionalExtension, params};
use zeroize::Zeroizing;

use super::{Sealer, Seat, StoreError};
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

    /// Walks the chain: the number of records, and of the first one that does not hold.
    ///
    /// # Errors
    /// The store cannot be read.
    fn check_audit(&self) -> Result<(u64, Option<u64>), StoreError>;
}

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
    sequence: u64,
    mac: Vec<u8>,
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

    fn link(&self, head: &Head, record: &AuditRow) -> Vec<u8> {
        let partition = record.partition.map_or(0, SerialNumber::value);
        let parts: [&[u8]; 6] = [
            b"record",
            &head.mac,
            &(head.sequence + 1).to_be_bytes(),
            &record.time.to_be_bytes(),
            &partition.to_be_bytes(),
            &record.sealed,
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
    let mac = chain.link(head, record);
    let sequence = head.sequence + 1;
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

pub(super) fn check(
    connection: &Connection,
    chain: &Chain,
) -> Result<(u64, Option<u64>), StoreError> {
    let mut statement = connection.prepare_cached(RECORDS)?;
    let mut rows = statement.query(params![0, None::<u64>, i64::MAX])?;
    let mut head = Head { sequence: 0, mac: Vec::new() };
    let (mut records, mut broken) = (0, None);
    while let Some(row) = rows.next()? {
        let (record, mac) = numbered(row)?;
        records += 1;
        let holds = record.sequence == head.sequence + 1 && chain.link(&head, &record.row) == mac;
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
    Ok((records, broken))
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
