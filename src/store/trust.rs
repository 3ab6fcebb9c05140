//! Files that decide what a program loads and whom it talks to: nobody else may change them.
//!
//! As `ssh` does with its own: the file, and every directory and link on the way to it, belong to
//! the user or to root, and nobody else may write them. Two things others may write are harmless.
//! In a directory with the sticky bit (`/tmp`) nobody can replace what is somebody else's, and
//! what lies in it is looked at itself. A group without another member is its user's own
//! (user-private groups), as `/etc/passwd` and `/etc/group` tell; a group that they do not know
//! counts as others.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::MetadataExt,
    path::{Component, Path, PathBuf},
};

use crate::shell::Foreign;

/// How many links may lie on the way to a file (as in Linux' own lookup).
const MAXIMUM_LINKS: usize = 40;

/// The bit of a mode that keeps others from replacing what is in a directory.
const STICKY: u32 = 0o1000;

/// Permissions of a group, and of everybody.
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
const OTHERS_READ: u32 = 0o044;

/// Checks that only the user and root can change a file, or put one there if there is none.
///
/// # Errors
/// Which file, directory or link somebody else could change.
pub fn check(path: &Path) -> Result<(), TrustError> {
    walk(path, &Reader::of_this_process())
}

/// As [`check`], for a file with a secret in it, which nobody else may read either. One that is
/// not there holds none.
///
/// # Errors
/// Which file, directory or link somebody else could read or change.
pub fn check_secret(path: &Path) -> Result<(), TrustError> {
    let reader = Reader::of_this_process();
    walk(path, &reader)?;
    match fs::metadata(path) {
        Ok(found) if found.mode() & OTHERS_READ != 0 => {
            Err(TrustError { path: path.to_owned(), leads_to: None, fault: Fault::Read })
        }
        _ => Ok(()),
    }
}

/// Whose files are trusted.
struct Reader {
    user: u32,
}

impl Reader {
    fn of_this_process() -> Self {
        Self { user: rustix::process::geteuid().as_raw() }
    }

    fn trusts(&self, owner: u32) -> bool {
        owner == 0 || owner == self.user
    }

    /// Whether the group has no member but the user and root.
    fn is_private(&self, group: u32) -> bool {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        is_private_group(&read("/etc/passwd"), &read("/etc/group"), self.user, group)
    }
}

fn walk(path: &Path, reader: &Reader) -> Result<(), TrustError> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut ahead: Vec<OsString> = parts(&absolute);
    let (mut at, mut links) = (PathBuf::from("/"), 0);
    look_at(&at, &absolute, reader)?;
    while let Some(part) = ahead.pop() {
        if part == ".." {
            at.pop();
            continue;
        }
        let next = at.join(&part);
        // What is not there leads nowhere; whoever opens it says so.
        let Ok(found) = fs::symlink_metadata(&next) else { return Ok(()) };
        look_at(&next, &absolute, reader)?;
        if !found.is_symlink() {
            at = next;
            continue;
        }
        links += 1;
        let Some(target) = fs::read_link(&next).ok().filter(|_| links <= MAXIMUM_LINKS) else {
            return Ok(());
        };
        if target.is_absolute() {
            at = PathBuf::from("/");
        }
        ahead.extend(parts(&target));
    }
    Ok(())
}

/// The parts of a path below the root, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let part = |component: Component<'_>| match component {
        Component::Normal(_) | Component::ParentDir => Some(component.as_os_str().to_owned()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    };
    path.components().rev().filter_map(part).collect()
}

fn look_at(path: &Path, leads_to: &Path, reader: &Reader) -> Result<(), TrustError> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    let fault = |fault| {
        let leads_to = (path != leads_to).then(|| leads_to.to_owned());
        Err(TrustError { path: path.to_owned(), leads_to, fault })
    };
    if !reader.trusts(found.uid()) {
        return fault(Fault::Owner(found.uid()));
    }
    // A link has no permissions of its own.
    let sticky = found.is_dir() && found.mode() & STICKY != 0;
    if found.is_symlink() || sticky {
        return Ok(());
    }
    let group = found.mode() & GROUP_WRITES != 0 && !reader.is_private(found.gid());
    if found.mode() & OTHERS_WRITE != 0 || group {
        return fault(Fault::Written);
    }
    Ok(())
}

/// Whether a group has no member but this user and root, by the texts of `/etc/passwd` and
/// `/etc/group`.
fn is_private_group(passwd: &str, groups: &str, user: u32, group: u32) -> bool {
    let own = |id: &str| id.parse().is_ok_and(|id: u32| id == user || id == 0);
    let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
    let users: Vec<_> = passwd.lines().map(fields).collect();
    let of_group = |id: &str| id.parse() == Ok(group);
    let by_account = users.iter().all(|account| match account.as_slice() {
        [_, _, id, primary, ..] => !of_group(primary) || own(id),
        _ => true,
    });
    let is_own_name = |name: &str| {
        users.iter().any(|account| match account.as_slice() {
            [known, _, id, ..] => known == name && own(id),
            _ => false,
        })
    };
    let members = groups.lines().map(fields).find_map(|found| match found.as_slice() {
        [_, _, id, members] if of_group(id) => Some(members.clone()),
        _ => None,
    });
    members.is_some_and(|members| {
        by_account && members.split(',').filter(|name| !name.is_empty()).all(is_own_name)
    })
}

