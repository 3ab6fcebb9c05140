//! The policies of an application partition, which its Partition SO sets.

use super::{HsmPolicy, HsmPolicySet, PolicyError, PolicyValue, policy_table};

policy_table! {
    /// A policy of an application partition.
    ///
    /// Policies about PEDs, masking, per-key authorization and partition version 1 have
    /// capability 0: this software has nothing that they could permit. Those from 59 on are ours,
    /// at the far end of the numbers, where Luna has none.
    Policy, PolicySet;
    PrivateKeyCloning = 0, "Enable private key cloning", "Allow private key cloning", 1, 1, OffToOn;
    PrivateKeyWrapping = 1, "Enable private key wrapping", "Allow private key wrapping", 1, 0, OffToOn, strict 0;
    PrivateKeyUnwrapping = 2, "Enable private key unwrapping", "Allow private key unwrapping", 1, 1, No;
    PrivateKeyMasking = 3, "Enable private key masking", "Allow private key masking", 0, 0, OffToOn;
    SecretKeyCloning = 4, "Enable secret key cloning", "Allow secret key cloning", 1, 1, OffToOn;
    SecretKeyWrapping = 5, "Enable secret key wrapping", "Allow secret key wrapping", 1, 1, OffToOn;
    SecretKeyUnwrapping = 6, "Enable secret key unwrapping", "Allow secret key unwrapping", 1, 1, No;
    SecretKeyMasking = 7, "Enable secret key masking", "Allow secret key masking", 0, 0, OffToOn;
    DigestKey = 9, "Enable DigestKey", "Allow DigestKey", 1, 0, OffToOn, strict 0;
    MultipurposeKeys = 10, "Enable multipurpose keys", "Allow multipurpose keys", 1, 1, OffToOn, strict 0;
    ChangingKeyAttributes = 11, "Enable changing key attributes", "Allow changing key attributes", 1, 1, OffToOn, strict 0;
    FailedChallengeResponses = 15, "Allow failed challenge responses", "Ignore failed challenge responses", 0, 0, OffToOn;
    NoRsaBlinding = 16, "Enable operation without RSA blinding", "Operate without RSA blinding", 1, 1, OffToOn;
    NonLocalKeySigning = 17, "Enable signing with non-local keys", "Allow signing with non-local keys", 1, 1, No;
    RawRsa = 18, "Enable raw RSA operations", "Allow raw RSA operations", 1, 0, OffToOn, strict 0;
    MaximumFailedLogins = 20, "Max failed user logins allowed", "Max failed user logins allowed", 10, 10, No;
    HighAvailabilityRecovery = 21, "Enable high availability recovery", "Allow high availability recovery", 0, 0, No;
    Activation = 22, "Enable activation", "Allow activation", 0, 0, No;
    AutoActivation = 23, "Enable auto-activation", "Allow auto-activation", 0, 0, No;
    MinimumPinLength = 25, "Minimum pin length (inverted: 255 - min)", "Minimum pin length (inverted: 255 - min)", 251, 247, No;
    MaximumPinLength = 26, "Maximum pin length", "Maximum pin length", 255, 255, No;
    KeyManagement = 28, "Enable Key Management Functions", "Allow Key Management Functions", 1, 1, OffToOn;
    NoRsaConfirmation = 29, "Enable RSA signing without confirmation", "Perform RSA signing without confirmation", 1, 1, OffToOn;
    PrivateKeyUnmasking = 31, "Enable private key unmasking", "Allow private key unmasking", 0, 0, No;
    SecretKeyUnmasking = 32, "Enable secret key unmasking", "Allow secret key unmasking", 0, 0, No;
    RsaPkcs = 33, "Enable RSA PKCS mechanism", "Allow RSA PKCS mechanism", 1, 1, OffToOn;
    CbcPadWrapping = 34, "Enable CBC-PAD (un)wrap keys of any size", "Allow CBC-PAD (un)wrap keys of any size", 1, 0, OffToOn, strict 0;
    ForcedStc = 37, "Enable Secure Trusted Channel", "Force Secure Trusted Channel", 1, 0, OnToOff;
    KeyDates = 39, "Enable Start/End Date Attributes", "Allow Start/End Date Attributes", 1, 0, OnToOff;
    PerKeyAuthorization = 40, "Enable Per-Key Authorization Data", "Require Per-Key Authorization Data", 0, 0, Both;
    PartitionVersion = 41, "Enable Partition Version", "Partition Version", 0, 0, OnToOff;
    Cpv1 = 42, "Enable CPv1", "Allow CPv1", 0, 0, OffToOn;
    NonFipsAlgorithms = 43, "Enable non-FIPS algorithms", "Allow non-FIPS algorithms", 1, 1, OffToOn;
    ExtendedDomainManagement = 44, "Enable Extended Domain Management", "Allow Extended Domain Management", 1, 0, No;
    PrehashVerification = 45, "Enable ECDSA/RSA prehash SigVer", "Allow ECDSA/RSA prehash SigVer", 1, 0, No;
    AnonymousObjects = 59, "Enable objects managed without login", "Allow objects managed without login", 1, 1, No, strict 0;
    UntrustedWrapping = 60, "Enable wrapping with untrusted keys", "Allow wrapping with untrusted keys", 1, 1, OffToOn, strict 0;
    FreeDescendants = 61, "Enable free attributes of derived keys", "Allow free attributes of derived keys", 1, 1, OffToOn, strict 0;
    CryptoUserObjects = 62, "Enable objects managed by Crypto User", "Allow objects managed by Crypto User", 1, 1, No, strict 0;
    PairwiseTests = 63, "Enable pairwise tests of generated keys", "Perform pairwise tests of generated keys", 1, 1, No;
}

