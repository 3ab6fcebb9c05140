//! What a Partition SO sets for STC: limits of links, and the algorithms they may use.

use serde::{Deserialize, Serialize};

/// What an algorithm is for. A link uses one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StcFamily {
    /// Encryption.
    Cipher,
    /// The HMAC of the key schedule.
    Hmac,
    /// The agreement on keys.
    KeyExchange,
}

/// An algorithm of STC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StcAlgorithm {
    /// AES-256 in Galois/Counter Mode.
    Aes256Gcm,
    /// ChaCha20-Poly1305.
    ChaCha20Poly1305,
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
    /// X25519 with ML-KEM-768 beside it.
    Hybrid,
    /// X25519 alone.
    Classic,
}

impl StcAlgorithm {
    /// Every algorithm, by family and number.
    pub const ALL: [Self; 6] = [
        Self::Aes256Gcm,
        Self::ChaCha20Poly1305,
        Self::HmacSha256,
        Self::HmacSha512,
        Self::Hybrid,
        Self::Classic,
    ];

    /// What it is for.
    pub const fn family(self) -> StcFamily {
        match self {
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => StcFamily::Cipher,
            Self::HmacSha256 | Self::HmacSha512 => StcFamily::Hmac,
            Self::Hybrid | Self::Classic => StcFamily::KeyExchange,
        }
    }

    /// Its number in its family. HMACs have Luna's numbers.
    pub const fn id(self) -> u8 {
        match self {
            Self::HmacSha256 => 0,
            Self::Aes256Gcm | Self::HmacSha512 | Self::Hybrid => 1,
            Self::ChaCha20Poly1305 | Self::Classic => 2,
        }
    }

    /// Its name on screens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "AES 256 Bit with Galois/Counter Mode",
            Self::ChaCha20Poly1305 => "ChaCha20-Poly1305 256 Bit",
            Self::HmacSha256 => "HMAC with SHA 256 Bit",
            Self::HmacSha512 => "HMAC with SHA 512 Bit",
            Self::Hybrid => "X25519 with ML-KEM-768",
            Self::Classic => "X25519",
        }
    }

    /// The algorithms of a family.
    pub fn of(family: StcFamily) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |algorithm| algorithm.family() == family)
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Aes256Gcm => 1,
            Self::ChaCha20Poly1305 => 1 << 1,
            Self::HmacSha256 => 1 << 2,
            Self::HmacSha512 => 1 << 3,
            Self::Hybrid => 1 << 4,
            Self::Classic => 1 << 5,
        }
    }
}

/// A set of algorithms, at least one of each family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct StcAlgorithms(u8);

impl StcAlgorithms {
    /// Whether an algorithm is in the set.
    pub const fn permits(self, algorithm: StcAlgorithm) -> bool {
        self.0 & algorithm.bit() != 0
    }

    /// This set with the algorithm or without it.
    ///
    /// # Errors
    /// It is the last of its family.
    pub fn set(self, algorithm: StcAlgorithm, enabled: bool) -> Result<Self, LastAlgorithm> {
        let bits = if enabled { self.0 | algorithm.bit() } else { self.0 & !algorithm.bit() };
        Self::try_from(bits)
    }
}

impl Default for StcAlgorithms {
    /// All but X25519 alone.
    fn default() -> Self {
        let bits = StcAlgorithm::ALL.into_iter().fold(0, |bits, algorithm| bits | algorithm.bit());
        Self(bits & !StcAlgorithm::Classic.bit())
    }
}

impl TryFrom<u8> for StcAlgorithms {
    type Error = LastAlgorithm;

    fn try_from(bits: u8) -> Result<Self, LastAlgorithm> {
        let set = Self(bits & 0x3f);
        let has = |family| StcAlgorithm::of(family).any(|algorithm| set.permits(algorithm));
        let complete =
            [StcFamily::Cipher, StcFamily::Hmac, StcFamily::KeyExchange].into_iter().all(has);
        if complete { Ok(set) } else { Err(LastAlgorithm) }
    }
}

impl From<StcAlgorithms> for u8 {
    fn from(set: StcAlgorithms) -> Self {
        set.0
    }
}

/// A family would be left without an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at least one algorithm of each kind has to stay enabled")]
pub struct LastAlgorithm;

/// A partition's settings for STC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StcSettings {
    /// How long a link may take to come up, in seconds.
    pub activation_timeout: u16,
    /// Messages after which keys are changed, in millions; 0 for never.
    pub rekey_threshold: u16,
    /// How far behind the newest a message may come, in messages.
    pub replay_window: u16,
    /// What links may use.
    pub algorithms: StcAlgorithms,
}

impl StcSettings {
    /// Whether every number is within Luna's ranges.
    pub fn is_valid(&self) -> bool {
        (1..=240).contains(&self.activation_timeout)
            && self.rekey_threshold <= 4000
            && (100..=1000).contains(&self.replay_window)
    }
}

impl Default for StcSettings {
    /// Luna's defaults.
    fn default() -> Self {
        Self {
            activation_timeout: 120,
            rekey_threshold: 400,
            replay_window: 120,
            algorithms: StcAlgorithms::default(),
        }
    }
}

/// A change of one setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StcChange {
    /// How long a link may take to come up: 1 to 240 seconds.
    ActivationTimeout(u16),
    /// Messages after which keys are changed: 0 to 4000 million.
    RekeyThreshold(u16),
    /// The replay window: 100 to 1000 messages.
    ReplayWindow(u16),
    /// Whether links may use an algorithm, or all of a family.
    Algorithm {
        /// The family.
        family: StcFamily,
        /// The algorithm's number; all of them without one.
        id: Option<u8>,
        /// Whether they may.
        enabled: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_name_one_algorithm_of_a_family() {
        for algorithm in StcAlgorithm::ALL {
            let same = |other: &StcAlgorithm| other.id() == algorithm.id();
            assert_eq!(StcAlgorithm::of(algorithm.family()).filter(same).count(), 1);
        }
    }

    #[test]
    fn the_last_of_a_family_stays() {
        let set = StcAlgorithms::default();
        assert!(!set.permits(StcAlgorithm::Classic));
        assert_eq!(set.set(StcAlgorithm::Hybrid, false), Err(LastAlgorithm));
        let both = set.set(StcAlgorithm::Classic, true).unwrap();
        let classic = both.set(StcAlgorithm::Hybrid, false).unwrap();
        assert!(classic.permits(StcAlgorithm::Classic) && !classic.permits(StcAlgorithm::Hybrid));
        assert_eq!(StcAlgorithms::try_from(u8::from(classic)), Ok(classic));
        assert_eq!(StcAlgorithms::try_from(0), Err(LastAlgorithm));
    }
}
