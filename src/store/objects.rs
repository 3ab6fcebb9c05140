//! Objects at rest: one row each, its attributes sealed.
//!
//! What is written comes in groups: a transaction has to reach the disk before it counts, and
//! threads that wait for the disk at the same time wait for one transaction together.

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    StoreError,
    audit::{self, AuditRow, Chain, Head},
    base::{Base, Extent, Writing},
    roles,
    rows::number,
    witness::ObjectMark,
};
use crate::model::{Role, SerialNumber};

/// The objects of partitions. No method has a default body.
pub trait ObjectStore: Send + Sync {
    /// A partition's objects that need a login, or those that do not.
    ///
    /// # Errors
    /// The store cannot be read.
    fn objects(&self, serial: SerialNumber, private: bool) -> Result<Vec<ObjectRow>, StoreError>;

    /// The greatest handle in use on a partition; 0 if it has no object.
    ///
    /// # Errors
    /// The store cannot be read.
    fn last_handle(&self, serial: SerialNumber) -> Result<u64, StoreError>;

    /// Makes all changes or none, together with the record of them.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn write_objects(&self, write: ObjectWrite) -> Result<Written, StoreError>;
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRow {
    /// The handle, unique in the partition.
    pub handle: u64,
    /// Whether it needs a login.
    pub private: bool,
    /// What it is charged against the partition's storage, in bytes.
    pub charge: u64,
    /// The attributes, sealed.
    pub sealed: Vec<u8>,
}

/// A change of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectChange {
    /// A new object.
    Add(ObjectRow),
    /// Other attributes of an object that is there.
    Replace(ObjectRow),
    /// The object of this handle goes.
    Delete(u64),
}

/// Changes that belong together.
#[derive(Clone, Debug)]
pub struct ObjectWrite {
    /// The partition.
    pub serial: SerialNumber,
    /// The partition's generation that the changes are made in.
    pub generation: u64,
    /// The changes.
    pub changes: Vec<ObjectChange>,
    /// Bytes that each registered client takes of the partition's storage.
    pub client_bytes: u64,
    /// What the audit log says about it.
    pub record: AuditRow,
}

/// What came of writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is there.
    Done,
    /// The partition has less storage left; nothing has changed.
    NoRoom,
    /// The partition was initialized or deleted meanwhile, or an object has gone.
    Gone,
}

pub(super) fn read(base: &Base, serial: i64, private: bool) -> Result<Vec<ObjectRow>, StoreError> {
    let mut statement = base.prepare_cached(OBJECTS)?;
    let rows = statement.query_map(params![serial, private], |row| {
        let sealed: Vec<u8> = row.get(2)?;
        Ok((ObjectRow { handle: row.get(0)?, private, charge: row.get(1)?, sealed }, row.get(3)?))
    })?;
    rows.map(|row| {
        let (mut row, slot) = row?;
        let name = object_name(row.handle, private, row.charge);
        // One that does not open is left to whoever opens the rest of it: it does not open there.
        let opened = base.keys.open_value((serial, slot), &name, &row.sealed);
        row.sealed = opened.unwrap_or_default();
        Ok(row)
    })
    .collect()
}

/// The name that an object's attributes are bound to.
pub(super) fn object_name(handle: u64, private: bool, charge: u64) -> String {
    format!("object {handle} {private} {charge}")
}

pub(super) fn last_handle(connection: &Connection, serial: i64) -> Result<u64, StoreError> {
    Ok(connection.prepare_cached(LAST_HANDLE)?.query_row([serial], |row| row.get(0))?)
}

/// Something that a group writes.
#[derive(Debug)]
pub(super) enum Grouped {
    Objects(ObjectWrite),
    /// A record alone. One that need not outlive the machine's power does not wait for the disk.
    Record {
        record: AuditRow,
        durable: bool,
    },
    /// A role's right password, and the record of its login. Lost with the machine's power, the
    /// counter stands too high.
    Login {
        serial: i64,
        role: Role,
        record: Option<AuditRow>,
    },
}

impl Grouped {
    const fn durable(&self) -> bool {
        match self {
            Self::Objects(_) => true,
            Self::Record { durable, .. } => *durable,
            Self::Login { .. } => false,
        }
    }
}

