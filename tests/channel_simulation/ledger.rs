//! What an end has to make of each record, by the rules of `docs/protocol.md` (sections 5, 6 and 10)
//! and without asking the engine.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use lunacm::channel::{MAXIMUM_RECORDS, RETIRED_KEY_LIFETIME};

/// A record's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub kind: u8,
    pub epoch: u32,
    pub counter: u64,
}

impl Header {
    /// None if the bytes are no record.
    pub fn of(record: &[u8]) -> Option<Self> {
        let (header, sealed) = record.split_first_chunk::<13>()?;
        let known = sealed.len() >= 16 && [0x10, 0x11].contains(&header[0]);
        known.then(|| Self {
            kind: header[0],
            epoch: u32::from_be_bytes(header[1..5].try_into().unwrap()),
            counter: u64::from_be_bytes(header[5..].try_into().unwrap()),
        })
    }
}

/// What a record is for the end that opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Data(Vec<u8>),
    /// New settings: the replay window.
    Settings(u64),
    /// New keys: how many records were sealed under the old ones.
    KeysChanged(u64),
    /// The client has the keys of the next epoch with it.
    RekeyAnswer,
    OtherControl,
}

/// What has to become of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Fresh,
    Stale,
    Refused,
}

/// One end's account of what it has heard.
pub struct Ledger {
    epoch: u32,
    heard: BTreeMap<u32, BTreeSet<u64>>,
    old: Option<OldKey>,
    pub window: u64,
    pub fresh: u64,
    pub stale: u64,
}

/// The key of the epoch before.
#[derive(Default)]
struct OldKey {
    sealed: Option<u64>,
    deadline: Option<Duration>,
}

impl Ledger {
    pub const fn new(window: u64) -> Self {
        Self { epoch: 0, heard: BTreeMap::new(), old: None, window, fresh: 0, stale: 0 }
    }

    /// What has to become of this record, which the other end has sealed for this one or not.
    pub fn judge(&self, header: Option<Header>, is_genuine: bool) -> Expected {
        let Some(Header { epoch, counter, .. }) = header else { return Expected::Refused };
        let authentic = if is_genuine { Expected::Fresh } else { Expected::Refused };
        if epoch > self.epoch {
            return authentic;
        }
        let has_key = epoch == self.epoch || epoch + 1 == self.epoch && self.old.is_some();
        if !has_key {
            return Expected::Stale;
        }
        if counter >= MAXIMUM_RECORDS {
            return Expected::Refused;
        }
        let Some(heard) = self.heard.get(&epoch) else { return authentic };
        let newest = heard.last().copied().unwrap_or_default();
        let too_old = counter + self.window <= newest;
        if too_old || heard.contains(&counter) { Expected::Stale } else { authentic }
    }

    /// A fresh record was taken.
    pub fn take(&mut self, header: Header, said: &Said) {
        let Header { epoch, counter, .. } = header;
        self.fresh += 1;
        if epoch > self.epoch {
            self.next_epoch();
        }
        self.heard.entry(epoch).or_default().insert(counter);
        match said {
            Said::RekeyAnswer => self.next_epoch(),
            Said::Settings(window) => self.window = *window,
            Said::KeysChanged(sealed) if epoch == self.epoch => {
                if let Some(old) = &mut self.old {
                    old.sealed = Some(*sealed);
                }
            }
            Said::Data(_) | Said::KeysChanged(_) | Said::OtherControl => {}
        }
        self.retire();
    }

    pub fn tick(&mut self, now: Duration) {
        let in_use = self.heard.contains_key(&self.epoch);
        if let Some(old) = &mut self.old
            && in_use
            && now >= *old.deadline.get_or_insert(now + RETIRED_KEY_LIFETIME)
        {
            self.old = None;
        }
    }

    pub fn has_heard(&self, header: Header) -> bool {
        self.heard.get(&header.epoch).is_some_and(|heard| heard.contains(&header.counter))
    }

    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    pub const fn has_old_key(&self) -> bool {
        self.old.is_some()
    }

    fn next_epoch(&mut self) {
        self.epoch += 1;
        self.old = Some(OldKey::default());
    }

    /// The old key goes with the last record under it.
    fn retire(&mut self) {
        let Some(sealed) = self.old.as_ref().and_then(|old| old.sealed) else { return };
        let heard = self.heard.get(&(self.epoch - 1)).map_or(0, BTreeSet::len);
        if u64::try_from(heard).unwrap() >= sealed {
            self.old = None;
        }
    }
}
