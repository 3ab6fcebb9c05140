//! A link to a syslog server: datagrams to a local socket (RFC 5424), or TLS over TCP (RFC 5425).

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::unix::net::UnixDatagram,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    version::TLS13,
};

use super::tls::provider;

/// How long a server may take for anything.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a look takes whether the server has closed the link.
const LOOK: Duration = Duration::from_millis(1);

/// Where messages go.
#[derive(Debug)]
pub enum SyslogLink {
    /// A local socket.
    Local(UnixDatagram),
    /// A server, over TLS.
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl SyslogLink {
    /// Connects to a local socket.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn local(path: &str) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.connect(path)?;
        Ok(Self::Local(socket))
    }

    /// Whether a text holds certificates of authorities, and nothing else in PEM.
    pub fn has_roots(roots: &str) -> bool {
        known(roots).is_ok_and(|known| !known.is_empty())
    }

    /// Connects to a server whose certificate one of these authorities has made for this name.
    ///
    /// # Errors
    /// The server is not reached, or is another one.
    pub fn tls((host, port): (&str, u16), name: &str, roots: &str) -> io::Result<Self> {
        let known = known(roots)?;
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(other)?
            .with_root_certificates(known)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).map_err(other)?;
        let mut last = io::Error::from(ErrorKind::NotFound);
        for address in (host, port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(socket) => return Self::secured(socket, config, name),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn secured(
        mut socket: TcpStream,
        config: ClientConfig,
        name: ServerName<'static>,
    ) -> io::Result<Self> {
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let mut connection = ClientConnection::new(Arc::new(config), name).map_err(other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        socket.set_read_timeout(Some(LOOK))?;
        Ok(Self::Tls(Box::new(StreamOwned::new(connection, socket))))
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The link is broken; whether the message came through is not known.
    pub fn send(&mut self, message: &str) -> io::Result<()> {
        match self {
            Self::Local(socket) => socket.send(message.as_bytes()).map(drop),
            Self::Tls(stream) => {
                stream.write_all(format!("{} {message}", message.len()).as_bytes())?;
                stream.flush()
            }
        }
    }

    /// Looks whether the server is there still: it says nothing, but it may have closed the link.
    ///
    /// # Errors
    /// It has.
    pub fn check(&mut self) -> io::Result<()> {
        let Self::Tls(stream) = self else { return Ok(()) };
        match stream.read(&mut [0; 256]) {
            Ok(0) => Err(ErrorKind::ConnectionAborted.into()),
            Ok(_) => Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

fn known(roots: &str) -> io::Result<RootCertStore> {
    let mut known = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(roots.as_bytes()) {
        known.add(certificate.map_err(other)?).map_err(other)?;
    }
    Ok(known)
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(error)
}
