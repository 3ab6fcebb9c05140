//! Looks after the audit log: ends its minutes of counting, and closes it when that is due.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_blocking},
    time::{MissedTickBehavior, interval},
};

use super::audit_files::AuditFiles;
use crate::{hsm::Hsm, net::told};

/// How often the log is looked after.
const TICK: Duration = Duration::from_secs(1);

/// Ticks in a minute.
const MINUTE: u32 = 60;

/// Looks after the log until told to stop, and once more then.
pub(super) fn start(
    hsm: Arc<Hsm>,
    files: Arc<AuditFiles>,
    mut stopping: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut count = 0;
        loop {
            let stops = tokio::select! {
                () = told(&mut stopping) => true,
                _ = ticks.tick() => false,
            };
            count += 1;
            let minute = stops || count >= MINUTE;
            if minute {
                count = 0;
            }
            let (hsm, files) = (hsm.clone(), files.clone());
            let looked = spawn_blocking(move || look_after(&hsm, &files, minute)).await;
            if looked.is_err() {
                tracing::error!("the audit log could not be looked after");
            }
            if stops {
                return;
            }
        }
    })
}

fn look_after(hsm: &Hsm, files: &AuditFiles, minute: bool) {
    hsm.count_ended_links();
    if minute {
        hsm.end_audit_minute();
    }
    let measured = if minute { files.measure() } else { Ok(()) };
    // What fails is tried again, and the log goes on growing up to its ceiling meanwhile.
    if let Err(status) = measured.and_then(|()| files.rotate()) {
        tracing::error!(%status, "the audit log could not be closed");
    }
}
