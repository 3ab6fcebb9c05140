//! What the man in the middle is told, and what he tells: lines of JSON on a connection.

use serde::{Deserialize, Serialize};

/// The way a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    ToPartition,
    ToClient,
}

/// What becomes of the frames of one connection. Numbers count the frames of one way from 0, which
/// is the handshake's message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Plan {
    /// All go on as they are.
    Honest,
    /// The bits of `mask` are flipped in one byte of one frame.
    Flip { way: Way, number: usize, byte: usize, mask: u8 },
    /// A bit is flipped in every change of keys: such a frame is long, and nothing else is on its way.
    FlipRekey,
    /// One frame is sent twice.
    Repeat { way: Way, number: usize },
    /// Every frame but the handshake's is sent twice.
    RepeatAll,
    /// One frame is kept back for good, or until the frame of another number has passed.
    Hold { way: Way, number: usize, until: Option<usize> },
    /// Another frame goes in one's place.
    Replace { way: Way, number: usize, frame: Vec<u8> },
    /// The partition hears these frames, and nothing of what the client says.
    Replay { frames: Vec<Vec<u8>> },
}

/// A frame as it came, before anything was done to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub way: Way,
    pub frame: Vec<u8>,
}

/// What the man in the middle is asked to do.
#[derive(Debug, Serialize, Deserialize)]
pub enum Order {
    /// Carry connections, the first by this plan; answered with the port where he listens for them.
    Carry(Plan),
    /// Carry the next connection to this port by this plan, and those after it honestly.
    Next { port: u16, plan: Plan },
    /// Tell what was seen on the connections to this port.
    Tell { port: u16 },
}

/// The carrying out of a plan, for one connection.
pub struct Work {
    plan: Plan,
    held: Option<Vec<u8>>,
}

impl Work {
    pub fn new(plan: Plan) -> Self {
        Self { plan, held: None }
    }

    /// What is sent on in the place of this frame.
    pub fn instead_of(&mut self, at: Way, count: usize, mut frame: Vec<u8>) -> Vec<Vec<u8>> {
        match &self.plan {
            Plan::Flip { way, number, byte, mask } if (at, count) == (*way, *number) => {
                frame[*byte] ^= mask;
            }
            Plan::FlipRekey if at == Way::ToPartition && count > 1 && frame.len() > 500 => {
                frame[300] ^= 1;
            }
            Plan::Repeat { way, number } if (at, count) == (*way, *number) => {
                return vec![frame.clone(), frame];
            }
            Plan::RepeatAll if count > 0 => return vec![frame.clone(), frame],
            Plan::Hold { way, number, .. } if (at, count) == (*way, *number) => {
                self.held = Some(frame);
                return Vec::new();
            }
            Plan::Hold { way, until: Some(until), .. } if at == *way && count >= *until => {
                return [Some(frame), self.held.take()].into_iter().flatten().collect();
            }
            Plan::Replace { way, number, frame: other } if (at, count) == (*way, *number) => {
                return vec![other.clone()];
            }
            Plan::Replay { frames } if at == Way::ToPartition => {
                return if count == 0 { frames.clone() } else { Vec::new() };
            }
            _ => {}
        }
        vec![frame]
    }
}
