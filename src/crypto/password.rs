//! Passwords as keys: Argon2id (RFC 9106).

use argon2::{Algorithm, Argon2, Params, Version};
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
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into(password, salt, root.as_mut())
        .ok()?;
    let mut verifier = [0; 32];
    verifier.copy_from_slice(&hmac(Digest::Sha256, root.as_ref(), &[b"verifier"]));
    let mut key = PasswordKey([0; 32]);
    key.0.copy_from_slice(&hmac(Digest::Sha256, root.as_ref(), &[b"wrapping key"]));
    Some((verifier, key))
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
}
