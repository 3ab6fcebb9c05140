//! Broken rules and wrong files: each has its own message with a remedy, and changes nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod world;

use std::{fs, path::Path};

use world::{Client, World};

const PO: &str = "partition-so-1";

/// Every file of a directory, with its content; the databases' side files and locks left out.
fn tree(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(tree(&path));
        } else if !path.to_string_lossy().contains("token.db-") {
            files.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    files.sort();
    files
}

fn initialized(world: &World) -> Client {
    let client = world.connected("client1");
    client.lunacm(&format!("partition init -label par1 -password {PO} -domain dom -force\n")).ok();
    client
}

#[test]
fn stc_needs_token_identity_and_partition() {
    let world = World::with_partitions(&["par1"]);
    let client = world.client("client1");
    let enable = "stc enable -id 0 -force\n";
    client.lunacm(enable).failed().has("no server of the number 0").has("clientconfig listservers");
    let certificate = world.certificate().display().to_string();
    let port = world.daemon.port.to_string();
    client.vtl(&["addServer", "-n", "localhost", "-c", &certificate, "-port", &port]).ok();
    let again = client.vtl(&["addServer", "-n", "localhost", "-c", &certificate]);
    again.failed().has("This server is already registered");
    client.lunacm(enable).failed().has("not initialized").has("stc tokeninit");
    client.lunacm("stc tokeninit -label token1\n").ok();
    client
        .lunacm(enable)
        .failed()
        .has("CKR_STC_CLIENT_IDENTITY_NOT_CONFIGURED")
        .has("identitycreate");
    client.lunacm("stc identitycreate -label client1\n").ok();
    client.lunacm(enable).failed().has("CKR_STC_PARTITION_IDENTITY_NOT_CONFIGURED");
    client.lunacm("clientconfig listservers\n").ok().has("NTLS").lacks("STC");
}

#[test]
fn a_token_with_an_identity_is_not_lost_unasked() {
    let world = World::new();
    let client = world.client("client1");
    client.lunacm("stc tokeninit -label token1\nstc identitycreate -label client1\n").ok();
    let before = client.lunacm("stc identityshow\n").value("SHA-256 Hash:").to_owned();
    client.lunacm("stc tokeninit -label token2\n").failed().has("-force");
    client
        .lunacm("stc tokeninit -label token2\nquit\n")
        .failed()
        .has("0xb (User Cancelled Operation)");
    assert_eq!(client.lunacm("stc identityshow\n").value("SHA-256 Hash:"), before);
    client.lunacm("stc tokeninit -label token2\nproceed\n").ok();
    client.lunacm("stc identityshow\n").failed().has("identitycreate");
}

#[test]
fn servers_that_are_down_or_others_are_told_apart() {
    let mut world = World::with_partitions(&["par1"]);
    let client = world.connected("client1");
    world.lunash("sysconf regenCert -force\n").ok();
    let other = client.lunacm("slot list\n");
    other.ok().has("another certificate than the registered one").has("Current Slot Id: None");
    client.vtl(&["verify"]).failed().has("another certificate");
    world.daemon.kill();
    client.lunacm("slot list\n").ok().has("Connection refused").has("vtl listServers");
}

#[test]
fn unknown_clients_and_wrong_serials_are_refused_alike() {
    let world = World::with_partitions(&["par1"]);
    initialized(&world);
    let stranger = world.client("stranger");
    stranger.prepare(&world.certificate());
    let pid = world.identities().remove(0);
    let enable = |client: &Client, pid: &Path| {
        client.lunacm(&format!(
            "stc partitionregister -file {}\nstc enable -id 0 -force\n",
            pid.display()
        ))
    };
    let refused = enable(&stranger, &pid);
    refused.failed().has("the appliance refused the handshake").has("stcconfig clientregister");

    let text = fs::read_to_string(&pid).unwrap();
    let serial = pid.file_stem().unwrap().to_string_lossy().into_owned();
    let wrong = world.root.path().join("wrong.pid");
    fs::write(&wrong, text.replace(&serial, "1999999999999")).unwrap();
    let lost = world.client("lost");
    lost.prepare(&world.certificate());
    enable(&lost, &wrong).failed().has("the appliance refused the handshake");
    let gone = lost.lunacm("stc partitionderegister -serial 12 -force\n");
    gone.failed().has("no partition of the serial number '12'");
}

