//! Which uses of keys the audit log hears of. Of everything else that it knows it always hears.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{AuditAct, Label, Status, cryptoki::ObjectClass};

/// Which uses of keys are recorded (LunaSH's `audit config -parameter event`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvents {
    /// Of public and private keys.
    pub asymmetric: RecordedUses,
    /// Of secret keys.
    pub symmetric: RecordedUses,
    /// Whether uses that succeeded are.
    pub successes: bool,
    /// Whether attempts that failed are.
    pub failures: bool,
}

/// How many uses of a key are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordedUses {
    /// None.
    #[default]
    None,
    /// The first one of each kind between a login and its end.
    First,
    /// Every one.
    Every,
}

impl AuditEvents {
    /// Every use, whatever comes of it.
    pub const ALL: Self = Self {
        asymmetric: RecordedUses::Every,
        symmetric: RecordedUses::Every,
        successes: true,
        failures: true,
    };

    /// Whether no use of a key is recorded.
    pub const fn is_none(self) -> bool {
        let uses = matches!(self.asymmetric, RecordedUses::None)
            && matches!(self.symmetric, RecordedUses::None);
        uses || !(self.successes || self.failures)
    }

    /// How many uses of a key of this class are recorded that come to this.
    pub fn of(self, class: ObjectClass, outcome: Status) -> RecordedUses {
        let wanted = if outcome == Status::Ok { self.successes } else { self.failures };
        match class {
            _ if !wanted => RecordedUses::None,
            ObjectClass::SECRET_KEY => self.symmetric,
            _ => self.asymmetric,
        }
    }
}

/// As a number at rest: two bits for each kind of key, one for each outcome.
impl From<AuditEvents> for u8 {
    fn from(events: AuditEvents) -> Self {
        let uses = |uses| match uses {
            RecordedUses::None => 0,
            RecordedUses::First => 1,
            RecordedUses::Every => 2,
        };
        uses(events.asymmetric)
            | uses(events.symmetric) << 2
            | Self::from(events.successes) << 4
            | Self::from(events.failures) << 5
    }
}

impl TryFrom<u8> for AuditEvents {
    type Error = u8;

    fn try_from(bits: u8) -> Result<Self, u8> {
        let uses = |number| match number & 3 {
            0 => Ok(RecordedUses::None),
            1 => Ok(RecordedUses::First),
            2 => Ok(RecordedUses::Every),
            _ => Err(bits),
        };
        if bits >= 1 << 6 {
            return Err(bits);
        }
        Ok(Self {
            asymmetric: uses(bits)?,
            symmetric: uses(bits >> 2)?,
            successes: bits & 1 << 4 != 0,
            failures: bits & 1 << 5 != 0,
        })
    }
}

impl FromStr for AuditEvents {
    type Err = AuditEventsError;

    /// Reads events separated by commas, as LunaSH takes them, or their first letters.
    fn from_str(text: &str) -> Result<Self, AuditEventsError> {
        let mut events = Self::default();
        for word in text.split(',') {
            match word.trim().to_ascii_lowercase().as_str() {
                "success" | "s" => events.successes = true,
                "failure" | "f" => events.failures = true,
                "asymmetric" => events.asymmetric = RecordedUses::Every,
                "symmetric" => events.symmetric = RecordedUses::Every,
                "usage" | "u" => {
                    (events.asymmetric, events.symmetric) =
                        (RecordedUses::Every, RecordedUses::Every);
                }
                "first" | "r" => at_least_first(&mut events.asymmetric),
                "symfirst" => at_least_first(&mut events.symmetric),
                "all" | "l" => events = Self::ALL,
                // The others are recorded anyway.
                "none" | "n" | "access" | "a" | "manage" | "m" | "keymanage" | "k"
                | "logmanage" | "g" => {}
                other => return Err(AuditEventsError::Unknown(other.to_owned())),
            }
        }
        let uses =
            events.asymmetric != RecordedUses::None || events.symmetric != RecordedUses::None;
        if uses && events.is_none() {
            return Err(AuditEventsError::NoOutcome);
        }
        Ok(if uses { events } else { Self::default() })
    }
}

fn at_least_first(uses: &mut RecordedUses) {
    if *uses == RecordedUses::None {
        *uses = RecordedUses::First;
    }
}

/// As [`FromStr`] reads it.
impl fmt::Display for AuditEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return f.write_str("none");
        }
        let word = |uses, first, every| match uses {
            RecordedUses::None => None,
            RecordedUses::First => Some(first),
            RecordedUses::Every => Some(every),
        };
        let words = [
            word(self.asymmetric, "first", "asymmetric"),
            word(self.symmetric, "symfirst", "symmetric"),
            self.successes.then_some("success"),
            self.failures.then_some("failure"),
        ];
        f.pad(&words.into_iter().flatten().collect::<Vec<_>>().join(","))
    }
}

/// Why a list of events is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditEventsError {
    /// A word is no event.
    #[error(
        "{0:?} is no event: use asymmetric, symmetric, first, symfirst, success, failure, all or none"
    )]
    Unknown(String),
    /// Uses of keys were named, and not what has to come of them.
    #[error("add success, failure or both: which uses of keys are to be recorded")]
    NoOutcome,
}

/// What the audit log is told to record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditConfig {
    /// For partitions that have no setting of their own.
    pub hsm: AuditEvents,
    /// The partitions, with their own settings.
    pub partitions: Vec<(Label, Option<AuditEvents>)>,
}

impl AuditAct {
    /// Whether the act is a use of a key, which is recorded if [`AuditEvents`] say so.
    pub const fn is_use(self) -> bool {
        matches!(
            self,
            Self::Encrypt
                | Self::Decrypt
                | Self::Sign
                | Self::Verify
                | Self::SignRecover
                | Self::VerifyRecover
                | Self::DigestKey
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_events_are_read_as_they_are_shown() {
        for (text, shown) in [
            ("none", "none"),
            ("access,keymanage,f,s", "none"),
            ("all", "asymmetric,symmetric,success,failure"),
            ("U, F", "asymmetric,symmetric,failure"),
            ("first,success", "first,success"),
            ("first,asymmetric,symfirst,s,f", "asymmetric,symfirst,success,failure"),
        ] {
            let events: AuditEvents = text.parse().unwrap();
            assert_eq!(events.to_string(), shown, "{text}");
            assert_eq!(shown.parse(), Ok(events));
            assert_eq!(AuditEvents::try_from(u8::from(events)), Ok(events));
        }
        assert_eq!("usage".parse::<AuditEvents>(), Err(AuditEventsError::NoOutcome));
        assert!(matches!("external,f".parse::<AuditEvents>(), Err(AuditEventsError::Unknown(_))));
        assert!("".parse::<AuditEvents>().is_err());
        assert!((0..=u8::MAX).filter(|bits| AuditEvents::try_from(*bits).is_ok()).count() == 36);
    }

    #[test]
    fn outcomes_and_classes_decide() {
        let events: AuditEvents = "first,symmetric,failure".parse().unwrap();
        let of = |class, outcome| events.of(class, outcome);
        assert_eq!(of(ObjectClass::PRIVATE_KEY, Status::DataInvalid), RecordedUses::First);
        assert_eq!(of(ObjectClass::SECRET_KEY, Status::DataInvalid), RecordedUses::Every);
        assert_eq!(of(ObjectClass::SECRET_KEY, Status::Ok), RecordedUses::None);
    }
}
