//! Sees to it that what was destroyed is gone from the disk within a second.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_blocking},
    time::interval,
};

use crate::hsm::Hsm;

/// How often the keys of destroyed objects are brought to the disk, where there are any.
const TICK: Duration = Duration::from_millis(500);

/// Goes on until told to stop, and does it once more then.
pub(super) fn start(hsm: Arc<Hsm>, mut stopping: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut ticks = interval(TICK);
        loop {
            let stops = tokio::select! {
                // An error means that nobody is left who could tell.
                _ = stopping.wait_for(|stop| *stop) => true,
                _ = ticks.tick() => false,
            };
            let hsm = hsm.clone();
            // A failure is in the log, and is tried again.
            let _ = spawn_blocking(move || hsm.finish_erasures()).await;
            if stops {
                return;
            }
        }
    })
}
