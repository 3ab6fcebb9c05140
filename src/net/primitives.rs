//! What the multiplexer locks and waits with: the tests put a scheduler's own in its place.

pub(super) use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::yield_now,
};
