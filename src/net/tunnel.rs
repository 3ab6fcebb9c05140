//! TLS as bytes in, bytes out: one engine for both ends, without buffers of its own.

use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, CommonState, Error, PeerMisbehaved, ServerConfig,
    client::UnbufferedClientConnection,
    pki_types::{CertificateDer, ServerName},
    server::UnbufferedServerConnection,
    unbuffered::{
        ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
    },
};

use super::inbox::Inbox;

/// What TLS adds to each piece of [`FRAGMENT_BYTES`] at most: header, type, tag (RFC 8446, 5.2).
const RECORD_OVERHEAD_BYTES: usize = 5 + 1 + 16;

const FRAGMENT_BYTES: usize = 1 << 14;

/// One end of a TLS connection.
#[derive(Debug)]
pub(super) struct Tunnel {
    side: Side,
}

enum Side {
    Client(Box<UnbufferedClientConnection>),
    Server(Box<UnbufferedServerConnection>),
}

impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client(_) => "Client(..)",
            Self::Server(_) => "Server(..)",
        })
    }
}

/// Where the engine stands after a step.
enum Step {
    /// There is more to do with the same bytes.
    Again,
    /// Everything that came is taken.
    Idle,
}

impl Tunnel {
    /// A client's end; the first [`Self::receive`] makes its first message.
    pub(super) fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, Error> {
        let connection = UnbufferedClientConnection::new(config, name)?;
        Ok(Self { side: Side::Client(Box::new(connection)) })
    }

    /// A server's end.
    pub(super) fn server(config: Arc<ServerConfig>) -> Result<Self, Error> {
        let connection = UnbufferedServerConnection::new(config)?;
        Ok(Self { side: Side::Server(Box::new(connection)) })
    }

    /// Takes every whole record out of `inbox`: what they say goes to the end of `plain`, what TLS
    /// has to say itself to the end of `out`, an alert about an error too.
    pub(super) fn receive(
        &mut self,
        inbox: &mut Inbox,
        plain: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        loop {
            match self.step(inbox, plain, out) {
                Ok(Step::Again) => {}
                Ok(Step::Idle) => return self.check_rest(inbox),
                Err(error) => {
                    // The alert, which waits to be taken out. The engine is not to look at what
                    // came again, nor for the rest of a flight in it, which is where it was.
                    while self.state().wants_write() {
                        let Ok(Step::Again) = self.step(inbox, plain, out) else { break };
                    }
                    inbox.clear();
                    return Err(error);
                }
            }
        }
    }

    /// After the handshake nothing that stays in the inbox may be a whole record: it would be the
    /// first part of a handshake message, whose place the engine remembers, and [`Self::send`]
    /// works without the inbox. No peer has a reason to send such a thing.
    fn check_rest(&self, inbox: &mut Inbox) -> Result<(), Error> {
        let whole = inbox.pending().split_first_chunk().is_some_and(|(header, rest)| {
            let [_, _, _, high, low] = *header;
            rest.len() >= usize::from(u16::from_be_bytes([high, low]))
        });
        if whole && !self.is_handshaking() {
            return Err(PeerMisbehaved::MessageInterleavedWithHandshakeMessage.into());
        }
        Ok(())
    }

    /// Puts `plain` into records at the end of `out`.
    pub(super) fn send(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.write(out, |traffic, out| {
            let records = plain.len() / FRAGMENT_BYTES + 1;
            let from = out.len();
            out.resize(from + plain.len() + records * RECORD_OVERHEAD_BYTES, 0);
            let room = out.get_mut(from..).unwrap_or_default();
            let written = traffic.encrypt(plain, room);
            out.truncate(from + written.as_ref().copied().unwrap_or_default());
            written.map(drop)
        })
    }