/// Writes a group in one transaction and says for each what came of it.
pub(super) fn write_group(
    base: &mut Base,
    chain: &Chain,
    group: Vec<Grouped>,
) -> Result<Vec<Result<Written, StoreError>>, StoreError> {
    let hurried = !group.iter().any(Grouped::durable);
    if hurried {
        base.pragma_update(None, "synchronous", "NORMAL")?;
    }
    let written = base.transact(Extent::Noted { durable: !hurried }, |writing| {
        write_in_one(writing, chain, group).map(|outcomes| (outcomes, true))
    });
    if hurried {
        base.pragma_update(None, "synchronous", "FULL")?;
    }
    written.map(|(outcomes, _)| outcomes)
}

fn write_in_one(
    writing: &mut Writing<'_, '_>,
    chain: &Chain,
    group: Vec<Grouped>,
) -> Result<Vec<Result<Written, StoreError>>, StoreError> {
    let mut head = audit::head(writing, chain)?;
    let mut outcomes = Vec::with_capacity(group.len());
    for one in group {
        writing.prepare_cached(BEGIN_ONE)?.execute([])?;
        let before = head.clone();
        let marks = (writing.keys.mark(), writing.notes.mark());
        let outcome = write_one(writing, chain, &mut head, one);
        if !matches!(outcome, Ok(Written::Done)) {
            head = before;
            writing.keys.back_to(marks.0);
            writing.notes.back_to(marks.1);
            writing.prepare_cached(UNDO_ONE)?.execute([])?;
        }
        writing.prepare_cached(END_ONE)?.execute([])?;
        outcomes.push(outcome);
    }
    audit::set_head(writing, chain, &head)?;
    Ok(outcomes)
}

fn write_one(
    writing: &mut Writing<'_, '_>,
    chain: &Chain,
    head: &mut Head,
    one: Grouped,
) -> Result<Written, StoreError> {
    let record = match one {
        Grouped::Record { record, .. } => Some(record),
        Grouped::Login { serial, role, record } => {
            roles::clear_failures(writing, serial, role)?;
            record
        }
        Grouped::Objects(write) => {
            let (written, record) = change(writing, write)?;
            if written != Written::Done {
                return Ok(written);
            }
            Some(record)
        }
    };
    if let Some(record) = record {
        audit::append(writing, chain, head, &record)?;
    }
    Ok(Written::Done)
}

fn change(
    writing: &mut Writing<'_, '_>,
    write: ObjectWrite,
) -> Result<(Written, AuditRow), StoreError> {
    let ObjectWrite { serial, generation, changes, client_bytes, record } = write;
    let serial = number(serial)?;
    if writing.keys.ring().generation(serial) != Some(generation) {
        return Ok((Written::Gone, record));
    }
    let grows = changes.iter().any(|change| !matches!(change, ObjectChange::Delete(_)));
    for change in changes {
        if !change_one(writing, (serial, generation), change)? {
            return Ok((Written::Gone, record));
        }
    }
    if grows {
        let fits = writing
            .prepare_cached(FITS)?
            .query_row(params![serial, client_bytes], |row| row.get::<_, bool>(0))
            .optional()?;
        if fits != Some(true) {
            return Ok((Written::NoRoom, record));
        }
    }
    Ok((Written::Done, record))
}

/// Makes one change; `false` if partition or object have gone.
fn change_one(
    writing: &mut Writing<'_, '_>,
    (serial, generation): (i64, u64),
    change: ObjectChange,
) -> Result<bool, StoreError> {
    let count = match change {
        ObjectChange::Add(ObjectRow { handle, private, charge, sealed }) => {
            let (slot, sealed) = seal(writing, serial, (handle, private, charge), &sealed)?;
            let values = params![serial, handle, private, charge, sealed, generation, slot];
            writing.prepare_cached(ADD_OBJECT)?.execute(values)?
        }
        ObjectChange::Replace(ObjectRow { handle, charge, sealed, .. }) => {
            // An older version of an object opens no more than one that is destroyed.
            let Some(old) = forget(writing, serial, handle)? else { return Ok(false) };
            let (slot, sealed) = seal(writing, serial, (handle, old.private, charge), &sealed)?;
            let values = params![serial, handle, charge, sealed, generation, slot];
            writing.prepare_cached(REPLACE_OBJECT)?.execute(values)?
        }
        ObjectChange::Delete(handle) => {
            if forget(writing, serial, handle)?.is_none() {
                return Ok(false);
            }
            let values = params![serial, handle, generation];
            writing.prepare_cached(DELETE_OBJECT)?.execute(values)?
        }
    };
    Ok(count > 0)
}

