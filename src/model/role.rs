//! Who may act.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A role of the HSM or of an application partition.
///
/// The numbers on the wire are the order of the variants; new ones go at the end. Scripts read the
/// full names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// HSM Security Officer: owns the appliance's HSM, creates and deletes partitions.
    #[serde(rename = "SO")]
    HsmSecurityOfficer,
    /// Partition SO: owns one application partition (PKCS#11's `CKU_SO`).
    #[serde(rename = "Partition SO")]
    PartitionSo,
    /// Crypto Officer: manages and uses keys (PKCS#11's `CKU_USER`).
    #[serde(rename = "Crypto Officer")]
    CryptoOfficer,
    /// Limited Crypto Officer: uses keys under per-key authorization (firmware 7.7 and later).
    #[serde(rename = "Limited Crypto Officer")]
    LimitedCryptoOfficer,
    /// Crypto User: uses keys, manages none.
    #[serde(rename = "Crypto User")]
    CryptoUser,
}

impl Role {
    /// The roles of an application partition, in the order LunaCM lists them.
    pub const OF_PARTITION: [Self; 4] =
        [Self::PartitionSo, Self::CryptoOfficer, Self::LimitedCryptoOfficer, Self::CryptoUser];

    /// The full name, as LunaCM prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HsmSecurityOfficer => "SO",
            Self::PartitionSo => "Partition SO",
            Self::CryptoOfficer => "Crypto Officer",
            Self::LimitedCryptoOfficer => "Limited Crypto Officer",
            Self::CryptoUser => "Crypto User",
        }
    }

    /// The short name that commands take.
    pub const fn abbreviation(self) -> &'static str {
        match self {
            Self::HsmSecurityOfficer => "so",
            Self::PartitionSo => "po",
            Self::CryptoOfficer => "co",
            Self::LimitedCryptoOfficer => "lco",
            Self::CryptoUser => "cu",
        }
    }

    /// The role of an application partition with this full or short name, in any case.
    pub fn of_partition(text: &str) -> Option<Self> {
        Self::OF_PARTITION.into_iter().find(|role| {
            text.eq_ignore_ascii_case(role.name()) || text.eq_ignore_ascii_case(role.abbreviation())
        })
    }

    /// The role that creates this one and resets it, as partition roles go.
    pub const fn creator(self) -> Option<Self> {
        match self {
            Self::HsmSecurityOfficer | Self::PartitionSo => None,
            Self::CryptoOfficer => Some(Self::PartitionSo),
            Self::LimitedCryptoOfficer | Self::CryptoUser => Some(Self::CryptoOfficer),
        }
    }

    /// Failed logins in a row that this role survives; the next thing is its lock-out or, for the
    /// two security officers, zeroization.
    pub const fn attempts(self) -> u8 {
        match self {
            Self::HsmSecurityOfficer => 3,
            _ => 10,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_and_short_names_in_any_case() {
        assert_eq!(Role::of_partition("PO"), Some(Role::PartitionSo));
        assert_eq!(Role::of_partition("crypto officer"), Some(Role::CryptoOfficer));
        assert_eq!(Role::of_partition("lco"), Some(Role::LimitedCryptoOfficer));
        assert_eq!(Role::of_partition("so"), None);
        assert_eq!(Role::of_partition("crypto"), None);
    }
}
