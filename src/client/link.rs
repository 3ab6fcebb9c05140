//! A partition's link for shells, which wait without blocking their runtime.

use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::{
    failure::{AskError, ConnectFailure},
    partition::{Attempts, Partition},
    repeatable::asks_only,
    target::Target,
};
use crate::{
    channel::SessionStatus,
    model::{PartitionInfo, Reply, Request},
    net::GiveUp,
};

/// A link to one partition. A lost link is made anew by the next request.
#[derive(Clone, Debug)]
pub struct PartitionLink {
    partition: Arc<Partition>,
}

impl PartitionLink {
    /// Connects, completes the handshake and activates the link. Blocks until that is done.
    ///
    /// # Errors
    /// The step that failed, and how.
    pub fn connect(target: Target) -> Result<(Self, PartitionInfo), ConnectFailure> {
        Self::connect_unless(target, &GiveUp::default())
    }

    /// As [`Self::connect`], unless `give_up` is raised before.
    pub(super) fn connect_unless(
        target: Target,
        give_up: &GiveUp,
    ) -> Result<(Self, PartitionInfo), ConnectFailure> {
        let (partition, info) = Partition::connect_unless(target, give_up)?;
        Ok((Self { partition: Arc::new(partition) }, info))
    }

    /// Whether this is the same link as `other`.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.partition, &other.partition)
    }

    /// The partition, for threads that may block.
    pub const fn partition(&self) -> &Arc<Partition> {
        &self.partition
    }

    /// Where this link leads.
    pub fn target(&self) -> &Target {
        self.partition.target()
    }

    /// The number of the link on the appliance.
    pub fn channel(&self) -> u64 {
        self.partition.channel()
    }

    /// What is true of the channel now; none if the link has none.
    pub fn status(&self) -> Option<SessionStatus> {
        self.partition.status()
    }

    /// Has the channel change its keys with the next request.
    pub fn rekey(&self) {
        self.partition.rekey();
    }

    /// Whether the link is up, as far as this end knows.
    pub fn is_up(&self) -> bool {
        self.partition.is_up()
    }

    /// How often the link was lost and came back: with each, the login on it ended.
    pub fn times_lost(&self) -> u64 {
        self.partition.connection()
    }

    /// Asks the partition. A link found lost is made anew first; one that is lost while the
    /// request is under way is made anew only for a request that may be repeated.
    ///
    /// # Errors
    /// As [`Partition::call`].
    pub async fn ask(&mut self, request: &Request) -> Result<Reply, AskError> {
        let (partition, request) = (self.partition.clone(), request.clone());
        let asking = spawn_blocking(move || partition.ask(&request, Attempts::Each));
        // It fails only if asking panicked, or the runtime is at its end.
        asking.await.unwrap_or(Err(AskError::Malformed))
    }

    /// As [`Self::ask`]; the link ends if `given_up` returns before the reply has come.
    ///
    /// # Errors
    /// As [`Partition::call`], and [`AskError::GivenUp`].
    pub async fn ask_unless(
        &mut self,
        request: &Request,
        given_up: impl Future<Output = ()>,
    ) -> Result<Reply, AskError> {
        let partition = self.partition.clone();
        tokio::select! {
            biased;
            () = given_up => {
                partition.close();
                Err(AskError::GivenUp { open: !asks_only(request) })
            }
            reply = self.ask(request) => reply,
        }
    }
}
