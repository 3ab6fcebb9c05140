use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::crypto::SystemRandom;

const OWNER: i64 = 1_000_000_000_001;

fn random() -> Box<dyn Random + Send> {
    Box::new(SystemRandom::new())
}

fn ring(directory: &Path, live: &Live) -> Keyring {
    Keyring::open(&directory.join(DIRECTORY), Zeroizing::new(vec![5; 32]), live, random()).unwrap()
}

/// A ring with the keys of one owner in generation 3.
fn begun(directory: &Path) -> Keyring {
    let mut ring = ring(directory, &Live::new());
    let mut changes = ring.change();
    changes.begin(OWNER, 3).unwrap();
    changes.carry_out(true).unwrap();
    ring
}

fn live(slots: &[u32]) -> Live {
    Live::from([(OWNER, (3, slots.iter().copied().collect()))])
}

fn seal(ring: &mut Keyring, what: &str, value: &[u8]) -> (u32, Vec<u8>) {
    let mut changes = ring.change();
    let sealed = changes.seal_in_slot(OWNER, what, value).unwrap();
    changes.carry_out(false).unwrap();
    sealed
}

#[test]
fn a_value_opens_in_its_slot_under_its_name_only() {
    let directory = tempfile::tempdir().unwrap();
    let mut ring = begun(directory.path());
    let (slot, sealed) = seal(&mut ring, "name", b"value");
    let open = |ring: &Keyring, owner, slot, what| ring.open_value((owner, slot), what, &sealed);
    assert_eq!(open(&ring, OWNER, Some(slot), "name").unwrap(), b"value");
    assert!(open(&ring, OWNER, Some(slot), "other").is_err());
    assert!(open(&ring, OWNER, Some(slot + 1), "name").is_err());
    assert!(open(&ring, OWNER, Some(9999), "name").is_err());
    assert!(open(&ring, OWNER, None, "name").is_err());
    assert!(open(&ring, OWNER + 1, Some(slot), "name").is_err());
    // And after a start, if the row is there.
    drop(ring);
    let ring = self::ring(directory.path(), &live(&[slot]));
    assert_eq!(open(&ring, OWNER, Some(slot), "name").unwrap(), b"value");
}

#[test]
fn the_files_alone_open_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut ring = begun(directory.path());
    let (slot, sealed) = seal(&mut ring, "name", b"value");
    drop(ring);
    let path = directory.path().join(DIRECTORY);
    let other =
        Keyring::open(&path, Zeroizing::new(vec![6; 32]), &live(&[slot]), random()).unwrap();
    assert!(other.open_value((OWNER, Some(slot)), "name", &sealed).is_err());
}

#[test]
fn a_destroyed_slot_is_gone_from_the_file_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut ring = begun(directory.path());
    let (slot, sealed) = seal(&mut ring, "name", b"value");
    let file = directory.path().join(DIRECTORY).join(format!("{OWNER}.3"));
    let before = fs::read(&file).unwrap();
    let mut changes = ring.change();
    changes.free(OWNER, slot);
    assert!(changes.carry_out(false).unwrap());
    let after = fs::read(&file).unwrap();
    let at = 48 + 32 * usize::try_from(slot).unwrap();
    assert_ne!(before[at..at + 32], after[at..at + 32]);
    assert_eq!(before[..at], after[..at], "the others stay");
    assert!(ring.open_value((OWNER, Some(slot)), "name", &sealed).is_err());
    // The slot is taken again only once its new key is on the disk.
    let taken: Vec<_> = (0..63).map(|_| seal(&mut ring, "n", b"").0).collect();
    assert!(!taken.contains(&slot));
    let waiting = ring.waiting().unwrap();
    assert_eq!(waiting.len(), 1);
    waiting[0].settle().unwrap();
    ring.settled(&waiting);
    assert_eq!(seal(&mut ring, "n", b"").0, slot);
}

