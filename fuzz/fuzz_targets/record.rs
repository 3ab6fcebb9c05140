//! A record: only what the peer sealed is opened, once, and a failure is the end.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lunacm::channel::{Opened, Session, Suite};
use lunacm_fuzz::{altered, connect};

fuzz_target!(|data: &[u8]| {
    let (mut client, mut partition) = connect(Suite::CLASSIC[0]);
    let mut records = Vec::new();
    for text in [&b"first"[..], b"second", b"third"] {
        let mut record = Vec::new();
        client.seal(text, &mut record).expect("sealed");
        records.push(record);
    }
    assert!(matches!(partition.open(&mut records[0].clone()), Ok(Opened::Data(_))));
    assert!(matches!(partition.open(&mut records[2].clone()), Ok(Opened::Data(_))));

    // `records[1]` is the only one left that may be opened.
    if data != records[1] {
        not_opened(&mut partition, data);
    }
    if let Some(altered) = altered(&records[1], data) {
        not_opened(&mut partition, &altered);
    }
});

fn not_opened(session: &mut Session, record: &[u8]) {
    let before = session.status();
    match session.open(&mut record.to_vec()) {
        Ok(Opened::Data(_) | Opened::Control) => panic!("a forged record was opened"),
        Ok(Opened::Replayed) => assert_eq!(session.status().replayed, before.replayed + 1),
        Err(error) => assert_eq!(session.seal(b"", &mut Vec::new()), Err(error)),
    }
    assert_eq!(session.status().received, before.received);
}