#[test]
fn mailed_files_are_taken_and_wrong_ones_named() {
    let world = World::with_partitions(&["par1"]);
    let client1 = initialized(&world);
    let client2 = world.client("client2");
    client2.prepare(&world.certificate());
    let at = |name: &str| world.root.path().join(name);
    let mailed = |from: &Path, name: &str| {
        let text = fs::read_to_string(from).unwrap();
        fs::write(at(name), text.trim_end().replace('\n', "\r\n")).unwrap();
        at(name).display().to_string()
    };
    let pid = mailed(&world.identities()[0], "mailed.pid");
    client2.lunacm(&format!("stc partitionregister -file {pid}\n")).ok();
    let identity = mailed(&client2.identity(), "mailed-client");
    let login = format!("role login -role po -password {PO}\n");
    let register = |file: &str| {
        client1
            .lunacm(&format!("{login}stcconfig clientregister -label mailed-client -file {file}\n"))
    };
    let certificate = mailed(&world.certificate(), "mailed.pem");
    client2.vtl(&["deleteServer", "-n", "localhost"]).ok();
    client2.vtl(&["addServer", "-n", "localhost", "-c", &certificate]).ok();

    fs::write(at("empty"), "").unwrap();
    fs::write(at("noise"), vec![0xa7; 10 * 1024 * 1024]).unwrap();
    fs::create_dir(at("directory")).unwrap();
    let wrong =
        ["empty", "noise", "directory", "missing"].map(|name| at(name).display().to_string());
    let before = (tree(&client1.home), tree(&client2.home));
    for file in wrong.iter().chain([&pid, &certificate]) {
        register(file).failed().has(file);
    }
    for file in wrong.iter().chain([&identity, &certificate]) {
        client2.lunacm(&format!("stc partitionregister -file {file}\n")).failed().has(file);
    }
    for file in wrong.iter().chain([&identity, &pid]) {
        client2.vtl(&["addServer", "-n", "127.0.0.1", "-c", file]).failed().has(file);
    }
    assert!(before == (tree(&client1.home), tree(&client2.home)), "a refused file changed a home");
    client1.lunacm(&format!("{login}stcconfig clientlist\n")).ok().lacks("mailed-client");
    register(&identity).ok();
}

#[test]
fn a_full_partition_and_a_revoked_client() {
    let world = World::with_partitions(&[]);
    world.lunash(&format!(
        "hsm login -password {}\npartition create -partition tiny -size 2392 -force\npartition stcidentity export -partition tiny\n",
        world::SO
    )).ok();
    let client = initialized(&world);
    let other = world.client("other");
    other.prepare(&world.certificate());
    let login = format!("role login -role po -password {PO}\n");
    let full = client.lunacm(&format!(
        "{login}stcconfig clientregister -label other -file {}\npartition showinfo\n",
        other.identity().display()
    ));
    full.failed().has("0x31 (CKR_DEVICE_MEMORY)").has("Free Storage Space:   0");
    let deleted = client.lunacm("stc identitydelete -force\n");
    deleted.ok().has("Successfully deleted client identity client1.").lacks("still holds");
    world
        .lunash("partition show -partition tiny\n")
        .ok()
        .has("Registered STC Clients:                    0");
}

#[test]
fn the_partition_so_has_to_be_logged_in_over_this_link() {
    let world = World::with_partitions(&["par1"]);
    let client = initialized(&world);
    let shown = client.lunacm(
        "stcconfig clientlist\nstcconfig partitionidexport\nstcconfig partitionidshow\nstcconfig clientderegister -label client1 -force\n",
    );
    shown.failed();
    assert_eq!(shown.text.matches("0x101 (CKR_USER_NOT_LOGGED_IN)").count(), 4, "{}", shown.text);
    let roles = client.lunacm(&format!(
        "role login -role po -password {PO}\nrole init -name co -password initial-pin\nrole logout\nrole login -name crypto officer -password initial-pin\npartition contents\nrole changepw -name co -oldpw initial-pin -newpw changed-pin\npartition contents\nrole init -name lco -password initial-pin\nrole init -name cu -password initial-pin\nrole login -name cu -password initial-pin\n"
    ));
    roles.failed().has("0xa3 (CKR_PIN_EXPIRED)").has("No objects viewable to 'Crypto Officer'");
    roles.has("CKR_USER_ANOTHER_ALREADY_LOGGED_IN").lacks("initial-pin");
}

#[test]
fn the_programs_arguments() {
    let world = World::with_partitions(&["par1"]);
    let client = world.connected("client1");
    client.lunacm_with(&["slot", "list"], "").failed().has("Unknown command-line arguments");
    client.lunacm_with(&["-q", "slot", "list"], "").ok().has("Slot Id ->").lacks("Copyright");
    client.lunacm_with(&["-c", "slot list"], "").ok().has("Copyright");
    client.lunacm_with(&["-s", "0", "stc", "status"], "").ok().has("Connected");
    client.lunacm_with(&["-s", "7", "stc", "status"], "").failed().has("there is no slot 7");
    client.lunacm_with(&["-f", "/nonexistent"], "").failed().has("/nonexistent");
    client.lunacm_with(&["-q", "stc", "tokeninit", "-label", "x"], "quit\n").failed().has("0xb");
    client.lunacm("slott list\n").failed().has("0x1 (Unknown command)");
    client
        .lunacm("stc statuss\nslot list\n")
        .failed()
        .has("Did you mean 'stc status'?")
        .has("Slot Id");
    let configuration = client.home.join("Chrystoki.conf");
    let broken = fs::read_to_string(&configuration).unwrap() + "Broken = {\n   no value\n";
    fs::write(&configuration, &broken).unwrap();
    client.lunacm("slot list\n").failed().has("line ").has("Chrystoki.conf");
    assert_eq!(fs::read_to_string(&configuration).unwrap(), broken);
}
