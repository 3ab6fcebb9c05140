//! Control records of a peer that holds the keys and keeps no rule: whatever it says is obeyed or
//! ends the session, no record brings more than one epoch, and data stays what was sealed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lunacm::channel::{Opened, Session, Suite};
use lunacm_fuzz::{FixedRandom, connect};

fuzz_target!(|data: &[u8]| {
    let Some((choice, mut rest)) = data.split_first() else { return };
    let suite = if choice & 1 == 0 { Suite::CLASSIC[0] } else { Suite::HYBRID[0] };
    let (mut client, mut partition) = connect(suite);
    if choice & 2 != 0 {
        client.rekey();
    }
    // Steps: what is said and by whom, how many bytes follow, the bytes.
    while let Some(([step, high, low], more)) = rest.split_first_chunk() {
        let bytes = usize::from(u16::from_be_bytes([*high, *low]));
        let (said, more) = more.split_at(bytes.min(more.len()));
        rest = more;
        let (from, to) = if step & 1 == 0 {
            (&mut client, &mut partition)
        } else {
            (&mut partition, &mut client)
        };
        let mut record = Vec::new();
        let sealed = match step >> 1 & 3 {
            0 => from.seal(said, &mut record),
            1 => from.next_control(&mut FixedRandom(0x77), &mut record).map(drop),
            _ => from.forge_control(said, &mut record),
        };
        if sealed.is_err() {
            assert_eq!(from.seal(b"", &mut Vec::new()), sealed);
        } else if !record.is_empty() {
            hear(to, record, (step >> 1 & 3 == 0).then_some(said));
        }
    }
});

fn hear(session: &mut Session, mut record: Vec<u8>, data: Option<&[u8]>) {
    let before = session.status().epoch;
    match session.open(&mut record) {
        Ok(Opened::Data(text)) => assert_eq!(Some(&*text), data),
        Ok(Opened::Control) => assert!(data.is_none()),
        Ok(Opened::Replayed) => {}
        Err(error) => assert_eq!(session.seal(b"", &mut Vec::new()), Err(error)),
    }
    assert!(session.status().epoch <= before + 1);
}
