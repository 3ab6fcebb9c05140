//! Passwords as keys: Argon2id (RFC 9106).

use std::sync::{Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Digest, hmac};

/// What makes a password's hash costly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordParameters {
    /// Memory in KiB.
    pub memory: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl PasswordParameters {
    /// OWASP's first recommendation for Argon2id: 19 MiB, two passes, one lane.
    pub const DEFAULT: Self = Self { memory: 19 * 1024, passes: 2, lanes: 1 };
}

/// What is stored of a password: enough to check it, not enough to open anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordHash {
    /// The cost.
    pub parameters: PasswordParameters,
    /// The salt, fresh for every password set.
    pub salt: [u8; 16],
    /// The verifier.
    pub verifier: [u8; 32],
}

/// The key that a password opens; never stored.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct PasswordKey([u8; 32]);

impl PasswordKey {
    /// The key's bytes.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PasswordHash {
    /// Hashes a new password: what to store, and the key it opens.
    pub fn create(
        parameters: PasswordParameters,
        salt: [u8; 16],
        password: &[u8],
    ) -> Option<(Self, PasswordKey)> {
        let (verifier, key) = derive(parameters, &salt, password)?;
        Some((Self { parameters, salt, verifier }, key))
    }

    /// The key, if this is the password. `None` for a wrong one, and for parameters that Argon2
    /// does not take (a damaged row).
    pub fn open(&self, password: &[u8]) -> Option<PasswordKey> {
        let (verifier, key) = derive(self.parameters, &self.salt, password)?;
        bool::from(verifier.ct_eq(&self.verifier)).then_some(key)
    }
}

/// One Argon2id run gives a root, and the root gives two independent values.
fn derive(
    parameters: PasswordParameters,
    salt: &[u8; 16],
    password: &[u8],
) -> Option<([u8; 32], PasswordKey)> {
    let PasswordParameters { memory, passes, lanes } = parameters;
    let parameters = Params::new(memory, passes, lanes, Some(32)).ok()?;
    let mut root = Zeroizing::new([0; 32]);
    let mut memory = Memory::new(parameters.block_count());
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into_with_memory(password, salt, root.as_mut(), memory.0.as_mut_slice())
        .ok()?;
    let mut verifier = [0; 32];
    verifier.copy_from_slice(&hmac(Digest::Sha256, root.as_ref(), &[b"verifier"]));
    let mut key = PasswordKey([0; 32]);
    key.0.copy_from_slice(&hmac(Digest::Sha256, root.as_ref(), &[b"wrapping key"]));
    Some((verifier, key))
}

/// What a hash works in. It would tell the hash, so it is wiped.
struct Memory(Vec<Block>);

/// Wiped memory for the next hashes: for the system to bring pages anew takes nearly as long as a
/// hash.
static SPARE: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());

/// Hashes whose memory is kept; more of them at the same time are rare.
const MOST_SPARE: usize = 2;

impl Memory {
    fn new(blocks: usize) -> Self {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut memory = spare.pop().unwrap_or_default();
        drop(spare);
        memory.resize(blocks, Block::default());
        Self(memory)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        for block in &mut self.0 {
            block.as_mut().zeroize();
        }
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MOST_SPARE {
            spare.push(std::mem::take(&mut self.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: PasswordParameters = PasswordParameters { memory: 8, passes: 1, lanes: 1 };

    #[test]
    fn only_the_password_opens() {
        let (hash, key) = PasswordHash::create(CHEAP, [1; 16], b"userpin1").unwrap();
        assert_eq!(hash.open(b"userpin1").unwrap().expose(), key.expose());
        assert!(hash.open(b"userpin2").is_none());
        assert_ne!(&hash.verifier, key.expose());
    }

    #[test]
    fn memory_that_was_used_before_changes_nothing() {
        let larger = PasswordParameters { memory: 64, passes: 2, lanes: 2 };
        let hash = |parameters| PasswordHash::create(parameters, [1; 16], b"userpin1").unwrap().0;
        let fresh = [hash(CHEAP), hash(larger)];
        for _ in 0..3 {
            assert_eq!([hash(CHEAP), hash(larger)], fresh);
        }
        // RFC 9106's function by its own allocation.
        let parameters = Params::new(64, 2, 2, Some(32)).unwrap();
        let mut root = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
            .hash_password_into(b"userpin1", &[1; 16], &mut root)
            .unwrap();
        assert_eq!(hmac(Digest::Sha256, &root, &[b"verifier"])[..], fresh[1].verifier);
    }
}
