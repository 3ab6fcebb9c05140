//! What the client's administrator does: token, identity, the appliance's certificate, the
//! partition's identity, STC.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use rustls::pki_types::CertificateDer;

use super::{EmbeddedError, HOST};
use crate::{
    client::{
        TargetsError,
        certificate::ServerCertificate,
        home::{Home, Paths},
        identity_file,
        registration::{self, RegistrationError},
        servers::{self, Host, Server},
        set_stc,
    },
    crypto::{CertificateHash, KeyPair, SystemRandom},
    store::{ClientIdentity, ClientToken, RegisteredPartition, StoreError, replace_file},
    wire::ClientIdentityFile,
};

/// Makes what is missing on the client's side.
pub(super) fn prepare(
    home: &Home,
    (port, certificate, identity): (u16, &Path, &Path),
    (data, now): (&Path, SystemTime),
) -> Result<(), EmbeddedError> {
    let paths = home.paths().map_err(TargetsError::Home)?;
    let server = registered_server(home, &paths, (port, certificate), (data, now))?;
    let token = prepared_token(&paths)?;
    let partition = identity_file::read_partition(identity)
        .map_err(|error| EmbeddedError::Identity(error.to_string()))?;
    let known = token.partitions()?;
    let same = |one: &&RegisteredPartition| one.serial == partition.serial;
    if known.iter().find(same).is_some_and(|known| known.key != partition.key) {
        // The partition was zeroized and has a new identity.
        token.deregister_partition(partition.serial)?;
    }
    token.register_partition(&RegisteredPartition {
        serial: partition.serial,
        label: partition.label,
        key: partition.key,
    })?;
    if !server.stc {
        set_stc(home, server.id, true)?;
    }
    Ok(())
}

/// The port the appliance had last time.
pub(super) fn recorded_port(data: &Path) -> Option<u16> {
    fs::read_to_string(port_file(data)).ok()?.trim().parse().ok()
}

/// Records the port, so that other clients find the appliance again next time.
pub(super) fn record_port(data: &Path, port: u16) -> Result<(), EmbeddedError> {
    let path = port_file(data);
    replace_file(&path, format!("{port}\n").as_bytes(), 0o600)
        .map_err(|error| EmbeddedError::Token(StoreError::Io { path, error }))
}

fn port_file(data: &Path) -> PathBuf {
    data.join("port")
}

fn prepared_token(paths: &Paths) -> Result<ClientToken, EmbeddedError> {
    let random = &mut SystemRandom::new();
    let mut token = ClientToken::open(&paths.soft_token, random)?;
    if token.description()?.is_none() {
        let label = "embedded".parse().map_err(|_| StoreError::Row("token label"))?;
        token.initialize(&label, random)?;
    }
    if token.identity()?.is_none() {
        let keys = KeyPair::generate(random)?;
        let label = "client1".parse().map_err(|_| StoreError::Row("client identity"))?;
        let identity = ClientIdentity { label, keys };
        token.create_identity(&identity, random)?;
        let path = paths.client_identities.join(identity.label.as_str());
        let file = ClientIdentityFile { key: *identity.keys.public(), label: identity.label };
        identity_file::write_client(&path, &file)
            .map_err(|error| EmbeddedError::Identity(error.to_string()))?;
    }
    Ok(token)
}

/// The server's registration, brought up to the certificate and the port of now. One that was not
/// made here is somebody's own, and is not touched.
fn registered_server(
    home: &Home,
    paths: &Paths,
    (port, certificate): (u16, &Path),
    (data, now): (&Path, SystemTime),
) -> Result<Server, EmbeddedError> {
    let host = HOST.parse::<Host>();
    let host = host.map_err(|error| EmbeddedError::Identity(error.to_string()))?;
    let configuration = home.configuration().map_err(TargetsError::Home)?;
    let servers = servers::list(&configuration).map_err(TargetsError::Servers)?;
    let shown = ServerCertificate::read(certificate).map_err(RegistrationError::from)?;
    let shown = shown.der().clone();
    if let Some(server) = servers.into_iter().find(|server| server.name == host) {
        let known = registration::pinned(paths, &host).ok();
        let same = known.as_ref() == Some(&shown);
        if same && server.port == port {
            record_certificate(data, &shown)?;
            return Ok(server);
        }
        let hash = known.as_ref().map(|known| CertificateHash::of(known).to_string());
        if !same && (hash.is_none() || hash != recorded_certificate(data)) {
            return Err(EmbeddedError::OtherServer(server.name.to_string()));
        }
        registration::deregister(home, &host)?;
    }
    let server = registration::register(home, (&host, port), certificate, now)?;
    record_certificate(data, &shown)?;
    Ok(server)
}

/// The hash of the certificate that was registered here last.
fn recorded_certificate(data: &Path) -> Option<String> {
    Some(fs::read_to_string(certificate_file(data)).ok()?.trim().to_owned())
}

fn record_certificate(data: &Path, shown: &CertificateDer<'_>) -> Result<(), EmbeddedError> {
    let (path, hash) = (certificate_file(data), CertificateHash::of(shown));
    replace_file(&path, format!("{hash}\n").as_bytes(), 0o600)
        .map_err(|error| EmbeddedError::Token(StoreError::Io { path, error }))
}

fn certificate_file(data: &Path) -> PathBuf {
    data.join("registered-certificate")
}
