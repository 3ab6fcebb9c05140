//! A partition that executes requests, answers them in any order, and now and then has something
//! to say of its own.

use std::collections::HashMap;

use shuttle::{
    rand::{Rng, thread_rng},
    sync::Mutex,
};
use zeroize::Zeroizing;

use crate::{
    codec::{Codec, Piece},
    inbox::Inbox,
    network::Network,
};

/// The number of frames that are between the two ends themselves, as a change of keys is.
const CONTROL: u32 = 0;

/// What was executed, and how often.
#[derive(Default)]
pub struct Partition {
    executed: Mutex<HashMap<Vec<u8>, u32>>,
}

impl Partition {
    /// Serves a connection until it is cut, or cuts it after so many requests.
    pub fn serve(&self, network: &Network, breaks_after: Option<usize>) {
        let mut arrived = Vec::new();
        let mut unanswered = Vec::new();
        let mut incomplete = HashMap::<u32, Vec<u8>>::new();
        let (mut taken, mut asked, mut heard) = (0, 0, 0);
        loop {
            if breaks_after.is_some_and(|limit| taken >= limit) {
                network.cut();
                return;
            }
            if thread_rng().gen_bool(0.2) {
                asked += 1;
                network.write(&whole(CONTROL, b"change of keys"));
            }
            let bytes = network.read();
            if bytes.is_empty() {
                assert!(heard <= asked, "the client answered what was not asked");
                return;
            }
            arrived.extend(bytes);
            while let Some((id, is_last, piece)) = next_frame(&mut arrived) {
                if id == CONTROL {
                    heard += 1;
                    continue;
                }
                let mut content = incomplete.remove(&id).unwrap_or_default();
                content.extend(piece);
                if !is_last {
                    assert!(incomplete.is_empty(), "two requests are sent in pieces");
                    incomplete.insert(id, content);
                    continue;
                }
                taken += 1;
                *self.executed.lock().unwrap().entry(content.clone()).or_default() += 1;
                unanswered.push((id, content));
            }
            while !unanswered.is_empty() {
                let at = thread_rng().gen_range(0..unanswered.len());
                let (id, request): (u32, Vec<u8>) = unanswered.swap_remove(at);
                network.write(&whole(id, &answer_to(&request)));
            }
        }
    }

    /// How often this request was executed.
    pub fn times(&self, request: &[u8]) -> u32 {
        self.executed.lock().unwrap().get(request).copied().unwrap_or_default()
    }

    /// How often the request was that was executed most often.
    pub fn most_often(&self) -> u32 {
        self.executed.lock().unwrap().values().copied().max().unwrap_or_default()
    }
}

/// The only right answer to a request.
pub fn answer_to(request: &[u8]) -> Vec<u8> {
    request.iter().rev().map(|byte| byte ^ 0xff).collect()
}

/// The client's codec: frames of a number, a length, whether it is the last, and a content.
#[derive(Default)]
pub struct Frames(Vec<u8>);

impl Codec for Frames {
    const PIECE_BYTES: usize = 8;

    type Error = String;

    fn send(&mut self, piece: Piece<'_>, out: &mut Vec<u8>) -> Result<(), String> {
        assert!(piece.bytes.len() <= Self::PIECE_BYTES);
        assert!(piece.before.is_multiple_of(Self::PIECE_BYTES));
        out.extend(frame(piece));
        Ok(())
    }

    fn receive(
        &mut self,
        inbox: &mut Inbox,
        out: &mut Vec<u8>,
        hand_over: &mut dyn FnMut(u32, Zeroizing<Vec<u8>>),
    ) -> Result<(), String> {
        let pending = inbox.pending();
        let count = pending.len();
        self.0.extend_from_slice(pending);
        inbox.consume(count);
        while let Some((id, _, content)) = next_frame(&mut self.0) {
            if id == CONTROL {
                out.extend(whole(CONTROL, b"changed"));
            } else {
                hand_over(id, Zeroizing::new(content));
            }
        }
        Ok(())
    }

    fn tick(&mut self, _: std::time::Duration) {}

    fn expects_more(&self) -> bool {
        thread_rng().gen_bool(0.3)
    }
}

fn whole(id: u32, content: &[u8]) -> Vec<u8> {
    frame(Piece { id, before: 0, bytes: content, is_last: true })
}

fn frame(piece: Piece<'_>) -> Vec<u8> {
    let length = u32::try_from(piece.bytes.len()).unwrap();
    let numbers = [piece.id.to_be_bytes(), length.to_be_bytes()].concat();
    [&numbers, &[u8::from(piece.is_last)][..], piece.bytes].concat()
}

fn next_frame(bytes: &mut Vec<u8>) -> Option<(u32, bool, Vec<u8>)> {
    let id = u32::from_be_bytes(*bytes.first_chunk()?);
    let length = u32::from_be_bytes(*bytes.get(4..)?.first_chunk()?);
    let length = usize::try_from(length).unwrap();
    let is_last = *bytes.get(8)? == 1;
    let content = bytes.get(9..9 + length)?.to_vec();
    bytes.drain(..9 + length);
    Some((id, is_last, content))
}
