//! Ctrl-C where no editor takes it as a key: while a command runs.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Tells a running command that its user has had enough. Clones are one and the same.
#[derive(Clone, Default)]
pub struct Interrupts(Arc<Shared>);

#[derive(Default)]
struct Shared {
    doing: Mutex<Doing>,
    wake: Mutex<Vec<Box<dyn Fn() + Send>>>,
}

/// What the shell does just now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Doing {
    /// Nothing that could be left: the program ends.
    #[default]
    Nothing,
    /// A person types or reads, and is asked for no more than a key.
    Attending,
    /// A command runs.
    Running,
    /// A command runs that has been told to end.
    Leaving,
}

impl Interrupts {
    /// Has this called, from any thread, when a running command is to end.
    pub fn on_raise(&self, wake: impl Fn() + Send + 'static) {
        self.0.wake.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(wake));
    }

    /// Passes Ctrl-C on; `false` if nobody takes it, and the program has to end. Whoever sends it
    /// twice while the same command runs does not want to wait for that.
    pub fn raise(&self) -> bool {
        {
            let mut doing = self.0.doing.lock().unwrap_or_else(PoisonError::into_inner);
            match *doing {
                Doing::Nothing | Doing::Leaving => return false,
                Doing::Attending => return true,
                Doing::Running => *doing = Doing::Leaving,
            }
        }
        let wake = self.0.wake.lock().unwrap_or_else(PoisonError::into_inner);
        wake.iter().for_each(|wake| wake());
        true
    }

    /// Whether the running command is to end.
    pub fn is_raised(&self) -> bool {
        *self.0.doing.lock().unwrap_or_else(PoisonError::into_inner) == Doing::Leaving
    }

    /// Notes what the shell does from now on; what it did before.
    pub(super) fn turn_to(&self, doing: Doing) -> Doing {
        let mut now = self.0.doing.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut now, doing)
    }
}

impl fmt::Debug for Interrupts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interrupts(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_command_is_told_once_and_a_person_left_alone() {
        let (interrupts, woken) = (Interrupts::default(), Arc::new(AtomicUsize::new(0)));
        let counter = woken.clone();
        interrupts.on_raise(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        assert!(!interrupts.raise());
        interrupts.turn_to(Doing::Attending);
        assert!(interrupts.raise() && !interrupts.is_raised());
        interrupts.turn_to(Doing::Running);
        assert!(interrupts.raise() && interrupts.is_raised());
        assert!(!interrupts.raise());
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        assert_eq!(interrupts.turn_to(Doing::Attending), Doing::Leaving);
        assert!(!interrupts.is_raised());
    }
}
