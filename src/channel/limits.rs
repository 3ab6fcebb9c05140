//! How much one key may do before it is changed, and before it has to stop.

use crate::crypto::TAG_BYTES;

/// Records that one key seals before the session is over.
///
/// Far below the 2^64 - 1 that Noise permits, and above any threshold for a change of keys
/// (4000 million), so that the limit is met only when that change has failed.
pub const MAXIMUM_RECORDS: u64 = 1 << 32;

/// Bytes of plaintext that one key seals before the session is over: 2^33 blocks of AES-GCM, with
/// which an attacker's advantage stays below 2^-60.
pub const MAXIMUM_BYTES: u64 = 1 << 37;

/// Records that a key may do beyond its threshold while its change is under way, however low the
/// threshold is.
pub const GRACE_RECORDS: u64 = 1 << 16;

/// When the keys are changed, by what either direction's key has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLimits {
    /// Records; 0 leaves it to [`MAXIMUM_RECORDS`].
    pub messages: u64,
    /// Bytes of plaintext, at most half of [`MAXIMUM_BYTES`].
    pub bytes: u64,
}

impl KeyLimits {
    /// 400 million records (Luna's default), 64 GiB.
    pub const DEFAULT: Self = Self { messages: 400_000_000, bytes: MAXIMUM_BYTES / 2 };

    /// Records after which keys are changed: room is left for what is sealed until they are.
    pub(super) const fn records(self) -> u64 {
        const LATEST: u64 = MAXIMUM_RECORDS - (1 << 28);
        if self.messages == 0 || self.messages > LATEST { LATEST } else { self.messages }
    }

    /// Whether a key has done so much more than it should have that there will be no change: as
    /// many records again, at least [`GRACE_RECORDS`]. What it had done before these limits were
    /// set is nobody's fault.
    pub(super) const fn overrun(self, used: Used) -> bool {
        let records = self.records();
        let due = if used.measured_from > records { used.measured_from } else { records };
        used.records.saturating_sub(due)
            >= if records > GRACE_RECORDS { records } else { GRACE_RECORDS }
    }

    /// Bytes after which keys are changed.
    const fn volume(self) -> u64 {
        if self.bytes < MAXIMUM_BYTES / 2 { self.bytes } else { MAXIMUM_BYTES / 2 }
    }

    /// Whether a key that has done this much is due to be changed.
    pub(super) const fn reached(self, used: Used) -> bool {
        used.records >= self.records() || used.bytes >= self.volume()
    }

    /// Records that are left for a key before it is due. Once a part of its volume is used up, it
    /// is taken into account that they may stay as large as they were. None only if it is due.
    pub(super) fn left(self, used: Used) -> u64 {
        let records = self.records().saturating_sub(used.records);
        let bytes = u128::from(self.volume().saturating_sub(used.bytes));
        // A few records say little about those to come.
        if used.bytes <= self.volume() / 64 && bytes > 0 {
            return records;
        }
        let by_volume = (bytes * u128::from(used.records)).div_ceil(u128::from(used.bytes.max(1)));
        records.min(by_volume.try_into().unwrap_or(u64::MAX))
    }
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What one key has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) records: u64,
    pub(super) bytes: u64,
    /// Records that it had done when the limits were last set.
    measured_from: u64,
}

impl Used {
    /// What a key has done that has sealed or opened this much, all of it under the same limits.
    pub(super) const fn new(records: u64, bytes: u64) -> Self {
        Self { records, bytes, measured_from: 0 }
    }

    /// Other limits hold from now on.
    pub(super) const fn measure_anew(&mut self) {
        self.measured_from = self.records;
    }

    /// Counts a record of this much plaintext.
    pub(super) const fn count(&mut self, plaintext: u64) {
        self.records += 1;
        self.bytes += plaintext;
    }

    /// Whether the key has done all it may.
    pub(super) const fn is_exhausted(self) -> bool {
        self.records >= MAXIMUM_RECORDS || self.bytes >= MAXIMUM_BYTES
    }
}

// 4000 million, the largest threshold, leaves room for the change itself.
const _: () = assert!(KeyLimits { messages: 4_000_000_000, bytes: 0 }.records() == 4_000_000_000);
// Block counts are of 16 bytes, as tags are.
const _: () = assert!(MAXIMUM_BYTES / 16 == 1 << 33 && TAG_BYTES == 16);

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn what_is_left_ends_with_either_limit() {
        let limits = KeyLimits { messages: 1000, bytes: 100 * MIB };
        for (records, bytes, left) in [
            (0, 0, 1000),
            (1, 1, 999),
            (10, 10 * 1000, 990),
            // Of 1 MiB each: the volume is what ends it.
            (1, MIB, 999),
            (2, 2 * MIB, 98),
            (60, 60 * MIB, 40),
            (99, 99 * MIB, 1),
            (99, 100 * MIB - 1, 1),
            (100, 100 * MIB, 0),
            (1000, 5, 0),
            (2000, 200 * MIB, 0),
        ] {
            let used = Used::new(records, bytes);
            assert_eq!(limits.left(used), left, "{records}, {bytes}");
            assert_eq!(limits.reached(used), left == 0, "{records}, {bytes}");
        }
        let never = KeyLimits { messages: 0, ..KeyLimits::DEFAULT };
        assert_eq!(never.left(Used::new(1 << 19, 1 << 35)), 1 << 19);
        assert_eq!(KeyLimits { messages: 7, bytes: 0 }.left(Used::new(3, 3)), 0);
        assert_eq!(KeyLimits { messages: 7, bytes: 0 }.left(Used::new(0, 0)), 0);
    }

    #[test]
    fn no_limit_is_beyond_what_a_key_may_do() {
        let latest = MAXIMUM_RECORDS - (1 << 28);
        for (messages, records) in
            [(0, latest), (1, 1), (latest, latest), (latest + 1, latest), (u64::MAX, latest)]
        {
            assert_eq!(KeyLimits { messages, bytes: 0 }.records(), records);
        }
        let half = MAXIMUM_BYTES / 2;
        for (bytes, volume) in
            [(0, 0), (1, 1), (half - 1, half - 1), (half, half), (half + 1, half), (u64::MAX, half)]
        {
            let limits = KeyLimits { messages: 0, bytes };
            assert_eq!(limits.volume(), volume);
            assert!(limits.reached(Used::new(0, volume)));
            assert!(volume == 0 || !limits.reached(Used::new(0, volume - 1)));
        }
    }
}
