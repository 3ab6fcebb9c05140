//! Capabilities and policies: what a device can do at most, and what its officer permits.
//!
//! Numbers, texts and defaults are Luna's. A policy is changed by its number; its value is 0 or
//! 1, or for a few a count. Each table below is the only place that names its policies.

mod hsm;
mod partition;

use serde::{Deserialize, Serialize};

pub use hsm::{HsmPolicy, HsmPolicySet};
pub use partition::{Policy, PolicySet};

/// One policy's number and value, as a command gives it and the wire carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyValue {
    /// The policy's number.
    pub number: u8,
    /// The value.
    pub value: u8,
}

/// Which change of a policy erases what it protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destructive {
    /// None.
    No,
    /// From 0 to 1.
    OffToOn,
    /// From 1 to 0.
    OnToOff,
    /// Both.
    Both,
}

impl Destructive {
    /// Whether this change of the value erases.
    pub const fn erases(self, from: u8, to: u8) -> bool {
        match self {
            Self::No => false,
            Self::OffToOn => from < to,
            Self::OnToOff => from > to,
            Self::Both => from != to,
        }
    }
}

/// Why policies cannot have the values asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No policy has this number.
    #[error("there is no policy {0}")]
    Unknown(u8),
    /// The capability does not permit the policy to be changed, or not to this value.
    #[error("policy {number} ({text}) can have no value above {capability} here")]
    Capability {
        /// The policy's number.
        number: u8,
        /// The policy's text.
        text: &'static str,
        /// The greatest value permitted.
        capability: u8,
    },
    /// The value has no meaning.
    #[error("policy {number} ({text}) has values from {least} to {most}")]
    Range {
        /// The policy's number.
        number: u8,
        /// The policy's text.
        text: &'static str,
        /// The least value.
        least: u8,
        /// The greatest value.
        most: u8,
    },
    /// Two policies whose values contradict each other.
    #[error("policies {0} and {1} {2}")]
    Dependency(u8, u8, &'static str),
}

/// The name of the preset that lets keys have one role, as a command takes it for a template.
pub const STRICT_PRESET: &str = "strict";

/// What a row of a table says behind the word `strict`, if it does.
const fn preset(value: &[u8]) -> Option<u8> {
    match value {
        [value] => Some(*value),
        _ => None,
    }
}

