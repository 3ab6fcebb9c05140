//! Memory of a host program that ends where it ends: behind it lies a page that nobody may touch,
//! so that who reads or writes a byte too far is gone, and with him the test.

use std::ptr;

use cryptoki_sys::CK_ULONG;

/// The smallest page of any processor.
pub const PAGE: usize = 4096;

/// What is no length of anything: what looks like a pointer, what was never set, -1.
pub const NO_LENGTHS: [CK_ULONG; 9] = [
    1 << 32,
    (1 << 32) + 1,
    1 << 40,
    0x7ffd_1234_5678,
    1 << 47,
    1 << 62,
    (1 << 63) - 1,
    1 << 63,
    CK_ULONG::MAX,
];

/// A page of the caller's, and one that nobody may touch behind it.
pub struct Page(*mut u8);

impl Page {
    /// A page full of a letter.
    pub fn new() -> Self {
        // SAFETY: new pages at an address that the kernel chooses.
        unsafe {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let begin = libc::mmap(ptr::null_mut(), 2 * PAGE, access, kind, -1, 0).cast::<u8>();
            assert_ne!(begin.cast(), libc::MAP_FAILED);
            assert_eq!(libc::mprotect(begin.add(PAGE).cast(), PAGE, libc::PROT_NONE), 0);
            begin.write_bytes(0x61, PAGE);
            Self(begin)
        }
    }

    /// So many bytes before the guard.
    pub fn last(&self, bytes: usize) -> *mut u8 {
        assert!(bytes <= PAGE);
        // SAFETY: inside the page.
        unsafe { self.0.add(PAGE - bytes) }
    }

    /// Puts bytes right before the guard.
    pub fn hold(&self, bytes: &[u8]) -> *mut u8 {
        let place = self.last(bytes.len());
        // SAFETY: inside the page.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) };
        place
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: both pages are this value's.
        unsafe { libc::munmap(self.0.cast(), 2 * PAGE) };
    }
}
