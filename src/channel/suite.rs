//! Cipher suites: what they are made of, their numbers and their names.

use crate::{
    crypto::{Cipher, Digest},
    model::StcAlgorithm,
};

/// What two ends agree on a secret by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyExchange {
    /// X25519 with ML-KEM-768 beside it: both have to be broken to read what was recorded.
    Hybrid,
    /// X25519 alone.
    Classic,
}

/// A cipher suite: the key exchange, the AEAD and the hash of one channel.
///
/// The suites are Noise protocols (revision 34, section 8) with the pattern IK over X25519; hybrid
/// ones have the modifier `hfs` of the extension for hybrid forward secrecy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Suite {
    exchange: KeyExchange,
    cipher: Cipher,
    digest: Digest,
}

impl Suite {
    /// Every suite, the most wanted first.
    pub const ALL: [Self; 8] = {
        let [h1, h2, h3, h4] = Self::HYBRID;
        let [c1, c2, c3, c4] = Self::CLASSIC;
        [h1, h2, h3, h4, c1, c2, c3, c4]
    };

    /// The hybrid suites, by rising number.
    pub const HYBRID: [Self; 4] = Self::with(KeyExchange::Hybrid);

    /// The classic suites, by rising number.
    pub const CLASSIC: [Self; 4] = Self::with(KeyExchange::Classic);

    /// The suite of these parts.
    pub const fn of(exchange: KeyExchange, cipher: Cipher, digest: Digest) -> Self {
        Self { exchange, cipher, digest }
    }

    /// The number on the wire: the key exchange in the upper half, the rest in the lower.
    pub const fn id(self) -> u8 {
        let exchange = match self.exchange {
            KeyExchange::Classic => 0x00,
            KeyExchange::Hybrid => 0x10,
        };
        let rest = match (self.cipher, self.digest) {
            (Cipher::Aes256Gcm, Digest::Sha256) => 0x01,
            (Cipher::Aes256Gcm, Digest::Sha512) => 0x02,
            (Cipher::ChaCha20Poly1305, Digest::Sha256) => 0x03,
            (Cipher::ChaCha20Poly1305, Digest::Sha512) => 0x04,
        };
        exchange | rest
    }

    /// The suite of this number.
    pub fn from_id(id: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.id() == id)
    }

    /// The name of the protocol that starts the key schedule of a handshake (Noise, section 8).
    pub const fn noise_name(self) -> &'static str {
        match self.id() {
            0x01 => "Noise_IK_25519_AESGCM_SHA256",
            0x02 => "Noise_IK_25519_AESGCM_SHA512",
            0x03 => "Noise_IK_25519_ChaChaPoly_SHA256",
            0x04 => "Noise_IK_25519_ChaChaPoly_SHA512",
            0x11 => "Noise_IKhfs_25519+MLKEM768_AESGCM_SHA256",
            0x12 => "Noise_IKhfs_25519+MLKEM768_AESGCM_SHA512",
            0x13 => "Noise_IKhfs_25519+MLKEM768_ChaChaPoly_SHA256",
            _ => "Noise_IKhfs_25519+MLKEM768_ChaChaPoly_SHA512",
        }
    }

    /// The name of the protocol that starts the key schedule of a change of keys.
    pub const fn rekey_name(self) -> &'static str {
        match self.id() {
            0x01 => "Noise_NNpsk0_25519_AESGCM_SHA256",
            0x02 => "Noise_NNpsk0_25519_AESGCM_SHA512",
            0x03 => "Noise_NNpsk0_25519_ChaChaPoly_SHA256",
            0x04 => "Noise_NNpsk0_25519_ChaChaPoly_SHA512",
            0x11 => "Noise_NNhfs+psk0_25519+MLKEM768_AESGCM_SHA256",
            0x12 => "Noise_NNhfs+psk0_25519+MLKEM768_AESGCM_SHA512",
            0x13 => "Noise_NNhfs+psk0_25519+MLKEM768_ChaChaPoly_SHA256",
            _ => "Noise_NNhfs+psk0_25519+MLKEM768_ChaChaPoly_SHA512",
        }
    }

    /// The key exchange.
    pub const fn exchange(self) -> KeyExchange {
        self.exchange
    }

    /// Whether ML-KEM-768 stands beside X25519.
    pub const fn is_hybrid(self) -> bool {
        matches!(self.exchange, KeyExchange::Hybrid)
    }

    /// The AEAD.
    pub const fn cipher(self) -> Cipher {
        self.cipher
    }

    /// The hash of the key schedule.
    pub const fn digest(self) -> Digest {
        self.digest
    }

    /// What a partition has to permit: the cipher, the HMAC that the key schedule runs on, the key
    /// exchange.
    pub const fn algorithms(self) -> [StcAlgorithm; 3] {
        let cipher = match self.cipher {
            Cipher::Aes256Gcm => StcAlgorithm::Aes256Gcm,
            Cipher::ChaCha20Poly1305 => StcAlgorithm::ChaCha20Poly1305,
        };
        let hmac = match self.digest {
            Digest::Sha256 => StcAlgorithm::HmacSha256,
            Digest::Sha512 => StcAlgorithm::HmacSha512,
        };
        let exchange = match self.exchange {
            KeyExchange::Hybrid => StcAlgorithm::Hybrid,
            KeyExchange::Classic => StcAlgorithm::Classic,
        };
        [cipher, hmac, exchange]
    }

    const fn with(exchange: KeyExchange) -> [Self; 4] {
        [
            Self::of(exchange, Cipher::Aes256Gcm, Digest::Sha256),
            Self::of(exchange, Cipher::Aes256Gcm, Digest::Sha512),
            Self::of(exchange, Cipher::ChaCha20Poly1305, Digest::Sha256),
            Self::of(exchange, Cipher::ChaCha20Poly1305, Digest::Sha512),
        ]
    }

    /// The suite's bit in a [`SuiteSet`].
    const fn bit(self) -> u8 {
        let id = self.id();
        1 << ((id & 0x0f) - 1 + (id >> 4) * 4)
    }
}

