//! One partition's link, which comes back by itself.

use std::sync::Arc;

use crate::{
    channel::{InitiatorConfig, SessionStatus, Suite},
    crypto::PublicKey,
    model::{PartitionInfo, Reply, Request, SerialNumber, Status, cryptoki::CryptokiRequest},
    net::{ConnectError, Endpoint, Link, LinkError},
    store::ClientIdentity,
    wire::{decode, encode},
};

/// A partition on an appliance, with all it takes to reach it.
#[derive(Clone, Debug)]
pub struct Target {
    /// The appliance's name, as registered.
    pub host: String,
    /// Where the appliance is, or why that is not known.
    pub endpoint: Result<Endpoint, String>,
    /// The partition's serial number.
    pub serial: SerialNumber,
    /// The partition's registered identity.
    pub key: PublicKey,
}

/// A link to one partition. A lost link is made anew by the next request.
#[derive(Debug)]
pub struct PartitionLink {
    target: Target,
    identity: Arc<ClientIdentity>,
    link: Link,
    channel: u64,
    lost: u32,
}

impl PartitionLink {
    /// Connects, completes the handshake and activates the link.
    ///
    /// # Errors
    /// The step that failed, and how.
    pub async fn connect(
        target: Target,
        identity: Arc<ClientIdentity>,
    ) -> Result<(Self, PartitionInfo), ConnectFailure> {
        let (link, channel, partition) = establish(&target, &identity).await?;
        Ok((Self { target, identity, link, channel, lost: 0 }, partition))
    }

    /// Where this link leads.
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// The number of the link on the appliance.
    pub const fn channel(&self) -> u64 {
        self.channel
    }

    /// What is true of the channel now.
    pub fn status(&self) -> SessionStatus {
        self.link.status()
    }

    /// Whether the link is up, as far as this end knows.
    pub fn is_up(&self) -> bool {
        !self.link.is_closed()
    }

    /// How often the link was lost and came back: with each, the login on it ended.
    pub const fn times_lost(&self) -> u32 {
        self.lost
    }

    /// Asks the partition. A link found lost is made anew first; one that is lost while the
    /// request is under way is made anew only for a request that may be repeated.
    ///
    /// # Errors
    /// No link, or no reply; only [`AskError::Unanswered`] leaves open whether the request was
    /// performed.
    pub async fn ask(&mut self, request: &Request) -> Result<Reply, AskError> {
        if self.link.is_closed() {
            self.reconnect().await?;
        }
        match self.exchange(request).await {
            Err(AskError::Unanswered(LinkError::Closed)) if repeatable(request) => {
                self.reconnect().await?;
                self.exchange(request).await
            }
            outcome => outcome,
        }
    }

    async fn exchange(&self, request: &Request) -> Result<Reply, AskError> {
        let request = encode(request).map_err(|_| AskError::Malformed)?;
        let reply = self.link.call(request).await.map_err(AskError::Unanswered)?;
        decode(&reply).map_err(|_| AskError::Malformed)
    }

    async fn reconnect(&mut self) -> Result<(), AskError> {
        let established = establish(&self.target, &self.identity).await;
        let (link, channel, _) = established.map_err(AskError::Lost)?;
        self.link = link;
        self.channel = channel;
        self.lost += 1;
        Ok(())
    }
}

/// Why a partition cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectFailure {
    /// The registration of the appliance cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// No link.
    #[error("{0}")]
    Connect(#[from] ConnectError),
    /// The link ended before it was activated.
    #[error("{0}")]
    Link(#[from] LinkError),
    /// The partition refused to activate the link.
    #[error("the partition refused the link: {0}")]
    Refused(Status),
    /// The partition answered with something else.
    #[error("the partition's answer makes no sense")]
    Malformed,
}

/// Why a request has no reply.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The link was lost and did not come back; the request was not sent.
    #[error("{0}")]
    Lost(ConnectFailure),
    /// The request was sent, and no reply came: it may have been performed.
    #[error("{0}")]
    Unanswered(LinkError),
    /// The reply makes no sense.
    #[error("the partition's answer makes no sense")]
    Malformed,
}

async fn establish(
    target: &Target,
    identity: &ClientIdentity,
) -> Result<(Link, u64, PartitionInfo), ConnectFailure> {
    let config = InitiatorConfig {
        identity: identity.keys.clone(),
        partition: target.key,
        serial: target.serial.value(),
        suites: Suite::ALL.to_vec(),
    };
    let endpoint = target.endpoint.as_ref();
    let endpoint = endpoint.map_err(|reason| ConnectFailure::Unusable(reason.clone()))?;
    let link = Link::connect(endpoint, config).await?;
    let activate = Request::Activate { client: identity.label.clone() };
    let activate = encode(&activate).map_err(|_| ConnectFailure::Malformed)?;
    let reply = link.call(activate).await?;
    match decode(&reply) {
        Ok(Reply::Activated { channel, partition }) => Ok((link, channel, partition)),
        Ok(Reply::Failed(status)) => Err(ConnectFailure::Refused(status)),
        _ => Err(ConnectFailure::Malformed),
    }
}

/// Whether performing the request twice does no harm.
const fn repeatable(request: &Request) -> bool {
    match request {
        Request::Ping
        | Request::Describe
        | Request::DescribeRole { .. }
        | Request::Clients
        | Request::Identity
        | Request::Contents
        | Request::Policies => true,
        // Sessions and logins end with their link; these two need neither.
        Request::Cryptoki(request) => {
            matches!(request, CryptokiRequest::Mechanisms | CryptokiRequest::Random { .. })
        }
        Request::Activate { .. }
        | Request::Initialize { .. }
        | Request::Login { .. }
        | Request::Logout
        | Request::CreateRole { .. }
        | Request::ChangePassword { .. }
        | Request::RegisterClient { .. }
        | Request::DeregisterClient { .. }
        | Request::DeregisterSelf
        | Request::ChangePolicies { .. } => false,
    }
}
