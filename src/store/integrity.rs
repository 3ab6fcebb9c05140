//! Whether the database is as this software wrote it, and whether what was erased is gone.

use rusqlite::params;

use super::{SqliteAppliance, StoreError, live::IDENTITY, objects::object_name};

/// What holds the store together. No method has a default body.
pub trait IntegrityStore: Send + Sync {
    /// Every row that was altered, added, put back or left out from outside, as a sentence each.
    ///
    /// # Errors
    /// The store cannot be read.
    fn damages(&self) -> Result<Vec<String>, StoreError>;

    /// Has the disk forget the keys of single objects that are gone. Whoever destroys one does not
    /// wait for that; it has to be called soon afterwards.
    ///
    /// # Errors
    /// The keys' files cannot be written.
    fn finish_erasures(&self) -> Result<(), StoreError>;
}

impl IntegrityStore for SqliteAppliance {
    fn damages(&self) -> Result<Vec<String>, StoreError> {
        let base = self.lock();
        let mut damages = base.witness.damages(&base)?;
        let mut statement = base.prepare(IDENTITIES)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (serial, sealed): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
            if base.keys.open_value((serial, None), IDENTITY, &sealed).is_err() {
                damages.push(format!("the identity of partition {serial} does not open"));
            }
        }
        let mut statement = base.prepare(OBJECTS)?;
        let mut rows = statement.query(params![])?;
        while let Some(row) = rows.next()? {
            let (serial, handle): (i64, u64) = (row.get(0)?, row.get(1)?);
            let name = object_name(handle, row.get(2)?, row.get(3)?);
            let sealed: Vec<u8> = row.get(5)?;
            if base.keys.open_value((serial, row.get(4)?), &name, &sealed).is_err() {
                damages.push(format!("object {handle} (partition {serial}) does not open"));
            }
        }
        Ok(damages)
    }

    fn finish_erasures(&self) -> Result<(), StoreError> {
        // Nobody waits for the disk behind this.
        let waiting = self.lock().keys.waiting()?;
        for one in &waiting {
            one.settle()?;
        }
        self.lock().keys.settled(&waiting);
        Ok(())
    }
}

const IDENTITIES: &str = "SELECT serial, sealed_identity FROM partition ORDER BY serial";
const OBJECTS: &str = "SELECT partition, handle, private, charge, slot, sealed FROM object \
     ORDER BY partition, handle";
