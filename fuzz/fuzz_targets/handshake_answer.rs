//! A handshake's answer: the client takes nothing but the partition's own.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use lunacm::channel::{Answer, Suite, SuiteSet};
use lunacm_fuzz::{altered, respond, start};

/// The partition's own answers: its acceptance, and what it says of its policy.
static GOOD: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let (_, message) = start();
    let policies = [SuiteSet::ALL, SuiteSet::ALL.without(Suite::ALL[0])];
    policies.map(|permitted| respond(&message, permitted).1)
});

fuzz_target!(|data: &[u8]| {
    let outcome = start().0.receive(data);
    // Anybody may demand a cookie: it costs a round trip, once.
    if let Ok(Answer::CookieDemanded(demanded)) = outcome {
        assert!(data.len() == 17 && data[0] == 0x05);
        let mut repeated = Vec::new();
        let waiting = demanded.repeat(&mut repeated);
        assert_eq!(repeated[1..17], data[1..]);
        assert!(waiting.receive(data).is_err());
    } else {
        assert_eq!(outcome.is_ok(), GOOD.iter().any(|good| data == good));
    }
    for answer in &*GOOD {
        if let Some(altered) = altered(answer, data) {
            assert!(start().0.receive(&altered).is_err());
        }
    }
});
