//! The appliance's database with all that has to agree with it: the keys that can be destroyed,
//! and what was confirmed.

use std::{collections::BTreeSet, ops::Deref, path::Path};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{
    StoreError,
    confirmed::Confirmed,
    keyring::{KeyChanges, Keyring},
    reserve::Reserve,
    witness::{Notes, Table, Witness},
};

/// The database, which reads like a connection, and what belongs to it.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) connection: Connection,
    pub(super) keys: Keyring,
    pub(super) confirmed: Confirmed,
    pub(super) witness: Witness,
    pub(super) reserve: Reserve,
}

/// A transaction, and what it changes about keys.
pub(super) struct Writing<'w, 'k> {
    pub(super) transaction: &'w Transaction<'w>,
    pub(super) keys: KeyChanges<'k>,
    pub(super) notes: Notes,
    witness: &'w Witness,
}

/// What a transaction changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Any rows. It is on the disk on return, and so is what it destroys.
    All,
    /// Objects, the audit log, and the tables that it touches by name. It is on the disk on return if
    /// it is `durable`, and what it destroys is once the keys' files are.
    Noted { durable: bool },
}

impl Base {
    pub(super) fn open(
        connection: Connection,
        database: &Path,
        (keys, witness): (Keyring, Witness),
    ) -> Result<Self, StoreError> {
        let confirmed = Confirmed::open(&connection, database)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let reserve = Reserve::open(database.parent().unwrap_or(Path::new(".")));
        Ok(Self { connection, keys, confirmed, witness, reserve })
    }

    /// Refuses rows that are not as they are expected; see [`Witness::check`].
    pub(super) fn check(&self, owner: i64, table: Table) -> Result<(), StoreError> {
        self.witness.check(&self.connection, (owner, table), None)
    }

    /// The names of a table's rows that are not as they are expected; see [`Witness::unsound`].
    pub(super) fn unsound(&self, owner: i64, table: Table) -> Result<BTreeSet<String>, StoreError> {
        let unsound = self.witness.unsound(&self.connection, owner, table)?;
        if !unsound.is_empty() {
            tracing::error!(owner, ?table, ?unsound, "rows were changed from outside");
        }
        Ok(unsound)
    }

    /// Runs `act` in one transaction that holds the write lock from its start. What it erases is
    /// gone on return: from the keys, and then from the files of the database.
    ///
    /// # Errors
    /// Those of `act` and of the commit; nothing has changed then. Or the transaction has happened,
    /// and something that it ended could not be destroyed yet.
    pub(super) fn write<T>(
        &mut self,
        act: impl FnOnce(&mut Writing<'_, '_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.write_if(|writing| act(writing).map(|outcome| (outcome, true)))
    }

    /// As [`Self::write`], but nothing has changed unless `act` says so.
    pub(super) fn write_if<T>(
        &mut self,
        act: impl FnOnce(&mut Writing<'_, '_>) -> Result<(T, bool), StoreError>,
    ) -> Result<T, StoreError> {
        let (outcome, erased) = self.transact(Extent::All, act)?;
        if erased {
            self.truncate_log();
        }
        Ok(outcome)
    }

    /// One transaction. Says whether it destroyed any keys.
    pub(super) fn transact<T>(
        &mut self,
        extent: Extent,
        act: impl FnOnce(&mut Writing<'_, '_>) -> Result<(T, bool), StoreError>,
    ) -> Result<(T, bool), StoreError> {
        let Self { connection, keys, confirmed, witness, .. } = self;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = match extent {
            Extent::All => Some(witness.present(&transaction)?),
            Extent::Noted { .. } => None,
        };
        let notes = Notes::default();
        let keys = keys.change();
        let mut writing = Writing { transaction: &transaction, keys, notes, witness };
        let done = act(&mut writing);
        let Writing { keys, notes, .. } = writing;
        let noted = match done {
            Ok((outcome, false)) => {
                keys.undo();
                return Ok((outcome, false));
            }
            Ok((outcome, true)) => confirmed.advance(&transaction).and_then(|sequence| {
                let next = match &before {
                    Some(before) => witness.note(&transaction, before, (&notes, sequence))?,
                    None => witness.note_touched(&transaction, &notes, sequence)?,
                };
                Ok((outcome, sequence, next))
            }),
            Err(error) => Err(error),
        };
        let (outcome, sequence, next) = match noted {
            Ok(noted) => noted,
            Err(error) => {
                keys.undo();
                return Err(error);
            }
        };
        if let Err(error) = transaction.commit() {
            keys.leave_open();
            return Err(error.into());
        }
        confirmed.set(sequence, extent != Extent::Noted { durable: false });
        witness.take(next);
        Ok((outcome, keys.carry_out(extent == Extent::All)?))
    }

    /// Empties the write-ahead log into the database, so that its files do not keep what was erased.
    /// That nobody can open it any more does not depend on this.
    pub(super) fn truncate_log(&self) {
        let done = self.connection.query_row(TRUNCATE, [], |row| row.get::<_, bool>(0));
        if !matches!(done, Ok(false)) {
            tracing::warn!(?done, "the database's log cannot be emptied now");
        }
    }
}

impl Writing<'_, '_> {
    /// Says that a table's rows of an owner are going to be changed.
    ///
    /// # Errors
    /// They are not as they are expected.
    pub(super) fn touch(&mut self, owner: i64, table: Table) -> Result<(), StoreError> {
        self.notes.touch(self.witness, self.transaction, (owner, table))
    }

    /// Has the keys destroyed in the slots that a query finds for an owner.
    pub(super) fn free_slots(&mut self, query: &str, owner: i64) -> Result<(), StoreError> {
        let mut statement = self.transaction.prepare_cached(query)?;
        for slot in statement.query_map([owner], |row| row.get::<_, Option<u32>>(0))? {
            if let Some(slot) = slot? {
                self.keys.free(owner, slot);
            }
        }
        Ok(())
    }
}

impl Deref for Base {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Deref for Writing<'_, '_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.transaction
    }
}

/// Statements that are kept: each of them is of a fixed text.
const STATEMENTS: usize = 200;

const TRUNCATE: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
