//! Message parts: no input goes over the limits, and what is cut comes together again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lunacm::channel::{Arrival, Assembler, AssemblerLimits, split};

const LIMITS: AssemblerLimits =
    AssemblerLimits { message_bytes: 256, total_bytes: 512, messages: 4 };

fuzz_target!(|data: &[u8]| {
    let mut assembler = Assembler::new(LIMITS);
    let mut rest = data;
    while let Some((size, more)) = rest.split_first() {
        let (part, more) = more.split_at(usize::from(*size).min(more.len()));
        rest = more;
        if let Ok(Some(Arrival::Whole(message))) = assembler.push(part) {
            assert!(message.content.len() <= LIMITS.message_bytes);
        }
        assert!(assembler.incomplete() <= LIMITS.messages);
    }

    let limits = AssemblerLimits { message_bytes: 1 << 20, total_bytes: 1 << 20, messages: 1 };
    let mut assembler = Assembler::new(limits);
    let message = data.repeat(300);
    let message = &message[..message.len().min(1 << 18)];
    let mut whole = Vec::new();
    for part in split(9, message) {
        let arrival = assembler.push(&part.pieces().concat()).expect("within the limits");
        whole.extend(arrival.and_then(Arrival::whole));
    }
    assert_eq!(whole.len(), 1);
    assert_eq!((whole[0].id, &whole[0].content[..]), (9, message));
});
