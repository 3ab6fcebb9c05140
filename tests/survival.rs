//! What was confirmed survives SIGKILL of the daemon and of lunacm, and links come back.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod hardening;
mod world;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use lunacm::{client::identity_file, crypto::KeyPair, wire::ClientIdentityFile};
use world::{Client, Daemon, World, run};

const PO: &str = "partition-so-1";

/// A `lunacm` that is fed line by line.
struct Fed {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Fed {
    fn start(client: &Client) -> Self {
        let mut command = client.command(env!("CARGO_BIN_EXE_lunacm"), &[]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdin, stdout }
    }

    /// Sends lines and reads to the result line; empty once the program has ended.
    fn ask(&mut self, lines: &str) -> String {
        let _ = writeln!(self.stdin, "{lines}");
        let mut text = String::new();
        loop {
            let mut line = String::new();
            if self.stdout.read_line(&mut line).unwrap() == 0 {
                return text;
            }
            text += &line;
            if line.starts_with("Command Result") {
                return text;
            }
        }
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn initialized(world: &World) -> Client {
    let client = world.connected("client1");
    client.lunacm(&format!("partition init -label par1 -password {PO} -domain dom -force\n")).ok();
    client
}

/// Identity files of clients that exist nowhere else.
fn identity(world: &World, number: u8) -> String {
    let path = world.root.path().join(format!("other{number}"));
    let keys = KeyPair::from_secret(&[number; 32]);
    let label = format!("other{number}").parse().unwrap();
    identity_file::write_client(&path, &ClientIdentityFile { label, key: *keys.public() }).unwrap();
    path.display().to_string()
}

#[test]
fn links_come_back_with_the_daemon() {
    let mut world = World::with_partitions(&["par1"]);
    let client = initialized(&world);
    let mut lunacm = Fed::start(&client);
    assert!(lunacm.ask("stc status").contains("Connected"));
    world.daemon.kill();
    let meanwhile = lunacm.ask("slot list");
    assert!(meanwhile.contains("Status ->               Lost"), "{meanwhile}");
    assert!(meanwhile.contains("Connection refused") && meanwhile.contains("Current Slot Id: 0"));
    world.restart_after_kill();
    let again = lunacm.ask("slot list");
    assert!(again.contains("Slot Id ->              0"), "{again}");
    assert!(lunacm.ask("stc status").contains("Connected"));

    // A lost link comes back with the next command, logged out.
    let login = lunacm.ask(&format!("role login -role po -password {PO}"));
    assert!(login.contains("No Error"), "{login}");
    world.restart_after_kill();
    let clients = lunacm.ask("stcconfig clientlist");
    assert!(clients.contains("0x101 (CKR_USER_NOT_LOGGED_IN)"), "{clients}");
}

#[test]
fn confirmed_registrations_survive_a_killed_daemon() {
    let mut world = World::with_partitions(&["par1"]);
    let client = initialized(&world);
    let mut confirmed = Vec::new();
    for round in 0..3_u8 {
        let mut lunacm = Fed::start(&client);
        lunacm.ask(&format!("role login -role po -password {PO}"));
        for number in round * 8 + 1..=round * 8 + 8 {
            // The daemon dies in the middle of the round, at another point each time.
            if number == round * 8 + 3 + round {
                world.daemon.kill();
            }
            let file = identity(&world, number);
            let label = format!("other{number}");
            let shown =
                lunacm.ask(&format!("stcconfig clientregister -label {label} -file {file}"));
            if shown.contains("Successfully registered") {
                confirmed.push(label);
            }
        }
        world.daemon = Daemon::start(&world.daemon.data.clone(), world.daemon.port);
    }
    assert!(confirmed.len() >= 6, "{confirmed:?}");
    let listed =
        client.lunacm(&format!("role login -role po -password {PO}\nstcconfig clientlist\n"));
    for label in &confirmed {
        listed.ok().has(label);
    }
}

#[test]
fn a_token_survives_a_killed_lunacm() {
    let world = World::with_partitions(&["par1", "par2", "par3"]);
    let client = world.client("client1");
    client.lunacm("stc tokeninit -label token1\nstc identitycreate -label client1\n").ok();
    let mut registered: Vec<String> = Vec::new();
    for (at, pid) in world.identities().iter().enumerate() {
        let mut lunacm = Fed::start(&client);
        let shown = lunacm.ask(&format!("stc partitionregister -file {}", pid.display()));
        assert!(shown.contains("successfully registered"), "{shown}");
        registered.push(pid.file_stem().unwrap().to_string_lossy().into_owned());
        // Killed while the next change is under way.
        writeln!(lunacm.stdin, "stc identitycreate -label client1 -force").unwrap();
        std::thread::sleep(Duration::from_millis(u64::try_from(at).unwrap() * 7));
        drop(lunacm);
    }
    let shown = client.lunacm("stc identityshow\n");
    for serial in &registered {
        shown.ok().has(serial);
    }
}

#[test]
fn the_daemon_ends_well_and_is_alone() {
    let mut world = World::with_partitions(&["par1"]);
    let daemon = |data: &str, listen: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lunahsmd"));
        command.args(["--data", data, "--listen", listen]);
        run(command, "")
    };
    let data = world.daemon.data.display().to_string();
    daemon(&data, "127.0.0.1:0").failed().has("is in use by another lunahsmd");
    let other = world.root.path().join("other");
    let taken = format!("127.0.0.1:{}", world.daemon.port);
    let refused = daemon(&other.display().to_string(), &taken);
    refused.failed().has(&taken).has("--listen");
    assert!(world.daemon.terminate().success());
    assert!(!world.daemon.data.join("lunash.sock").exists());
    world.lunash("hsm show\n").failed().has("lunahsmd");
    let mode = |name: &str| {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(world.daemon.data.join(name)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("."), mode("appliance.db"), mode("appliance.key")), (0o700, 0o600, 0o600));
}

#[test]
fn a_deregistered_client_loses_its_live_link_at_once() {
    let world = World::with_partitions(&["par1"]);
    let client1 = initialized(&world);
    let client2 = world.client("client2");
    let mut officer = Fed::start(&client1);
    officer.ask(&format!("role login -role po -password {PO}"));
    client2.prepare(&world.certificate());
    let file = client2.identity();
    officer.ask(&format!("stcconfig clientregister -label client2 -file {}", file.display()));
    let pid = world.identities().remove(0);
    client2
        .lunacm(&format!(
            "stc partitionregister -file {}\nstc enable -id 0 -force\n",
            pid.display()
        ))
        .ok();
    let mut second = Fed::start(&client2);
    assert!(second.ask("stc status").contains("Connected"));
    let shown = officer.ask("stcconfig clientderegister -label client2 -force");
    assert!(shown.contains("Successfully deregistered"), "{shown}");
    let lost = second.ask("stc status");
    assert!(lost.contains("refused the handshake"), "{lost}");
    assert!(officer.ask("stc status").contains("Connected"));
}