/// Something on the way to a file, or the file itself, is in the hands of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustError {
    /// What is.
    pub path: PathBuf,
    /// The file that it leads to, if it is not the file itself.
    pub leads_to: Option<PathBuf>,
    /// In which way.
    pub fault: Fault,
}

/// How a file is in the hands of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It belongs to this user, who is neither the one who runs the program nor root.
    Owner(u32),
    /// Others may write it.
    Written,
    /// Others may read the secret in it.
    Read,
}

impl std::fmt::Display for TrustError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = Foreign(self.path.display());
        match self.fault {
            Fault::Owner(user) => write!(f, "{path} belongs to another user (number {user})")?,
            Fault::Written => write!(f, "{path} may be written by others")?,
            Fault::Read => write!(f, "{path} may be read by others")?,
        }
        match &self.leads_to {
            Some(file) => write!(f, ", and leads to {}", Foreign(file.display())),
            None => Ok(()),
        }
    }
}

impl std::error::Error for TrustError {}

impl TrustError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self.fault {
            Fault::Owner(_) => "Use a file of your own, in a directory of your own (or root's).",
            Fault::Written => {
                "Take the permission away if the content is still yours: chmod go-w on it."
            }
            Fault::Read => "Take the permission away: chmod go= on it.",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_others_may_write_is_named() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("home");
        let file = directory.join("Chrystoki.conf");
        fs::create_dir(&directory).unwrap();
        assert_eq!(check(&file), Ok(()), "nothing is there yet");
        fs::write(&file, "").unwrap();
        assert_eq!(check(&file), Ok(()));
        for (path, mode) in [(&file, 0o646), (&directory, 0o757), (&file, 0o602)] {
            let before = fs::metadata(path).unwrap().mode();
            set_mode(path, mode);
            let error = check(&file).unwrap_err();
            assert_eq!((&error.path, error.fault), (path, Fault::Written));
            assert_eq!(error.leads_to.is_some(), path == &directory);
            set_mode(path, before);
        }
        set_mode(&directory, 0o1777);
        assert_eq!(check(&file), Ok(()), "a sticky directory is like /tmp");
    }

    #[test]
    fn links_are_followed_step_by_step() {
        let root = tempfile::tempdir().unwrap();
        let open = root.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::write(root.path().join("real"), "").unwrap();
        symlink("../real", open.join("middle")).unwrap();
        symlink("open/middle", root.path().join("first")).unwrap();
        assert_eq!(check(&root.path().join("first")), Ok(()));
        set_mode(&open, 0o777);
        assert_eq!(check(&root.path().join("first")).unwrap_err().path, open);
        symlink("loop", root.path().join("loop")).unwrap();
        assert_eq!(check(&root.path().join("loop")), Ok(()), "whoever opens it says so");
    }

    #[test]
    fn other_owners_are_named() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        if chown(&file, Some(12_345), None).is_err() {
            return; // Only root gives files away.
        }
        assert_eq!(check(&file).unwrap_err().fault, Fault::Owner(12_345));
        assert_eq!(walk(&file, &Reader { user: 12_345 }).map_err(|error| error.path), Ok(()));
        let other = walk(root.path(), &Reader { user: 1 });
        assert_eq!(other, Ok(()), "root's files are everybody's to trust");
    }

    #[test]
    fn secrets_are_not_read_by_others() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("key");
        assert_eq!(check_secret(&file), Ok(()));
        fs::write(&file, "").unwrap();
        for (mode, good) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            set_mode(&file, mode);
            assert_eq!(check_secret(&file).is_ok(), good, "{mode:o}");
        }
    }

    #[test]
    fn a_private_group_has_nobody_else() {
        let passwd = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/:\nbob:x:1001:1001::/:\n\
                      eve:x:1002:1001::/:\n";
        let groups = "root:x:0:\nann:x:1000:\nbob:x:1001:\nstaff:x:50:\nboth:x:60:ann,bob\n\
                      mine:x:70:ann,root\nbroken\n";
        let private = |user, group| is_private_group(passwd, groups, user, group);
        assert!(private(1000, 1000) && private(1000, 50) && private(1000, 70) && private(0, 0));
        assert!(!private(1001, 1001), "eve is in it by her account");
        assert!(!private(1000, 60) && !private(1000, 1001));
        assert!(!private(1000, 99), "a group that is not known");
    }
}
