//! A handshake's answer: the client takes nothing but the partition's own.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lunacm::channel::{Suite, SuiteSet};
use lunacm_fuzz::{altered, respond, start};

fuzz_target!(|data: &[u8]| {
    for permitted in [SuiteSet::ALL, SuiteSet::ALL.without(Suite::ALL[0])] {
        let (waiting, message) = start();
        let (_, answer) = respond(&message, permitted);
        assert_eq!(waiting.receive(data).is_ok(), data == answer);
        if let Some(altered) = altered(&answer, data) {
            assert!(start().0.receive(&altered).is_err());
        }
    }
});
