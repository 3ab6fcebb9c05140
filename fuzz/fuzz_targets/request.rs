//! A request: what decodes survives the trip back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lunacm::{
    model::Request,
    wire::{decode, encode},
};

fuzz_target!(|data: &[u8]| {
    if let Ok(value) = decode::<Request>(data) {
        let bytes = encode(&value).expect("it was no larger");
        assert_eq!(decode::<Request>(&bytes), Ok(value));
    }
});
