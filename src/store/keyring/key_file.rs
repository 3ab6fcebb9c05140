//! One file of keys that can be destroyed: those of one generation of a partition, or of the HSM.
//!
//! A header of 16 bytes, the generation's secret of 32 bytes, and slots of 32 bytes. Slots are on
//! the disk before anything is sealed under them, so that taking one costs nothing. A slot is
//! destroyed by other random bytes, which are the next key in it.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::super::{StoreError, disk, replace_file};
use crate::crypto::Random;

const HEADER: &[u8; 16] = b"lunacm keys v1\0\0";

/// The size in bytes of a secret.
const SECRET_BYTES: usize = 32;

/// Where the slots begin.
const SLOTS_AT: usize = HEADER.len() + SECRET_BYTES;

/// Slots that a new file has, and the least and the most that are added at a time.
const FIRST_SLOTS: usize = 64;
const MOST_SLOTS: usize = 1024;

/// The keys of one generation.
pub(super) struct KeyFile {
    pub(super) generation: u64,
    path: PathBuf,
    file: File,
    /// The content behind the header: the generation's secret, and the slots.
    secrets: Zeroizing<Vec<u8>>,
    /// Slots that are on the disk and seal nothing.
    free: BTreeSet<u32>,
    /// Slots whose old key is overwritten, but perhaps not on the disk yet.
    unsettled: BTreeSet<u32>,
}

impl KeyFile {
    /// Makes the file of a generation, and has it on the disk. One that is there already is of an
    /// attempt that came to nothing, or to nothing yet: its keys are taken.
    pub(super) fn make(
        path: PathBuf,
        generation: u64,
        random: &mut dyn Random,
    ) -> Result<Self, StoreError> {
        if let Ok(there) = Self::read(path.clone(), generation) {
            return Ok(there);
        }
        let mut content = Zeroizing::new(vec![0; SLOTS_AT + FIRST_SLOTS * SECRET_BYTES]);
        random.fill(&mut content)?;
        content[..HEADER.len()].copy_from_slice(HEADER);
        replace_file(&path, &content, 0o600).map_err(|error| at(&path, error))?;
        Self::read(path, generation)
    }

    /// Opens the file of a generation. Slots that nothing is sealed under get other keys: a
    /// destruction may have been cut short.
    ///
    /// # Errors
    /// The file is missing, damaged, or cannot be written.
    pub(super) fn open(
        path: PathBuf,
        generation: u64,
        used: &BTreeSet<u32>,
        random: &mut dyn Random,
    ) -> Result<Self, StoreError> {
        let mut file = Self::read(path, generation)?;
        file.free.retain(|slot| !used.contains(slot));
        for slot in file.free.clone() {
            file.fill(slot, random)?;
        }
        disk::sync_data(&file.file).map_err(|error| at(&file.path, error))?;
        Ok(file)
    }

