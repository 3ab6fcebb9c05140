//! The client's end of a link in TLS alone.

use zeroize::Zeroizing;

use super::{
    carrier::Carrier,
    codec::Codec,
    connecting::{ConnectError, Endpoint, Handshake, failed},
    link::Link,
    tls::Credentials,
};

/// The number of the first request; those of [`Link::call`] begin at 1.
const FIRST: u32 = 0;

impl Link {
    /// Connects to the appliance, shows it this client's certificate, and sends the first request;
    /// gives its reply with the link.
    ///
    /// The server's opinion of the certificate comes behind TLS's handshake (RFC 8446 section
    /// 4.4.2.4): only with a reply is it certain that there is a link.
    ///
    /// # Errors
    /// The step that failed, and how.
    pub fn connect_ntls(
        endpoint: &Endpoint,
        credentials: &Credentials,
        first: &[u8],
    ) -> Result<(Self, Zeroizing<Vec<u8>>), ConnectError> {
        let mut handshake = Handshake::secured(endpoint, Some(credentials))?;
        let mut carrier = Carrier::new(handshake.take_framed(), None);
        let mut out = Vec::new();
        carrier.send(FIRST, first, &mut out).map_err(|error| failed(&error))?;
        let sent = handshake.write(&out);
        let mut reply = None;
        // A server that refused may have closed before all was written: what it said first counts.
        while reply.is_none() {
            if let Err(error) = handshake.fill() {
                return Err(sent.err().unwrap_or(error));
            }
            out.clear();
            let mut hand_over = |id, content| reply = (id == FIRST).then_some(content);
            Codec::receive(&mut carrier, &mut handshake.inbox, &mut out, &mut hand_over)
                .map_err(|error| failed(&error))?;
        }
        handshake.write(&out)?;
        let Handshake { socket, inbox, .. } = handshake;
        let link = Self::established(carrier, (socket, inbox), endpoint.patience);
        Ok((link, reply.unwrap_or_default()))
    }
}
