//! A disk that fails when a test says so: the n-th step that this thread takes.

use std::{
    cell::Cell,
    io::{Error, ErrorKind},
};

use lunacm::store::{FileStep, have_files_fail};

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A file is made, or grows by what is not written to it.
    Make,
    /// Bytes are written.
    Write,
    /// A file is cut.
    Truncate,
    /// What was written has to reach the disk.
    Sync,
}

/// How it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No space is left.
    Full,
    /// The device fails.
    Error,
    /// Half of it is written, and then no space is left.
    Short,
}

/// Which steps fail.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The first that does, from 1; 0 for none.
    pub first: u32,
    /// Whether all behind it do, too.
    pub lasting: bool,
    pub fault: Fault,
}

thread_local! {
    static PLAN: Cell<Option<Plan>> = const { Cell::new(None) };
    static STEPS: Cell<u32> = const { Cell::new(0) };
    static STRUCK: Cell<Option<Step>> = const { Cell::new(None) };
}

/// Runs something on a disk that fails as planned. What came of it, and the step that failed first.
pub fn on<T>(plan: Plan, act: impl FnOnce() -> T) -> (T, Option<Step>) {
    have_files_fail(Some(file_step));
    STEPS.set(0);
    STRUCK.set(None);
    PLAN.set(Some(plan));
    let done = act();
    PLAN.set(None);
    have_files_fail(None);
    (done, STRUCK.get())
}

/// Runs something on a disk that is full until a file is removed from it.
pub fn full_until_given_up<T>(act: impl FnOnce() -> T) -> T {
    fn step(step: FileStep) -> Result<(), Error> {
        if step == FileStep::Remove {
            PLAN.set(None);
        }
        file_step(step)
    }
    STEPS.set(0);
    PLAN.set(Some(Plan { first: 1, lasting: true, fault: Fault::Full }));
    have_files_fail(Some(step));
    let done = act();
    have_files_fail(None);
    assert!(PLAN.take().is_none(), "nothing was given up");
    done
}

/// Counts a step, and says how it fails if it does.
pub fn strike(step: Step) -> Option<Fault> {
    let plan = PLAN.get()?;
    let number = STEPS.get() + 1;
    STEPS.set(number);
    let strikes = number == plan.first || plan.lasting && plan.first > 0 && number > plan.first;
    if !strikes {
        return None;
    }
    if STRUCK.get().is_none() {
        STRUCK.set(Some(step));
    }
    Some(plan.fault)
}

/// The same for the files that the store writes itself.
fn file_step(step: FileStep) -> Result<(), Error> {
    let step = match step {
        FileStep::Make | FileStep::Rename => Step::Make,
        FileStep::Write => Step::Write,
        FileStep::Sync => Step::Sync,
        FileStep::Remove => Step::Truncate,
    };
    match strike(step) {
        None => Ok(()),
        Some(Fault::Full) => Err(ErrorKind::StorageFull.into()),
        Some(Fault::Error) => Err(Error::from_raw_os_error(libc::EIO)),
        Some(Fault::Short) => Err(ErrorKind::WriteZero.into()),
    }
}
