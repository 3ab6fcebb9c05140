//! What the link costs, each figure beside what it is to be compared with, in one run: medians over
//! rounds that alternate, with their spread, and the ratio of each pair of rounds.
//!
//! `cargo bench --bench link -- latency pipeline` runs some; without names all run.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may stop at a failure")]

mod bare;
mod echo;
mod figures;
mod handshakes;
mod idle;
mod latency;
mod payload;
mod pipeline;
mod primitives;
#[path = "../../tests/world/mod.rs"]
mod world;

/// A benchmark's name, and what runs it.
type Bench = (&'static str, fn());

const BENCHES: [Bench; 5] = [
    ("latency", latency::run),
    ("pipeline", pipeline::run),
    ("payload", payload::run),
    ("handshakes", handshakes::run),
    ("idle", idle::run),
];

fn main() {
    lunacm::net::raise_descriptor_limit();
    // Cargo adds options of its own.
    let names: Vec<_> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    for (name, run) in BENCHES {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            println!("== {name}");
            run();
        }
    }
}
