//! Hosts that NTLS clients connect from.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

/// The host of an NTLS client, as it is registered. It is also the name of the certificate's
/// file, without its ending.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ClientHost {
    /// A host name (RFC 1123 section 2.1, and underscores as many hosts have), in lower case.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl FromStr for ClientHost {
    type Err = ClientHostError;

    fn from_str(text: &str) -> Result<Self, ClientHostError> {
        match text.parse() {
            Ok(address) => Ok(Self::Address(address)),
            Err(_) if is_host_name(&text.replace('_', "-")) => {
                Ok(Self::Name(text.to_ascii_lowercase()))
            }
            Err(_) => Err(ClientHostError),
        }
    }
}

impl fmt::Display for ClientHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.pad(name),
            Self::Address(address) => f.pad(&address.to_string()),
        }
    }
}

impl TryFrom<String> for ClientHost {
    type Error = ClientHostError;

    fn try_from(text: String) -> Result<Self, ClientHostError> {
        text.parse()
    }
}

impl From<ClientHost> for String {
    fn from(host: ClientHost) -> Self {
        host.to_string()
    }
}

/// The text is neither a host name nor an IP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a host name nor an IP address")]
pub struct ClientHostError;

/// Whether the text is a host name (RFC 1123 section 2.1).
pub fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses() {
        assert_eq!("Client1".parse(), Ok(ClientHost::Name("client1".to_owned())));
        assert_eq!("192.0.2.1".parse(), Ok(ClientHost::Address([192, 0, 2, 1].into())));
        assert_eq!("::1".parse::<ClientHost>().unwrap().to_string(), "::1");
        for bad in ["", "a b", "-a", "a..b", "host:1792", "ä", "../x", "a/b"] {
            assert_eq!(bad.parse::<ClientHost>(), Err(ClientHostError), "{bad}");
        }
    }
}
