//! What an application has of a partition through the PKCS#11 module over STC, each figure beside
//! what it is to be compared with, in one run: medians, and the quartiles around them.
//!
//! `cargo bench --bench module -- find login` runs some; without names all run.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may stop at a failure")]
#![allow(clippy::print_stdout, reason = "a benchmark says what it found")]

mod find;
mod login;
#[path = "../../tests/pkcs11_tools/token.rs"]
#[allow(dead_code, reason = "a benchmark uses a part")]
mod token;
#[path = "../../tests/world/mod.rs"]
mod world;

use std::time::{Duration, Instant};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    session::{Session, UserType},
    slot::Slot,
};
use world::{CO, Client, World};

/// A benchmark's name, and what runs it.
type Bench = (&'static str, fn(&Application));

const BENCHES: [Bench; 2] = [("find", find::run), ("login", login::run)];

fn main() {
    // Cargo adds options of its own.
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let names: Vec<_> = arguments.iter().filter(|name| !name.starts_with('-')).collect();
    if !world::has_home_here(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        return;
    }
    let application = Application::new();
    for (name, run) in BENCHES {
        if names.is_empty() || names.iter().any(|wanted| wanted.as_str() == name) {
            println!("== {name}");
            run(&application);
        }
    }
}

/// This process as an application with a partition that has all of its HSM's storage.
struct Application {
    module: Pkcs11,
    slot: Slot,
    client: Client,
    _world: World,
}

impl Application {
    fn new() -> Self {
        let world = World::with_partitions(&[]);
        world.lunash(&format!(
            "hsm login -password {}\npartition create -force -allfreestorage -partition par1\npartition stcidentity export -partition par1\n",
            world::SO
        )).ok();
        let client = world.officer("client1");
        std::env::set_current_dir(&client.home).unwrap();
        let module = Pkcs11::new(token::module()).unwrap();
        module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
        let slot = module.get_slots_with_initialized_token().unwrap()[0];
        Self { module, slot, client, _world: world }
    }

    fn session(&self) -> Session {
        self.module.open_rw_session(self.slot).unwrap()
    }

    fn logged_in(&self) -> Session {
        let session = self.session();
        session.login(UserType::User, Some(&CO.into())).unwrap();
        session
    }
}

/// Times of one thing, sorted.
struct Times(Vec<Duration>);

impl Times {
    /// Of so many runs.
    fn of(runs: u32, mut act: impl FnMut()) -> Self {
        let mut times: Vec<_> = (0..runs)
            .map(|_| {
                let begun = Instant::now();
                act();
                begun.elapsed()
            })
            .collect();
        times.sort_unstable();
        Self(times)
    }

    /// What so many thousandths of the runs stayed below, in milliseconds.
    fn at(&self, thousandths: usize) -> f64 {
        let last = self.0.len() - 1;
        self.0[(self.0.len() * thousandths / 1000).min(last)].as_secs_f64() * 1000.0
    }

    fn median(&self) -> f64 {
        self.at(500)
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:9.3} ms ({:.3} to {:.3})", self.median(), self.at(250), self.at(750))
    }
}
