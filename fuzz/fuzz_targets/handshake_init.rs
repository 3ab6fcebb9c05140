//! A handshake's first message: nothing but the client's own is accepted, and whatever came is
//! answered, with a whole answer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lunacm::channel::{ANSWER_BYTES, Refused, Suite, SuiteSet};
use lunacm_fuzz::{altered, respond, start};

fuzz_target!(|data: &[u8]| {
    let (_, message) = start();
    refused(data, &message);
    if let Some(altered) = altered(&message, data) {
        refused(&altered, &message);
    }
});

fn refused(message: &[u8], good: &[u8]) {
    for permitted in [SuiteSet::ALL, SuiteSet::ALL.without(Suite::ALL[0])] {
        let (outcome, answer) = respond(message, permitted);
        let version = matches!(outcome, Err(Refused::VersionUnsupported { .. }));
        assert_eq!(answer.len(), if version { 2 } else { ANSWER_BYTES });
        let authentic = matches!(outcome, Ok(_) | Err(Refused::SuiteNotPermitted { .. }));
        assert_eq!(authentic, message == good);
    }
}
