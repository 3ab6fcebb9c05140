//! OpenSSL, through the engine of libp11.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Stdio},
    sync::mpsc,
    thread,
};

use crate::{
    token::{Token, have, skipped},
    world::{PATIENCE, Shown, run},
};

const KEY: &str = "pkcs11:token=par0;object=web;type=private";

/// How the engine finds the module.
const CONFIGURATION: &str = "\
openssl_conf = start
[start]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
MODULE_PATH = {module}
PIN = {pin}
init = 0
[req]
distinguished_name = name
x509_extensions = web
prompt = no
[name]
CN = localhost
[web]
subjectAltName = DNS:localhost
";

/// Debian puts the engine under the machine's architecture.
pub fn engine() -> Option<PathBuf> {
    let places = fs::read_dir("/usr/lib").ok()?;
    let mut places =
        places.filter_map(|entry| Some(entry.ok()?.path().join("engines-3/pkcs11.so")));
    places.find(|path| path.exists())
}

fn openssl(token: &Token, arguments: &[&str], input: &str) -> Shown {
    let mut command = token.command("openssl", arguments);
    command.env("OPENSSL_CONF", token.directory().join("openssl.cnf"));
    run(command, input)
}

/// A token with a P-256 key, and a certificate of it by `openssl req`.
fn with_certificate() -> Option<Token> {
    if !have(&["openssl", "pkcs11-tool"]) {
        return None;
    }
    if engine().is_none() {
        skipped("libengine-pkcs11-openssl");
        return None;
    }
    let token = Token::new();
    token.write("openssl.cnf", CONFIGURATION);
    let make = ["--login", "--pin", "{pin}", "--keypairgen", "--key-type", "EC:prime256v1"];
    let named = ["--label", "web", "--id", "01", "--usage-sign"];
    token.run("pkcs11-tool", &[&["--module", "{module}"], &make[..], &named].concat()).ok();
    let key = ["-engine", "pkcs11", "-keyform", "engine", "-key", KEY];
    let request = ["req", "-new", "-x509", "-days", "2", "-out", "{dir}/web.pem"];
    openssl(&token, &[&request[..], &key].concat(), "").ok();
    Some(token)
}

#[test]
fn a_certificate_is_signed() {
    let Some(token) = with_certificate() else { return };
    let shown = openssl(&token, &["x509", "-in", "{dir}/web.pem", "-noout", "-text"], "");
    shown.ok().has("ecdsa-with-SHA256").has("CN = localhost");
    let verify = ["verify", "-CAfile", "{dir}/web.pem", "{dir}/web.pem"];
    openssl(&token, &verify, "").ok().has("OK");
}

#[test]
fn tls_is_served() {
    let Some(token) = with_certificate() else { return };
    let (mut server, port) = serve(&token);
    let address = format!("localhost:{port}");
    let client = ["s_client", "-connect", &address, "-CAfile", "{dir}/web.pem", "-brief"];
    let shown = openssl(&token, &[&client[..], &["-verify_return_error"]].concat(), "Q\n");
    let _ = server.kill();
    let _ = server.wait();
    shown.ok().has("Verification: OK").has("Protocol version: TLSv1.3");
}

/// `openssl s_server` on a free port, with the partition's key.
fn serve(token: &Token) -> (Child, u16) {
    let key = ["-engine", "pkcs11", "-keyform", "engine", "-key", KEY, "-cert", "{dir}/web.pem"];
    let server = ["s_server", "-accept", "127.0.0.1:0", "-www"];
    let mut command = token.command("openssl", &[&server[..], &key].concat());
    command.env("OPENSSL_CONF", token.directory().join("openssl.cnf"));
    let mut server =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let (found, port) = mpsc::channel();
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if let Some(address) = line.strip_prefix("ACCEPT ") {
                let _ = found.send(address.rsplit(':').next().and_then(|port| port.parse().ok()));
            }
        }
    });
    let Ok(Some(port)) = port.recv_timeout(PATIENCE) else {
        let _ = server.kill();
        panic!("openssl s_server has no port");
    };
    (server, port)
}
