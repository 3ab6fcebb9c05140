//! Two engines on a simulated network with a seed: loss, repetition, reordering, truncation, altered
//! bits, changes of keys at any time and under load, new settings, and a clock. Handshakes with
//! policies and cookies cross it, and messages in several parts.
//!
//! Every message that arrives is also judged by a ledger that knows the rules and nothing of the
//! engine: what is fresh has to be delivered, what is stale dropped, what was altered refused.
//!
//! A seed that fails is printed; `SIMULATION_SEED=<seed>` plays that one alone, and
//! `SIMULATION_SEEDS=<count>` another number of them.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../channel_support/mod.rs"]
mod channel_support;
mod conversation;
mod handshake;
mod ledger;
mod network;
mod totals;
mod world;

use std::{env, ops::Range, panic::catch_unwind};

use totals::Totals;
use world::World;

/// Seeds of an ordinary run. Of these every [`HYBRID_EVERY`]th runs a hybrid suite, whose key
/// encapsulation is slow without optimization.
const SEEDS: u64 = 10_000;
const HYBRID_EVERY: u64 = 40;

#[test]
fn whatever_the_network_does_nothing_fresh_is_dropped_and_nothing_else_is_taken() {
    let mut totals = Totals::default();
    for seed in seeds() {
        let Ok(one) = catch_unwind(|| World::run(seed, seed.is_multiple_of(HYBRID_EVERY))) else {
            panic!("seed {seed} failed: SIMULATION_SEED={seed} plays it again")
        };
        totals.add(&one);
    }
    if totals.of("worlds") >= 1000 {
        totals.check();
    }
    println!("{totals:?}");
}

fn seeds() -> Range<u64> {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    match (number("SIMULATION_SEED"), number("SIMULATION_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, count) => 0..count.unwrap_or(SEEDS),
    }
}