/// Declares a table of policies and the type of a set of values of them. A row: the number, the
/// texts of capability and policy, the capability, the value before any change, which change
/// erases, and the value in the preset `strict`.
macro_rules! policy_table {
    (
        $(#[$doc:meta])* $kind:ident, $set:ident;
        $( $name:ident = $number:literal,
           $capability_text:literal, $text:literal, $most:literal, $default:literal, $erases:ident
           $(, strict $strict:literal)?; )*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $kind { $( #[doc = concat!("`", $text, "`")] $name, )* }

        impl $kind {
            /// Every policy, by number.
            pub const ALL: &'static [Self] = &[$( Self::$name, )*];

            /// The number, below 64.
            pub const fn number(self) -> u8 {
                match self { $( Self::$name => $number, )* }
            }

            /// The capability's text.
            pub const fn capability_text(self) -> &'static str {
                match self { $( Self::$name => $capability_text, )* }
            }

            /// The policy's text.
            pub const fn text(self) -> &'static str {
                match self { $( Self::$name => $text, )* }
            }

            /// The greatest value that this software permits: its factory capability.
            pub const fn capability(self) -> u8 {
                match self { $( Self::$name => $most, )* }
            }

            /// The value before any change.
            pub const fn default_value(self) -> u8 {
                match self { $( Self::$name => $default, )* }
            }

            /// Which change of it erases.
            pub const fn destructive(self) -> $crate::model::policy::Destructive {
                match self { $( Self::$name => $crate::model::policy::Destructive::$erases, )* }
            }

            /// The value that the preset `strict` gives it; none if the preset leaves it.
            pub const fn strict(self) -> Option<u8> {
                match self {
                    $( Self::$name => $crate::model::policy::preset(&[$($strict)?]), )*
                }
            }

            /// The policy of this number.
            pub fn of(number: u8) -> Option<Self> {
                Self::ALL.iter().copied().find(|policy| policy.number() == number)
            }
        }

        /// A value for every policy of the table; copied and looked up without a search.
        #[derive(Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(from = "Vec<PolicyValue>", into = "Vec<PolicyValue>")]
        pub struct $set([u8; 64]);

        impl $set {
            /// The values before any change.
            pub fn defaults() -> Self {
                Self::each($kind::default_value)
            }

            /// What the preset `strict` sets, by number.
            pub fn strict() -> Vec<PolicyValue> {
                let set = |policy: &$kind| {
                    let number = policy.number();
                    policy.strict().map(|value| PolicyValue { number, value })
                };
                $kind::ALL.iter().filter_map(set).collect()
            }

            /// The factory capabilities.
            pub fn factory() -> Self {
                Self::each($kind::capability)
            }

            fn each(value: impl Fn($kind) -> u8) -> Self {
                let mut set = Self([0; 64]);
                for policy in $kind::ALL {
                    set.put(*policy, value(*policy));
                }
                set
            }

            /// The value of a policy.
            pub fn get(&self, policy: $kind) -> u8 {
                self.0.get(usize::from(policy.number())).copied().unwrap_or_default()
            }

            /// Whether a policy's value is not 0.
            pub fn permits(&self, policy: $kind) -> bool {
                self.get(policy) != 0
            }

            fn put(&mut self, policy: $kind, value: u8) {
                if let Some(place) = self.0.get_mut(usize::from(policy.number())) {
                    *place = value;
                }
            }

            /// These values with others in the place of some; unknown numbers are left out.
            pub fn with(&self, values: &[PolicyValue]) -> Self {
                let mut set = *self;
                for PolicyValue { number, value } in values {
                    if let Some(policy) = $kind::of(*number) {
                        set.put(policy, *value);
                    }
                }
                set
            }

            /// These values, none above its capability.
            pub fn within(&self, capabilities: &Self) -> Self {
                Self::each(|policy| self.get(policy).min(capabilities.get(policy)))
            }

            /// The policies whose values differ from `before`, with their values here.
            pub fn changes_from(&self, before: &Self) -> Vec<PolicyValue> {
                let differs = |policy: &&$kind| self.get(**policy) != before.get(**policy);
                $kind::ALL
                    .iter()
                    .filter(differs)
                    .map(|policy| PolicyValue { number: policy.number(), value: self.get(*policy) })
                    .collect()
            }

            /// Whether coming here from `before` erases.
            pub fn erases_from(&self, before: &Self) -> bool {
                $kind::ALL.iter().any(|policy| {
                    policy.destructive().erases(before.get(*policy), self.get(*policy))
                })
            }

            /// The set after these changes, each of them within its capability.
            ///
            /// # Errors
            /// The first policy that cannot have its value, or a contradiction.
            pub fn changed(
                &self,
                capabilities: &Self,
                changes: &[PolicyValue],
            ) -> Result<Self, PolicyError> {
                let mut set = *self;
                for PolicyValue { number, value } in changes.iter().copied() {
                    let policy = $kind::of(number).ok_or(PolicyError::Unknown(number))?;
                    let capability = capabilities.get(policy);
                    if value > capability {
                        let text = policy.text();
                        return Err(PolicyError::Capability { number, text, capability });
                    }
                    set.put(policy, value);
                }
                set.check()?;
                Ok(set)
            }
        }

        impl From<Vec<PolicyValue>> for $set {
            /// Numbers that the table does not have are left out, missing ones are 0.
            fn from(values: Vec<PolicyValue>) -> Self {
                Self([0; 64]).with(&values)
            }
        }

        impl From<$set> for Vec<PolicyValue> {
            fn from(set: $set) -> Self {
                let value =
                    |policy: &$kind| PolicyValue { number: policy.number(), value: set.get(*policy) };
                $kind::ALL.iter().map(value).collect()
            }
        }

        impl std::fmt::Debug for $set {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let values = $kind::ALL.iter().map(|policy| (policy.number(), self.get(*policy)));
                f.debug_map().entries(values).finish()
            }
        }
    };
}
use policy_table;
