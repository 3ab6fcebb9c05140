//! The registered appliances: `ServerName00`, `ServerPort00`, `ServerHtl00` and our own
//! `ServerStc00` (1 for STC, else NTLS) of the configuration's network section.
//!
//! The number in the names is the server's ID. It is never given to another server while this
//! one is registered; a new server gets the lowest free one.

use std::{fmt, net::IpAddr, str::FromStr};

use rustls::pki_types::ServerName;
use serde::Serialize;

use super::{
    config::{Configuration, EditError, NumberError},
    home::NETWORK_SECTION,
};

/// The port of an appliance that was registered without one.
pub const DEFAULT_PORT: u16 = 1792;

/// The most appliances of one client: their IDs have two digits.
pub const MAXIMUM_SERVERS: u8 = 100;

/// The host name or the IP address of an appliance.
///
/// Names are compared without regard to case and to a dot at the end (RFC 1034 section 3.1), and
/// addresses by value.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Host(String);

impl Host {
    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without a dot at the end.
    fn relative(&self) -> &str {
        self.0.strip_suffix('.').unwrap_or(&self.0)
    }
}

impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        match (self.0.parse::<IpAddr>(), other.0.parse::<IpAddr>()) {
            (Ok(one), Ok(other)) => one == other,
            _ => self.relative().eq_ignore_ascii_case(other.relative()),
        }
    }
}

impl Eq for Host {}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Host {
    type Err = HostError;

    /// Takes what a TLS client could look for in a certificate. The characters of such a name
    /// are harmless in a file's name too.
    fn from_str(text: &str) -> Result<Self, HostError> {
        match ServerName::try_from(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(HostError(text.to_owned())),
        }
    }
}

/// A text that is neither a host name nor an IP address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is neither a host name nor an IP address")]
pub struct HostError(pub String);

/// A registered appliance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Server {
    /// The server's ID, below [`MAXIMUM_SERVERS`].
    pub id: u8,
    /// Its host name or IP address.
    pub name: Host,
    /// Its TCP port.
    pub port: u16,
    /// Whether all links to it are STC; NTLS otherwise.
    pub stc: bool,
    /// Whether it wants host trust links, which this program only passes on.
    pub htl: bool,
}

/// The registered appliances in the order of their IDs.
///
/// # Errors
/// An entry has a value that it cannot have.
pub fn list(configuration: &Configuration) -> Result<Vec<Server>, ServersError> {
    let mut servers = Vec::new();
    for id in 0..MAXIMUM_SERVERS {
        let name = entry("Name", id);
        let Some(value) = configuration.get(NETWORK_SECTION, &name) else { continue };
        if value.is_empty() {
            continue;
        }
        servers.push(Server {
            id,
            name: value.parse().map_err(|_| invalid(&name, value))?,
            port: port(configuration, id)?.unwrap_or(DEFAULT_PORT),
            stc: read_flag(configuration, "Stc", id)?,
            htl: read_flag(configuration, "Htl", id)?,
        });
    }
    Ok(servers)
}

/// Registers an appliance, over NTLS at first.
///
/// # Errors
/// It is registered already, no ID is free, or the configuration is damaged.
pub fn add(
    configuration: &mut Configuration,
    name: &Host,
    port: u16,
) -> Result<Server, ServersError> {
    let servers = list(configuration)?;
    if servers.iter().any(|server| server.name == *name) {
        return Err(ServersError::Registered(name.clone()));
    }
    let free = |id: &u8| servers.iter().all(|server| server.id != *id);
    let id = (0..MAXIMUM_SERVERS).find(free).ok_or(ServersError::Full)?;
    configuration.set(NETWORK_SECTION, &entry("Name", id), name.as_str())?;
    configuration.set(NETWORK_SECTION, &entry("Port", id), &port.to_string())?;
    configuration.set(NETWORK_SECTION, &entry("Htl", id), "0")?;
    configuration.set(NETWORK_SECTION, &entry("Stc", id), "0")?;
    Ok(Server { id, name: name.clone(), port, stc: false, htl: false })
}

