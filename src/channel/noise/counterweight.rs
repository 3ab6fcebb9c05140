//! Keeps the duration of a refusal from telling how much of a message was authentic.

use crate::crypto::{Cipher, TAG_BYTES};

use super::cipher::CipherKey;

/// Opens one more ciphertext beside each of a message's, with the other outcome.
///
/// A ciphertext that does not authenticate costs a library a little more than one that does: what
/// was decrypted is erased, and an error is noted. With a counterweight one of each kind is opened,
/// whatever the message holds. Its key is known to everybody, and nothing of it leaves the process.
pub(super) struct Counterweight(CipherKey);

impl Counterweight {
    /// A counterweight for ciphertexts of this cipher.
    pub(super) fn new(cipher: Cipher) -> Self {
        Self(CipherKey::new(cipher, &[0; 32]))
    }

    /// The work beside a ciphertext of this many bytes, with its tag, that was `authentic` or not;
    /// says whether its own was.
    pub(super) fn balance(&self, bytes: usize, authentic: bool) -> bool {
        let mut sealed = vec![0; bytes.saturating_sub(TAG_BYTES)];
        if self.0.seal(0, &[], &mut sealed, 0).is_err() {
            return false;
        }
        if let Some(last) = sealed.last_mut() {
            *last ^= u8::from(authentic);
        }
        self.0.open(0, &[], &sealed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_has_the_other_outcome() {
        let weight = Counterweight::new(Cipher::Aes256Gcm);
        for authentic in [false, true] {
            assert_eq!(weight.balance(64, authentic), !authentic);
        }
    }
}
