//! A reply: what decodes survives the trip back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lunacm::{
    model::Reply,
    wire::{decode, encode},
};

fuzz_target!(|data: &[u8]| {
    if let Ok(value) = decode::<Reply>(data) {
        let bytes = encode(&value).expect("it was no larger");
        assert_eq!(decode::<Reply>(&bytes), Ok(value));
    }
});
