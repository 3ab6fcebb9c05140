//! Cipher suites: what the four classic ones are, their numbers and their names.

use crate::crypto::{Cipher, Digest};

/// A cipher suite: the pattern, the key agreement, the AEAD and the hash of one channel.
///
/// All are Noise protocols (revision 34, section 8) with the pattern IK over X25519. Numbers from
/// `0x10` up are kept for suites that add a post-quantum key encapsulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suite {
    /// `Noise_IK_25519_AESGCM_SHA256`.
    Aes256GcmSha256,
    /// `Noise_IK_25519_AESGCM_SHA512`.
    Aes256GcmSha512,
    /// `Noise_IK_25519_ChaChaPoly_SHA256`.
    ChaCha20Poly1305Sha256,
    /// `Noise_IK_25519_ChaChaPoly_SHA512`.
    ChaCha20Poly1305Sha512,
}

impl Suite {
    /// Every suite, by rising number.
    pub const ALL: [Self; 4] = [
        Self::Aes256GcmSha256,
        Self::Aes256GcmSha512,
        Self::ChaCha20Poly1305Sha256,
        Self::ChaCha20Poly1305Sha512,
    ];

    /// The number on the wire.
    pub const fn id(self) -> u8 {
        match self {
            Self::Aes256GcmSha256 => 0x01,
            Self::Aes256GcmSha512 => 0x02,
            Self::ChaCha20Poly1305Sha256 => 0x03,
            Self::ChaCha20Poly1305Sha512 => 0x04,
        }
    }

    /// The suite of this number.
    pub fn from_id(id: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.id() == id)
    }

    /// The suite of this AEAD and this hash.
    pub const fn of(cipher: Cipher, digest: Digest) -> Self {
        match (cipher, digest) {
            (Cipher::Aes256Gcm, Digest::Sha256) => Self::Aes256GcmSha256,
            (Cipher::Aes256Gcm, Digest::Sha512) => Self::Aes256GcmSha512,
            (Cipher::ChaCha20Poly1305, Digest::Sha256) => Self::ChaCha20Poly1305Sha256,
            (Cipher::ChaCha20Poly1305, Digest::Sha512) => Self::ChaCha20Poly1305Sha512,
        }
    }

    /// The protocol name that starts the key schedule (Noise, section 8).
    pub const fn noise_name(self) -> &'static str {
        match self {
            Self::Aes256GcmSha256 => "Noise_IK_25519_AESGCM_SHA256",
            Self::Aes256GcmSha512 => "Noise_IK_25519_AESGCM_SHA512",
            Self::ChaCha20Poly1305Sha256 => "Noise_IK_25519_ChaChaPoly_SHA256",
            Self::ChaCha20Poly1305Sha512 => "Noise_IK_25519_ChaChaPoly_SHA512",
        }
    }

    /// The AEAD.
    pub const fn cipher(self) -> Cipher {
        match self {
            Self::Aes256GcmSha256 | Self::Aes256GcmSha512 => Cipher::Aes256Gcm,
            Self::ChaCha20Poly1305Sha256 | Self::ChaCha20Poly1305Sha512 => Cipher::ChaCha20Poly1305,
        }
    }

    /// The hash of the key schedule.
    pub const fn digest(self) -> Digest {
        match self {
            Self::Aes256GcmSha256 | Self::ChaCha20Poly1305Sha256 => Digest::Sha256,
            Self::Aes256GcmSha512 | Self::ChaCha20Poly1305Sha512 => Digest::Sha512,
        }
    }

    /// The AEAD's name on screens.
    pub const fn cipher_name(self) -> &'static str {
        match self.cipher() {
            Cipher::Aes256Gcm => "AES 256 Bit with Galois/Counter Mode",
            Cipher::ChaCha20Poly1305 => "ChaCha20-Poly1305 256 Bit",
        }
    }

    /// The name on screens of the HMAC that the key schedule runs on.
    pub const fn hmac_name(self) -> &'static str {
        match self.digest() {
            Digest::Sha256 => "HMAC with SHA 256 Bit",
            Digest::Sha512 => "HMAC with SHA 512 Bit",
        }
    }
}

/// A set of suites: what a partition permits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SuiteSet(u8);

impl SuiteSet {
    /// No suite.
    pub const EMPTY: Self = Self(0);

    /// Every suite.
    pub const ALL: Self = Self::EMPTY
        .with(Suite::Aes256GcmSha256)
        .with(Suite::Aes256GcmSha512)
        .with(Suite::ChaCha20Poly1305Sha256)
        .with(Suite::ChaCha20Poly1305Sha512);

    /// This set and `suite`.
    pub const fn with(self, suite: Suite) -> Self {
        Self(self.0 | Self::bit(suite))
    }

    /// This set without `suite`.
    pub const fn without(self, suite: Suite) -> Self {
        Self(self.0 & !Self::bit(suite))
    }

    /// Whether `suite` is in the set.
    pub const fn contains(self, suite: Suite) -> bool {
        self.0 & Self::bit(suite) != 0
    }

    /// The suites that are in both sets.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether no suite is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The suites, by rising number.
    pub fn iter(self) -> impl Iterator<Item = Suite> {
        Suite::ALL.into_iter().filter(move |suite| self.contains(*suite))
    }

    const fn bit(suite: Suite) -> u8 {
        1 << suite.id()
    }
}

impl FromIterator<Suite> for SuiteSet {
    fn from_iter<I: IntoIterator<Item = Suite>>(suites: I) -> Self {
        suites.into_iter().fold(Self::EMPTY, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_parts_name_a_suite() {
        for suite in Suite::ALL {
            assert_eq!(Suite::from_id(suite.id()), Some(suite));
            assert_eq!(Suite::of(suite.cipher(), suite.digest()), suite);
        }
        assert_eq!(Suite::from_id(0), None);
        assert_eq!(Suite::from_id(5), None);
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        assert_eq!(SuiteSet::ALL.iter().collect::<Vec<_>>(), Suite::ALL);
        for suite in Suite::ALL {
            let one = SuiteSet::EMPTY.with(suite);
            assert_eq!(one.iter().collect::<Vec<_>>(), [suite]);
            assert_eq!(SuiteSet::ALL.without(suite).intersection(one), SuiteSet::EMPTY);
            assert_eq!(SuiteSet::ALL.intersection(one), one);
        }
    }
}
