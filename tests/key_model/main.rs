//! No sequence of calls reveals a key.
//!
//! Random sequences of calls by every role on one partition, through the HSM's public request
//! interface, and an oracle that knows the true value of every key and every byte that the callers
//! could read. It fails when those bytes determine a key that was never theirs.
//!
//! A failure prints the seeds and the shortest sequence that still fails. `KEY_MODEL_SEED=17` runs
//! one sequence again, under the preset that `KEY_MODEL_PRESET` names (`first` or `strict`), and
//! `KEY_MODEL_SEQUENCES` is how many run otherwise.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../hsm_support/mod.rs"]
mod hsm_support;

mod calls;
mod chance;
mod exceptions;
mod keys;
mod objects;
mod oracle;
mod run;
mod secrets;
mod world;

use world::Preset;

/// Sequences under each preset.
const SEQUENCES: u64 = 10_000;

/// The policies that a partition begins with. The conflicts that PKCS#11 itself permits are named
/// in `exceptions`, each of them in `docs/mechanisms.md` too.
#[test]
fn first_policies_reveal_what_pkcs11_permits_and_no_more() {
    run::sequences(Preset::First, SEQUENCES);
}

/// The preset `strict`, under which there is no exception.
#[test]
fn strict_reveals_nothing() {
    run::sequences(Preset::Strict, SEQUENCES);
}
