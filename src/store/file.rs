//! Small files that are whole or not there.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, ErrorKind},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::disk::{self, FileStep};
use crate::crypto::{Random, SystemRandom};

/// Replaces a file's content at once: whoever reads it, and whatever ends this process, meets
/// the old or the new content, never a part. The new content is on the disk on return. A link
/// under this path is replaced, not followed.
///
/// # Errors
/// The directory cannot be written; the old file is untouched.
pub fn replace_file(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_string_lossy();
    let (temporary, file) = create_beside(directory, &name, mode)?;
    // `open` masks the mode by the umask.
    let written = file
        .set_permissions(Permissions::from_mode(mode))
        .and_then(|()| disk::write_at(&file, content, 0))
        .and_then(|()| disk::sync(&file))
        .and_then(|()| disk::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    disk::sync(&File::open(directory)?)
}

/// How often another name is tried where one is taken.
const TRIES: u32 = 16;

/// Makes a file that was not there, under a name that nobody could know before and so nobody has
/// put a link or a file of his own under.
fn create_beside(directory: &Path, name: &str, mode: u32) -> io::Result<(PathBuf, File)> {
    let mut random = SystemRandom::new();
    for _ in 0..TRIES {
        let mut number = [0; 8];
        random.fill(&mut number).map_err(io::Error::other)?;
        let path = directory.join(format!(".{name}.{:016x}.new", u64::from_be_bytes(number)));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(mode).custom_flags(libc::O_NOFOLLOW);
        match disk::before(FileStep::Make).and_then(|()| options.open(&path)) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => return Ok((path, made?)),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_with_its_mode() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        for (content, mode) in [("one", 0o600), ("two", 0o666), ("three", 0o644)] {
            replace_file(&path, content.as_bytes(), mode).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        }
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn a_link_is_replaced_and_its_target_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let (target, link) = (root.path().join("target"), root.path().join("link"));
        fs::write(&target, "mine").unwrap();
        symlink(&target, &link).unwrap();
        replace_file(&link, b"new", 0o600).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
        assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn what_fails_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let taken = root.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(replace_file(&taken, b"new", 0o600).is_err());
        assert!(replace_file(&root.path().join("none/file"), b"new", 0o600).is_err());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn no_two_temporary_names_are_alike_and_none_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let made: Vec<_> =
            (0..100).map(|_| create_beside(root.path(), "x", 0o600).unwrap().0).collect();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), made.len());
        let digits = |path: &PathBuf| path.to_string_lossy().len();
        assert!(made.iter().all(|path| digits(path) == digits(&made[0])));
    }
}