    /// Puts the announcement that nothing follows at the end of `out`.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.write(out, |traffic, out| {
            let from = out.len();
            out.resize(from + 2 + RECORD_OVERHEAD_BYTES, 0);
            let written = traffic.queue_close_notify(out.get_mut(from..).unwrap_or_default());
            out.truncate(from + written.as_ref().copied().unwrap_or_default());
            written.map(drop)
        })
    }

    /// Whether the handshake is still under way.
    pub(super) fn is_handshaking(&self) -> bool {
        self.state().is_handshaking()
    }

    /// The application protocol that the handshake agreed on.
    pub(super) fn protocol(&self) -> Option<&[u8]> {
        self.state().alpn_protocol()
    }

    /// The certificate that the peer showed, if it did.
    pub(super) fn peer_certificate(&self) -> Option<CertificateDer<'static>> {
        self.state().peer_certificates()?.first().cloned()
    }

    fn state(&self) -> &CommonState {
        match &self.side {
            Side::Client(connection) => connection,
            Side::Server(connection) => connection,
        }
    }

    fn step(
        &mut self,
        inbox: &mut Inbox,
        plain: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<Step, Error> {
        let pending = inbox.pending();
        let (discard, step) = match &mut self.side {
            Side::Client(connection) => {
                take(connection.process_tls_records(pending), plain, out, |_, _| Ok(Step::Idle))
            }
            Side::Server(connection) => {
                take(connection.process_tls_records(pending), plain, out, |_, _| Ok(Step::Idle))
            }
        };
        inbox.consume(discard);
        step
    }

    fn write(
        &mut self,
        out: &mut Vec<u8>,
        act: impl Fn(&mut dyn Traffic, &mut Vec<u8>) -> Result<(), EncryptError>,
    ) -> Result<(), Error> {
        let mut plain = Vec::new();
        loop {
            let act = |traffic: &mut dyn Traffic, out: &mut Vec<u8>| match act(traffic, out) {
                Ok(()) => Ok(Step::Idle),
                Err(EncryptError::EncryptExhausted) => Err(Error::EncryptError),
                Err(error) => Err(Error::General(error.to_string())),
            };
            let (_, step) = match &mut self.side {
                Side::Client(connection) => {
                    take(connection.process_tls_records(&mut []), &mut plain, out, act)
                }
                Side::Server(connection) => {
                    take(connection.process_tls_records(&mut []), &mut plain, out, act)
                }
            };
            match step? {
                Step::Again => {}
                Step::Idle => return Ok(()),
            }
        }
    }
}

/// What may be sent once keys are there, at either end.
trait Traffic {
    fn encrypt(&mut self, plain: &[u8], out: &mut [u8]) -> Result<usize, EncryptError>;
    fn queue_close_notify(&mut self, out: &mut [u8]) -> Result<usize, EncryptError>;
}

impl<Data> Traffic for WriteTraffic<'_, Data> {
    fn encrypt(&mut self, plain: &[u8], out: &mut [u8]) -> Result<usize, EncryptError> {
        WriteTraffic::encrypt(self, plain, out)
    }

    fn queue_close_notify(&mut self, out: &mut [u8]) -> Result<usize, EncryptError> {
        WriteTraffic::queue_close_notify(self, out)
    }
}

/// Does what the engine asks for, and tells how many bytes of the input it is through with.
fn take<Data>(
    status: UnbufferedStatus<'_, '_, Data>,
    plain: &mut Vec<u8>,
    out: &mut Vec<u8>,
    may_write: impl FnOnce(&mut dyn Traffic, &mut Vec<u8>) -> Result<Step, Error>,
) -> (usize, Result<Step, Error>) {
    let UnbufferedStatus { mut discard, state } = status;
    let step = match state {
        Err(error) => Err(error),
        Ok(ConnectionState::ReadTraffic(mut traffic)) => loop {
            match traffic.next_record() {
                Some(Ok(record)) => {
                    discard += record.discard;
                    plain.extend_from_slice(record.payload);
                }
                Some(Err(error)) => break Err(error),
                None => break Ok(Step::Again),
            }
        },
        Ok(ConnectionState::EncodeTlsData(mut data)) => {
            encode(&mut data, out).map(|()| Step::Again)
        }
        Ok(ConnectionState::TransmitTlsData(data)) => {
            data.done();
            Ok(Step::Again)
        }
        Ok(ConnectionState::WriteTraffic(mut traffic)) => may_write(&mut traffic, out),
        // What the peer's farewell means, the end of its bytes tells too.
        Ok(ConnectionState::PeerClosed) => Ok(Step::Again),
        Ok(ConnectionState::BlockedHandshake | ConnectionState::Closed) => Ok(Step::Idle),
        // Early data is not accepted, and no later state is known.
        Ok(_) => Err(Error::General("an unforeseen state of TLS".to_owned())),
    };
    (discard, step)
}

fn encode<Data>(data: &mut EncodeTlsData<'_, Data>, out: &mut Vec<u8>) -> Result<(), Error> {
    let from = out.len();
    let required = match data.encode(&mut []) {
        Err(EncodeError::InsufficientSize(size)) => size.required_size,
        _ => return Ok(()),
    };
    out.resize(from + required, 0);
    data.encode(out.get_mut(from..).unwrap_or_default())
        .map(drop)
        .map_err(|error| Error::General(error.to_string()))
}

#[cfg(test)]
mod tests {
    use rustls::{ConnectionTrafficSecrets, pki_types::UnixTime};

    use super::*;
    use crate::{
        crypto::{AeadKey, Cipher},
        net::{KnownCertificates, ServerIdentity, client_config, server_config},
    };

    // RFC 8446, sections 5.1 and 4.6.3.
    const HANDSHAKE: u8 = 22;
    const APPLICATION_DATA: u8 = 23;
    const KEY_UPDATE: [u8; 5] = [24, 0, 0, 1, 0];

    #[derive(Debug)]
    struct Nobody;

