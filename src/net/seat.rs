//! Where one caller waits for its reply.

use std::time::Instant;

use zeroize::Zeroizing;

use super::primitives::{Condvar, Mutex, MutexGuard, PoisonError};

/// What a request came to.
pub(super) type Outcome = Result<Zeroizing<Vec<u8>>, LinkError>;

/// Why a request has no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The request did not leave this process, or not all of it: it was not performed.
    #[error("the link ended before the request was sent")]
    NotSent,
    /// The link ended while the request was under way: it may have been performed.
    #[error("the link ended before the reply came")]
    Closed,
    /// The reply did not come in time: the request may have been performed, or may yet be.
    #[error("the reply did not come in time")]
    Timeout,
}

/// A caller's place among those who wait.
#[derive(Debug)]
pub(super) struct Seat {
    /// The place of its request in the stream of bytes.
    pub(super) from: u64,
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct State {
    outcome: Option<Outcome>,
    called: bool,
    asleep: bool,
}

/// Why a caller woke up.
#[derive(Debug)]
pub(super) enum Woken {
    /// Its request has come to an end; `called` if it was also called to work.
    Done { outcome: Outcome, called: bool },
    /// There is work that nobody does.
    Called,
    /// Its deadline has passed.
    Late,
}

impl Seat {
    pub(super) fn new(from: u64) -> Self {
        Self { from, state: Mutex::new(State::default()), woken: Condvar::new() }
    }

    /// Hands the caller what it waits for.
    pub(super) fn finish(&self, outcome: Outcome) {
        let mut state = self.lock();
        state.outcome = Some(outcome);
        self.wake(&state);
    }

    /// Calls the caller to work.
    pub(super) fn call(&self) {
        let mut state = self.lock();
        if !state.called {
            state.called = true;
            self.wake(&state);
        }
    }

    /// What the request came to, if it has.
    pub(super) fn take(&self) -> Option<Outcome> {
        self.lock().outcome.take()
    }

    /// Sleeps until there is something to tell.
    pub(super) fn wait(&self, deadline: Option<Instant>) -> Woken {
        let mut state = self.lock();
        state.asleep = true;
        let woken = loop {
            if let Some(outcome) = state.outcome.take() {
                break Woken::Done { outcome, called: state.called };
            }
            if std::mem::take(&mut state.called) {
                break Woken::Called;
            }
            state = match deadline {
                None => self.woken.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break Woken::Late;
                    }
                    let waited = self.woken.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        };
        state.asleep = false;
        woken
    }

    /// A wake-up is a system call: only for who sleeps.
    fn wake(&self, state: &State) {
        if state.asleep {
            self.woken.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
