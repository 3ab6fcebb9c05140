//! Syslog servers that records of the audit log go to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The port of syslog over TLS (RFC 5425 section 4.1).
pub const SYSLOG_PORT: u16 = 6514;

/// How many servers there may be.
pub const MOST_SYSLOG_SERVERS: usize = 4;

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SyslogTarget {
    /// A datagram socket on the appliance's machine, such as `/dev/log`.
    Socket {
        /// Its path.
        path: String,
    },
    /// A server, over TLS.
    Tls {
        /// Its host name or address.
        host: String,
        /// Its port.
        port: u16,
        /// The name that its certificate has to have.
        name: String,
        /// The certificates of the authorities that may have made it, in PEM.
        roots: String,
    },
}

/// A server by what a list shows of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SyslogServer {
    /// A local socket.
    Socket(String),
    /// A host and its port.
    Host(String, u16),
}

impl From<&SyslogTarget> for SyslogServer {
    fn from(target: &SyslogTarget) -> Self {
        match target {
            SyslogTarget::Socket { path } => Self::Socket(path.clone()),
            SyslogTarget::Tls { host, port, .. } => Self::Host(host.clone(), *port),
        }
    }
}

impl fmt::Display for SyslogServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => f.write_str(path),
            Self::Host(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

/// How it stands with a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyslogState {
    /// Which.
    pub server: SyslogServer,
    /// Whether it is reached now.
    pub connected: bool,
    /// Records sent since the appliance's start.
    pub sent: u64,
    /// Records that it did not get since then.
    pub lost: u64,
}

/// What is asked about the servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SyslogRequest {
    /// Lists them.
    List,
    /// Sends to another one (HSM SO).
    Add(SyslogTarget),
    /// Sends to one no more (HSM SO): a socket's path, or a host.
    Delete(String),
    /// Sends to none any more (HSM SO).
    Clear,
}