impl Policy {
    /// Whether the policy is about a PIN entry device, which software has none of.
    pub const fn needs_ped(self) -> bool {
        matches!(self, Self::FailedChallengeResponses | Self::Activation | Self::AutoActivation)
    }
}

impl PolicySet {
    /// What the HSM's policies leave of the factory capabilities.
    pub fn capabilities(hsm: &HsmPolicySet) -> Self {
        let needs = |policy| match policy {
            Policy::PrivateKeyCloning | Policy::SecretKeyCloning => Some(HsmPolicy::Cloning),
            Policy::NonFipsAlgorithms => Some(HsmPolicy::NonFipsAlgorithms),
            _ => None,
        };
        let withheld = |policy| needs(policy).is_some_and(|needed| !hsm.permits(needed));
        Self::each(|policy| if withheld(policy) { 0 } else { policy.capability() })
    }

    /// Failed logins in a row that the Crypto Officer and the roles below survive.
    pub fn failed_logins(&self) -> u8 {
        self.get(Policy::MaximumFailedLogins)
    }

    /// The lengths in characters that a new password may have.
    pub fn password_lengths(&self) -> std::ops::RangeInclusive<usize> {
        let least = u8::MAX - self.get(Policy::MinimumPinLength);
        usize::from(least)..=usize::from(self.get(Policy::MaximumPinLength))
    }

    /// Holds what policies say about each other, and ranges that do not begin at 0.
    fn check(&self) -> Result<(), PolicyError> {
        if self.permits(Policy::PrivateKeyCloning) && self.permits(Policy::PrivateKeyWrapping) {
            return Err(PolicyError::Dependency(0, 1, "cannot both be on"));
        }
        if self.get(Policy::MaximumFailedLogins) == 0 {
            let policy = Policy::MaximumFailedLogins;
            let (number, text, most) = (policy.number(), policy.text(), policy.capability());
            return Err(PolicyError::Range { number, text, least: 1, most });
        }
        if self.password_lengths().is_empty() {
            return Err(PolicyError::Dependency(25, 26, "leave no length for a password"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(changes: &[(u8, u8)]) -> Result<PolicySet, PolicyError> {
        let values = |(number, value): &(u8, u8)| PolicyValue { number: *number, value: *value };
        let changes: Vec<_> = changes.iter().map(values).collect();
        PolicySet::defaults().changed(&PolicySet::factory(), &changes)
    }

    #[test]
    fn the_table_is_sorted_and_its_defaults_are_permitted() {
        assert!(Policy::ALL.is_sorted_by_key(|policy| policy.number()));
        assert_eq!(change(&[]), Ok(PolicySet::defaults()));
        for policy in Policy::ALL {
            assert!(policy.number() < 64 && policy.default_value() <= policy.capability());
        }
    }

    #[test]
    fn a_private_key_is_cloned_or_wrapped() {
        assert!(matches!(change(&[(1, 1)]), Err(PolicyError::Dependency(0, 1, _))));
        let set = change(&[(0, 0), (1, 1)]).unwrap();
        assert!(!set.permits(Policy::PrivateKeyCloning));
        assert!(set.permits(Policy::PrivateKeyWrapping));
        assert!(set.erases_from(&PolicySet::defaults()));
    }

    #[test]
    fn values_stay_within_capabilities_and_ranges() {
        assert_eq!(change(&[(99, 0)]), Err(PolicyError::Unknown(99)));
        assert!(matches!(change(&[(22, 1)]), Err(PolicyError::Capability { number: 22, .. })));
        assert!(matches!(change(&[(20, 11)]), Err(PolicyError::Capability { .. })));
        assert!(matches!(change(&[(20, 0)]), Err(PolicyError::Range { least: 1, .. })));
        assert!(matches!(change(&[(25, 252)]), Err(PolicyError::Capability { .. })));
        assert_eq!(change(&[(25, 235), (26, 20)]).unwrap().password_lengths(), 20..=20);
        assert!(matches!(change(&[(25, 235), (26, 19)]), Err(PolicyError::Dependency(25, 26, _))));
    }

    #[test]
    fn the_hsm_withholds() {
        let cloning = PolicyValue { number: HsmPolicy::Cloning.number(), value: 0 };
        let hsm = HsmPolicySet::defaults();
        let hsm = hsm.changed(&HsmPolicySet::factory(), &[cloning]).unwrap();
        let set = PolicySet::defaults().within(&PolicySet::capabilities(&hsm));
        assert!(!set.permits(Policy::PrivateKeyCloning) && !set.permits(Policy::SecretKeyCloning));
        assert!(set.permits(Policy::SecretKeyWrapping));
    }
}
