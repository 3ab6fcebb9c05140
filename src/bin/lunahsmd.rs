//! `lunahsmd`: the appliance daemon.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use clap::Parser;
use lunacm::{
    appliance::{Appliance, Settings, StartError},
    command::lunahsmd::Arguments,
    net::raise_descriptor_limit,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let settings = Arguments::parse().settings();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colour);
    log.with_writer(io::stderr).init();
    let descriptors = raise_descriptor_limit();
    tracing::debug!(?descriptors, "files and sockets that may be open");
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("no runtime: {error}")),
    };
    match runtime.block_on(run(&settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error.to_string()),
    }
}

async fn run(settings: &Settings) -> Result<(), StartError> {
    let mut terminated = signal(SignalKind::terminate()).map_err(StartError::Console)?;
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
    let _ = writeln!(io::stderr(), "lunahsmd: {error}");
    ExitCode::FAILURE
}