/// Seals an object's attributes under a slot of its own.
fn seal(
    writing: &mut Writing<'_, '_>,
    serial: i64,
    (handle, private, charge): (u64, bool, u64),
    attributes: &[u8],
) -> Result<(u32, Vec<u8>), StoreError> {
    let name = object_name(handle, private, charge);
    let (slot, sealed) = writing.keys.seal_in_slot(serial, &name, attributes)?;
    writing.notes.add(serial, ObjectMark { handle, private, charge, slot: Some(slot) });
    Ok((slot, sealed))
}

/// Has the key of an object's version destroyed; none if there is no such object.
fn forget(
    writing: &mut Writing<'_, '_>,
    serial: i64,
    handle: u64,
) -> Result<Option<ObjectMark>, StoreError> {
    let mark = writing
        .prepare_cached(OBJECT)?
        .query_row(params![serial, handle], |row| {
            let (private, charge, slot) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(ObjectMark { handle, private, charge, slot })
        })
        .optional()?;
    if let Some(mark) = mark {
        writing.notes.remove(serial, mark);
        if let Some(slot) = mark.slot {
            writing.keys.free(serial, slot);
        }
    }
    Ok(mark)
}

/// Erases every object of a partition inside a transaction.
pub(super) fn erase_all(writing: &mut Writing<'_, '_>, serial: i64) -> Result<(), StoreError> {
    writing.free_slots(OBJECT_SLOTS, serial)?;
    writing.notes.emptied_objects(serial);
    writing.execute(DELETE_OBJECTS, [serial])?;
    Ok(())
}

const BEGIN_ONE: &str = "SAVEPOINT one";
const UNDO_ONE: &str = "ROLLBACK TO one";
const END_ONE: &str = "RELEASE one";
const OBJECT: &str =
    "SELECT private, charge, slot FROM object WHERE partition = ?1 AND handle = ?2";
const OBJECT_SLOTS: &str = "SELECT slot FROM object WHERE partition = ?1";
const OBJECTS: &str = "SELECT handle, charge, sealed, slot FROM object \
     WHERE partition = ?1 AND private = ?2 ORDER BY handle";
const LAST_HANDLE: &str = "SELECT coalesce(max(handle), 0) FROM object WHERE partition = ?1";
const ADD_OBJECT: &str = "INSERT INTO object (partition, handle, private, charge, sealed, slot) \
     SELECT serial, ?2, ?3, ?4, ?5, ?7 FROM partition WHERE serial = ?1 AND generation = ?6";
const REPLACE_OBJECT: &str = "UPDATE object SET charge = ?3, sealed = ?4, slot = ?6 \
     WHERE partition = ?1 AND handle = ?2 \
     AND EXISTS (SELECT 1 FROM partition WHERE serial = ?1 AND generation = ?5)";
const DELETE_OBJECT: &str = "DELETE FROM object WHERE partition = ?1 AND handle = ?2 \
     AND EXISTS (SELECT 1 FROM partition WHERE serial = ?1 AND generation = ?3)";
const FITS: &str = "SELECT object_bytes + ?2 * \
     (SELECT count(*) FROM client WHERE partition = ?1) <= storage \
     FROM partition WHERE serial = ?1";
const DELETE_OBJECTS: &str = "DELETE FROM object WHERE partition = ?1";

/// The tables. The partition's totals are kept by triggers: whatever erases an object, they are
/// right.
pub(super) const TABLES: &str = "
ALTER TABLE partition ADD COLUMN objects INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partition ADD COLUMN object_bytes INTEGER NOT NULL DEFAULT 0;
CREATE TABLE object (
    partition INTEGER NOT NULL REFERENCES partition (serial) ON DELETE CASCADE,
    handle INTEGER NOT NULL,
    private INTEGER NOT NULL,
    charge INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (partition, handle)
) STRICT;
CREATE TRIGGER object_added AFTER INSERT ON object BEGIN
    UPDATE partition SET objects = objects + 1, object_bytes = object_bytes + new.charge
    WHERE serial = new.partition;
END;
CREATE TRIGGER object_replaced AFTER UPDATE OF charge ON object BEGIN
    UPDATE partition SET object_bytes = object_bytes + new.charge - old.charge
    WHERE serial = new.partition;
END;
CREATE TRIGGER object_deleted AFTER DELETE ON object BEGIN
    UPDATE partition SET objects = objects - 1, object_bytes = object_bytes - old.charge
    WHERE serial = old.partition;
END;
";
