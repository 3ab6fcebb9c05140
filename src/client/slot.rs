//! One slot of a client: a number, the partition that it belongs to, and the link to it.

use super::{
    failure::{AskError, ConnectFailure},
    link::PartitionLink,
};
use crate::model::{PartitionInfo, Reply, Request, SerialNumber};

/// A slot: a partition at the other end of a link, or of one that was lost.
#[derive(Clone, Debug)]
pub struct Slot {
    /// The number, the partition's own for as long as the program runs.
    pub number: u32,
    /// The partition as it was when it last told.
    pub partition: PartitionInfo,
    pub(super) link: PartitionLink,
    pub(super) lost: Option<ConnectFailure>,
}

impl Slot {
    /// The link to the partition.
    pub const fn link(&self) -> &PartitionLink {
        &self.link
    }

    /// Why the partition could not be reached when the slots were last looked at, if it could not.
    pub const fn lost(&self) -> Option<&ConnectFailure> {
        self.lost.as_ref()
    }

    /// Whether other servers say that they have the same partition.
    pub(super) const fn is_contested(&self) -> bool {
        matches!(self.lost, Some(ConnectFailure::Contested(_)))
    }

    /// Asks the partition.
    ///
    /// # Errors
    /// As [`PartitionLink::ask`].
    pub async fn ask(&mut self, request: &Request) -> Result<Reply, AskError> {
        let reply = self.link.ask(request).await;
        self.note(reply)
    }

    /// As [`Self::ask`], unless `given_up` returns first.
    ///
    /// # Errors
    /// As [`PartitionLink::ask_unless`].
    pub async fn ask_unless(
        &mut self,
        request: &Request,
        given_up: impl Future<Output = ()>,
    ) -> Result<Reply, AskError> {
        let reply = self.link.ask_unless(request, given_up).await;
        self.note(reply)
    }

    /// Asks the partition what it is now, unless `given_up` returns first.
    ///
    /// # Errors
    /// As [`PartitionLink::ask_unless`].
    pub async fn describe(&mut self, given_up: impl Future<Output = ()>) -> Result<(), AskError> {
        match self.ask_unless(&Request::Describe, given_up).await? {
            Reply::Partition(partition) => {
                self.partition = partition;
                Ok(())
            }
            _ => Err(AskError::Malformed),
        }
    }

    /// Notes whether the partition could be reached.
    fn note(&mut self, reply: Result<Reply, AskError>) -> Result<Reply, AskError> {
        match &reply {
            Ok(_) => self.lost = None,
            Err(AskError::Lost(failure)) => self.lost = Some(failure.clone()),
            Err(_) => {}
        }
        reply
    }
}

/// A registered partition without a slot.
#[derive(Clone, Debug)]
pub struct Missing {
    /// The partition's serial number.
    pub serial: SerialNumber,
    /// What each enabled server's connection came to, by the server's name.
    pub reasons: Vec<(String, ConnectFailure)>,
}
