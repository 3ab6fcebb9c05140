//! Whether memory that a caller names is there, found out without touching it.
//!
//! A length that is a pointer, or that was never set, leads far beyond what the caller has. Such a
//! call deserves a return value; to read on would end the caller's process.

#![allow(unsafe_code, reason = "a system call that is given an address")]

/// The smallest page of any processor. Within one, a length is taken at its word.
pub(super) const PAGE: usize = 4096;

/// What the system call below reads of an address.
#[cfg(target_os = "linux")]
const WORD: usize = 8;

/// Whether each page of so many bytes from an address can be read. On systems where that cannot
/// be asked, it is assumed.
pub(super) fn is_readable(from: *const u8, length: usize) -> bool {
    let first = from.addr();
    let Some(last) = length.checked_sub(1).and_then(|rest| first.checked_add(rest)) else {
        return length == 0;
    };
    let mut inner = (first / PAGE + 1..=last / PAGE).map(|page| page * PAGE);
    has_word(last) && has_word(first) && inner.all(has_word)
}

/// Whether the first and the last of so many bytes can be read: enough to tell a length that is
/// none from one that is.
pub(super) fn has_ends(from: *const u8, length: usize) -> bool {
    let last = length.checked_sub(1).and_then(|rest| from.addr().checked_add(rest));
    length == 0 || last.is_some_and(|last| has_word(last) && has_word(from.addr()))
}

/// Whether the kernel can read the word at an address. With an unknown way to change it,
/// `rt_sigprocmask` changes no mask: it looks at the address first (`EFAULT`), and then at the way
/// (`EINVAL`). Every process may make this call, under whatever filter.
#[cfg(target_os = "linux")]
fn has_word(address: usize) -> bool {
    let aligned = address - address % WORD;
    if aligned == 0 {
        // There is nothing, and the kernel would take it for no mask at all.
        return false;
    }
    let no_way = -1_i32;
    // SAFETY: the kernel reads the address for the caller, and changes nothing.
    let outcome = unsafe {
        let nowhere = std::ptr::null_mut::<u8>();
        libc::syscall(libc::SYS_rt_sigprocmask, no_way, aligned, nowhere, WORD)
    };
    outcome == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::EFAULT)
}

#[cfg(not(target_os = "linux"))]
const fn has_word(_address: usize) -> bool {
    true
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::ptr;

    use super::*;

    #[test]
    fn memory_ends_where_it_ends() {
        let pages = 3 * PAGE;
        // SAFETY: new pages at an address that the kernel chooses; the last becomes a guard.
        let begin: *mut u8 = unsafe {
            let (access, kind) =
                (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            let begin = libc::mmap(ptr::null_mut(), pages, access, kind, -1, 0);
            assert_ne!(begin, libc::MAP_FAILED);
            let guard = begin.cast::<u8>().add(2 * PAGE);
            assert_eq!(libc::mprotect(guard.cast(), PAGE, libc::PROT_NONE), 0);
            begin.cast()
        };
        let readable = |at: usize, length| is_readable(begin.wrapping_add(at), length);
        assert!(readable(0, 2 * PAGE) && readable(7, 1) && readable(2 * PAGE - 1, 1));
        assert!(!readable(0, 2 * PAGE + 1) && !readable(2 * PAGE, 1) && !readable(0, 3 * PAGE));
        assert!(readable(2 * PAGE, 0), "nothing is read of nothing");
        assert!(has_ends(begin, 2 * PAGE) && !has_ends(begin, 2 * PAGE + 1));
        for length in [1 << 32, 1 << 47, usize::MAX / 2, usize::MAX - 1, usize::MAX] {
            assert!(!readable(0, length) && !has_ends(begin, length), "{length:#x}");
        }
        assert!(!is_readable(ptr::null(), 1) && !is_readable(ptr::without_provenance(1), 8));
        // SAFETY: they are this test's, and nobody looks at them any more.
        assert_eq!(unsafe { libc::munmap(begin.cast(), pages) }, 0);
    }

    #[test]
    fn to_ask_changes_no_signal_mask() {
        let mask = || {
            // SAFETY: an empty set of signals may be made, and the mask read into it.
            unsafe {
                let mut mask = std::mem::zeroed::<libc::sigset_t>();
                assert_eq!(libc::sigprocmask(libc::SIG_BLOCK, ptr::null(), &raw mut mask), 0);
                (1..32).map(|signal| libc::sigismember(&raw const mask, signal)).collect::<Vec<_>>()
            }
        };
        let (before, every) = (mask(), [0xff_u8; 16]);
        assert!(is_readable(every.as_ptr(), every.len()));
        assert_eq!(mask(), before);
    }
}
