//! Control records: what a peer that holds the keys may say. Nothing it says opens what was not
//! sealed, skips an epoch, or makes an end say what it may not.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lunacm::channel::{Opened, Suite};
use lunacm_fuzz::{FixedRandom, connect};

fuzz_target!(|data: &[u8]| {
    let Some((choice, mut rest)) = data.split_first() else { return };
    let suite = if choice & 1 == 0 { Suite::CLASSIC[0] } else { Suite::HYBRID[0] };
    let (mut client, mut partition) = connect(suite);
    if choice & 2 != 0 {
        client.rekey();
    }
    let (from, to) =
        if choice & 4 == 0 { (&mut client, &mut partition) } else { (&mut partition, &mut client) };
    while let Some((size, more)) = rest.split_first() {
        let (plaintext, more) = more.split_at((usize::from(*size) * 8).min(more.len()));
        rest = more;
        // Sealed as data and declared to be control: the header is bound, so it is refused; what
        // is sealed as control comes from the engine alone.
        let mut record = Vec::new();
        if from.seal(plaintext, &mut record).is_err() {
            break;
        }
        let mut declared = record.clone();
        declared[0] = 0x11;
        let before = to.status().epoch;
        if plaintext.first() == Some(&0xff) {
            assert!(to.open(&mut declared).is_err());
            break;
        }
        assert!(matches!(to.open(&mut record), Ok(Opened::Data(text)) if *text == *plaintext));
        let mut said = Vec::new();
        while from.next_control(&mut FixedRandom(0x77), &mut said).expect("alive") {
            assert!(matches!(to.open(&mut said), Ok(Opened::Control)));
            said.clear();
        }
        while to.next_control(&mut FixedRandom(0x78), &mut said).expect("alive") {
            assert!(matches!(from.open(&mut said), Ok(Opened::Control)));
            said.clear();
        }
        assert!(to.status().epoch <= before + 1);
    }
});