    fn read(path: PathBuf, generation: u64) -> Result<Self, StoreError> {
        let fault = |fault| StoreError::KeyFile { path: path.clone(), fault };
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).custom_flags(libc::O_NOFOLLOW).open(&path);
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => fault(
                "is missing\nRestore appliance.db and the directory keys together, from one copy.",
            ),
            _ => at(&path, error),
        })?;
        let content = Zeroizing::new(fs::read(&path).map_err(|error| at(&path, error))?);
        let secrets = content.strip_prefix(HEADER.as_slice());
        let secrets = secrets.filter(|secrets| secrets.len() >= SECRET_BYTES);
        let secrets = secrets.ok_or_else(|| {
            fault(
                "is damaged\nRestore appliance.db and the directory keys together, from one copy.",
            )
        })?;
        let secrets = Zeroizing::new(secrets.to_vec());
        let mut read = Self {
            generation,
            path,
            file,
            secrets,
            free: BTreeSet::new(),
            unsettled: BTreeSet::new(),
        };
        read.free = (0..read.slots()).collect();
        Ok(read)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The generation's secret.
    pub(super) fn secret(&self) -> &[u8] {
        self.secrets.get(..SECRET_BYTES).unwrap_or_default()
    }

    /// The key in a slot; none if the file has no such slot.
    pub(super) fn slot(&self, slot: u32) -> Option<&[u8]> {
        let from =
            SECRET_BYTES.checked_add(usize::try_from(slot).ok()?.checked_mul(SECRET_BYTES)?)?;
        self.secrets.get(from..from.checked_add(SECRET_BYTES)?)
    }

    /// Takes a slot that is on the disk, and has more of them there if there is none.
    pub(super) fn take(&mut self, random: &mut dyn Random) -> Result<u32, StoreError> {
        if let Some(slot) = self.free.pop_first() {
            return Ok(slot);
        }
        self.provide(random)?;
        self.free.pop_first().ok_or(StoreError::Row("number of keys"))
    }

    /// Gives a slot back that nothing was sealed under after all.
    pub(super) fn release(&mut self, slot: u32) {
        self.free.insert(slot);
    }

    /// Destroys the key in a slot. It is gone from the file at once, and from the disk once the
    /// file is settled.
    pub(super) fn destroy_slot(
        &mut self,
        slot: u32,
        random: &mut dyn Random,
    ) -> Result<(), StoreError> {
        self.unsettled.insert(slot);
        self.fill(slot, random)
    }

    /// What has to reach the disk before what was destroyed is gone from there, too.
    pub(super) fn waiting(&self) -> Result<Option<(File, BTreeSet<u32>)>, StoreError> {
        if self.unsettled.is_empty() {
            return Ok(None);
        }
        let file = self.file.try_clone().map_err(|error| at(&self.path, error))?;
        Ok(Some((file, self.unsettled.clone())))
    }

    /// Notes that these slots are on the disk as they are now.
    pub(super) fn settled(&mut self, slots: &BTreeSet<u32>) {
        for slot in slots {
            if self.unsettled.remove(slot) {
                self.free.insert(*slot);
            }
        }
    }

    /// Has all on the disk.
    pub(super) fn settle(&mut self) -> Result<(), StoreError> {
        disk::sync_data(&self.file).map_err(|error| at(&self.path, error))?;
        self.free.append(&mut self.unsettled);
        Ok(())
    }

    /// Overwrites every key, on the disk too, and removes the file. The directory is the caller's
    /// to have on the disk.
    pub(super) fn destroy(&self, random: &mut dyn Random) -> Result<(), StoreError> {
        destroy_file(&self.path, random)
    }

    fn slots(&self) -> u32 {
        let bytes = self.secrets.len().saturating_sub(SECRET_BYTES);
        u32::try_from(bytes / SECRET_BYTES).unwrap_or(u32::MAX)
    }

    fn provide(&mut self, random: &mut dyn Random) -> Result<(), StoreError> {
        let first = self.slots();
        let there = usize::try_from(first).unwrap_or(MOST_SLOTS);
        let more = (there / 2).clamp(FIRST_SLOTS, MOST_SLOTS);
        let mut fresh = Zeroizing::new(vec![0; more * SECRET_BYTES]);
        random.fill(&mut fresh)?;
        // What is left of a slot that was being added when the power failed is written over.
        self.secrets.truncate(SECRET_BYTES + there * SECRET_BYTES);
        let position = position(HEADER.len() + self.secrets.len());
        let written = disk::write_at(&self.file, &fresh, position);
        written
            .and_then(|()| disk::sync_data(&self.file))
            .map_err(|error| at(&self.path, error))?;
        // A vector that grows leaves its old place as it is.
        let mut secrets = Zeroizing::new(Vec::with_capacity(self.secrets.len() + fresh.len()));
        secrets.extend_from_slice(&self.secrets);
        secrets.extend_from_slice(&fresh);
        self.secrets = secrets;
        self.free.extend(first..self.slots());
        self.free.append(&mut self.unsettled);
        Ok(())
    }

    fn fill(&mut self, slot: u32, random: &mut dyn Random) -> Result<(), StoreError> {
        let missing = || StoreError::Row("number of a key");
        let number = usize::try_from(slot).map_err(|_| missing())?;
        let from = SECRET_BYTES + number * SECRET_BYTES;
        let fresh = self.secrets.get_mut(from..from + SECRET_BYTES).ok_or_else(missing)?;
        random.fill(fresh)?;
        let written = disk::write_at(&self.file, fresh, position(HEADER.len() + from));
        written.map_err(|error| at(&self.path, error))
    }
}

/// Overwrites a file, on the disk too, and removes it.
pub(super) fn destroy_file(path: &Path, random: &mut dyn Random) -> Result<(), StoreError> {
    let overwrite = |file: &File| {
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        let mut other = vec![0; length];
        random.fill(&mut other).map_err(io::Error::other)?;
        disk::write_at(file, &other, 0)?;
        disk::sync_data(file)
    };
    let opened = OpenOptions::new().write(true).custom_flags(libc::O_NOFOLLOW).open(path);
    let done = opened.as_ref().map_err(|error| error.kind().into()).and_then(overwrite);
    done.and_then(|()| disk::remove(path)).map_err(|error: io::Error| at(path, error))
}

fn position(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn at(path: &Path, error: io::Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), error }
}
