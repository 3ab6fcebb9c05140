//! Files that users hand in, and files that must never be seen half written.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::{shell::Foreign, store::replace_file};

/// Permissions of a public file.
pub const PUBLIC: u32 = 0o644;

/// Permissions of a directory that only its owner enters.
const PRIVATE_DIRECTORY: u32 = 0o700;

/// The content of a regular file of at most `limit` bytes, which is checked before it is read.
///
/// # Errors
/// The path names no file, something else than a file, a file that is too large, or one that
/// cannot be read.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let fail = |problem| FileError { path: path.to_owned(), problem };
    let from_io = |error: io::Error| fail(error.into());
    // Looked at before it is opened: opening a pipe would wait for its other end.
    let found = fs::metadata(path).map_err(|error| {
        let dangles = error.kind() == io::ErrorKind::NotFound
            && fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
        if dangles { fail(FileProblem::Dangling) } else { from_io(error) }
    })?;
    if found.is_dir() {
        return Err(fail(FileProblem::Directory));
    }
    if !found.is_file() {
        return Err(fail(FileProblem::NotRegular));
    }
    let mut bytes = Vec::new();
    // Should it be a pipe by now, then without waiting.
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(from_io)?;
    if found.len() <= limit {
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(from_io)?;
    }
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX).max(found.len());
    if length > limit {
        return Err(fail(FileProblem::TooLarge { bytes: length, limit }));
    }
    Ok(bytes)
}

/// Puts `content` under `path`: all of it or, after a crash at any moment, what was there before.
/// A link of the user's own or of root's is followed, and missing directories above are made.
///
/// # Errors
/// The file system refused, or the link is somebody else's; what was there before is untouched.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), FileError> {
    let target = followed(path)?;
    let fail = |error: io::Error| FileError { path: path.to_owned(), problem: error.into() };
    if target.is_dir() {
        return Err(FileError { path: path.to_owned(), problem: FileProblem::Directory });
    }
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    create_directory(&directory)?;
    replace_file(&target, content, mode).map_err(fail)
}

/// Where the links under this path lead: the path itself if it is none, or leads nowhere.
fn followed(path: &Path) -> Result<PathBuf, FileError> {
    let user = rustix::process::geteuid().as_raw();
    let mut at = path.to_owned();
    for _ in 0..MAXIMUM_LINKS {
        let Ok(found) = fs::symlink_metadata(&at) else { break };
        if !found.is_symlink() {
            return Ok(at);
        }
        if ![0, user].contains(&found.uid()) {
            return Err(FileError { path: at, problem: FileProblem::ForeignLink });
        }
        let Ok(target) = fs::read_link(&at) else { break };
        at = at.with_file_name("").join(target);
    }
    Ok(path.to_owned())
}

/// How many links one after the other are followed.
const MAXIMUM_LINKS: usize = 40;

/// Removes a file; one that is not there is as good as removed.
///
/// # Errors
/// The file system refused.
pub fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError { path: path.to_owned(), problem: error.into() })
        }
        _ => Ok(()),
    }
}

/// Makes a directory with those above it, each for its owner alone. One that exists stays as is.
///
/// # Errors
/// The file system refused.
pub fn create_directory(path: &Path) -> Result<(), FileError> {
    DirBuilder::new()
        .recursive(true)
        .mode(PRIVATE_DIRECTORY)
        .create(path)
        .map_err(|error| FileError { path: path.to_owned(), problem: error.into() })
}

/// A file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", Foreign(path.display()))]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: FileProblem,
}

impl FileError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self.problem {
            FileProblem::Dangling => "Remove the link, or put back what it leads to.",
            FileProblem::ForeignLink => "Name a file of your own, in a directory of your own.",
            FileProblem::Missing => "Check the spelling of the path.",
            FileProblem::Directory => "Name a file in it.",
            FileProblem::NotRegular => "Name a regular file.",
            FileProblem::TooLarge { .. } => "Check that this is the file you mean.",
            FileProblem::Denied => "Check the permissions of the file and its directory.",
            FileProblem::Other(_) => "Check the file system.",
        }
    }
}

/// What can be wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// Nothing has this path.
    #[error("there is no such file")]
    Missing,
    /// A link has this path, and its target is not there.
    #[error("this is a link that leads nowhere")]
    Dangling,
    /// A link has this path, and somebody else made it.
    #[error("this is a link that another user made")]
    ForeignLink,
    /// A directory has this path.
    #[error("this is a directory, not a file")]
    Directory,
    /// A pipe, a socket or a device has this path.
    #[error("this is not a regular file")]
    NotRegular,
    /// Larger than a file of the expected kind can be.
    #[error("the file has {bytes} bytes; what is expected has at most {limit}")]
    TooLarge {
        /// The size in bytes, or the part that was read.
        bytes: u64,
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// The permissions forbid it.
    #[error("permission denied")]
    Denied,
    /// The file system's own words.
    #[error("{0}")]
    Other(io::Error),
}

impl From<io::Error> for FileProblem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Denied,
            io::ErrorKind::IsADirectory => Self::Directory,
            _ => Self::Other(error),
        }
    }
}