/// A set of suites: what a partition permits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SuiteSet(u8);

impl SuiteSet {
    /// No suite.
    pub const EMPTY: Self = Self(0);

    /// Every suite.
    pub const ALL: Self = Self(0xff);

    /// The hybrid suites: what a partition permits unless it is told otherwise.
    pub const HYBRID: Self = Self(0xf0);

    /// The classic suites.
    pub const CLASSIC: Self = Self(0x0f);

    /// This set and `suite`.
    pub const fn with(self, suite: Suite) -> Self {
        Self(self.0 | suite.bit())
    }

    /// This set without `suite`.
    pub const fn without(self, suite: Suite) -> Self {
        Self(self.0 & !suite.bit())
    }

    /// Whether `suite` is in the set.
    pub const fn contains(self, suite: Suite) -> bool {
        self.0 & suite.bit() != 0
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
        let rising = Suite::CLASSIC.into_iter().chain(Suite::HYBRID);
        rising.filter(move |suite| self.contains(*suite))
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
            assert_eq!(Suite::of(suite.exchange(), suite.cipher(), suite.digest()), suite);
            assert_eq!(suite.noise_name().contains("MLKEM768"), suite.is_hybrid());
            let rest = |name: &'static str| name.split('_').skip(2).collect::<Vec<_>>();
            assert_eq!(rest(suite.noise_name()), rest(suite.rekey_name()));
        }
        for id in [0, 5, 0x10, 0x15, 0x20, 0xff] {
            assert_eq!(Suite::from_id(id), None);
        }
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let all: Vec<_> = SuiteSet::ALL.iter().collect();
        assert!(all.is_sorted_by_key(|suite| suite.id()) && all.len() == Suite::ALL.len());
        assert_eq!(SuiteSet::HYBRID.iter().collect::<Vec<_>>(), Suite::HYBRID);
        assert_eq!(SuiteSet::CLASSIC.iter().collect::<Vec<_>>(), Suite::CLASSIC);
        for suite in Suite::ALL {
            let one = SuiteSet::EMPTY.with(suite);
            assert_eq!(one.iter().collect::<Vec<_>>(), [suite]);
            assert_eq!(SuiteSet::ALL.without(suite).intersection(one), SuiteSet::EMPTY);
            assert_eq!(SuiteSet::ALL.intersection(one), one);
        }
    }
}
