//! Ctrl-C: from the signal to whatever a command waits for.

use std::{future::Future, io, process, thread};

use tokio::{
    runtime::{Builder, Handle},
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::shell::{Failure, Interrupts};

/// Passes Ctrl-C on from now on. Where nobody takes it the process ends as one that the signal
/// ended: with status 130.
///
/// # Errors
/// The signal cannot be listened for.
pub fn listen(interrupts: Interrupts) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut interrupted = {
        let _inside = runtime.enter();
        signal(SignalKind::interrupt())?
    };
    thread::Builder::new().name("interrupts".to_owned()).spawn(move || {
        runtime.block_on(async {
            while interrupted.recv().await.is_some() {
                if !interrupts.raise() {
                    process::exit(Failure::INTERRUPTED.into());
                }
            }
        });
    })?;
    Ok(())
}

/// Waits for the work of a command, unless its user leaves it.
#[derive(Clone, Debug)]
pub struct Waiting {
    interrupts: Interrupts,
    raised: watch::Receiver<()>,
}

impl Waiting {
    /// Waits that these interrupts end.
    pub fn new(interrupts: &Interrupts) -> Self {
        let (raise, raised) = watch::channel(());
        interrupts.on_raise(move || {
            raise.send_replace(());
        });
        Self { interrupts: interrupts.clone(), raised }
    }

    /// Returns when the running command is to end.
    pub async fn given_up(mut self) {
        let interrupts = self.interrupts.clone();
        if self.raised.wait_for(|()| interrupts.is_raised()).await.is_err() {
            // Whoever could tell has gone.
            std::future::pending::<()>().await;
        }
    }

    /// The outcome of this work; none if the command is to end, and with it the work.
    pub fn on<T>(&self, runtime: &Handle, work: impl Future<Output = T>) -> Option<T> {
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.clone().given_up() => None,
                done = work => Some(done),
            }
        })
    }
}