#[test]
fn slots_do_not_run_out() {
    let directory = tempfile::tempdir().unwrap();
    let mut ring = begun(directory.path());
    let sealed: Vec<_> = (0..300_u32).map(|n| seal(&mut ring, "n", &n.to_be_bytes())).collect();
    let slots: BTreeSet<_> = sealed.iter().map(|(slot, _)| *slot).collect();
    assert_eq!(slots.len(), 300);
    drop(ring);
    let slots: Vec<_> = slots.into_iter().collect();
    let ring = self::ring(directory.path(), &live(&slots));
    for (number, (slot, sealed)) in sealed.iter().enumerate() {
        let opened = ring.open_value((OWNER, Some(*slot)), "n", sealed).unwrap();
        assert_eq!(opened, u32::try_from(number).unwrap().to_be_bytes());
    }
}

#[test]
fn what_a_start_finds_beyond_the_rows_is_destroyed() {
    let directory = tempfile::tempdir().unwrap();
    let mut ring = begun(directory.path());
    let (kept, one) = seal(&mut ring, "n", b"kept");
    let (gone, other) = seal(&mut ring, "n", b"gone");
    drop(ring);
    let keys = directory.path().join(DIRECTORY);
    fs::write(keys.join(format!("{OWNER}.2")), b"an ended generation").unwrap();
    fs::write(keys.join(format!(".{OWNER}.4.new")), b"one that never began").unwrap();
    fs::write(keys.join("confirmed"), [0; 8]).unwrap();
    let ring = self::ring(directory.path(), &live(&[kept]));
    assert_eq!(ring.open_value((OWNER, Some(kept)), "n", &one).unwrap(), b"kept");
    assert!(ring.open_value((OWNER, Some(gone)), "n", &other).is_err());
    let mut left: Vec<_> =
        fs::read_dir(&keys).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [format!("{OWNER}.3").as_str(), "confirmed"]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&keys), mode(&keys.join(format!("{OWNER}.3")))), (0o700, 0o600));
}

#[test]
fn a_transaction_that_does_not_happen_changes_no_key() {
    let directory = tempfile::tempdir().unwrap();
    let mut ring = begun(directory.path());
    let (slot, sealed) = seal(&mut ring, "n", b"value");
    let mut changes = ring.change();
    changes.free(OWNER, slot);
    let mark = changes.mark();
    let (other, _) = changes.seal_in_slot(OWNER, "n", b"other").unwrap();
    changes.back_to(mark);
    assert_eq!(changes.seal_in_slot(OWNER, "n", b"again").unwrap().0, other);
    changes.begin(OWNER, 4).unwrap();
    changes.seal(OWNER, "n", b"new").unwrap();
    changes.begin(OWNER + 1, 0).unwrap();
    changes.undo();
    assert_eq!(ring.open_value((OWNER, Some(slot)), "n", &sealed).unwrap(), b"value");
    assert_eq!((ring.generation(OWNER), ring.generation(OWNER + 1)), (Some(3), None));
    let files = fs::read_dir(directory.path().join(DIRECTORY)).unwrap().count();
    assert_eq!(files, 1, "what was begun is gone");
}

#[test]
fn an_ended_generation_is_overwritten_before_its_file_goes() {
    let directory = tempfile::tempdir().unwrap();
    let mut ring = begun(directory.path());
    let (slot, sealed) = seal(&mut ring, "n", b"value");
    let path = directory.path().join(DIRECTORY).join(format!("{OWNER}.3"));
    let before = fs::read(&path).unwrap();
    // Another name of the same file shows what happens to its content.
    let kept = directory.path().join("kept");
    fs::hard_link(&path, &kept).unwrap();
    let mut changes = ring.change();
    changes.begin(OWNER, 4).unwrap();
    assert!(changes.carry_out(true).unwrap());
    let after = fs::read(&kept).unwrap();
    assert!(!path.exists());
    assert_eq!(before.len(), after.len());
    for (before, after) in before.chunks(32).zip(after.chunks(32)) {
        assert_ne!(before, after);
    }
    assert!(ring.open_value((OWNER, Some(slot)), "n", &sealed).is_err());
}
