//! What comes of the parts of a message.

use std::fmt;

use zeroize::Zeroizing;

use super::Held;

/// A message that has come in full.
pub struct Message {
    /// The identifier that its sender gave it.
    pub id: u32,
    /// What it says.
    pub content: Zeroizing<Vec<u8>>,
    /// The room that it took while it came, until this is dropped.
    pub held: Held,
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        (self.id, &self.content) == (other.id, &other.content)
    }
}

impl Eq for Message {}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({}, {} bytes)", self.id, self.content.len())
    }
}

/// What the last part of a message brings.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The message.
    Whole(Message),
    /// There was no room for it: its parts were dropped as they came.
    Refused {
        /// The identifier that its sender gave it.
        id: u32,
        /// Which room there was none of.
        shortage: Shortage,
    },
}

impl Arrival {
    /// The message, if there is one.
    pub fn whole(self) -> Option<Message> {
        match self {
            Self::Whole(message) => Some(message),
            Self::Refused { .. } => None,
        }
    }
}

/// Why there was no room for a message in several parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Shortage {
    /// The incomplete messages of its link have all that one link may have.
    #[error("the link's incomplete requests have all the memory that those of one link may have")]
    OfLink,
    /// Those of all links together have all there is.
    #[error("the requests of all links have all the memory that there is for those in parts")]
    InAll,
}
