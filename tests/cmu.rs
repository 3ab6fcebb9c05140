//! `cmu` over the module: keys, certificates, requests, files, in a partition of a real appliance.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod world;

use std::{fs, path::PathBuf};

use openssl::x509::{X509, X509Req};
use world::{Client, Shown, World, run};

const PIN: &str = "-password=crypto-officer-1";

/// A client with an initialized partition and a Crypto Officer.
struct Token {
    world: World,
    client: Client,
}

impl Token {
    fn new() -> Self {
        let world = World::with_partitions(&["par1"]);
        let client = world.officer("client1");
        Self { world, client }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.world.root.path().join(name)
    }

    fn cmu_with(&self, arguments: &[&str], input: &str) -> Shown {
        run(self.client.command(env!("CARGO_BIN_EXE_cmu"), arguments), input)
    }

    fn cmu(&self, arguments: &[&str]) -> Shown {
        self.cmu_with(&[arguments, &[PIN]].concat(), "")
    }

    /// Makes a pair and returns both handles, public first.
    fn pair(&self, name: &str, kind: &[&str]) -> (String, String) {
        let label = format!("-label={name}");
        let shown = self.cmu(&[&["generatekeypair", label.as_str()], kind].concat());
        shown.ok();
        let (public, private) = (shown.value("publicHandle="), shown.value("privateHandle="));
        (public.to_owned(), private.to_owned())
    }
}

#[test]
fn certificates_and_requests_are_signed_by_the_token() {
    let token = Token::new();
    for (name, kind) in [
        ("rsa", &["-keytype=rsa", "-modulusBits=2048", "-sign=T", "-verify=T"][..]),
        ("p256", &["-keytype=ecdsa", "-curve=prime256v1"]),
        ("p384", &["-keytype=ecdsa", "-curve=P-384"]),
        ("edwards", &["-keytype=ed25519"]),
    ] {
        let (public, private) = token.pair(name, kind);
        let (public, private) =
            (format!("-publicHandle={public}"), format!("-privateHandle={private}"));
        let request = token.path("request.pem");
        let output = format!("-outputFile={}", request.display());
        token
            .cmu(&["requestcertificate", &public, &private, "-CN=host.example", "-C=CH", &output])
            .ok();
        let request = X509Req::from_pem(&fs::read(&request).unwrap()).unwrap();
        let key = request.public_key().unwrap();
        assert!(request.verify(&key).unwrap(), "{name}: the request is not signed by its key");

        let days = ["-startDate=20260101", "-endDate=20301231"];
        let command = ["selfsigncertificate", &public, &private, "-CN=root", "-serialNumber=0a0b"];
        token.cmu(&[&command[..], &days, &["-ca=T"]].concat()).ok().has("certificateHandle=");
        let found = token.cmu(&["list", "-class=certificate", "-label=root", "-display=handle"]);
        let handle = found.ok().text.trim().replace("handle=", "-handle=");
        let file = token.path("root.pem");
        let output = format!("-outputFile={}", file.display());
        token.cmu(&["export", &handle, &output]).ok();
        let certificate = X509::from_pem(&fs::read(&file).unwrap()).unwrap();
        assert!(
            certificate.verify(&key).unwrap(),
            "{name}: the certificate is not signed by its key"
        );
        let serial = certificate.serial_number().to_bn().unwrap();
        assert_eq!(serial.to_vec(), [0x0a, 0x0b]);

        token.cmu_with(&["delete", &handle, PIN], "").failed().has("proceed");
        token.cmu(&["delete", &handle, "-force"]).ok();
        let input = format!("-inputFile={}", file.display());
        token.cmu(&["import", &input, "-label=root", "-id=0c"]).ok().has("handle=");
        token.cmu(&["list", "-class=certificate", "-id=0c", "-display=label"]).ok().has("root");
        let found = token.cmu(&["list", "-class=certificate", "-display=handle"]);
        let handle = found.text.trim().replace("handle=", "-handle=");
        token.cmu(&["delete", &handle, "-force"]).ok();
    }
}

#[test]
fn attributes_are_shown_and_set() {
    let token = Token::new();
    let (public, private) = token.pair("one", &["-keytype=ecdsa", "-id=01"]);
    let handle = format!("-handle={private}");
    token
        .cmu(&["getattribute", &handle, "-attributes=class,keytype,label,id,sensitive,sign"])
        .ok()
        .has("class=private\nkeytype=ec\nlabel=one\nid=01\nsensitive=T\nsign=T");
    // What the token does not tell is left out.
    token.cmu(&["getattribute", &handle]).ok().has("ecparams=").lacks("\nvalue=");
    token.cmu(&["setattribute", &handle, "-label=two", "-id=0203"]).ok();
    token.cmu(&["list", "-label=two", "-display=id"]).ok().has("id=0203");
    token.cmu(&["setattribute", &handle]).failed().has("there is nothing to set");
    // A public key goes out and comes in again.
    let file = token.path("key.pem");
    let output = format!("-outputFile={}", file.display());
    token.cmu(&["export", &format!("-handle={public}"), &output]).ok();
    let input = format!("-inputFile={}", file.display());
    token.cmu(&["import", &input, "-label=copy"]).ok();
    token.cmu(&["list", "-class=public", "-label=copy", "-display=keytype"]).ok().has("ec");
    token.cmu(&["export", &handle, &output]).failed().has("not exported to a file");
}

#[test]
fn wrong_use_is_told_with_the_remedy() {
    let token = Token::new();
    token.cmu_with(&["list", "-password=wrong-pin"], "").failed().has("CKR_PIN_INCORRECT");
    token
        .cmu(&["list", "-slot=77"])
        .failed()
        .has("there is no token in slot 77")
        .has("Give one of");
    token.cmu(&["getattribute", "-handle=99"]).failed().has("no object with handle 99");
    token.cmu(&["list", "-display=colour"]).failed().has("'colour' is not an attribute");
    token.cmu(&["generatekeypair", "-keytype=dsa"]).failed().has("Give one of: rsa");
    token.cmu(&["generatekeypair", "-sign=maybe"]).failed().has("neither T nor F");
    let noise = token.path("noise");
    fs::write(&noise, [0x55; 3000]).unwrap();
    let input = format!("-inputFile={}", noise.display());
    token.cmu(&["import", &input]).failed().has("neither an X.509 certificate nor a public key");
    token.cmu(&["list", "-display=label"]).ok().lacks("label=");
    // The password is asked for, and taken from the input.
    token.cmu_with(&["list"], "crypto-officer-1\n").ok();
    let module = format!("-module={}", noise.display());
    token.cmu(&["list", &module]).failed().has("cannot be used as a PKCS#11 module");
}
