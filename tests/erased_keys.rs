//! Keys that were changed are gone from the process's memory.
//!
//! A process of its own has both ends of a channel, changes their keys, and stands still before and
//! after that. Meanwhile this one reads all of its writable memory, as a thief of a memory image
//! would, and tries every 32 bytes there as the key of a record that was sealed before.
//!
//! What that can see: a key of ChaCha20-Poly1305 lies in memory as it is, and so does one of AES-256
//! on x86-64, whose schedule begins with it; the search is for both, at addresses divisible by four.
//! What it cannot see: processor registers, pages that the system has swapped out, the halves of a
//! key in two places, and the round keys of AES from which a key could be computed back.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod channel_support;

use std::{
    env,
    fmt::Write as _,
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::FileExt,
    process::{self, Child, ChildStdout, Command, Stdio},
    thread,
    time::Duration,
};

use channel_support::{SeededRandom, connect, data, seal, settle};
use lunacm::{
    channel::{RECORD_HEADER_BYTES, Session, Suite},
    crypto::{AeadKey, Cipher, NONCE_BYTES},
};

/// Makes of this program the process that is looked at, with a suite of this number.
const OBSERVED: &str = "OBSERVED_SUITE";

const SUITES: [Suite; 4] =
    [Suite::HYBRID[0], Suite::HYBRID[2], Suite::CLASSIC[0], Suite::CLASSIC[2]];

#[test]
fn changed_keys_are_not_in_memory() {
    if let Ok(suite) = env::var(OBSERVED) {
        return be_observed(SUITES[suite.parse::<usize>().unwrap()]);
    }
    for (number, suite) in SUITES.into_iter().enumerate() {
        let mut observed = Observed::start(number);
        let old = observed.records();
        // Each key is there twice: one end seals under it, the other one opens.
        for (record, places) in old.iter().zip(observed.places(suite, &old)) {
            assert!(places >= 2, "{suite:?}: the search does not see a key in use, {record:?}");
        }
        observed.go_on();
        let new = observed.records();
        assert!(observed.places(suite, &new).iter().all(|places| *places >= 2), "{suite:?}");
        let left = observed.places(suite, &old);
        assert_eq!(left, [0, 0], "{suite:?}: old keys of the client, of the partition");
    }
}

/// Says records that were sealed, waits; has the keys changed, says others, and waits again.
fn be_observed(suite: Suite) {
    thread::spawn(|| {
        thread::sleep(Duration::from_mins(5));
        process::exit(1);
    });
    let random = &mut SeededRandom::new(1);
    let (mut ours, mut theirs) = connect(suite);
    for _ in 0..2 {
        let records = [one(&mut ours, &mut theirs), one(&mut theirs, &mut ours)];
        let records = records.map(|record| hex(&record)).join(" ");
        // Behind whatever the harness has written on this line.
        println!("\nrecords {records}");
        io::stdin().read_line(&mut String::new()).unwrap();
        ours.rekey();
        settle(&mut ours, &mut theirs, random);
        assert!(!ours.status().old_keys && !theirs.status().old_keys);
    }
}

/// A record that was sealed and opened.
fn one(from: &mut Session, to: &mut Session) -> Vec<u8> {
    let record = seal(from, b"what is kept for later");
    assert_eq!(data(to, &record), b"what is kept for later");
    record
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits = (0..text.len()).step_by(2);
    digits.map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The process that is looked at; it ends with this.
struct Observed {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Observed {
    fn start(suite: usize) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["changed_keys_are_not_in_memory", "--exact", "--nocapture"])
            .env(OBSERVED, suite.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output }
    }

    /// A record of the client's and one of the partition's.
    fn records(&mut self) -> [Vec<u8>; 2] {
        for line in (&mut self.output).lines() {
            if let Some(records) = line.unwrap().strip_prefix("records ") {
                let (client, partition) = records.split_once(' ').unwrap();
                return [from_hex(client), from_hex(partition)];
            }
        }
        panic!("the process has ended");
    }

    fn go_on(&mut self) {
        self.process.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// At how many places the key of each record is.
    fn places(&self, suite: Suite, records: &[Vec<u8>; 2]) -> [usize; 2] {
        let memory = self.memory();
        let tried = memory.iter().flat_map(|region| {
            (0..region.len().saturating_sub(31)).step_by(4).filter_map(|at| {
                let candidate: &[u8; 32] = region[at..].first_chunk().unwrap();
                let zeros = candidate.iter().map(|byte| u32::from(*byte == 0)).sum::<u32>();
                (zeros < 6).then_some(candidate)
            })
        });
        let mut places = [0; 2];
        for candidate in tried {
            let key = AeadKey::new(suite.cipher(), candidate);
            for (record, places) in records.iter().zip(&mut places) {
                *places += usize::from(opens(&key, suite.cipher(), record));
            }
        }
        places
    }

    /// All that it could write to, region by region.
    fn memory(&self) -> Vec<Vec<u8>> {
        let process = format!("/proc/{}", self.process.id());
        let maps = fs::read_to_string(format!("{process}/maps")).unwrap();
        let memory = File::open(format!("{process}/mem")).unwrap();
        let mut regions = Vec::new();
        for line in maps.lines() {
            let mut fields = line.split_ascii_whitespace();
            let (range, rights) = (fields.next().unwrap(), fields.next().unwrap());
            if !rights.starts_with("rw") {
                continue;
            }
            let (from, to) = range.split_once('-').unwrap();
            let (from, to) = [from, to].map(|at| u64::from_str_radix(at, 16).unwrap()).into();
            let mut region = vec![0; usize::try_from(to - from).unwrap()];
            memory.read_exact_at(&mut region, from).unwrap();
            regions.push(region);
        }
        regions
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        // It fails if the process has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn opens(key: &AeadKey, cipher: Cipher, record: &[u8]) -> bool {
    let (header, ciphertext) = record.split_at(RECORD_HEADER_BYTES);
    let counter = u64::from_be_bytes(*header.last_chunk().unwrap());
    let mut nonce = [0; NONCE_BYTES];
    nonce[4..].copy_from_slice(&match cipher {
        Cipher::Aes256Gcm => counter.to_be_bytes(),
        Cipher::ChaCha20Poly1305 => counter.to_le_bytes(),
    });
    key.open(nonce, header, &mut ciphertext.to_vec()).is_ok()
}
