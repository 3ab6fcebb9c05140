//! Nonces that the appliance draws (NIST SP 800-38D section 8.2): those of wraps always, those of
//! encryption where the caller leaves them out.

use super::Caller;
use crate::{
    hsm::{fault, mechanism},
    model::{Policy, Status, cryptoki::Mechanism},
};

/// A mechanism with a nonce of ours, which goes behind what the mechanism gives.
pub(super) struct Drawn {
    pub(super) mechanism: Mechanism,
    pub(super) nonce: Vec<u8>,
}

impl Caller<'_> {
    /// A nonce for a wrap; none if the mechanism has no nonces. A caller who gave one again would
    /// have the difference of two keys.
    ///
    /// # Errors
    /// `CKR_MECHANISM_PARAM_INVALID`: the caller gives one.
    pub(super) fn nonce_of_wrap(&self, mechanism: &Mechanism) -> Result<Option<Drawn>, Status> {
        self.draw(mechanism, false)
    }

    /// A nonce for an encryption whose caller leaves it to us; none if he gives one, or the
    /// mechanism has no nonces.
    ///
    /// # Errors
    /// `CKR_MECHANISM_PARAM_INVALID`: he gives one, and partition policy 43 is off.
    pub(super) fn nonce_of_encryption(
        &self,
        mechanism: &Mechanism,
    ) -> Result<Option<Drawn>, Status> {
        self.draw(mechanism, self.known.policies.permits(Policy::NonFipsAlgorithms))
    }

    fn draw(&self, mechanism: &Mechanism, given: bool) -> Result<Option<Drawn>, Status> {
        let Some(nonce) = mechanism::nonce(mechanism) else { return Ok(None) };
        if !nonce.is_empty() {
            return if given { Ok(None) } else { Err(Status::MechanismParamInvalid) };
        }
        let mut nonce = vec![0; mechanism::drawn_nonce_bytes(mechanism)];
        let mut source = self.hsm.random.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        source.fill(&mut nonce).map_err(fault)?;
        drop(source);
        Ok(Some(Drawn { mechanism: mechanism::with_nonce(mechanism, &nonce), nonce }))
    }
}
