//! How an NTLS link comes to its partition: the client is known by its certificate since TLS's
//! handshake, and names in its first request where it wants to go.

use std::{
    net::{IpAddr, ToSocketAddrs},
    sync::atomic::Ordering,
};

use super::dispatch::{ClientLink, Dispatch};
use crate::{
    crypto::CertificateHash,
    hsm::{LinkClient, NtlsClient},
    model::{ClientHost, LinkService, Reply, Request, SerialNumber, Status},
};

impl Dispatch {
    /// Tells an NTLS client its partitions.
    pub(super) fn assigned(&self, link: &ClientLink) -> (Reply, bool) {
        match self.accepted(link) {
            Ok((client, _)) => (Reply::Serials(client.partitions), false),
            Err(status) => (Reply::Failed(status), true),
        }
    }

    /// Leads an NTLS link to a partition. Another answer than `Activated` ends it.
    pub(super) fn open_partition(&self, link: &ClientLink, serial: SerialNumber) -> (Reply, bool) {
        match self.try_open(link, serial) {
            Ok(reply) => {
                self.services.count_accepted();
                tracing::info!(channel = link.channel, %serial, "link is up");
                (reply, false)
            }
            Err(status) => {
                self.services.count_refused();
                tracing::warn!(channel = link.channel, %serial, %status, "NTLS link refused");
                (Reply::Failed(status), true)
            }
        }
    }

    fn try_open(&self, link: &ClientLink, serial: SerialNumber) -> Result<Reply, Status> {
        let (client, certificate) = self.accepted(link)?;
        if !client.partitions.contains(&serial) {
            return Err(Status::TokenNotPresent);
        }
        if self.hsm.requires_stc(serial) {
            return Err(Status::StcNotEnabled);
        }
        // From here on an end of the assignment finds the link, and each request asks again.
        self.live.lead(link.channel, serial);
        let session = self.hsm.link(serial, certificate).from_address(link.from);
        link.session.set(session).map_err(|_| Status::FunctionRejected)?;
        let session = link.session.get().ok_or(Status::DeviceError)?;
        match self.hsm.perform(session, Request::Describe).0 {
            Reply::Partition(partition) => {
                link.active.store(true, Ordering::Release);
                Ok(Reply::Activated { channel: link.channel, partition })
            }
            Reply::Failed(status) => Err(status),
            _ => Err(Status::DeviceError),
        }
    }

    /// The client of an NTLS link, if NTLS is served to it here and now.
    fn accepted(&self, link: &ClientLink) -> Result<(NtlsClient, CertificateHash), Status> {
        let LinkClient::Ntls(certificate) = link.client else {
            return Err(Status::FunctionRejected);
        };
        let client = self.hsm.ntls_client(certificate).ok_or(Status::TokenNotPresent)?;
        let elsewhere = self.hsm.ntls_binding()?.is_some_and(|bound| bound != link.at);
        if elsewhere || !self.services.runs(LinkService::Ntls) {
            return Err(Status::DeviceRemoved);
        }
        if self.hsm.address_check()? && !addresses(&client).contains(&link.from) {
            tracing::warn!(client = %client.name, from = %link.from, "not its registered address");
            return Err(Status::DeviceRemoved);
        }
        self.live.admit(link.channel).map_err(|too_many| {
            tracing::warn!(channel = link.channel, %too_many, "link refused");
            Status::SessionCount
        })?;
        Ok((client, certificate))
    }
}

/// The addresses that a client may connect from. A name that cannot be resolved has none.
fn addresses(client: &NtlsClient) -> Vec<IpAddr> {
    let given = client.address.or(match client.host {
        ClientHost::Address(address) => Some(address),
        ClientHost::Name(_) => None,
    });
    if let Some(address) = given {
        return vec![address.to_canonical()];
    }
    let resolved = (client.host.to_string(), 0).to_socket_addrs();
    resolved.into_iter().flatten().map(|found| found.ip().to_canonical()).collect()
}
