//! Attempts that stay counted though the password was right.
//!
//! An attempt is counted before its password is looked at, and set back with what follows from the
//! right one. If that cannot be stored, on a disk that is all but full, the count stands; were each
//! such attempt counted anew, right passwords would lock their role out. So the count is kept for
//! the next attempt with the same credential, which needs no other.

use std::{collections::HashSet, sync::Mutex};

use super::wait;

/// The salts of credentials whose last attempt is counted and was right.
#[derive(Default)]
pub(super) struct Counted(Mutex<HashSet<[u8; 16]>>);

impl Counted {
    /// Keeps the count of a right password for the next attempt, unless what it was for is done.
    pub(super) fn keep<T, E>(&self, salt: [u8; 16], done: Result<T, E>) -> Result<T, E> {
        if done.is_err() {
            wait(&self.0).insert(salt);
        }
        done
    }

    /// Whether the next attempt is counted already. Whatever comes of it, the one behind it is not.
    pub(super) fn take(&self, salt: [u8; 16]) -> bool {
        wait(&self.0).remove(&salt)
    }
}
