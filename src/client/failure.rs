//! Why a partition cannot be reached, and why a request has no reply.

use crate::{
    model::{SerialNumber, Status},
    net::{ConnectError, LinkError},
};

/// Why a partition cannot be reached.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectFailure {
    /// What the client has for the appliance, its registration or a key of its own, cannot be used;
    /// and what to do.
    #[error("{0}")]
    Unusable(String, &'static str),
    /// No link.
    #[error("{0}")]
    Connect(#[from] ConnectError),
    /// The link ended before it was activated.
    #[error("{0}")]
    Link(#[from] LinkError),
    /// The partition, or the appliance for it, refused to activate the link.
    #[error("{}", refusal(*.0))]
    Refused(Status),
    /// The partition answered with something else.
    #[error("the partition's answer makes no sense")]
    Malformed,
    /// Another partition answered than the one that was asked for.
    #[error("{0}")]
    OtherPartition(OtherPartition),
    /// Other servers, which are named, say that they have the same partition: nobody can tell whose
    /// it is.
    #[error("{} this partition too, with another certificate: there is no telling whose it is", also_claim(.0))]
    Contested(Vec<String>),
    /// A server says over NTLS that it has a partition whose identity is registered here.
    #[error("the partition's identity is registered here, so that it is reached over STC alone")]
    StcOnly,
    /// An appliance says that it gave this client more partitions than any appliance has.
    #[error("the appliance names {0} partitions, and a client takes {most}", most = MOST_PARTITIONS)]
    TooManyPartitions(usize),
    /// Nothing that is registered or assigned leads to the partition any more.
    #[error("the partition is not registered for this client, or not assigned to it, any more")]
    Withdrawn,
    /// Nothing came of it yet.
    #[error("the appliance has not answered yet")]
    Pending,
    /// The system gives no thread to connect with.
    #[error("no thread can be had to connect with: {0}")]
    NoThread(String),
}

/// Partitions that an appliance can have given to one client.
pub(super) const MOST_PARTITIONS: usize = 1000;

/// A partition that tells another serial number than the one that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the partition {asked} was asked for, and the one that answered says that it is {told}")]
pub struct OtherPartition {
    /// The serial number that was asked for.
    pub asked: SerialNumber,
    /// The one that was told.
    pub told: SerialNumber,
}

/// Why a request has no reply.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AskError {
    /// The link was lost and did not come back; the request was not sent.
    #[error("{0}")]
    Lost(ConnectFailure),
    /// The link was lost and came back, or is about to; the request was meant for the one before
    /// and was not sent.
    #[error("the link was lost: what was done over it has to be done again")]
    Reconnected,
    /// No reply came; the reason tells whether the request may have been performed.
    #[error("{0}")]
    Unanswered(LinkError),
    /// The user left it before a reply came.
    #[error("interrupted")]
    GivenUp {
        /// Whether it may have been performed, and changed something.
        open: bool,
    },
    /// Another partition answered than the one that was asked for; the link was ended.
    #[error("{0}")]
    OtherPartition(OtherPartition),
    /// The reply makes no sense.
    #[error("the partition's answer makes no sense")]
    Malformed,
}

fn refusal(status: Status) -> String {
    match status {
        Status::StcNotEnabled => {
            "the partition is reached over STC only: its policy 37 says so".to_owned()
        }
        Status::TokenNotPresent => {
            "the appliance does not give this partition to this client".to_owned()
        }
        Status::DeviceRemoved => "the appliance accepts no NTLS link from here".to_owned(),
        status => format!("the partition refused the link: {status}"),
    }
}

fn also_claim(servers: &[String]) -> String {
    let verb = if servers.len() == 1 { "says that it has" } else { "say that they have" };
    format!("{} {verb}", servers.join(" and "))
}