/// Removes an appliance and returns what it was.
///
/// # Errors
/// No appliance of this name is registered, or the configuration is damaged.
pub fn remove(configuration: &mut Configuration, name: &Host) -> Result<Server, ServersError> {
    let servers = list(configuration)?;
    let found = servers.into_iter().find(|server| server.name == *name);
    let server = found.ok_or_else(|| ServersError::Unknown(name.clone()))?;
    for what in ["Name", "Port", "Htl", "Stc"] {
        configuration.remove(NETWORK_SECTION, &entry(what, server.id));
    }
    Ok(server)
}

/// Gives an appliance another name and, if one is given, another port; what it was, and is now.
///
/// # Errors
/// No appliance of the old name is registered, another has the new one, or the configuration is
/// damaged.
pub fn rename(
    configuration: &mut Configuration,
    old: &Host,
    (new, port): (&Host, Option<u16>),
) -> Result<(Server, Server), ServersError> {
    let servers = list(configuration)?;
    let found = servers.iter().find(|server| server.name == *old);
    let before = found.ok_or_else(|| ServersError::Unknown(old.clone()))?;
    if servers.iter().any(|server| server.id != before.id && server.name == *new) {
        return Err(ServersError::Registered(new.clone()));
    }
    let port = port.unwrap_or(before.port);
    configuration.set(NETWORK_SECTION, &entry("Name", before.id), new.as_str())?;
    configuration.set(NETWORK_SECTION, &entry("Port", before.id), &port.to_string())?;
    Ok((before.clone(), Server { name: new.clone(), port, ..before.clone() }))
}

/// Sets the kind of all links to an appliance and returns what it is now.
///
/// # Errors
/// No appliance has this ID, or the configuration is damaged.
pub fn set_stc(
    configuration: &mut Configuration,
    id: u8,
    stc: bool,
) -> Result<Server, ServersError> {
    let servers = list(configuration)?;
    let found = servers.into_iter().find(|server| server.id == id);
    let server = found.ok_or(ServersError::UnknownId(id))?;
    configuration.set(NETWORK_SECTION, &entry("Stc", id), if stc { "1" } else { "0" })?;
    Ok(Server { stc, ..server })
}

fn entry(what: &str, id: u8) -> String {
    format!("Server{what}{id:02}")
}

fn invalid(entry: &str, value: &str) -> ServersError {
    ServersError::Invalid { entry: entry.to_owned(), value: value.to_owned() }
}

fn port(configuration: &Configuration, id: u8) -> Result<Option<u16>, ServersError> {
    let port = configuration.number(NETWORK_SECTION, &entry("Port", id), 1..=65_535)?;
    Ok(port.and_then(|port| u16::try_from(port).ok()))
}

fn read_flag(configuration: &Configuration, what: &str, id: u8) -> Result<bool, ServersError> {
    Ok(configuration.number(NETWORK_SECTION, &entry(what, id), 0..=1)? == Some(1))
}

/// Why the registered appliances cannot be listed or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServersError {
    /// The name is taken.
    #[error("This server is already registered: {0}")]
    Registered(Host),
    /// The name is not registered.
    #[error("Server {0} is not registered")]
    Unknown(Host),
    /// The ID is not registered.
    #[error("no server has the ID {0}")]
    UnknownId(u8),
    /// Every ID is taken.
    #[error("{MAXIMUM_SERVERS} servers are registered already")]
    Full,
    /// An entry is not the number that it has to be.
    #[error(transparent)]
    Number(#[from] Box<NumberError>),
    /// The name of a server is none.
    #[error(
        "entry {entry} of section {NETWORK_SECTION} is \"{value}\", which is neither a host name nor an IP address"
    )]
    Invalid {
        /// The entry's name.
        entry: String,
        /// Its value.
        value: String,
    },
    /// The configuration cannot hold the name.
    #[error(transparent)]
    Edit(#[from] EditError),
}

