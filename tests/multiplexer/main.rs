//! The client's end of a link under every order of events that a seed stands for: its source as it
//! is, over a scheduler's locks instead of the system's, on a network made of two queues.
//!
//! A failing seed is printed; `LINK_SEED=<number>` runs it alone.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod network;
mod partition;

#[path = "../../src/net/codec.rs"]
mod codec;
#[allow(dead_code, reason = "the library uses the rest")]
#[path = "../../src/net/inbox.rs"]
mod inbox;
#[allow(dead_code, reason = "the library uses the rest")]
#[path = "../../src/net/multiplexer.rs"]
mod multiplexer;
#[path = "../../src/net/seat.rs"]
mod seat;
#[path = "../../src/net/traffic.rs"]
mod traffic;

/// What the sources above lock and wait with.
mod primitives {
    pub use std::sync::PoisonError;

    pub use shuttle::{
        sync::{Arc, Condvar, Mutex, MutexGuard},
        thread::yield_now,
    };
}

/// What they need of the library.
mod wire {
    pub use lunacm::wire::{FRAME_HEADER_BYTES, MAXIMUM_FRAME_BYTES};
}

use std::{env, panic, time::Instant};

use seat::LinkError;
use shuttle::{
    Config, Runner,
    rand::{Rng, thread_rng},
    scheduler::RandomScheduler,
    sync::Arc,
    thread,
};

use codec::Codec;
use inbox::Inbox;
use multiplexer::Multiplexer;
use network::Network;
use partition::{Frames, Partition, answer_to};

const SEEDS: u64 = 10_000;
const CALLERS: u32 = 5;
const CALLS: u32 = 3;

/// What happens besides the calls.
#[derive(Clone, Copy, Debug)]
struct Weather {
    /// Bytes that the way to the partition holds; a writer waits for room.
    capacity: usize,
    /// The connection breaks after the partition has taken so many requests.
    breaks_after: Option<usize>,
    /// Some callers have no patience at all.
    hasty: bool,
}

#[test]
fn everybody_hears_what_became_of_the_request() {
    each_seed(|| {
        let mut random = thread_rng();
        call_from_everywhere(Weather {
            capacity: random.gen_range(8..400),
            breaks_after: None,
            hasty: false,
        });
    });
}

#[test]
fn a_broken_connection_leaves_nobody_waiting_and_nothing_done_twice() {
    each_seed(|| {
        let mut random = thread_rng();
        call_from_everywhere(Weather {
            capacity: random.gen_range(8..400),
            breaks_after: Some(random.gen_range(0..12)),
            hasty: random.gen_bool(0.5),
        });
    });
}

#[test]
fn who_gives_up_leaves_the_work_to_others() {
    each_seed(|| {
        call_from_everywhere(Weather { capacity: 64, breaks_after: None, hasty: true });
    });
}

/// Runs a scenario under every seed, or under the one that is asked for.
fn each_seed(scenario: fn()) {
    let only = env::var("LINK_SEED").ok().map(|seed| seed.parse().unwrap());
    let seeds = only.map_or(0..SEEDS, |seed: u64| seed..seed + 1);
    for seed in seeds {
        let mut config = Config::new();
        config.silence_warnings = true;
        let run = || Runner::new(RandomScheduler::new_from_seed(seed, 1), config).run(scenario);
        if let Err(failure) = panic::catch_unwind(panic::AssertUnwindSafe(run)) {
            eprintln!("the seed is {seed}: LINK_SEED={seed} cargo test --test multiplexer");
            panic::resume_unwind(failure);
        }
    }
}

fn call_from_everywhere(weather: Weather) {
    let network = Network::new(weather.capacity);
    let partition = Arc::new(Partition::default());
    let serving = {
        let (partition, network) = (partition.clone(), network.clone());
        thread::spawn(move || partition.serve(&network, weather.breaks_after))
    };
    let link =
        Arc::new(Multiplexer::new(Frames::default(), network.client_end(), Inbox::default()));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (link, partition) = (link.clone(), partition.clone());
            thread::spawn(move || {
                for call in 0..CALLS {
                    let mut request = [caller.to_be_bytes(), call.to_be_bytes()].concat();
                    // Every other one is so long that it is sent in pieces.
                    if (caller + call) % 2 == 0 {
                        request.resize(3 * Frames::PIECE_BYTES - 1, 0x55);
                    }
                    let hasty = weather.hasty && thread_rng().gen_bool(0.3);
                    let outcome = link.call(&request, hasty.then(Instant::now));
                    check(&partition, &request, outcome.as_ref().map(|reply| &reply[..]), weather);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.join().unwrap();
    }
    network.cut();
    serving.join().unwrap();
    assert!(link.call(b"late", None).is_err());
    assert!(link.is_over());
    assert!(partition.most_often() <= 1, "something was executed twice");
}

/// Holds that the caller was told the truth.
fn check(
    partition: &Partition,
    request: &[u8],
    outcome: Result<&[u8], &LinkError>,
    weather: Weather,
) {
    let executed = partition.times(request);
    match outcome {
        Ok(reply) => {
            assert_eq!(reply, answer_to(request), "the reply is another caller's");
            assert_eq!(executed, 1);
        }
        Err(LinkError::NotSent) => {
            assert_eq!(executed, 0);
            assert!(weather.breaks_after.is_some() || weather.hasty);
        }
        Err(LinkError::Closed) => {
            assert!(executed <= 1);
            assert!(weather.breaks_after.is_some());
        }
        Err(LinkError::Timeout) => {
            assert!(executed <= 1);
            assert!(weather.hasty);
        }
    }
}
