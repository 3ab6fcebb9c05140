//! A home's partitions for a program with many threads and no runtime, such as the PKCS#11 module.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    home::{Home, HomeError},
    partition::Partition,
    round::Connectors,
    slots::Slots,
    targets::{Targets, TargetsError, targets},
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
    connectors: Connectors,
    /// What was last found.
    slots: Mutex<Vec<ApplicationSlot>>,
}

/// A slot, as it was when the slots were last looked at.
#[derive(Clone, Debug)]
pub struct ApplicationSlot {
    /// The slot's number: the partition's own for as long as the application runs.
    pub number: u32,
    /// What the partition told of itself.
    pub info: PartitionInfo,
    /// The partition, to be called from any thread.
    pub partition: Arc<Partition>,
}

impl Application {
    /// The application of this home. Nothing is connected yet, and nothing made.
    pub fn new(home: Home) -> Self {
        let connectors = Connectors::new(Slots::default());
        Self { home, connectors, slots: Mutex::default() }
    }

    /// Looks at every link, brings lost ones back, connects to what is missing, and takes changes
    /// of configuration and token in. Partitions that cannot be reached have no slot.
    ///
    /// Waits for what answers within the time that is configured; what takes much longer than the
    /// others goes on being connected to, and is there the next time. Whoever comes while others
    /// wait takes what they find.
    ///
    /// # Errors
    /// The home, its configuration or its token cannot be used. The slots stay as they were.
    pub fn refresh(&self) -> Result<(), ApplicationError> {
        if !self.connectors.is_looking() {
            self.connectors.begin(Some(self.targets()?));
        }
        self.connectors.wait(|slots| {
            let found = slots.present().map(|slot| ApplicationSlot {
                number: slot.number,
                info: slot.partition.clone(),
                partition: slot.link().partition().clone(),
            });
            *lock(&self.slots) = found.collect();
        });
        Ok(())
    }

    /// The slots whose partitions can be reached, by number, as the last [`Self::refresh`] found them.
    /// The number of one that is not among them any more stays its partition's.
    pub fn slots(&self) -> Vec<ApplicationSlot> {
        lock(&self.slots).clone()
    }

    /// The slot of this number, as the last [`Self::refresh`] found it.
    pub fn slot(&self, number: u32) -> Option<ApplicationSlot> {
        lock(&self.slots).iter().find(|slot| slot.number == number).cloned()
    }

    /// Ends all links and connections under way, for good: whoever waits for one, or for a reply,
    /// hears so at once.
    pub fn close(&self) {
        self.connectors.close();
    }

    fn targets(&self) -> Result<Targets, ApplicationError> {
        let directory = self.home.paths()?.soft_token;
        let token = ClientToken::open(&directory, &mut SystemRandom::new())?;
        Ok(targets(&self.home, token.identity()?, &token.partitions()?)?)
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
