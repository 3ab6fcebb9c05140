//! Which keys the rows of the database need, and how rows of earlier versions come under keys that
//! can be destroyed.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use super::{
    StoreError,
    base::{Base, Writing},
    keyring::{HSM, Live},
    objects::object_name,
    roles::{WRAPPED, role_name},
};

/// The columns that say where a value's key is.
pub(super) const COLUMNS: &str = "
ALTER TABLE hsm ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE object ADD COLUMN slot INTEGER;
ALTER TABLE role ADD COLUMN slot INTEGER;
ALTER TABLE domain ADD COLUMN slot INTEGER;
";

/// Names of what is sealed under a generation's secret.
pub(super) const IDENTITY: &str = "identity";
pub(super) const HSM_DOMAIN: &str = "hsm domain";

/// The name of a domain's secret, which has a slot of its own.
pub(super) const DOMAIN: &str = "domain";

/// The keys that rows need; none before the first transaction.
pub(super) fn live(connection: &Connection) -> Result<Live, StoreError> {
    let mut live = Live::new();
    let first: bool = connection.query_row(FIRST, [], |row| row.get(0))?;
    if first {
        return Ok(live);
    }
    let mut generations = connection.prepare(GENERATIONS)?;
    for row in generations.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))? {
        let (owner, generation) = row?;
        live.insert(owner, (generation, BTreeSet::new()));
    }
    let mut slots = connection.prepare(SLOTS)?;
    for row in slots.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))? {
        let (owner, slot) = row?;
        if let Some((_, used)) = live.get_mut(&owner) {
            used.insert(slot);
        }
    }
    Ok(live)
}

/// The first transaction: every value comes under a key that can be destroyed, and the log that
/// has them without is emptied.
pub(super) fn begin(base: &mut Base) -> Result<(), StoreError> {
    let first: bool = base.query_row(FIRST, [], |row| row.get(0))?;
    if !first {
        return Ok(());
    }
    base.write(|writing| {
        writing.keys.begin(HSM, writing.query_row(HSM_GENERATION, [], |row| row.get(0))?)?;
        let domain: Option<Vec<u8>> = writing.query_row(DOMAIN_OF_HSM, [], |row| row.get(0))?;
        if let Some(domain) = domain {
            let sealed = writing.keys.seal(HSM, HSM_DOMAIN, &domain)?;
            writing.execute(SET_DOMAIN_OF_HSM, [sealed])?;
        }
        for (serial, generation, identity) in
            rows(writing, PARTITIONS, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        {
            let (serial, identity): (i64, Vec<u8>) = (serial, identity);
            writing.keys.begin(serial, generation)?;
            let sealed = writing.keys.seal(serial, IDENTITY, &identity)?;
            writing.execute(SET_IDENTITY, params![serial, sealed])?;
        }
        begin_roles(writing)?;
        begin_objects(writing)
    })?;
    base.truncate_log();
    Ok(())
}

fn begin_roles(writing: &mut Writing<'_, '_>) -> Result<(), StoreError> {
    let roles =
        rows(writing, ROLES, |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?)))?;
    for (owner, role, wrapped) in roles {
        let (slot, sealed) =
            writing.keys.seal_in_slot(owner, &role_name(WRAPPED, role), &wrapped)?;
        writing.execute(SET_ROLE, params![owner, role, slot, sealed])?;
    }
    let domains =
        rows(writing, DOMAINS, |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?)))?;
    for (id, owner, secret) in domains {
        let id: i64 = id;
        let (slot, sealed) = writing.keys.seal_in_slot(owner, DOMAIN, &secret)?;
        writing.execute(SET_DOMAIN, params![id, slot, sealed])?;
    }
    Ok(())
}

fn begin_objects(writing: &mut Writing<'_, '_>) -> Result<(), StoreError> {
    let objects = rows(writing, OBJECTS, |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get::<_, Vec<u8>>(4)?))
    })?;
    for (owner, handle, private, charge, attributes) in objects {
        let name = object_name(handle, private, charge);
        let (slot, sealed) = writing.keys.seal_in_slot(owner, &name, &attributes)?;
        writing.execute(SET_OBJECT, params![owner, handle, slot, sealed])?;
    }
    Ok(())
}

fn rows<T>(
    connection: &Connection,
    query: &str,
    row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare(query)?;
    let rows = statement.query_map([], row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

const FIRST: &str = "SELECT sequence = 0 FROM state";
const GENERATIONS: &str = "SELECT 0, generation FROM hsm UNION ALL \
     SELECT serial, generation FROM partition";
const SLOTS: &str = "SELECT partition, slot FROM object WHERE slot IS NOT NULL UNION ALL \
     SELECT partition, slot FROM role WHERE slot IS NOT NULL UNION ALL \
     SELECT partition, slot FROM domain WHERE slot IS NOT NULL";
const HSM_GENERATION: &str = "SELECT generation FROM hsm";
const DOMAIN_OF_HSM: &str = "SELECT domain FROM hsm";
const SET_DOMAIN_OF_HSM: &str = "UPDATE hsm SET domain = ?1";
const PARTITIONS: &str = "SELECT serial, generation, sealed_identity FROM partition";
const SET_IDENTITY: &str = "UPDATE partition SET sealed_identity = ?2 WHERE serial = ?1";
const ROLES: &str = "SELECT partition, role, wrapped_key FROM role";
const SET_ROLE: &str =
    "UPDATE role SET slot = ?3, wrapped_key = ?4 WHERE partition = ?1 AND role = ?2";
const DOMAINS: &str = "SELECT id, partition, sealed FROM domain WHERE sealed IS NOT NULL";
const SET_DOMAIN: &str = "UPDATE domain SET slot = ?2, sealed = ?3 WHERE id = ?1";
const OBJECTS: &str = "SELECT partition, handle, private, charge, sealed FROM object";
const SET_OBJECT: &str =
    "UPDATE object SET slot = ?3, sealed = ?4 WHERE partition = ?1 AND handle = ?2";
