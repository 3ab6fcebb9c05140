//! Cookies: only the one that was made for this message from this address is good.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use lunacm::channel::{COOKIE_BYTES, CookieJar, Origin};
use lunacm_fuzz::{FixedRandom, altered};

fuzz_target!(|data: &[u8]| {
    let jar = CookieJar::new(&mut FixedRandom(0x11), Duration::ZERO).expect("a secret");
    let origin = Origin { address: &[127, 0, 0, 1], now: Duration::from_secs(1) };
    // A message that nobody made a cookie for, whatever is in front of it.
    let (inner, good) = jar.check(data, origin);
    assert!(!good && data.ends_with(inner));

    let mut demand = Vec::new();
    jar.demand(data, origin, &mut demand);
    assert_eq!(demand.len(), 1 + COOKIE_BYTES);
    let repeated = [&[0x06], &demand[1..], inner].concat();
    assert_eq!(jar.check(&repeated, origin), (inner, true));
    let elsewhere = Origin { address: &[127, 0, 0, 2], ..origin };
    assert!(!jar.check(&repeated, elsewhere).1);
    if let Some(altered) = altered(&repeated, data) {
        assert!(!jar.check(&altered, origin).1);
    }
});
