//! A home's partitions for a program with many threads and no runtime, such as the PKCS#11 module.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    home::{Home, HomeError},
    partition::Partition,
    slots::Slots,
    targets::{TargetsError, targets},
};
use crate::{
    crypto::SystemRandom,
    model::PartitionInfo,
    store::{ClientToken, StoreError},
};

/// The slots of a home: the same, under the same numbers, that `lunacm` shows.
#[derive(Debug)]
pub struct Application {
    home: Home,
    /// Locked while the network is asked.
    slots: Mutex<Slots>,
    /// What it said last.
    present: Mutex<Vec<ApplicationSlot>>,
}

/// A slot, as it was when the slots were last looked at.
#[derive(Clone, Debug)]
pub struct ApplicationSlot {
    /// The slot's number.
    pub number: u32,
    /// What the partition told of itself.
    pub info: PartitionInfo,
    /// The partition, to be called from any thread.
    pub partition: Arc<Partition>,
}

impl Application {
    /// The application of this home. Nothing is connected yet, and nothing made.
    pub fn new(home: Home) -> Self {
        Self { home, slots: Mutex::default(), present: Mutex::default() }
    }

    /// Looks at every link, brings lost ones back, connects to what is missing, and takes changes
    /// of configuration and token in. Partitions that cannot be reached have no slot.
    ///
    /// # Errors
    /// The home, its configuration or its token cannot be used. The slots stay as they were.
    pub fn refresh(&self) -> Result<(), ApplicationError> {
        let mut slots = lock(&self.slots);
        let directory = self.home.paths()?.soft_token;
        let token = ClientToken::open(&directory, &mut SystemRandom::new())?;
        slots.set_targets(targets(&self.home, token.identity()?, &token.partitions()?)?);
        slots.refresh_blocking();
        let present = slots.slots().iter().map(|slot| ApplicationSlot {
            number: slot.number,
            info: slot.partition.clone(),
            partition: slot.link().partition().clone(),
        });
        *lock(&self.present) = present.collect();
        Ok(())
    }

    /// The slots, by number, as the last [`Self::refresh`] found them.
    pub fn slots(&self) -> Vec<ApplicationSlot> {
        lock(&self.present).clone()
    }

    /// The slot of this number, as the last [`Self::refresh`] found it.
    pub fn slot(&self, number: u32) -> Option<ApplicationSlot> {
        lock(&self.present).iter().find(|slot| slot.number == number).cloned()
    }

    /// Ends all links: whoever waits for a reply hears so at once.
    pub fn close(&self) {
        for slot in std::mem::take(&mut *lock(&self.present)) {
            slot.partition.close();
        }
        *lock(&self.slots) = Slots::default();
    }
}

/// Why a home gives no slots.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    /// The home or its configuration.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The registered appliances.
    #[error(transparent)]
    Targets(#[from] TargetsError),
    /// The token.
    #[error(transparent)]
    Token(#[from] StoreError),
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
