//! Records of the audit log at syslog servers: a local socket, and a server over TLS.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::net::UnixDatagram,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use rcgen::{CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

use crate::world::{World, eventually};

const SO: &str = "hsm login -password hsm-so-password\n";

fn lunash(world: &World, commands: &str) -> crate::world::Shown {
    world.lunash(&format!("{SO}{commands}"))
}

#[test]
fn records_go_to_a_local_socket_and_a_server_that_is_away_stops_nothing() {
    let world = World::with_partitions(&["par1"]);
    let path = world.daemon.data.join("log");
    let shown = path.display().to_string();
    world.lunash(&format!("syslog remotehost add -socket {shown}\n")).failed();
    // Nobody listens yet.
    lunash(&world, &format!("syslog remotehost add -socket {shown}\n")).ok();
    lunash(&world, "hsm changePolicy -policy 21 -value 1\n").ok();
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let mut buffer = [0; 4096];
    let mut seen = Vec::new();
    while !seen.iter().any(|message: &String| message.contains("LUNA_CHANGE_POLICY")) {
        let length = socket.recv(&mut buffer).unwrap();
        seen.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
    }
    for message in &seen {
        assert!(message.starts_with("<15"), "{message}");
        assert!(message.contains("[lunacm@32473 seq=\""), "{message}");
        assert!(message.contains("client=\"administrator\""), "{message}");
    }
    let listed = lunash(&world, "audit remotehost list\n");
    listed.ok().has(&shown).has("connected").has("0 lost");
    lunash(&world, &format!("syslog remotehost delete -host {shown}\n")).ok();
    lunash(&world, "syslog remotehost list\n").ok().has("Records go to no server.");
}

/// An authority and a server's certificate for this name, in PEM and as rustls takes them.
fn authority(name: &str) -> (String, Arc<ServerConfig>) {
    let key = KeyPair::generate().unwrap();
    let mut own = CertificateParams::new(Vec::new()).unwrap();
    own.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = own.self_signed(&key).unwrap();
    let issuer = Issuer::new(own, key);
    let server = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let signed = params.signed_by(&server, &issuer).unwrap();
    let private = PrivateKeyDer::try_from(server.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.der().clone()], private)
        .unwrap();
    (certificate.pem(), Arc::new(config))
}

/// Takes connections and keeps what comes over them.
fn serve(listener: TcpListener, config: Arc<ServerConfig>) -> Arc<Mutex<Vec<u8>>> {
    let got: Arc<Mutex<Vec<u8>>> = Arc::default();
    let kept = got.clone();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let connection = ServerConnection::new(config.clone()).unwrap();
            let mut stream = StreamOwned::new(connection, socket.unwrap());
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                kept.lock().unwrap().write_all(&buffer[..length]).unwrap();
            }
        }
    });
    got
}

/// The messages in front of which their lengths stand.
fn messages(mut bytes: &[u8]) -> Vec<String> {
    let mut messages = Vec::new();
    while let Some(at) = bytes.iter().position(|byte| *byte == b' ') {
        let length: usize = std::str::from_utf8(&bytes[..at]).unwrap().parse().unwrap();
        let Some(message) = bytes.get(at + 1..at + 1 + length) else { break };
        messages.push(String::from_utf8(message.to_vec()).unwrap());
        bytes = &bytes[at + 1 + length..];
    }
    messages
}

#[test]
fn records_go_to_a_server_over_tls_and_to_no_other() {
    let world = World::with_partitions(&["par1"]);
    let (roots, config) = authority("localhost");
    let files = world.daemon.data.join("files");
    fs::write(files.join("roots.pem"), roots).unwrap();
    fs::write(files.join("others.pem"), authority("localhost").0).unwrap();
    fs::write(files.join("none.pem"), "nothing").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let got = serve(listener, config);
    let add = |host: &str, file: &str, name: &str| {
        format!(
            "syslog remotehost add -host {host} -port {port} -certificate {file} -name {name}\n"
        )
    };
    lunash(&world, &add("127.0.0.1", "none.pem", "localhost")).failed().has("certificates are PEM");
    lunash(&world, &add("127.0.0.1", "others.pem", "localhost")).ok();
    lunash(&world, &add("localhost", "roots.pem", "elsewhere")).ok();
    lunash(&world, "hsm changePolicy -policy 21 -value 1\n").ok();
    thread::sleep(Duration::from_secs(2));
    assert!(got.lock().unwrap().is_empty(), "an authority or a name that was not asked for");
    lunash(&world, "syslog remotehost list\n").ok().has("not reached").lacks(": connected");

    lunash(&world, "syslog remotehost clear -force\n").ok();
    lunash(&world, &add("localhost", "roots.pem", "localhost")).ok();
    lunash(&world, "hsm changePolicy -policy 21 -value 0\n").ok();
    eventually("the record", || {
        let got = got.lock().unwrap();
        messages(&got).iter().any(|message| message.contains(" LUNA_CHANGE_POLICY ["))
    });
    let listed = lunash(&world, "audit remotehost list\n");
    listed.ok().has(&format!("localhost:{port}: connected"));
}
