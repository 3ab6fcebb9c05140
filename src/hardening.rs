//! What a process denies itself and others, so that keys and passwords in its memory stay there.
//!
//! Call what is here before the first thread starts: a thread inherits part of it from the one
//! that starts it.

use rustix::{
    fs::Mode,
    io,
    mm::{MlockAllFlags, mlockall},
    process::{Resource, Rlimit, getrlimit, setrlimit, umask},
};

/// Makes no core dumps, and lets no other process of the same user look into this one: neither
/// `ptrace` nor `/proc/PID/mem` (Linux, `PR_SET_DUMPABLE`). Programs that it starts are dumpable
/// again, but have no core dumps.
///
/// # Errors
/// The system refuses.
pub fn hide_memory() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Gains no privileges by any program that it starts (Linux, `PR_SET_NO_NEW_PRIVS`), and makes no
/// file that others may read unless it says so.
///
/// # Errors
/// The system refuses.
pub fn renounce() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::thread::set_no_new_privs(true)?;
    umask(Mode::RWXG | Mode::RWXO);
    Ok(())
}

/// Whether memory is kept from being written to swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locked {
    /// All of it is, and all that will be.
    All,
    /// The system permits so many bytes, which is not enough for a process: locking under a limit
    /// would have allocations fail that are beyond it.
    Limited(u64),
    /// The system refused.
    Refused(io::Errno),
}

/// Locks all memory, present and to be, as far as it is used. `lasting` says whether the
/// privileges that the process has now stay with it: without them only a limit that is infinite
/// permits it.
pub fn lock_memory(lasting: bool) -> Locked {
    let infinite = Rlimit { current: None, maximum: None };
    // Who may not raise it keeps the limit in force.
    let _ = setrlimit(Resource::Memlock, infinite);
    let limit = getrlimit(Resource::Memlock).current;
    match limit {
        Some(bytes) if !(lasting && ignores_limit()) => Locked::Limited(bytes),
        _ => match mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | on_fault()) {
            Ok(()) => Locked::All,
            Err(error) => Locked::Refused(error),
        },
    }
}

/// Whether the process may lock memory whatever the limit.
#[cfg(target_os = "linux")]
fn ignores_limit() -> bool {
    use rustix::thread::{CapabilitySet, capabilities};

    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK))
}

#[cfg(not(target_os = "linux"))]
const fn ignores_limit() -> bool {
    false
}

/// Pages are locked when they are first used, so that memory reserved and never used costs nothing.
#[cfg(target_os = "linux")]
const fn on_fault() -> MlockAllFlags {
    MlockAllFlags::ONFAULT
}

#[cfg(not(target_os = "linux"))]
const fn on_fault() -> MlockAllFlags {
    MlockAllFlags::empty()
}
