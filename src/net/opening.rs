//! A connection whose handshakes are over and that is no link yet: its first requests go one behind
//! the other, under the same deadline as the handshakes.

use zeroize::Zeroizing;

use super::{
    carrier::Carrier,
    codec::Codec,
    connecting::{ConnectError, Endpoint, GiveUp, Handshake, failed},
    link::Link,
    tls::Credentials,
};
use crate::channel::InitiatorConfig;

/// The number of these requests; those of [`Link::call`] begin at 1.
const FIRST: u32 = 0;

/// A connection to an appliance or a partition.
pub struct Opening {
    handshake: Handshake,
    carrier: Carrier,
    endpoint: Endpoint,
}

impl Opening {
    /// Connects to the appliance and completes the handshake with the partition, unless `give_up`
    /// is raised before.
    ///
    /// # Errors
    /// The step that failed, and how.
    pub fn stc(
        endpoint: &Endpoint,
        config: InitiatorConfig,
        give_up: &GiveUp,
    ) -> Result<Self, ConnectError> {
        let mut handshake = Handshake::secured(endpoint, None, give_up)?;
        let session = handshake.agree(config)?;
        let carrier = Carrier::new(handshake.take_framed(), Some(session));
        Ok(Self { handshake, carrier, endpoint: endpoint.clone() })
    }

    /// Connects to the appliance and shows it this client's certificate, unless `give_up` is raised
    /// before.
    ///
    /// The server's opinion of the certificate comes behind TLS's handshake (RFC 8446 section
    /// 4.4.2.4): only with a reply is it certain that there is a link.
    ///
    /// # Errors
    /// The step that failed, and how.
    pub fn ntls(
        endpoint: &Endpoint,
        credentials: &Credentials,
        give_up: &GiveUp,
    ) -> Result<Self, ConnectError> {
        let mut handshake = Handshake::secured(endpoint, Some(credentials), give_up)?;
        let carrier = Carrier::new(handshake.take_framed(), None);
        Ok(Self { handshake, carrier, endpoint: endpoint.clone() })
    }

    /// Sends a request and waits for its reply.
    ///
    /// # Errors
    /// The connection ended, or its time is over.
    pub fn ask(&mut self, request: &[u8]) -> Result<Zeroizing<Vec<u8>>, ConnectError> {
        let (handshake, carrier) = (&mut self.handshake, &mut self.carrier);
        let mut out = Vec::new();
        carrier.send(FIRST, request, &mut out).map_err(|error| failed(&error))?;
        let sent = handshake.write(&out);
        loop {
            // A server that refused may have closed before all was written: what it said first
            // counts.
            if let Err(error) = handshake.fill() {
                return Err(sent.err().unwrap_or(error));
            }
            out.clear();
            let mut reply = None;
            let mut hand_over = |id, content| {
                if id == FIRST && reply.is_none() {
                    reply = Some(content);
                }
            };
            Codec::receive(carrier, &mut handshake.inbox, &mut out, &mut hand_over)
                .map_err(|error| failed(&error))?;
            if !out.is_empty() {
                handshake.write(&out)?;
            }
            if let Some(reply) = reply {
                return Ok(reply);
            }
        }
    }

    /// The link that any number of threads use.
    ///
    /// # Errors
    /// The socket is no more.
    pub fn into_link(self) -> Result<Link, ConnectError> {
        let patience = self.endpoint.patience;
        let (socket, inbox) = self.handshake.into_parts(patience)?;
        Ok(Link::established(self.carrier, (socket, inbox), patience))
    }
}

impl Link {
    /// Connects to the appliance and completes the handshake with the partition.
    ///
    /// # Errors
    /// The step that failed, and how.
    pub fn connect(endpoint: &Endpoint, config: InitiatorConfig) -> Result<Self, ConnectError> {
        Opening::stc(endpoint, config, &GiveUp::default())?.into_link()
    }

    /// Connects to the appliance, shows it this client's certificate, and sends the first request;
    /// gives its reply with the link.
    ///
    /// # Errors
    /// The step that failed, and how.
    pub fn connect_ntls(
        endpoint: &Endpoint,
        credentials: &Credentials,
        first: &[u8],
    ) -> Result<(Self, Zeroizing<Vec<u8>>), ConnectError> {
        let mut opening = Opening::ntls(endpoint, credentials, &GiveUp::default())?;
        let reply = opening.ask(first)?;
        Ok((opening.into_link()?, reply))
    }
}
