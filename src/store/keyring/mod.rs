//! Keys that can be destroyed, each in a file of the directory `keys`: what is sealed under them is
//! gone when they are, wherever copies of it lie.
//!
//! Every sealed value of the database is sealed once more under one of them. What belongs to a
//! generation of a partition as a whole is sealed under the generation's secret, and what comes
//! and goes within it (objects, roles' keys, domains) under a slot of its own.

mod changes;
mod key_file;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

pub(super) use changes::KeyChanges;
use key_file::{KeyFile, destroy_file};

use super::{Sealer, Seat, StoreError, disk};
use crate::crypto::{Digest, Random, hmac};

/// The directory's name.
pub(super) const DIRECTORY: &str = "keys";

/// The HSM's number among the owners of keys; the others are partitions by serial number.
pub(super) const HSM: i64 = 0;

/// Whose keys are live, in which generation, and in which slots.
pub(super) type Live = BTreeMap<i64, (u64, BTreeSet<u32>)>;

/// The keys that are live.
pub(super) struct Keyring {
    directory: PathBuf,
    random: Box<dyn Random + Send>,
    /// Without it nobody opens anything with the files alone.
    base: Zeroizing<Vec<u8>>,
    files: BTreeMap<i64, KeyFile>,
    /// Files that were to be destroyed and could not be.
    doomed: BTreeSet<PathBuf>,
}

impl Keyring {
    /// Opens the keys that are live, and destroys all others: they are of generations that have
    /// ended, or that never began. The keys that a generation cannot be opened with are left out.
    ///
    /// # Errors
    /// The directory cannot be read or written.
    pub(super) fn open(
        directory: &Path,
        base: Zeroizing<Vec<u8>>,
        live: &Live,
        mut random: Box<dyn Random + Send>,
    ) -> Result<Self, StoreError> {
        let directory = directory.to_owned();
        make_directory(&directory)?;
        let mut files = BTreeMap::new();
        for (owner, (generation, used)) in live {
            let path = path_of(&directory, *owner, *generation);
            match KeyFile::open(path, *generation, used, random.as_mut()) {
                Ok(file) => drop(files.insert(*owner, file)),
                Err(error) => tracing::error!(%error, "keys cannot be opened"),
            }
        }
        let names: BTreeSet<_> = live
            .iter()
            .map(|(owner, (generation, _))| path_of(&directory, *owner, *generation))
            .chain([directory.join(super::confirmed::FILE)])
            .collect();
        let mut ring = Self { directory, random, base, files, doomed: BTreeSet::new() };
        ring.doomed = ring.present()?.into_iter().filter(|path| !names.contains(path)).collect();
        ring.destroy_doomed()?;
        Ok(ring)
    }

    fn present(&self) -> Result<Vec<PathBuf>, StoreError> {
        let at = |error| StoreError::Io { path: self.directory.clone(), error };
        let entries = fs::read_dir(&self.directory).map_err(at)?;
        entries.map(|entry| Ok(entry.map_err(at)?.path())).collect()
    }

    /// Destroys the files that are to be, and has that on the disk.
    fn destroy_doomed(&mut self) -> Result<(), StoreError> {
        if self.doomed.is_empty() {
            return Ok(());
        }
        let mut failed = None;
        for path in std::mem::take(&mut self.doomed) {
            if let Err(error) = destroy_file(&path, self.random.as_mut())
                && fs::symlink_metadata(&path).is_ok()
            {
                self.doomed.insert(path);
                failed = Some(error);
            }
        }
        self.sync_directory()?;
        failed.map_or(Ok(()), Err)
    }

    fn sync_directory(&self) -> Result<(), StoreError> {
        let synced = File::open(&self.directory).and_then(|directory| disk::sync(&directory));
        synced.map_err(|error| StoreError::Io { path: self.directory.clone(), error })
    }

    /// The changes of one transaction.
    pub(super) fn change(&mut self) -> KeyChanges<'_> {
        KeyChanges::new(self)
    }

    /// The generation whose keys are live.
    pub(super) fn generation(&self, owner: i64) -> Option<u64> {
        self.files.get(&owner).map(|file| file.generation)
    }

    /// Opens a value that is sealed under the generation's secret, or under one of its slots.
    ///
    /// # Errors
    /// Its key was destroyed, or it was altered or moved.
    pub(super) fn open_value(
        &self,
        (owner, slot): (i64, Option<u32>),
        what: &str,
        sealed: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let (sealer, object) = self.sealer(owner, slot)?;
        Ok(sealer.open(seat(&object, what), sealed)?.to_vec())
    }

    fn seal_value(
        &mut self,
        (owner, slot): (i64, Option<u32>),
        what: &str,
        value: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let (sealer, object) = self.sealer(owner, slot)?;
        sealer.seal(seat(&object, what), value, self.random.as_mut())
    }

    fn sealer(&self, owner: i64, slot: Option<u32>) -> Result<(Sealer, String), StoreError> {
        let file = self.files.get(&owner).ok_or(StoreError::Sealed)?;
        let (label, name, secret): (&[u8], _, _) = match slot {
            Some(slot) => (b"slot", slot.to_string(), file.slot(slot).ok_or(StoreError::Sealed)?),
            None => (b"generation", String::new(), [].as_slice()),
        };
        let key = hmac(Digest::Sha256, &self.base, &[label, file.secret(), secret]);
        let key = key.as_slice().try_into().map_err(|_| StoreError::Sealed)?;
        Ok((Sealer::new(key), format!("{owner}.{}.{name}", file.generation)))
    }

    /// What has to reach the disk before all that was destroyed is gone from there, too: for each
    /// owner the generation, the file, and the slots.
    pub(super) fn waiting(&mut self) -> Result<Vec<Waiting>, StoreError> {
        self.destroy_doomed()?;
        let files = self.files.iter().map(|(owner, file)| {
            let waiting = file.waiting()?;
            let generation = file.generation;
            let path = file.path().to_owned();
            Ok(waiting.map(|(file, slots)| Waiting {
                owner: *owner,
                generation,
                path,
                file,
                slots,
            }))
        });
        files.filter_map(Result::transpose).collect()
    }

    /// Notes that all this is on the disk.
    pub(super) fn settled(&mut self, waiting: &[Waiting]) {
        for Waiting { owner, generation, slots, .. } in waiting {
            if let Some(file) = self.files.get_mut(owner)
                && file.generation == *generation
            {
                file.settled(slots);
            }
        }
    }
}

/// A file with destroyed keys that has to reach the disk.
pub(super) struct Waiting {
    owner: i64,
    generation: u64,
    path: PathBuf,
    file: File,
    slots: BTreeSet<u32>,
}

impl Waiting {
    /// Has the file on the disk.
    pub(super) fn settle(&self) -> Result<(), StoreError> {
        let synced = disk::sync_data(&self.file);
        synced.map_err(|error| StoreError::Io { path: self.path.clone(), error })
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(..)")
    }
}

/// Makes the directory of the keys, if there is none.
pub(super) fn make_directory(directory: &Path) -> Result<(), StoreError> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(StoreError::Io { path: directory.to_owned(), error })
        }
        _ => Ok(()),
    }
}

fn path_of(directory: &Path, owner: i64, generation: u64) -> PathBuf {
    let name = if owner == HSM { "hsm".to_owned() } else { owner.to_string() };
    directory.join(format!("{name}.{generation}"))
}

const fn seat<'s>(object: &'s str, what: &'s str) -> Seat<'s> {
    Seat { store: "erasable", object, field: what }
}

#[cfg(test)]
mod tests;
