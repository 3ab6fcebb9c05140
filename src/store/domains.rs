//! The cloning domains of partitions.

use rusqlite::{Transaction, params};

use super::{SqliteAppliance, StoreError, rows::number};
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
        let connection = self.lock();
        let mut statement = connection.prepare_cached(DOMAINS)?;
        let rows = statement.query_map([number(serial)?], |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?))
        })?;
        rows.map(|row| {
            let (label, primary, sealed) = row?;
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
    transaction: &Transaction<'_>,
    serial: i64,
    domains: &[DomainRow],
) -> Result<(), StoreError> {
    transaction.execute(DELETE_DOMAINS, [serial])?;
    for DomainRow { label, primary, sealed } in domains {
        transaction.execute(ADD_DOMAIN, params![serial, label.as_str(), primary, sealed])?;
    }
    Ok(())
}

const DOMAINS: &str =
    "SELECT label, is_primary, sealed FROM domain WHERE partition = ?1 ORDER BY id";
const DELETE_DOMAINS: &str = "DELETE FROM domain WHERE partition = ?1";
const ADD_DOMAIN: &str =
    "INSERT INTO domain (partition, label, is_primary, sealed) VALUES (?1, ?2, ?3, ?4)";