    impl KnownCertificates for Nobody {
        fn knows(&self, _: &CertificateDer<'_>, _: UnixTime) -> bool {
            false
        }
    }

    /// A client's end after the handshake, and the keys of the server that it talks to.
    fn secured() -> (Tunnel, Keys) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let certificate: CertificateDer<'static> = made.cert.der().clone();
        let key = made.signing_key.serialize_der().try_into().unwrap();
        let identity = Arc::new(ServerIdentity::new(certificate.clone(), key).unwrap());
        let config = server_config(identity, Arc::new(Nobody)).unwrap();
        let mut config = ServerConfig::clone(&config);
        config.enable_secret_extraction = true;
        let mut server = Tunnel::server(Arc::new(config)).unwrap();
        let name = "localhost".try_into().unwrap();
        let mut client = Tunnel::client(client_config(certificate, None).unwrap(), name).unwrap();
        let mut sent = Vec::new();
        client.receive(&mut Inbox::default(), &mut Vec::new(), &mut sent).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let mut answer = Vec::new();
            server.receive(&mut inbox(&sent), &mut Vec::new(), &mut answer).unwrap();
            sent.clear();
            client.receive(&mut inbox(&answer), &mut Vec::new(), &mut sent).unwrap();
        }
        let Side::Server(connection) = server.side else { unreachable!() };
        (client, Keys::of(*connection))
    }

    fn inbox(bytes: &[u8]) -> Inbox {
        let mut inbox = Inbox::default();
        inbox.room()[..bytes.len()].copy_from_slice(bytes);
        inbox.filled(bytes.len());
        inbox
    }

    /// What a server seals its next records with.
    struct Keys {
        key: AeadKey,
        iv: [u8; 12],
        sequence: u64,
    }

    impl Keys {
        fn of(server: UnbufferedServerConnection) -> Self {
            let (secrets, _) = server.dangerous_into_kernel_connection().unwrap();
            let (sequence, ConnectionTrafficSecrets::Aes256Gcm { key, iv }) = secrets.tx else {
                panic!("another cipher than the one that is wanted most")
            };
            let key = AeadKey::new(Cipher::Aes256Gcm, key.as_ref().try_into().unwrap());
            Self { key, iv: iv.as_ref().try_into().unwrap(), sequence }
        }

        /// A record of this type (RFC 8446, section 5.2).
        fn record(&mut self, content: &[u8], kind: u8) -> Vec<u8> {
            let length = u16::try_from(content.len() + 1 + 16).unwrap();
            let mut record = vec![APPLICATION_DATA, 3, 3];
            record.extend(length.to_be_bytes());
            let header = record.clone();
            record.extend_from_slice(content);
            record.push(kind);
            let mut nonce = self.iv;
            for (byte, number) in nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()) {
                *byte ^= number;
            }
            self.sequence += 1;
            self.key.seal(nonce, &header, &mut record, header.len()).unwrap();
            record
        }
    }

    #[test]
    fn behind_the_handshake_no_message_of_one_comes_in_parts() {
        for cut in 1..KEY_UPDATE.len() {
            let (mut client, mut server) = secured();
            let (mut plain, mut out) = (Vec::new(), Vec::new());
            let record = server.record(b"data", APPLICATION_DATA);
            client.receive(&mut inbox(&record), &mut plain, &mut out).unwrap();
            assert_eq!(plain, b"data");
            let record = server.record(&KEY_UPDATE[..cut], HANDSHAKE);
            let error = client.receive(&mut inbox(&record), &mut plain, &mut out).unwrap_err();
            let expected = PeerMisbehaved::MessageInterleavedWithHandshakeMessage;
            assert_eq!(error, expected.into());
            assert_eq!(plain, b"data");
        }
    }

    #[test]
    fn a_whole_message_behind_the_handshake_is_obeyed() {
        let (mut client, mut server) = secured();
        let mut plain = Vec::new();
        let record = server.record(&KEY_UPDATE, HANDSHAKE);
        client.receive(&mut inbox(&record), &mut plain, &mut Vec::new()).unwrap();
        // Under the keys before, nothing is taken any more.
        let record = server.record(b"data", APPLICATION_DATA);
        assert!(client.receive(&mut inbox(&record), &mut plain, &mut Vec::new()).is_err());
        assert!(plain.is_empty());
    }

    #[test]
    fn behind_a_bad_message_nothing_is_looked_at() {
        let (mut client, mut server) = secured();
        let bad = [24, 0, 0, 1, 7];
        let record = server.record(&[bad, KEY_UPDATE].concat(), HANDSHAKE);
        let (mut plain, mut out) = (Vec::new(), Vec::new());
        assert!(client.receive(&mut inbox(&record), &mut plain, &mut out).is_err());
        assert!(!out.is_empty(), "the peer is not told");
    }
}
