//! `lunahsmd`: the appliance daemon.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
    time::Duration,
};

use libc::SIGXFSZ;
use lunacm::{
    appliance::{Appliance, Settings, StartError},
    command::lunahsmd::Arguments,
    hardening::{Locked, hide_memory, lock_memory, renounce},
    net::raise_descriptor_limit,
    shell::{Screen, arguments, screened},
};
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let settings = match arguments::<Arguments>() {
        Ok(arguments) => arguments.settings(),
        Err(status) => return status,
    };
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => return failed(&error.to_string()),
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colour);
    log.with_writer(|| Screen(io::stderr())).init();
    let descriptors = raise_descriptor_limit();
    tracing::debug!(?descriptors, "files and sockets that may be open");
    if let Err(error) = harden(&settings) {
        return failed(&error);
    }
    let mut runtime = Builder::new_multi_thread();
    // A thread that the administrator's requests may block stays: another may not be to be had.
    runtime.enable_all().thread_keep_alive(Duration::from_hours(24 * 365));
    let runtime = match runtime.build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("no runtime: {error}")),
    };
    match runtime.block_on(run(&settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error.to_string()),
    }
}

/// Keeps what is in memory there, before there is anything in it and any thread.
fn harden(settings: &Settings) -> Result<(), String> {
    let refused = |error| format!("the process cannot be hardened: {error}");
    hide_memory().and_then(|()| renounce()).map_err(refused)?;
    match lock_memory(settings.user.is_none()) {
        Locked::All => tracing::info!("memory is locked: no key is written to swap"),
        Locked::Limited(bytes) => tracing::warn!(
            bytes,
            "memory is not locked, so that keys in use may be written to swap: the limit permits \
             too little. Raise it (ulimit -l unlimited, or LimitMEMLOCK=infinity of a unit), or \
             have no swap"
        ),
        Locked::Refused(error) => tracing::warn!(
            %error,
            "memory is not locked, so that keys in use may be written to swap"
        ),
    }
    Ok(())
}

async fn run(settings: &Settings) -> Result<(), StartError> {
    let mut terminated = signal(SignalKind::terminate()).map_err(StartError::Console)?;
    // A file that may not grow is an error of whoever writes to it, and not the daemon's end.
    let _too_large = signal(SignalKind::from_raw(SIGXFSZ)).map_err(StartError::Console)?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(StartError::Console)?;
    let appliance = Appliance::start(settings).await?;
    let ready = format!("lunahsmd is ready on {}\n", appliance.address());
    // Whoever waits for the line may have gone; the appliance serves all the same.
    let _ = io::stdout().write_all(ready.as_bytes()).and_then(|()| io::stdout().flush());
    tokio::select! {
        _ = terminated.recv() => tracing::info!("terminated: ending"),
        _ = interrupted.recv() => tracing::info!("interrupted: ending"),
    }
    appliance.stop().await;
    Ok(())
}

fn failed(error: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "lunahsmd: {}", screened(error));
    ExitCode::FAILURE
}
