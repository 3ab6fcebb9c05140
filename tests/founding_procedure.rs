//! The founding procedure, as an administrator types it: a new partition goes to its first
//! client, which becomes Partition SO and lets a second client in. Separate processes, separate
//! homes, one daemon; in a piped batch, from a file, and typed into a pseudo-terminal.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod world;

use std::{fs, path::Path, time::Duration};

use rexpect::session::PtySession;
use world::{Client, Shown, World};

/// The Partition SO's password.
const PO: &str = "partition-so-1";

#[test]
fn as_a_piped_batch() {
    procedure(Client::lunacm);
}

#[test]
fn from_a_file() {
    procedure(|client, script| {
        let file = client.home.with_extension("txt");
        fs::write(&file, script).unwrap();
        client.lunacm_with(&["-f", &file.display().to_string()], "")
    });
}

/// Both phases, with `lunacm` run in one of the ways it takes commands.
fn procedure(lunacm: impl Fn(&Client, &str) -> Shown) {
    let world = World::with_partitions(&["par1"]);
    let client1 = world.client("client1");
    let serial = first_client(&world, &client1, &lunacm);

    // Preparing the additional client.
    let client2 = world.client("client2");
    let prepared = lunacm(
        &client2,
        "stc tokenlist\nstc tokeninit -label token2\nstc identitycreate -label client2\nstc identityshow\n",
    );
    prepared.ok().has("Successfully initialized the client token.");
    prepared.has("Client identity client2 successfully created and exported to file");
    let client_hash = prepared.value("Public Key SHA-256 Hash:").to_owned();

    // The Partition SO lets it in.
    let identity = client2.identity();
    let registered = lunacm(
        &client1,
        &format!(
            "slot set -slot 0\nrole login -role po\n{PO}\nstcconfig clientregister -label client2 -file {}\nstcconfig clientlist\nstcconfig partitionidexport\nstc identityshow\n",
            identity.display()
        ),
    );
    registered.ok().has(&client_hash).has("client1");
    let pid = client1.home.join(format!("data/partition_identities/{serial}.pid"));
    assert!(pid.is_file(), "{}", registered.text);
    let partition_hash = hash_behind(&registered, &serial);

    // The second client connects, with what it was handed.
    let certificate = client1.home.join("cert/server/localhostCert.pem");
    add_server(&client2, &certificate);
    let connected = lunacm(
        &client2,
        &format!(
            "stc partitionregister -file {} -label par1\nstc identityshow\nclientconfig listservers\nstc enable -id 0 -force\nslot set -slot 0\nstc status\npartition showinfo\n",
            pid.display()
        ),
    );
    connected.ok().has(&format!("Partition identity {serial} successfully registered."));
    assert_eq!(hash_behind(&connected, &serial), partition_hash);
    connected.has("Slot Id ->              0").has("Connected").has("Client Identities:    2");
    assert_eq!(connected.value("Label ->"), "par1");

    // And is let out again.
    let removed = lunacm(
        &client1,
        &format!("role login -role po\n{PO}\nstcconfig clientderegister -label client2 -force\n"),
    );
    removed.ok();
    let refused = lunacm(&client2, "slot list\n");
    refused.ok().has("Registered partitions without a slot").has("Current Slot Id: None");
}

/// A new partition to its first client; gives the partition's serial number.
fn first_client(
    world: &World,
    client: &Client,
    lunacm: &impl Fn(&Client, &str) -> Shown,
) -> String {
    let pid = world.identities().remove(0);
    let serial = pid.file_stem().unwrap().to_string_lossy().into_owned();
    let handed_out = world.lunash("partition stcidentity show -partition par1\n");
    lunacm(client, "stc tokeninit -label token1\nstc identitycreate -label client1\n").ok();
    add_server(client, &world.certificate());
    let connected = lunacm(
        client,
        &format!(
            "stc partitionregister -file {}\nstc identityshow\nclientconfig listservers\nstc enable -id 0 -force\nslot set -slot 0\nstc status\npartition init -label par1 -domain dom -force\n{PO}\n{PO}\n",
            pid.display()
        ),
    );
    connected.ok().has(&serial);
    handed_out.has(&hash_behind(&connected, &serial));
    serial
}