impl ServersError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Registered(_) => {
                "Remove it first with \"vtl deleteServer\" if its certificate has changed."
            }
            Self::Unknown(_) => "See \"vtl listServers\" for the names.",
            Self::UnknownId(_) => "See \"clientconfig listservers\" for the IDs.",
            Self::Full => "Remove one first with \"vtl deleteServer\".",
            Self::Number(_) => NumberError::REMEDY,
            Self::Invalid { .. } => "Correct the entry in Chrystoki.conf.",
            Self::Edit(_) => "Check the name.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        text.parse().unwrap()
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        for text in ["hsm1", "hsm-1.example.com", "192.0.2.10", "2001:db8::1"] {
            assert_eq!(host(text).as_str(), text);
        }
        for text in ["", "a b", "../etc", "a/b", "-x-", ".", "..", "host:1792", "a;b"] {
            assert!(text.parse::<Host>().is_err(), "{text:?}");
        }
        assert_eq!(host("HSM1"), host("hsm1"));
        assert_eq!(host("2001:db8::1"), host("2001:DB8:0::1"));
        assert_eq!(host("localhost."), host("LocalHost"));
        assert_ne!(host("hsm1"), host("hsm2"));
    }

    #[test]
    fn ids_stay_and_free_ones_are_used_again() {
        let mut config = Configuration::default();
        for (id, name) in [(0, "a"), (1, "b"), (2, "c")] {
            assert_eq!(add(&mut config, &host(name), 1792).unwrap().id, id);
        }
        assert_eq!(remove(&mut config, &host("B")).unwrap().id, 1);
        let ids: Vec<_> = list(&config).unwrap().iter().map(|server| server.id).collect();
        assert_eq!(ids, [0, 2]);
        assert_eq!(add(&mut config, &host("d"), 1).unwrap().id, 1);
        assert_eq!(add(&mut config, &host("C"), 1), Err(ServersError::Registered(host("C"))));
        assert_eq!(remove(&mut config, &host("x")), Err(ServersError::Unknown(host("x"))));
    }

    #[test]
    fn a_server_keeps_its_id_under_another_name() {
        let mut config = Configuration::default();
        add(&mut config, &host("a"), 1).unwrap();
        add(&mut config, &host("b"), 2).unwrap();
        set_stc(&mut config, 1, true).unwrap();
        let (before, after) = rename(&mut config, &host("B"), (&host("c"), None)).unwrap();
        assert_eq!((before.name, after.name.clone()), (host("b"), host("c")));
        assert_eq!((after.id, after.port, after.stc), (1, 2, true));
        assert_eq!(list(&config).unwrap()[1], after);
        let taken = rename(&mut config, &host("c"), (&host("A"), None));
        assert_eq!(taken, Err(ServersError::Registered(host("A"))));
        let unknown = rename(&mut config, &host("x"), (&host("y"), Some(9)));
        assert_eq!(unknown, Err(ServersError::Unknown(host("x"))));
        assert_eq!(rename(&mut config, &host("a"), (&host("A"), Some(9))).unwrap().1.port, 9);
    }

    #[test]
    fn the_kind_of_link_is_set_by_id() {
        let mut config = Configuration::default();
        add(&mut config, &host("a"), 5656).unwrap();
        assert!(set_stc(&mut config, 0, true).unwrap().stc);
        assert!(list(&config).unwrap().iter().all(|server| server.stc && server.port == 5656));
        assert!(!set_stc(&mut config, 0, false).unwrap().stc);
        assert_eq!(set_stc(&mut config, 7, true), Err(ServersError::UnknownId(7)));
    }

    #[test]
    fn entries_of_luna_are_understood_and_damage_is_named() {
        let listed = |text: &str| list(&Configuration::parse(text).unwrap());
        let servers =
            listed("LunaSA Client = {\n ServerName07 = 192.0.2.10;\n ServerHtl07 = 1;\n}\n");
        let name = host("192.0.2.10");
        assert_eq!(servers, Ok(vec![Server { id: 7, name, port: 1792, stc: false, htl: true }]));
        for (entry, value) in [
            ("ServerPort00", "65536"),
            ("ServerPort00", "+1"),
            ("ServerStc00", "yes"),
            ("ServerHtl00", "2"),
        ] {
            let text = format!("LunaSA Client = {{\n ServerName00 = a;\n {entry} = {value};\n}}\n");
            let Err(ServersError::Number(error)) = listed(&text) else { panic!("{entry}") };
            assert_eq!((error.entry.as_str(), error.value.as_str()), (entry, value));
        }
        assert_eq!(
            listed("LunaSA Client = { ServerName00 = a b; }"),
            Err(invalid("ServerName00", "a b"))
        );
    }

    #[test]
    fn the_hundredth_and_first_server_is_refused() {
        let mut config = Configuration::default();
        for id in 0..MAXIMUM_SERVERS {
            add(&mut config, &host(&format!("h{id}")), 1792).unwrap();
        }
        assert_eq!(add(&mut config, &host("one-more"), 1792), Err(ServersError::Full));
    }
}
