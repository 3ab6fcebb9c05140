//! The policies of the HSM, which its Security Officer sets.

use super::{PolicyError, PolicyValue, policy_table};

policy_table! {
    /// A policy of the HSM.
    ///
    /// Policies about masking, PEDs, tampering and functionality modules have capability 0: this
    /// software has nothing that they could permit.
    HsmPolicy, HsmPolicySet;
    Masking = 6, "Enable masking", "Allow masking", 0, 0, OffToOn;
    Cloning = 7, "Enable cloning", "Allow cloning", 1, 1, Both;
    NonFipsAlgorithms = 12, "Enable non-FIPS algorithms", "Allow non-FIPS algorithms", 1, 1, Both;
    ResetPartitionPin = 15, "Enable SO reset of partition PIN", "SO can reset partition PIN", 1, 0, OffToOn;
    NetworkReplication = 16, "Enable network replication", "Allow network replication", 1, 1, No;
    RemoteAuthentication = 20, "Enable remote authentication", "Allow remote authentication", 0, 0, No;
    ForcePinChange = 21, "Enable forcing user PIN change", "Force user PIN change after set/reset", 1, 1, No;
    OffboardStorage = 22, "Enable offboard storage", "Allow offboard storage", 1, 1, OffToOn;
    DecommissionOnTamper = 40, "Enable decommission on tamper", "Decommission on tamper", 0, 0, No;
    DisableDecommission = 46, "Enable disabling decommission", "Disable decommission", 0, 0, Both;
    FunctionalityModules = 50, "Enable Functionality Modules", "Allow Functionality Modules", 0, 0, Both;
}

impl HsmPolicySet {
    /// The values that permit the least, for an HSM whose own cannot be trusted.
    pub fn least() -> Self {
        Self::each(|policy| u8::from(policy == HsmPolicy::ForcePinChange))
    }

    /// No policy of the HSM contradicts another.
    #[allow(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "the table's other half has rules"
    )]
    const fn check(&self) -> Result<(), PolicyError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_defaults_are_permitted() {
        assert!(HsmPolicy::ALL.is_sorted_by_key(|policy| policy.number()));
        for policy in HsmPolicy::ALL {
            assert!(policy.number() < 64 && policy.default_value() <= policy.capability());
        }
    }
}