fn add_server(client: &Client, certificate: &Path) {
    let port = client.port.to_string();
    let certificate = certificate.display().to_string();
    let added = client.vtl(&["addServer", "-n", "localhost", "-c", &certificate, "-port", &port]);
    added.ok().has("New server localhost successfully added to server list.");
}

/// The hash in the row of `stc identityshow` that shows this serial number.
#[track_caller]
fn hash_behind(shown: &Shown, serial: &str) -> String {
    let row = shown.text.lines().find_map(|line| {
        let (_, hash) = line.split_once(serial)?;
        let hash = hash.trim();
        (hash.split(' ').filter(|group| group.len() == 4).count() == 16).then_some(hash)
    });
    row.unwrap_or_else(|| panic!("no hash of {serial} in:\n{}", shown.text)).to_owned()
}

#[test]
fn typed_into_a_terminal() {
    let world = World::with_partitions(&["par1"]);
    let pid = world.identities().remove(0);
    let client1 = world.client("client1");
    let mut one = Terminal::open(&client1);
    one.command("stc tokeninit -label token1", "Command Result : No Error");
    one.command("stc identitycreate -label client1", "Command Result : No Error");
    add_server(&client1, &world.certificate());
    one.command(&format!("stc partitionregister -file {}", pid.display()), "registered.");
    one.asks("stc enable -id 0", "'quit' to quit now ->");
    one.answer("proceed", "Current Slot Id: 0");
    one.asks("partition init -label par1", "password for Partition SO:");
    one.answer(PO, "Re-enter password for Partition SO:");
    one.answer(PO, "Enter the domain name:");
    one.answer("dom", "Re-enter the domain name:");
    one.answer("dom", "'quit' to quit now ->");
    one.answer("proceed", "Command Result : No Error");
    one.asks("role login -role po", "enter password:");
    one.answer(PO, "Command Result : No Error");

    let client2 = world.client("client2");
    let mut two = Terminal::open(&client2);
    two.command("stc tokeninit -label token2", "Command Result : No Error");
    two.command("stc identitycreate -label client2", "Command Result : No Error");
    let identity = client2.identity();
    let identity = identity.display();
    one.command(
        &format!("stcconfig clientregister -label client2 -file {identity}"),
        "Command Result : No Error",
    );
    add_server(&client2, &client1.home.join("cert/server/localhostCert.pem"));
    two.command(&format!("stc partitionregister -file {}", pid.display()), "registered.");
    two.asks("stc enable -id 0", "'quit' to quit now ->");
    two.answer("proceed", "Current Slot Id: 0");
    two.command("stc status", "Connected");
    two.leave();
    one.leave();

    for home in [&client1.home, &client2.home] {
        let history = fs::read_to_string(home.join(".lunacm_history")).unwrap();
        assert!(history.contains("stc tokeninit") && !history.contains(PO), "{history}");
    }
}

/// `lunacm` on a pseudo-terminal.
struct Terminal(PtySession);

impl Terminal {
    fn open(client: &Client) -> Self {
        let command = client.command(env!("CARGO_BIN_EXE_lunacm"), &[]);
        let patience = u64::try_from(Duration::from_secs(30).as_millis()).unwrap();
        let mut session = rexpect::session::spawn_command(command, Some(patience)).unwrap();
        session.exp_string("Current Slot Id").unwrap();
        session.exp_string("lunacm:>").unwrap();
        Self(session)
    }

    /// Types a command and waits for a text and the next prompt.
    #[track_caller]
    fn command(&mut self, line: &str, expected: &str) {
        self.0.send_line(line).unwrap();
        self.wait(expected);
        self.wait("lunacm:>");
    }

    /// Types a command that asks something.
    #[track_caller]
    fn asks(&mut self, line: &str, question: &str) {
        self.0.send_line(line).unwrap();
        self.wait(question);
    }

    /// Answers, and waits for what follows. The answer to a password is not shown.
    #[track_caller]
    fn answer(&mut self, answer: &str, expected: &str) {
        self.0.send_line(answer).unwrap();
        let before = self.wait(expected);
        assert!(answer != PO || !before.contains(PO), "{before}");
    }

    #[track_caller]
    fn wait(&mut self, text: &str) -> String {
        self.0.exp_string(text).unwrap_or_else(|error| panic!("no {text:?}: {error}"))
    }

    fn leave(mut self) {
        self.0.send_line("exit").unwrap();
        self.0.exp_eof().unwrap();
    }
}
