//! What a record of the audit log says beside who, what and the outcome.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::Role;

/// Where an act came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditSource {
    /// The address of a client's machine.
    Address(IpAddr),
    /// A user of the appliance's machine, by number, over the local socket.
    User(u32),
}

impl fmt::Display for AuditSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "from {address}"),
            Self::User(number) => write!(f, "user {number}"),
        }
    }
}

/// What else is to be known of an act.
///
/// The numbers in stored records are the order of the variants: new ones go at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditDetail {
    /// The record stands for more like it, which have none of their own.
    Summed {
        /// How many more.
        more: u64,
        /// When the first of them came, in seconds since 1970 UTC.
        since: u64,
    },
    /// Why something was zeroized: a role's password was wrong too often in a row.
    WrongPasswords {
        /// The role.
        role: Role,
        /// How many attempts that were.
        attempts: u8,
    },
    /// Why the HSM was zeroized: its administrator asked for it.
    Ordered {
        /// Whether its policies went back to their defaults too.
        factory_reset: bool,
    },
    /// How far the clock went back, in seconds.
    ClockBack {
        /// Seconds.
        seconds: u64,
    },
    /// Which records went into an archive.
    Archived {
        /// The number of the first one.
        first: u64,
        /// The number of the last one.
        last: u64,
        /// The archive's file, in the file area.
        file: String,
    },
    /// Which records are gone.
    Cleared {
        /// The number of the first one.
        first: u64,
        /// The number of the last one.
        last: u64,
    },
    /// How many records a syslog server did not get.
    Lost {
        /// The number of records.
        records: u64,
        /// The server, as the list of them names it.
        server: String,
    },
}

impl fmt::Display for AuditDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Summed { more, .. } => write!(f, "and {} more", Grouped(*more)),
            Self::WrongPasswords { role, attempts } => {
                write!(f, "after wrong password {attempts} of {role}")
            }
            Self::Ordered { factory_reset: false } => f.write_str("by order"),
            Self::Ordered { factory_reset: true } => f.write_str("by order, with its policies"),
            Self::ClockBack { seconds } => write!(f, "by {} s", Grouped(*seconds)),
            Self::Archived { first, last, file } => {
                write!(f, "records {first} to {last} in {file}")
            }
            Self::Cleared { first, last } => write!(f, "records {first} to {last}"),
            Self::Lost { records, server } => {
                write!(f, "{} records not sent to {server}", Grouped(*records))
            }
        }
    }
}

/// A number with commas between its thousands.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_read_at_a_glance() {
        for (detail, text) in [
            (AuditDetail::Summed { more: 2_912, since: 0 }, "and 2,912 more"),
            (AuditDetail::Summed { more: 12, since: 0 }, "and 12 more"),
            (AuditDetail::ClockBack { seconds: 1_000_000 }, "by 1,000,000 s"),
            (
                AuditDetail::WrongPasswords { role: Role::PartitionSo, attempts: 10 },
                "after wrong password 10 of Partition SO",
            ),
        ] {
            assert_eq!(detail.to_string(), text);
        }
    }
}
