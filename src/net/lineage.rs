//! Which process something belongs to. A process number alone does not tell: the child of a process
//! 1 that begins a namespace of its own is process 1 again, and numbers come round.

use std::{
    process,
    sync::atomic::{AtomicU64, Ordering},
};

/// The largest page of any system this runs on.
const PAGE_BYTES: usize = 64 * 1024;

const NUMBERS: usize = PAGE_BYTES / size_of::<u64>();

/// A page with a number that is a process's own, and zero in the child of a fork, once somebody has
/// told the system to wipe it there. Programs that never fork need not.
#[repr(C, align(65536))]
#[derive(Debug)]
pub struct ForkMark([AtomicU64; NUMBERS]);

/// The mark of this process. Whoever has it wiped in children also gives it its number.
pub static FORK_MARK: ForkMark = ForkMark([const { AtomicU64::new(0) }; NUMBERS]);

/// How many numbers this process and those that it comes from have had.
static GIVEN: AtomicU64 = AtomicU64::new(0);

impl ForkMark {
    /// Gives the mark a number that no process before this one had, unless it has one.
    pub fn number(&self) {
        let number = GIVEN.fetch_add(1, Ordering::Relaxed) + 1;
        let _ = self.mark().compare_exchange(0, number, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Does in a child what a system that wipes no pages does not.
    pub fn wipe(&self) {
        self.mark().store(0, Ordering::Release);
    }

    fn mark(&self) -> &AtomicU64 {
        let [mark, ..] = &self.0;
        mark
    }
}

/// A process, told from the one that it was forked from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lineage {
    process: u32,
    mark: u64,
}

impl Lineage {
    /// This process.
    pub fn own() -> Self {
        Self { process: process::id(), mark: FORK_MARK.mark().load(Ordering::Acquire) }
    }

    /// Whether it is this process.
    pub fn is_own(self) -> bool {
        self == Self::own()
    }
}
