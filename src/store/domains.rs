//! The cloning domains of partitions.

use rusqlite::params;

use super::{
    SqliteAppliance, StoreError, base::Writing, live::DOMAIN, rows::number, witness::Table,
};
use crate::model::{Label, SerialNumber};

/// A partition's cloning domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainRow {
    /// Its name within the partition.
    pub label: Label,
    /// Whether it is the one that objects leave under.
    pub primary: bool,
    /// Its secret, sealed; none for the default domain.
    pub sealed: Option<Vec<u8>>,
}

/// Domains at rest. No method has a default body.
pub trait DomainStore: Send + Sync {
    /// A partition's domains, in the order they were added.
    ///
    /// # Errors
    /// The store cannot be read.
    fn domains(&self, serial: SerialNumber) -> Result<Vec<DomainRow>, StoreError>;

    /// Replaces a partition's domains by these.
    ///
    /// # Errors
    /// The store cannot be written, or there is no such partition; nothing has changed.
    fn set_domains(&self, serial: SerialNumber, domains: &[DomainRow]) -> Result<(), StoreError>;
}

impl DomainStore for SqliteAppliance {
    fn domains(&self, serial: SerialNumber) -> Result<Vec<DomainRow>, StoreError> {
        let (connection, owner) = (self.lock(), number(serial)?);
        connection.check(owner, Table::Domains)?;
        let mut statement = connection.prepare_cached(DOMAINS)?;
        let rows = statement.query_map([owner], |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        rows.map(|row| {
            let (label, primary, sealed, slot) = row?;
            let sealed: Option<Vec<u8>> = sealed;
            let open = |sealed: Vec<u8>| connection.keys.open_value((owner, slot), DOMAIN, &sealed);
            let sealed = sealed.map(open).transpose()?;
            let label = label.parse().map_err(|_| StoreError::Row("domain"))?;
            Ok(DomainRow { label, primary, sealed })
        })
        .collect()
    }

    fn set_domains(&self, serial: SerialNumber, domains: &[DomainRow]) -> Result<(), StoreError> {
        let serial = number(serial)?;
        self.write(|transaction| set(transaction, serial, domains))
    }
}

/// Replaces a partition's domains inside a transaction.
pub(super) fn set(
    writing: &mut Writing<'_, '_>,
    serial: i64,
    domains: &[DomainRow],
) -> Result<(), StoreError> {
    writing.free_slots(DOMAIN_SLOTS, serial)?;
    writing.notes.emptied(serial, Table::Domains);
    writing.execute(DELETE_DOMAINS, [serial])?;
    for DomainRow { label, primary, sealed } in domains {
        let sealed = sealed.as_ref();
        let sealed = sealed.map(|value| writing.keys.seal_in_slot(serial, DOMAIN, value));
        let (slot, sealed) = sealed.transpose()?.unzip();
        writing.execute(ADD_DOMAIN, params![serial, label.as_str(), primary, sealed, slot])?;
    }
    Ok(())
}

const DOMAINS: &str =
    "SELECT label, is_primary, sealed, slot FROM domain WHERE partition = ?1 ORDER BY id";
const DELETE_DOMAINS: &str = "DELETE FROM domain WHERE partition = ?1";
const ADD_DOMAIN: &str =
    "INSERT INTO domain (partition, label, is_primary, sealed, slot) VALUES (?1, ?2, ?3, ?4, ?5)";
const DOMAIN_SLOTS: &str = "SELECT slot FROM domain WHERE partition = ?1";
