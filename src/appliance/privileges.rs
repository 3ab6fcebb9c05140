//! The user that an appliance runs as, once it has opened what needs more privileges.

#[cfg(not(target_vendor = "apple"))]
use std::ffi::CString;
use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, chown},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    unistd::{Gid, Uid, User, setgid, setuid},
};

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceUser {
    name: String,
    user: Uid,
    group: Gid,
}

impl ServiceUser {
    /// The user of this name.
    ///
    /// # Errors
    /// There is none, or it may do everything, which is no user to run as.
    pub fn of_name(name: &str) -> Result<Self, PrivilegeError> {
        let found = User::from_name(name).map_err(|error| refused("look up", name, error))?;
        let found = found.ok_or_else(|| PrivilegeError::Unknown(name.to_owned()))?;
        if found.uid.is_root() {
            return Err(PrivilegeError::Root);
        }
        Ok(Self { name: name.to_owned(), user: found.uid, group: found.gid })
    }

    /// Makes the data directory for this user, if there is none yet.
    ///
    /// # Errors
    /// It cannot be made, or the one that there is belongs to somebody else.
    pub(super) fn own(&self, data: &Path) -> Result<(), PrivilegeError> {
        let at = |error| PrivilegeError::Data { path: data.to_owned(), error };
        match DirBuilder::new().mode(0o700).create(data) {
            Ok(()) => {
                let (user, group) = (self.user.as_raw(), self.group.as_raw());
                return chown(data, Some(user), Some(group)).map_err(at);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(at(error)),
        }
        if fs::metadata(data).map_err(at)?.uid() != self.user.as_raw() {
            return Err(PrivilegeError::Foreign { path: data.to_owned(), user: self.name.clone() });
        }
        Ok(())
    }

    /// Becomes this user for good, in all threads: groups, group and user, in this order, since
    /// each needs the privileges that the next one ends.
    ///
    /// # Errors
    /// The system refuses, or what was given up could be had again.
    pub(super) fn become_for_good(&self) -> Result<(), PrivilegeError> {
        let refused = |what| move |error| refused(what, &self.name, error);
        let is_this = Uid::current() == self.user && Uid::effective() == self.user;
        if !is_this {
            self.take_groups().map_err(refused("take the groups of"))?;
            setgid(self.group).map_err(refused("take the group of"))?;
            setuid(self.user).map_err(refused("become"))?;
        }
        self.check()
    }

    #[cfg(not(target_vendor = "apple"))]
    fn take_groups(&self) -> Result<(), Errno> {
        let name = CString::new(self.name.as_str()).map_err(|_| Errno::EINVAL)?;
        nix::unistd::initgroups(&name, self.group)
    }

    /// There a process's groups are a directory service's matter.
    #[cfg(target_vendor = "apple")]
    fn take_groups(&self) -> Result<(), Errno> {
        Err(Errno::ENOTSUP)
    }

    /// Refuses to go on with any identity but this one, or with a way back to another.
    fn check(&self) -> Result<(), PrivilegeError> {
        let one = (Uid::current(), Uid::effective()) == (self.user, self.user)
            && (Gid::current(), Gid::effective()) == (self.group, self.group);
        let back = setuid(Uid::from_raw(0)).is_ok() || setgid(Gid::from_raw(0)).is_ok();
        if one && !back { Ok(()) } else { Err(PrivilegeError::Kept) }
    }
}

/// Why an appliance does not run as the user it was told.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// There is no such user.
    #[error(
        "there is no user {0:?}\nMake one without a login shell, such as with 'useradd --system', or name another with --user."
    )]
    Unknown(String),
    /// The user is root.
    #[error("--user root gives nothing up\nName a user of the appliance's own.")]
    Root,
    /// The system refused.
    #[error(
        "cannot {what} the user {name:?}: {error}\nOnly root can become another user: start the daemon as root, or as that user without --user."
    )]
    Refused {
        /// What was to be done.
        what: &'static str,
        /// The user's name.
        name: String,
        /// What the system said.
        error: Errno,
    },
    /// Privileges are there still.
    #[error(
        "privileges could be had again after they were given up\nStart the daemon as the user itself, without --user."
    )]
    Kept,
    /// The data directory belongs to somebody else.
    #[error(
        "the data directory {path} does not belong to {user}\nGive it over with all that is in it: chown -R {user} {path}"
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Who should own it.
        user: String,
    },
    /// The data directory cannot be made.
    #[error("{path}: {error}\nMake its parent directory, or choose another with --data.")]
    Data {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

fn refused(what: &'static str, name: &str, error: Errno) -> PrivilegeError {
    PrivilegeError::Refused { what, name: name.to_owned(), error }
}
