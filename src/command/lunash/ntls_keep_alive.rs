//! `ntls tcp_keepalive`: how links find out that their clients are gone.

use std::fmt;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Appliance, ntls};
use crate::{
    model::{KeepAlive, NtlsRequest},
    shell::{Outcome, report},
};

/// The `ntls tcp_keepalive` commands.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Command {
    /// Sets when TCP asks whether a client is there, for links made from then on
    #[command(visible_alias = "se")]
    Set(Set),
    /// Shows when TCP asks whether a client is there
    #[command(visible_alias = "sh")]
    Show,
}

/// Options of `ntls tcp_keepalive set`.
#[derive(Clone, Copy, Debug, Args)]
pub struct Set {
    /// Silence before the first question, in seconds: 10 to 10000
    #[arg(long, visible_alias = "id", value_name = "seconds",
        value_parser = clap::value_parser!(u32).range(10..=10_000))]
    idle: u32,
    /// Time between two questions, in seconds: 10 to 360
    #[arg(long, visible_alias = "in", value_name = "seconds",
        value_parser = clap::value_parser!(u32).range(10..=360))]
    interval: u32,
    /// Questions without an answer after which a client is gone: 1 to 30
    #[arg(long, visible_alias = "p", value_name = "number",
        value_parser = clap::value_parser!(u32).range(1..=30))]
    probes: u32,
}

/// Performs an `ntls tcp_keepalive` command.
pub fn run(command: Command, appliance: &mut Appliance) -> Outcome {
    if let Command::Set(Set { idle, interval, probes }) = command {
        appliance.order_ntls(NtlsRequest::KeepAlive(KeepAlive { idle, interval, probes }))?;
    }
    report(Shown(ntls::info(appliance)?.keep_alive))
}

/// The screen of both.
#[derive(Serialize)]
struct Shown(KeepAlive);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(KeepAlive { idle, interval, probes }) = self;
        writeln!(f, "NTLS TCP keepalive is configured as follows, for links made from now on:\n")?;
        writeln!(f, "TCP_KEEPIDLE:   {idle} seconds")?;
        writeln!(f, "TCP_KEEPINTVL:  {interval} seconds")?;
        write!(f, "TCP_KEEPCNT:    {probes}")
    }
}
