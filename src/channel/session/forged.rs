//! For fuzzing alone: what a peer says that has the keys and keeps no rule.

use super::{Kind, Session, SessionError};

impl Session {
    /// Appends a control record that holds any bytes to `out`.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn forge_control(&mut self, control: &[u8], out: &mut Vec<u8>) -> Result<(), SessionError> {
        self.seal_record(Kind::Control, &[control], out)
    }
}
