//! Has the system mark what a fork leaves to a child.

#![allow(unsafe_code, reason = "no safe means tell the system what becomes of memory in a child")]

use std::sync::atomic::{AtomicBool, Ordering};

use crate::net::{FORK_MARK, ForkMark};

/// Whether the handler of forks is in place, where pages are not wiped.
static HANDLED: AtomicBool = AtomicBool::new(false);

/// From now on a child of this process is not taken for it, even if it has the same number.
pub(super) fn watch() {
    let page: *const ForkMark = &raw const FORK_MARK;
    // SAFETY: the page is this library's own memory, nothing else lies in it, and in a child it
    // reads as zeros, which is a value that its numbers may have.
    let wiped = unsafe {
        libc::madvise(page.cast_mut().cast(), size_of::<ForkMark>(), libc::MADV_WIPEONFORK)
    };
    if wiped != 0 && !HANDLED.swap(true, Ordering::AcqRel) {
        // SAFETY: the handler does nothing but store a number.
        unsafe { libc::pthread_atfork(None, None, Some(wipe)) };
    }
    FORK_MARK.number();
}

extern "C" fn wipe() {
    FORK_MARK.wipe();
}
