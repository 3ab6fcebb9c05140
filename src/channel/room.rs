//! Memory that many assemblers share.

use std::{
    fmt, mem,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Room for messages in several parts, for all who have a clone of it together. A message that
/// comes in one part takes none.
#[derive(Clone)]
pub struct Room(Arc<Pool>);

struct Pool {
    bytes: usize,
    taken: AtomicUsize,
}

impl Room {
    /// Room for this many bytes.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Pool { bytes, taken: AtomicUsize::new(0) }))
    }

    /// Room for whatever comes: other limits hold.
    pub fn unlimited() -> Self {
        Self::new(usize::MAX)
    }

    /// Bytes that are taken.
    pub fn taken(&self) -> usize {
        self.0.taken.load(Ordering::Relaxed)
    }

    /// Whether more than half of it is taken: time to finish what was begun before more is begun.
    pub fn is_scarce(&self) -> bool {
        self.taken() > self.0.bytes / 2
    }

    /// Takes this much, or nothing if there is not as much.
    fn take(&self, bytes: usize) -> bool {
        let more = |taken: usize| taken.checked_add(bytes).filter(|all| *all <= self.0.bytes);
        self.0.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Room({} of {} bytes taken)", self.taken(), self.0.bytes)
    }
}

/// What one message has taken of a [`Room`], given back when dropped.
#[derive(Debug, Default)]
pub struct Held {
    room: Option<Room>,
    bytes: usize,
}

impl Held {
    /// Bytes.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes more of this room; false if there is not as much.
    pub(super) fn grow(&mut self, room: &Room, bytes: usize) -> bool {
        if !room.take(bytes) {
            return false;
        }
        self.bytes += bytes;
        self.room.get_or_insert_with(|| room.clone());
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(room) = &self.room {
            room.0.taken.fetch_sub(mem::take(&mut self.bytes), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back_and_no_more_than_there_is_can_be_taken() {
        let room = Room::new(10);
        let (mut one, mut other) = (Held::default(), Held::default());
        assert!(one.grow(&room, 5) && !room.is_scarce());
        assert!(other.grow(&room, 1) && room.is_scarce());
        assert!(!other.grow(&room, 5) && !other.grow(&room, usize::MAX));
        assert_eq!((room.taken(), one.bytes(), other.bytes()), (6, 5, 1));
        drop(one);
        assert_eq!(room.taken(), 1);
        assert!(other.grow(&room, 9));
        drop(other);
        assert_eq!(room.taken(), 0);
    }
}
