//! Applications over the PKCS#11 module in an NTLS slot, each a process of its own.

use std::process::{Child, Stdio};

use super::{PO, registered};
use crate::world::{self, Client, Shown, World, eventually};

const PIN: &str = "-password=crypto-officer";

/// A client with an NTLS slot on a partition that has a Crypto Officer.
fn officer(world: &World) -> Client {
    let client = registered(world, "client1", &["par1"]);
    let script = format!(
        "slot set -slot 0\npartition init -label par1 -password {PO} -domain dom -force\nrole login -name po -password {PO}\nrole init -name co -password initial-pin\nrole logout\nrole login -name co -password initial-pin\nrole changepw -name co -oldpw initial-pin -newpw crypto-officer\n"
    );
    client.lunacm(&script).ok();
    client
}

fn program(client: &Client, program: &str, arguments: &[&str]) -> Shown {
    world::run(client.command(program, arguments), "")
}

#[test]
fn keys_serve_applications() {
    let world = World::with_partitions(&["par1"]);
    let client = officer(&world);
    let cmu = |arguments: &[&str]| {
        program(&client, env!("CARGO_BIN_EXE_cmu"), &[arguments, &[PIN]].concat())
    };
    let pair = ["generatekeypair", "-keytype=ecdsa", "-curve=prime256v1", "-label=server"];
    let pair = cmu(&pair);
    pair.ok();
    cmu(&["list"]).ok().has("server");
    let (public, private) = (pair.value("publicHandle="), pair.value("privateHandle="));
    let (public, private) =
        (format!("-publicHandle={public}"), format!("-privateHandle={private}"));
    let certificate =
        ["selfsigncertificate", &public, &private, "-CN=localhost", "-label=certificate"];
    cmu(&certificate).ok();
    for mode in [&["ecdsasign", "-nthreads=2"][..], &["aesgcm"], &["find", "-objects=20"]] {
        let arguments = [mode, &["-timed=1", "-rounds=1", PIN]].concat();
        program(&client, env!("CARGO_BIN_EXE_multitoken"), &arguments).ok().has("operations/s");
    }
    // The link is of this client's certificate, and the audit log says so.
    let shown = world.lunash("hsm login -password hsm-so-password\naudit show -partition par1\n");
    shown.has("by client1 ").has("LUNA_GENERATE_KEY_PAIR").has("as Crypto Officer");
}

/// An application that works until it is told that its device is gone.
fn working(client: &Client) -> Child {
    let arguments = ["random", "-packet=16", "-timed=60", "-rounds=1", PIN];
    let mut command = client.command(env!("CARGO_BIN_EXE_multitoken"), &arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn an_application_hears_that_its_partition_was_taken_away() {
    let world = World::with_partitions(&["par1"]);
    let client = officer(&world);
    let mut application = working(&client);
    let at_work = || {
        let shown = world
            .lunash("hsm login -password hsm-so-password\naudit show -partition par1 -last 1\n");
        shown.text.contains("LUNA_LOGIN")
    };
    eventually("the application has logged in", at_work);
    world.lunash("client revokePartition -client client1 -partition par1\n").ok();
    eventually("the application has ended", || application.try_wait().unwrap().is_some());
    let output = application.wait_with_output().unwrap();
    let shown = [output.stdout, output.stderr].concat();
    let shown = String::from_utf8(shown).unwrap();
    assert!(!output.status.success(), "{shown}");
    let told = ["CKR_DEVICE_REMOVED", "CKR_DEVICE_ERROR", "CKR_TOKEN_NOT_PRESENT"];
    assert!(told.iter().any(|code| shown.contains(code)), "{shown}");
}
