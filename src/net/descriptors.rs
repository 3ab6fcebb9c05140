//! How many sockets the process may have.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that connections of clients leave: for the administrator's connections and for the
/// store's files.
const RESERVED: usize = 12;

/// Raises the number of files and sockets that this process may have open as far as the system
/// permits, and returns it; none if there is no limit.
pub fn raise_descriptor_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return limit.current;
    }
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        // Then the limit in force stays: links beyond it are not accepted.
        Err(_) => limit.current,
    }
}

/// Connections that there are descriptors for, beside those that are open and those that are kept
/// for others; none if nothing limits them.
pub(super) fn connections_within_limit() -> Option<usize> {
    let limit = usize::try_from(getrlimit(Resource::Nofile).current?).ok()?;
    // Where it cannot be seen what is open, a little more is left.
    let open = fs::read_dir("/proc/self/fd").map_or(32, Iterator::count);
    Some(limit.saturating_sub(open + RESERVED).max(1))
}
