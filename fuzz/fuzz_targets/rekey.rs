//! The steps of a change of keys: an altered one is refused or stale, and changes no keys.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lunacm::channel::{Opened, Session, Suite};
use lunacm_fuzz::{altered, connect, control};

fuzz_target!(|data: &[u8]| {
    let Some((step, flips)) = data.split_first() else { return };
    let (mut client, mut partition) = connect(Suite::HYBRID[0]);
    client.rekey();
    for at in 0..4_u8 {
        let (from, to) =
            if at % 2 == 0 { (&mut client, &mut partition) } else { (&mut partition, &mut client) };
        let record = control(from);
        if at == step % 4 {
            not_taken(to, flips, &record);
            if let Some(altered) = altered(&record, flips) {
                not_taken(to, &altered, &record);
            }
            return;
        }
        assert!(matches!(to.open(&mut record.clone()), Ok(Opened::Control)));
    }
});

fn not_taken(session: &mut Session, record: &[u8], good: &[u8]) {
    if record == good {
        return;
    }
    let before = session.status();
    match session.open(&mut record.to_vec()) {
        Ok(Opened::Data(_) | Opened::Control) => panic!("a forged record was taken"),
        Ok(Opened::Replayed) => assert_eq!(session.status().replayed, before.replayed + 1),
        Err(error) => assert_eq!(session.seal(b"", &mut Vec::new()), Err(error)),
    }
    assert_eq!(session.status().epoch, before.epoch);
}
