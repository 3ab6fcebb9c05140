//! A frame's length field: within its limits, and the only one for its length.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lunacm::wire::{MAXIMUM_FRAME_BYTES, frame_header, frame_length};

fuzz_target!(|header: [u8; 4]| {
    if let Ok(length) = frame_length(header) {
        assert!((1..=MAXIMUM_FRAME_BYTES).contains(&length));
        assert_eq!(frame_header(length), Ok(header));
    }
});
