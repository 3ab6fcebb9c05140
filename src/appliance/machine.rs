//! What the machine leaves to the appliance.

use std::{fs, path::Path};

use rustix::process::{Resource, getrlimit};

use crate::hsm::MemoryLimits;

/// What is counted on where nothing can be learnt.
const UNKNOWN_BYTES: usize = 1 << 30;

/// What requests in parts may take at most, unless somebody says otherwise.
const MOST_REQUEST_BYTES: usize = 512 << 20;

/// The memory in bytes that the appliance may count on: the machine's, or less where a control
/// group or a limit of the process says so.
///
/// Of a limit of address space half is counted: stacks and the heap's reserves take theirs before
/// anything is in them.
pub fn memory() -> usize {
    let limits = [Resource::As, Resource::Data].map(|resource| {
        let limit = getrlimit(resource).current;
        limit.and_then(|bytes| usize::try_from(bytes / 2).ok())
    });
    let known = [machine(), control_group()].into_iter().chain(limits).flatten();
    known.min().unwrap_or(UNKNOWN_BYTES)
}

/// What clients may take of so much memory, unless somebody says otherwise: a quarter, and one
/// client a quarter of that.
pub const fn shares_of(memory: usize) -> MemoryLimits {
    MemoryLimits { all: memory / 4, per_client: memory / 16 }
}

/// What requests in parts may take of so much memory, unless somebody says otherwise.
pub const fn request_share_of(memory: usize) -> usize {
    let share = memory / 8;
    if share < MOST_REQUEST_BYTES { share } else { MOST_REQUEST_BYTES }
}

fn machine() -> Option<usize> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The least limit of the control group (version 2, or 1) that the process is in and of those
/// around it.
fn control_group() -> Option<usize> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let limits = text.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => return None,
        };
        let group = Path::new(path.trim_start_matches('/'));
        let around = group.ancestors().filter_map(|group| {
            let limit = fs::read_to_string(Path::new(root).join(group).join(file)).ok()?;
            limit.trim().parse::<usize>().ok()
        });
        around.min()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_leave_room_for_everything_else() {
        let limits = shares_of(1 << 30);
        assert_eq!((limits.all, limits.per_client), (256 << 20, 64 << 20));
        assert_eq!(request_share_of(1 << 30), 128 << 20);
        assert_eq!(request_share_of(64 << 30), MOST_REQUEST_BYTES);
        assert!(memory() > 1 << 20);
    }
}
