//! The steps by which the store changes files of its own, each of which a test can have fail.
//!
//! In a program that is built for release nothing of that is left.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::Path,
};

/// What is about to be done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileStep {
    /// It is made.
    Make,
    /// Bytes are written to it.
    Write,
    /// It has to reach the disk; or a directory has.
    Sync,
    /// It takes the place of another.
    Rename,
    /// It is removed.
    Remove,
}

#[cfg(debug_assertions)]
thread_local! {
    static FAULTS: std::cell::Cell<Option<FileFaults>> = const { std::cell::Cell::new(None) };
}

/// Says whether a step fails, and how.
pub type FileFaults = fn(FileStep) -> io::Result<()>;

/// Has this thread's steps fail as `faults` says, from now on. Only in programs that are built with
/// debug assertions; in others it does nothing.
pub fn have_files_fail(faults: Option<FileFaults>) {
    #[cfg(debug_assertions)]
    FAULTS.set(faults);
    #[cfg(not(debug_assertions))]
    let _ = faults;
}

/// To be asked before a step.
pub(super) fn before(step: FileStep) -> io::Result<()> {
    #[cfg(debug_assertions)]
    if let Some(faults) = FAULTS.get() {
        return faults(step);
    }
    let _ = step;
    Ok(())
}

/// Writes bytes at a place in a file.
pub(super) fn write_at(file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
    if let Err(error) = before(FileStep::Write) {
        // A write may have come half its way.
        if error.kind() == io::ErrorKind::WriteZero {
            file.write_all_at(bytes.get(..bytes.len() / 2).unwrap_or_default(), position)?;
        }
        return Err(error);
    }
    file.write_all_at(bytes, position)
}

/// Has a file's content, or a directory's, on the disk.
pub(super) fn sync(file: &File) -> io::Result<()> {
    before(FileStep::Sync)?;
    file.sync_all()
}

/// Has a file's content on the disk, whose length was there before or is part of it.
pub(super) fn sync_data(file: &File) -> io::Result<()> {
    before(FileStep::Sync)?;
    file.sync_data()
}

/// Removes a file.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    before(FileStep::Remove)?;
    fs::remove_file(path)
}

/// Puts a file in another's place.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    before(FileStep::Rename)?;
    fs::rename(from, to)
}
