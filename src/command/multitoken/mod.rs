//! `multitoken`: how many operations a second a token does, by any PKCS#11 module.
//!
//! Luna's users know the program by this name. Several modules are measured in turn, round by
//! round, so that a machine whose speed drifts is the same to all of them.

mod load;
mod mode;
mod table;

use std::{path::PathBuf, time::Duration};

use clap::Parser;

use self::{load::Target, mode::Mode, table::Rates};
use super::module::{load as load_module, locate};
use crate::{
    client::home::Home,
    model::Status,
    shell::{Console, Failure, Manual, Outcome, Program, Secret, Style, report},
};

/// One run of multitoken.
#[derive(Debug, Parser)]
#[command(name = "multitoken")]
pub struct Line {
    #[command(subcommand)]
    mode: Mode,
}

/// What all modes have in common.
#[derive(Debug, clap::Args)]
struct Common {
    /// The slot; without it the only one with an initialized token
    #[arg(long, visible_alias = "s", value_name = "slot")]
    slot: Option<u64>,
    /// The label of the token, for several modules with slots of different numbers
    #[arg(long, value_name = "label")]
    tokenlabel: Option<String>,
    /// The Crypto Officer's password; asked for if it is not given
    #[arg(long, value_name = "password")]
    password: Option<Secret>,
    /// Threads, each with a session of its own
    #[arg(long, visible_alias = "threads", value_name = "number", default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..=512))]
    nthreads: u16,
    /// Seconds that each round takes
    #[arg(long, value_name = "seconds", default_value_t = 2,
        value_parser = clap::value_parser!(u16).range(1..=3600))]
    timed: u16,
    /// Rounds; median, least and most are shown
    #[arg(long, value_name = "number", default_value_t = 5,
        value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,
    /// A PKCS#11 module, several times for several; without it the configuration's `LibUNIX64`, then liblunacm.so beside this program
    #[arg(long, value_name = "file")]
    module: Vec<PathBuf>,
}

/// multitoken in a home.
pub struct Multitoken {
    home: Home,
}

impl Multitoken {
    /// multitoken in this home, whose configuration names the module.
    pub const fn new(home: Home) -> Self {
        Self { home }
    }

    fn measure(&self, mode: &Mode, console: &mut dyn Console) -> Outcome {
        load::check(mode)?;
        let common = mode.common();
        let mut paths = common.module.clone();
        if paths.is_empty() {
            paths.push(locate(&self.home)?);
        }
        let password = match &common.password {
            Some(given) => given.clone(),
            None => console.secret("Please enter password : ")?,
        };
        let mut targets = Vec::new();
        for path in &paths {
            let module = load_module(path)?;
            let token = (common.slot, common.tokenlabel.as_deref());
            targets.push(Target::new(path, module, token, &password)?);
        }
        let seconds = Duration::from_secs(common.timed.into());
        let mut rates = vec![Vec::new(); targets.len()];
        let work: Vec<_> =
            targets.iter().map(|target| target.prepare(mode)).collect::<Result<_, _>>()?;
        for round in 0..=common.rounds {
            for ((target, work), rates) in targets.iter().zip(&work).zip(&mut rates) {
                // The first round, a short one, warms up and is not counted.
                let time = if round == 0 { seconds / 4 } else { seconds };
                let rate = target.round(mode, work, common.nthreads, time)?;
                if round > 0 {
                    rates.push(rate);
                }
            }
        }
        for target in &targets {
            target.clear()?;
        }
        let named = paths.iter().map(|path| path.display().to_string());
        report(Rates::new(mode, common.nthreads, named.zip(rates)))
    }
}

impl Program for Multitoken {
    type Line = Line;

    fn style(&self) -> &Style {
        &Style::ONE_COMMAND
    }

    fn prompt(&self) -> String {
        String::new()
    }

    fn run(&mut self, line: Line, console: &mut dyn Console) -> Outcome {
        self.measure(&line.mode, console)
    }
}

/// The manual of the program.
pub fn manual() -> Manual {
    Manual::of_commands::<Line>(
        &Style::ONE_COMMAND,
        "Measures how many operations a second a token does",
    )
}

/// A token that is not there.
fn absent(cause: String) -> Failure {
    Failure::new(cause, Status::TokenNotPresent.to_string())
        .remedy("See slot list in lunacm; name the token with -slot or -tokenlabel.")
}
