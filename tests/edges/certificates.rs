//! Certificates of servers that are weak, of another kind, or near their end.

use std::{fs, path::Path, process::Command};

use crate::world::{Client, Shown};

/// Makes a self-signed certificate with the `openssl` program.
fn made(root: &Path, name: &str, key: &[&str], more: &[&str]) -> String {
    let path = root.join(name).display().to_string();
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-nodes", "-subj", "/CN=hsm1", "-keyout", "/dev/null"]);
    openssl.args(["-addext", "subjectAltName=DNS:hsm1", "-out", &path]).args(key).args(more);
    let output = openssl.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    path
}

fn add(client: &Client, certificate: &str) -> Shown {
    client.vtl(&["addServer", "-n", "hsm1", "-c", certificate])
}

const EC: [&str; 4] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];

#[test]
fn certificates_that_no_server_should_have_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let client = Client { home: root.path().join("home"), port: 0 };
    let client_only = ["-addext", "extendedKeyUsage=clientAuth", "-days", "100"];
    for (name, key, more, reason) in [
        ("short", &["-newkey", "rsa:1024"][..], &["-days", "100"][..], "1024 bits"),
        ("sha1", &["-newkey", "rsa:2048"], &["-sha1", "-days", "100"], "SHA-1 with RSA"),
        ("md5", &["-newkey", "rsa:2048"], &["-md5", "-days", "100"], "MD5 with RSA"),
        ("ecdsa1", &EC, &["-sha1", "-days", "100"], "SHA-1 with ECDSA"),
        ("client", &EC, &client_only, "not for TLS servers"),
    ] {
        let certificate = made(root.path(), name, key, more);
        add(&client, &certificate).failed().has(reason).has("sysconf regenCert");
        assert!(!fs::exists(client.home.join("cert/server/hsm1Cert.pem")).unwrap());
    }
    let both = ["-addext", "extendedKeyUsage=clientAuth,serverAuth", "-days", "100"];
    add(&client, &made(root.path(), "good", &EC, &both)).ok().lacks("Warning");
    client.vtl(&["listServers"]).ok().lacks("Warning");
}

#[test]
fn an_end_that_is_near_is_told() {
    let root = tempfile::tempdir().unwrap();
    let client = Client { home: root.path().join("home"), port: 0 };
    let certificate = made(root.path(), "near", &EC, &["-days", "10"]);
    let told = "Warning: the certificate of server hsm1 ends in 9 days.";
    add(&client, &certificate).ok().has(told);
    client.vtl(&["listServers"]).ok().has(told).has("regenCert");
    client.vtl(&["--json", "listServers"]).ok().has(told);
    client.lunacm("clientconfig listservers\n").ok().has("ends in 9 days");
    // It was valid when it was registered, and is not any more.
    let pinned = client.home.join("cert/server/hsm1Cert.pem");
    let past = ["-not_before", "20200101000000Z", "-not_after", "20210101000000Z"];
    let old = Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-subj", "/CN=hsm1", "-keyout", "/dev/null"])
        .args(EC)
        .args(past)
        .output()
        .unwrap();
    if old.status.success() {
        fs::write(&pinned, &old.stdout).unwrap();
        client.vtl(&["listServers"]).ok().has("the certificate of server hsm1 has expired");
    }
}
