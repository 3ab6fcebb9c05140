//! What becomes of a request.

use std::any::Any;

use zeroize::Zeroizing;

use super::lanes::WorkKind;

/// What became of a request.
pub enum Performed {
    /// It is answered.
    Now(Answered),
    /// Its answer takes a while: to be called where that keeps nobody else. It may turn out there
    /// that other threads have to go on with it.
    Later(WorkKind, Work),
}

/// What a thread does for a request.
pub type Work = Box<dyn FnOnce() -> Performed + Send>;

/// A reply, and whether the link goes on.
#[derive(Debug)]
pub struct Answered {
    /// The encoded reply.
    pub reply: Zeroizing<Vec<u8>>,
    /// Whether the link ends after the reply.
    pub end: bool,
    /// Dropped when the link has no more of the reply: what the service has charged for it.
    pub held: Option<Box<dyn Any + Send>>,
}

impl Answered {
    /// A reply that nothing is charged for, on a link that goes on.
    pub const fn with(reply: Zeroizing<Vec<u8>>) -> Self {
        Self { reply, end: false, held: None }
    }
}
