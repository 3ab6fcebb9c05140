//! A handshake's first message: nothing but the client's own is accepted, and whatever came is
//! answered, with a whole answer.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use lunacm::channel::{Refused, Suite, SuiteSet, answer_bytes};
use lunacm_fuzz::{altered, respond, start, start_with};

/// The client's own messages, hybrid and classic.
static GOOD: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| [start().1, start_with(&Suite::CLASSIC).1]);

fuzz_target!(|data: &[u8]| {
    refused(data);
    if let Some(altered) = altered(&GOOD[0], data) {
        refused(&altered);
    }
});

fn refused(message: &[u8]) {
    for permitted in [SuiteSet::ALL, SuiteSet::ALL.without(Suite::ALL[0])] {
        let (outcome, answer) = respond(message, permitted);
        let sizes = [Suite::HYBRID[0], Suite::CLASSIC[0]].map(answer_bytes);
        let version = matches!(outcome, Err(Refused::VersionUnsupported { .. }));
        assert!(if version { answer.len() == 2 } else { sizes.contains(&answer.len()) });
        let authentic = matches!(outcome, Ok(_) | Err(Refused::SuiteNotPermitted { .. }));
        assert_eq!(authentic, GOOD.iter().any(|good| message == good));
    }
}
