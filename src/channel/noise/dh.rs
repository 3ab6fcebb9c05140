//! `DH(key_pair, public_key)` (section 4.1), with the check that section 12.1 leaves to the protocol.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::crypto::{KEY_BYTES, KeyPair, PublicKey};

use super::NoiseError;

/// The agreement, not yet checked.
pub(super) fn dh(pair: &KeyPair, public: &PublicKey) -> SharedSecret {
    SharedSecret(pair.agree(public))
}

/// A secret that may be the one of a public key of small order.
pub(super) struct SharedSecret(pub(super) Zeroizing<[u8; KEY_BYTES]>);

impl SharedSecret {
    /// The secret, unless it is the one that every public key of small order gives.
    pub(super) fn nonzero(self) -> Result<Zeroizing<[u8; KEY_BYTES]>, NoiseError> {
        if bool::from(self.0.ct_eq(&[0; KEY_BYTES])) {
            return Err(NoiseError::NotAuthentic);
        }
        Ok(self.0)
    }
}
