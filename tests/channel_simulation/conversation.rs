//! Messages in parts: what one end says piece by piece, what the other one puts together.

use std::collections::{BTreeMap, BTreeSet};

use lunacm::channel::{Arrival, Assembler, AssemblerLimits, PartError, split_piece};

use crate::channel_support::SeededRandom;

/// Out of the way: what is tried here is the network.
const LIMITS: AssemblerLimits =
    AssemblerLimits { message_bytes: 1 << 20, total_bytes: 1 << 20, messages: 10_000 };

/// Messages that are being said at once.
const AT_ONCE: usize = 3;

/// What one end says.
#[derive(Default)]
pub struct Speaker {
    last: u32,
    unfinished: Vec<Unfinished>,
    /// Messages that were said to their end.
    pub said: BTreeMap<u32, Vec<u8>>,
}

struct Unfinished {
    id: u32,
    pieces: Vec<Vec<u8>>,
    next: usize,
}

impl Speaker {
    /// The next part: of a new message, or of one that is under way.
    pub fn part(&mut self, in_parts: bool, random: &mut SeededRandom) -> Vec<u8> {
        let open = self.unfinished.len();
        if open == 0 || open < AT_ONCE && random.below(2) == 0 {
            let pieces = if in_parts { 1 + random.below(4) } else { 1 };
            self.begin(pieces, random);
        }
        let at = random.below(self.unfinished.len());
        self.go_on(at)
    }

    /// The parts that are missing.
    pub fn rest(&mut self) -> Vec<Vec<u8>> {
        let mut parts = Vec::new();
        while !self.unfinished.is_empty() {
            parts.push(self.go_on(0));
        }
        parts
    }

    fn begin(&mut self, pieces: usize, random: &mut SeededRandom) {
        self.last += 1;
        let id = self.last;
        let piece = |number: usize| {
            let mut piece = format!("{id}.{number};").into_bytes();
            piece.resize(piece.len() + random.below(24), b'.');
            piece
        };
        let pieces = (0..pieces).map(piece).collect();
        self.unfinished.push(Unfinished { id, pieces, next: 0 });
    }

    fn go_on(&mut self, at: usize) -> Vec<u8> {
        let message = &mut self.unfinished[at];
        let number = message.next;
        message.next += 1;
        let is_last = message.next == message.pieces.len();
        let mut parts = split_piece(message.id, number, &message.pieces[number], is_last);
        let part = parts.next().unwrap().pieces().concat();
        drop(parts);
        if is_last {
            let Unfinished { id, pieces, .. } = self.unfinished.remove(at);
            self.said.insert(id, pieces.concat());
        }
        part
    }
}

/// What one end hears.
pub struct Listener {
    assembler: Assembler,
    /// Parts heard of messages, and whether the last was among them.
    parts: BTreeMap<u32, usize>,
    pub executed: BTreeSet<u32>,
}

impl Listener {
    pub fn new() -> Self {
        let assembler = Assembler::new(LIMITS);
        Self { assembler, parts: BTreeMap::new(), executed: BTreeSet::new() }
    }

    /// Takes a part of something that was said; false if it was not the next of its message, which
    /// is the end of the link.
    pub fn hear(&mut self, part: &[u8], said: &BTreeMap<u32, Vec<u8>>) -> bool {
        let id = u32::from_be_bytes(part[..4].try_into().unwrap());
        let (number, is_last) = (usize::from(part[4] >> 1), part[4] & 1 == 1);
        let before = self.parts.entry(id).or_default();
        let is_next = *before == number;
        match self.assembler.push(part) {
            Ok(arrival) => {
                let message = arrival.and_then(Arrival::whole);
                assert!(is_next, "a part was taken out of its place: {id}, {number}");
                *before += 1;
                assert_eq!(message.is_some(), is_last, "{id}, {number}");
                if let Some(message) = message {
                    assert!(self.executed.insert(message.id), "executed twice: {id}");
                    assert_eq!(Some(&message.content[..]), said.get(&message.id).map(|m| &m[..]));
                }
                true
            }
            Err(error) => {
                assert_eq!(error, PartError::OutOfPlace);
                assert!(!is_next, "a part was refused at its place: {id}, {number}");
                false
            }
        }
    }
}
