//! `pthread_cancel` of a caller's thread: a call of this library is no place to end in.

#![allow(unsafe_code, reason = "a function of the C library")]

use std::ffi::c_int;

/// `PTHREAD_CANCEL_DISABLE` of glibc and musl.
#[cfg(target_os = "linux")]
const DISABLE: c_int = 1;

/// `PTHREAD_CANCEL_DISABLE` of Apple's library.
#[cfg(not(target_os = "linux"))]
const DISABLE: c_int = 0;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

/// While this lives, the thread is not cancelled: a wait for an appliance would otherwise end in
/// the midst of the library, with locks held. It takes effect behind the call.
pub(super) struct Uncancelled(Option<c_int>);

impl Uncancelled {
    /// Puts cancellation off.
    pub(super) fn new() -> Self {
        let mut before = 0;
        // SAFETY: the state is one, and there is a place for the one before.
        let done = unsafe { pthread_setcancelstate(DISABLE, &raw mut before) } == 0;
        Self(done.then_some(before))
    }
}

impl Drop for Uncancelled {
    fn drop(&mut self) {
        if let Some(before) = self.0 {
            let mut ours = 0;
            // SAFETY: as above.
            unsafe { pthread_setcancelstate(before, &raw mut ours) };
        }
    }
}
