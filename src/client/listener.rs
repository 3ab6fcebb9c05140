//! Who listens at an appliance's local socket. Whoever may write where it lies can put another one
//! there, and would be told the HSM SO's password.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
};

use rustix::process::geteuid;
use tokio::net::UnixStream;

/// Permission bits with which others than the owner write.
const OTHERS_WRITE: u32 = 0o022;

/// The superuser, who can do everything anyway.
const ROOT: u32 = 0;

/// Holds that the other end of a connection to this socket is a process of this user or of root,
/// and that nobody else could have put it there. Why not, if not.
pub(super) fn check(socket: &Path, stream: &UnixStream) -> io::Result<Result<(), String>> {
    let own = geteuid().as_raw();
    let peer = stream.peer_cred()?.uid();
    if !is_trusted(peer, own) {
        return Ok(Err(format!("a process of the user {peer} listens at {}", socket.display())));
    }
    // The directory as it is named: a link in its place is followed, as the connection did.
    let directory = socket.parent().unwrap_or(Path::new("."));
    let looked_at =
        [(directory, fs::metadata(directory)?), (socket, fs::symlink_metadata(socket)?)];
    Ok(looked_at.into_iter().try_for_each(|(path, found)| check_owner(path, &found, own)))
}

fn check_owner(path: &Path, found: &Metadata, own: u32) -> Result<(), String> {
    if !is_trusted(found.uid(), own) {
        return Err(format!("{} belongs to the user {}", path.display(), found.uid()));
    }
    // A link is nobody's to write; its owner counts.
    if !found.is_symlink() && found.mode() & OTHERS_WRITE != 0 {
        return Err(format!("others than its owner may write {}", path.display()));
    }
    Ok(())
}

const fn is_trusted(user: u32, own: u32) -> bool {
    user == own || user == ROOT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_and_what_they_may_write_are_not_trusted() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let (path, own) = (place.path(), geteuid().as_raw());
        let found = || fs::metadata(path).unwrap();
        assert_eq!(check_owner(path, &found(), own), Ok(()));
        assert!(is_trusted(ROOT, 1000) && is_trusted(1000, 1000) && !is_trusted(1001, 1000));
        for mode in [0o720, 0o702] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = check_owner(path, &found(), own).unwrap_err();
            assert!(refused.contains("others than its owner"), "{refused}");
        }
    }
}
