//! `lunahsmd`: the appliance daemon.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use lunacm::{
    appliance::{Appliance, LinkLimits, Settings, StartError},
    net::{Limits, raise_descriptor_limit},
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The appliance daemon: hosts an HSM's partitions for clients and for lunash.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The directory that holds everything the appliance keeps; made on first start
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where clients connect; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:1792")]
    listen: String,
    /// The host name or address that clients register; the server certificate is made for it
    #[arg(long, value_name = "HOST")]
    name: Option<String>,
    /// How many links there may be at a time
    #[arg(long, value_name = "NUMBER", default_value_t = LinkLimits::DEFAULT.all)]
    max_links: usize,
    /// How many links one client may have at a time
    #[arg(long, value_name = "NUMBER", default_value_t = LinkLimits::DEFAULT.per_client)]
    max_links_per_client: usize,
    /// How many connections may be in handshakes at a time; one more ends the oldest
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::DEFAULT.half_open)]
    max_half_open: usize,
    /// How many of these may come from one address
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::DEFAULT.half_open_per_source)]
    max_half_open_per_source: usize,
    /// Seconds of silence after which a link is ended; 0 keeps silent links
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_IDLE_SECONDS)]
    idle_timeout: u64,
}

const DEFAULT_IDLE_SECONDS: u64 = 8 * 60 * 60;

impl Arguments {
    fn settings(self) -> Settings {
        let idle = Some(self.idle_timeout).filter(|seconds| *seconds > 0);
        Settings {
            data: self.data,
            listen: self.listen,
            name: self.name,
            limits: Limits {
                half_open: self.max_half_open,
                half_open_per_source: self.max_half_open_per_source,
                idle: idle.map(Duration::from_secs),
            },
            links: LinkLimits { all: self.max_links, per_client: self.max_links_per_client },
        }
    }
}

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
