//! Room on the disk that is kept for counters of failed logins, the audit log and erasures.
//!
//! A file that holds nothing, `reserve`, beside the database. Where one of these finds no room, the
//! file is given up, the log of the database is written back and emptied, and it is tried again.
//! All else is refused from then on, until there is room to make the file again.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rusqlite::{ErrorCode, ffi};

use super::{
    SqliteAppliance, StoreError,
    disk::{self, FileStep},
};
use crate::crypto::{Random, SystemRandom};

/// The file's name.
const FILE: &str = "reserve";

/// Its size in bytes: some hundred logins and their records, with the database's log.
const BYTES: u64 = 1 << 20;

/// What a new one takes at most of the room there is, and what has to be free beside one that was
/// given up before it is made again, as parts of the room and of its size.
const SHARE: u64 = 8;

/// The room that is kept.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Held,
    /// It was given up, with this size in bytes.
    GivenUp(u64),
    /// There was too little room for one from the start.
    None,
}

impl Reserve {
    /// The reserve in a directory; made if there is none and there is room for one.
    pub(super) fn open(directory: &Path) -> Self {
        let path = directory.join(FILE);
        let state = if fs::symlink_metadata(&path).is_ok_and(|file| file.len() > 0) {
            State::Held
        } else {
            let bytes = free(directory).map_or(0, |free| (free / SHARE).min(BYTES));
            match make(&path, bytes) {
                Ok(()) if bytes > 0 => State::Held,
                made => {
                    tracing::warn!(?made, "no room on the disk can be kept for failed logins");
                    State::None
                }
            }
        };
        Self { path, state }
    }

    /// Makes the reserve again if it was given up and there is room for it.
    ///
    /// # Errors
    /// The disk is full still.
    pub(super) fn require(&mut self) -> Result<(), StoreError> {
        let State::GivenUp(bytes) = self.state else { return Ok(()) };
        let full = |error| StoreError::Io { path: self.path.clone(), error };
        let directory = self.path.parent().unwrap_or(Path::new("."));
        if free(directory).map_err(full)? < 2 * bytes {
            return Err(full(io::ErrorKind::StorageFull.into()));
        }
        make(&self.path, bytes).map_err(full)?;
        tracing::info!("there is room on the disk again");
        self.state = State::Held;
        Ok(())
    }

    /// Gives the reserve up.
    fn give_up(&mut self) {
        if self.state != State::Held {
            return;
        }
        let bytes = fs::metadata(&self.path).map_or(BYTES, |file| file.len());
        match disk::remove(&self.path) {
            Ok(()) => {
                tracing::error!(
                    "the disk is full: failed logins, the audit log and erasures use what was kept for them; all other changes are refused"
                );
                self.state = State::GivenUp(bytes);
            }
            Err(error) => tracing::warn!(%error, "the room that was kept cannot be given up"),
        }
    }
}

impl SqliteAppliance {
    /// Refuses what may not use the room that is kept, while that is given up.
    pub(super) fn require_room(&self) -> Result<(), StoreError> {
        self.lock().reserve.require()
    }

    /// Does what may use the room that is kept: at once if there is room, or else a second time with
    /// that.
    pub(super) fn urgently<T>(
        &self,
        mut act: impl FnMut() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let done = act();
        if !done.as_ref().is_err_and(StoreError::is_for_room) {
            return done;
        }
        let mut base = self.lock();
        base.reserve.give_up();
        base.truncate_log();
        drop(base);
        act()
    }
}

impl StoreError {
    /// Whether there was no room on the disk.
    pub(super) fn is_for_room(&self) -> bool {
        match self {
            Self::Database(error) => {
                let extended = error.sqlite_extended_error_code();
                error.sqlite_error_code() == Some(ErrorCode::DiskFull)
                    // A quota, or a limit of the process.
                    || extended == Some(ffi::SQLITE_IOERR_WRITE)
                    || extended == Some(ffi::SQLITE_IOERR_SHMSIZE)
            }
            Self::Io { error, .. } => {
                use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
                [StorageFull, QuotaExceeded, FileTooLarge].contains(&error.kind())
            }
            Self::Group { full, .. } => *full,
            Self::Foreign { .. }
            | Self::Newer { .. }
            | Self::WrongKey { .. }
            | Self::KeyFile { .. }
            | Self::Behind { .. }
            | Self::Damaged(_)
            | Self::Sealed
            | Self::Row(_)
            | Self::Random(_) => false,
        }
    }
}

/// Free bytes on the disk.
fn free(directory: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(directory)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Makes the file of what no file system can make small.
fn make(path: &Path, bytes: u64) -> io::Result<()> {
    let mut content = vec![0; usize::try_from(bytes).unwrap_or_default()];
    SystemRandom::new().fill(&mut content).map_err(io::Error::other)?;
    disk::before(FileStep::Make)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    let made = options.open(path).and_then(|file| {
        disk::write_at(&file, &content, 0)?;
        disk::sync(&file)
    });
    if made.is_err() {
        // A part of it would be taken for all of it.
        let _ = fs::remove_file(path);
    }
    made
}
