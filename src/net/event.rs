//! What reaches a link at the appliance's end from other threads.

use std::{mem, thread};

use tokio::sync::mpsc;

use super::performed::Answered;
use crate::channel::{Held, SessionSettings};

/// What reaches a link from other threads.
#[derive(Debug)]
pub(super) enum Event {
    /// A request was answered.
    Answered(Answer),
    /// Whoever worked on a request is gone without an answer.
    Failed,
    /// Something else holds for the channel.
    Set(SessionSettings),
    /// The channel's keys are to be changed.
    Rekey,
    /// The link is to end.
    End,
}

/// An answer, and the room that its request has had until now.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) id: u32,
    pub(super) answered: Answered,
    pub(super) held: Held,
}

/// A request that a thread works on: its link hears of the end, come what may.
pub(super) struct Task {
    id: u32,
    held: Held,
    sender: mpsc::UnboundedSender<Event>,
    done: bool,
}

impl Task {
    pub(super) const fn new(id: u32, held: Held, sender: mpsc::UnboundedSender<Event>) -> Self {
        Self { id, held, sender, done: false }
    }

    /// Ends a request that nobody waits for any more.
    pub(super) fn give_up(&mut self) {
        self.done = true;
        let _ = self.sender.send(Event::Failed);
    }

    pub(super) fn finish(&mut self, answered: Answered) {
        self.done = true;
        let answer = Answer { id: self.id, answered, held: mem::take(&mut self.held) };
        // It fails only if the link has ended.
        let _ = self.sender.send(Event::Answered(answer));
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if !self.done {
            if thread::panicking() {
                tracing::error!("a request ended badly");
            }
            let _ = self.sender.send(Event::Failed);
        }
    }
}
