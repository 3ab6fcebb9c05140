//! A handshake's first message: nothing but the client's own is accepted, and whatever came is
//! answered, with a whole answer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lunacm::channel::{Refused, Suite, SuiteSet, answer_bytes};
use lunacm_fuzz::{altered, respond, start, start_with};

fuzz_target!(|data: &[u8]| {
    let good = [start().1, start_with(&Suite::CLASSIC).1];
    refused(data, &good);
    if let Some(altered) = altered(&good[0], data) {
        refused(&altered, &good);
    }
});

fn refused(message: &[u8], good: &[Vec<u8>]) {
    for permitted in [SuiteSet::ALL, SuiteSet::ALL.without(Suite::ALL[0])] {
        let (outcome, answer) = respond(message, permitted);
        let sizes = [Suite::HYBRID[0], Suite::CLASSIC[0]].map(answer_bytes);
        let version = matches!(outcome, Err(Refused::VersionUnsupported { .. }));
        assert!(if version { answer.len() == 2 } else { sizes.contains(&answer.len()) });
        let authentic = matches!(outcome, Ok(_) | Err(Refused::SuiteNotPermitted { .. }));
        assert_eq!(authentic, good.iter().any(|good| message == good));
    }
}
