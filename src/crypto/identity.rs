//! X25519 key pairs (RFC 7748) and the hash that people compare.

use std::fmt;

use x25519_dalek::{PublicKey as DalekPublic, StaticSecret};
use zeroize::Zeroizing;

use super::{Digest, Random, RandomError};

/// The size in bytes of private keys, public keys and shared secrets.
pub const KEY_BYTES: usize = 32;

/// An X25519 public key.
pub type PublicKey = [u8; KEY_BYTES];

/// An X25519 key pair; the private half is erased when dropped.
#[derive(Clone)]
pub struct KeyPair {
    secret: StaticSecret,
    public: PublicKey,
}

impl KeyPair {
    /// A new pair.
    ///
    /// # Errors
    /// The random source failed.
    pub fn generate(random: &mut dyn Random) -> Result<Self, RandomError> {
        let mut secret = Zeroizing::new([0; KEY_BYTES]);
        random.fill(secret.as_mut())?;
        Ok(Self::from_secret(&secret))
    }

    /// The pair of this private key.
    pub fn from_secret(secret: &[u8; KEY_BYTES]) -> Self {
        let secret = StaticSecret::from(*secret);
        let public = DalekPublic::from(&secret).to_bytes();
        Self { secret, public }
    }

    /// The public half.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The private half, for sealing it at rest.
    pub fn expose_secret(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        Zeroizing::new(self.secret.to_bytes())
    }

    /// The shared secret with the owner of `public`.
    ///
    /// All zeros if `public` is one of the few points of small order; the caller decides whether
    /// that is an error (Noise, revision 34, section 12.1, leaves it to the protocol).
    pub fn agree(&self, public: &PublicKey) -> Zeroizing<[u8; KEY_BYTES]> {
        let shared = self.secret.diffie_hellman(&DalekPublic::from(*public));
        Zeroizing::new(shared.to_bytes())
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({})", Fingerprint::of(&self.public))
    }
}

/// The hash of a public key that people read to each other: SHA-256 over a domain string and the
/// key, shown as 16 groups of 4 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of this public key.
    pub fn of(key: &PublicKey) -> Self {
        let hash = Digest::Sha256.start().update(b"lunacm STC identity v1\0").update(key).finish();
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&hash);
        Self(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, pair) in self.0.chunks(2).enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            for byte in pair {
                write!(f, "{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_agree() {
        let alice = KeyPair::from_secret(&[7; 32]);
        let bob = KeyPair::from_secret(&[9; 32]);
        assert_eq!(*alice.agree(bob.public()), *bob.agree(alice.public()));
    }

    #[test]
    fn known_answer() {
        // RFC 7748 section 6.1.
        let alice = unhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
        let bob = unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        let shared = unhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        let (alice, bob) = (KeyPair::from_secret(&alice), KeyPair::from_secret(&bob));
        assert_eq!(*alice.agree(bob.public()), shared);
    }

    fn unhex(text: &str) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap();
        }
        bytes
    }

    #[test]
    fn fingerprints_are_sixteen_groups() {
        let shown = Fingerprint::of(&[0; 32]).to_string();
        assert_eq!(shown.len(), 79);
        assert_eq!(shown.split(' ').count(), 16);
        assert_ne!(shown, Fingerprint::of(&[1; 32]).to_string());
    }
}
