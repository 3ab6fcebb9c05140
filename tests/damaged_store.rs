//! A store that is not what it should be is refused with the reason and the remedy, and left as
//! it is: the appliance's database and its key, and a client's token.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

#[path = "hsm_support/room.rs"]
mod room;
mod world;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rusqlite::Connection;
use world::World;

/// How long a daemon may take to refuse.
const PATIENCE: Duration = Duration::from_secs(30);

/// One kind of damage: its name, what it does to a data directory, and what the daemon says.
struct Damage {
    name: &'static str,
    act: fn(&Path),
    cause: &'static str,
    remedy: &'static str,
}

const DAMAGES: [Damage; 13] = [
    Damage {
        name: "a newer schema",
        act: |data| sql(data, "PRAGMA user_version = 99"),
        cause: "has schema version 99",
        remedy: "Use the version that wrote it",
    },
    Damage {
        name: "another program's database",
        act: |data| sql(data, "PRAGMA application_id = 7"),
        cause: "is not an appliance's database",
        remedy: "Move it away",
    },
    Damage {
        name: "a text",
        act: |data| replace(data, "Dear administrator,\nthis is a letter.\n".repeat(60).as_bytes()),
        cause: "is not an appliance's database",
        remedy: "Move it away",
    },
    Damage {
        name: "a single byte",
        act: |data| replace(data, b"x"),
        cause: "is not an appliance's database",
        remedy: "Move it away",
    },
    Damage {
        name: "the first half of the database",
        act: |data| {
            let whole = fs::read(database(data)).unwrap();
            replace(data, &whole[..whole.len() / 2]);
        },
        cause: "the database cannot be used",
        remedy: "restore the store from a copy",
    },
    Damage {
        name: "another key",
        act: |data| fs::write(key(data), [7; 32]).unwrap(),
        cause: "was sealed under another key",
        remedy: "Put the key file back",
    },
    Damage {
        name: "no key",
        act: |data| fs::remove_file(key(data)).unwrap(),
        cause: "is missing",
        remedy: "Put it back",
    },
    Damage {
        name: "half a key",
        act: |data| fs::write(key(data), [7; 16]).unwrap(),
        cause: "does not hold 32 bytes",
        remedy: "Put the right file back",
    },
    Damage {
        name: "a key that others can read",
        act: |data| fs::set_permissions(key(data), fs::Permissions::from_mode(0o644)).unwrap(),
        cause: "can be read by others",
        remedy: "chmod 600",
    },
    Damage {
        name: "no keys that can be destroyed",
        act: |data| fs::remove_dir_all(data.join("keys")).unwrap(),
        cause: "keys/confirmed is missing",
        remedy: "Restore appliance.db and the directory keys together",
    },
    Damage {
        name: "a database behind what was confirmed",
        act: |data| fs::write(data.join("keys/confirmed"), 1_000_000_u64.to_be_bytes()).unwrap(),
        cause: "is older than what was confirmed",
        remedy: "Put back the file that lay beside it with the ending -wal",
    },
    Damage {
        name: "a number of confirmed changes that is none",
        act: |data| fs::write(data.join("keys/confirmed"), b"x").unwrap(),
        cause: "is damaged",
        remedy: "Restore appliance.db and the directory keys together",
    },
    Damage {
        name: "another table of what to expect",
        act: |data| sql(data, "DELETE FROM witness"),
        cause: "the database was changed from outside",
        remedy: "Restore appliance.db and the directory keys",
    },
];

#[test]
fn a_damaged_appliance_is_refused_and_left_alone() {
    let world = World::with_partitions(&["par1", "par2"]);
    let World { root, mut daemon } = world;
    assert!(daemon.terminate().success());
    let good = daemon.data.clone();
    for Damage { name, act, cause, remedy } in &DAMAGES {
        let data = root.path().join("damaged");
        copy(&good, &data);
        act(&data);
        let before = content(&data);
        let said = refusal(name, &data);
        assert!(said.contains(cause), "{name}: no {cause:?} in:\n{said}");
        assert!(said.contains(remedy), "{name}: no {remedy:?} in:\n{said}");
        assert_eq!(content(&data), before, "{name}: something was changed");
        fs::remove_dir_all(&data).unwrap();
    }
    // The original was not touched, and serves.
    let daemon = world::Daemon::start(&good, 0);
    World { root, daemon }.lunash("partition list\n").ok().has("par1").has("par2");
}

/// Partitions that changed identities, and one whose keys are missing: neither serves, everything
/// else does, and `audit verify` names them.
#[test]
fn a_damaged_partition_is_named_and_the_others_serve() {
    let World { root, mut daemon } = World::with_partitions(&["par1", "par2", "par3", "par4"]);
    assert!(daemon.terminate().success());
    let data = daemon.data.clone();
    sql(
        &data,
        "UPDATE partition SET sealed_identity = (SELECT other.sealed_identity FROM partition AS other
         WHERE other.name IN ('par1', 'par2') AND other.name <> partition.name)
         WHERE name IN ('par1', 'par2')",
    );
    let connection = Connection::open(database(&data)).unwrap();
    let query = "SELECT serial FROM partition WHERE name = 'par3'";
    let third: i64 = connection.query_row(query, [], |row| row.get(0)).unwrap();
    drop(connection);
    fs::remove_file(data.join(format!("keys/{third}.0"))).unwrap();
    let world = World { root, daemon: world::Daemon::start(&data, 0) };
    let shown = world.lunash("audit verify\n");
    shown.failed().has("the row of the partition (partition").has("was altered");
    shown.has(&format!("the identity of partition {third} does not open"));
    shown.has("restore appliance.db");
    world.lunash("partition list\n").ok().has("par3").has("par4");
}

/// The log of the database is lost with the changes in it, as after SIGKILL and a careless copy.
#[test]
fn a_database_without_its_log_is_refused() {
    let World { root, mut daemon } = World::with_partitions(&["par1"]);
    daemon.kill();
    let data = daemon.data.clone();
    let log = data.join("appliance.db-wal");
    let kept = root.path().join("kept");
    fs::rename(&log, &kept).unwrap();
    let _ = fs::remove_file(data.join("appliance.db-shm"));
    let before = content(&data);
    let said = refusal("no log", &data);
    assert!(said.contains("is older than what was confirmed"), "{said}");
    assert!(said.contains("with the ending -wal"), "{said}");
    assert_eq!(content(&data), before);
    assert!(!log.exists());
    fs::rename(&kept, &log).unwrap();
    let daemon = world::Daemon::start(&data, 0);
    World { root, daemon }.lunash("partition list\n").ok().has("par1");
}

#[test]
fn a_damaged_token_is_refused_and_left_alone() {
    let world = World::new();
    let client = world.client("client1");
    client.lunacm("stc tokeninit -label token\nstc identitycreate -label client1\n").ok();
    let token = client.home.join("softtoken/001/token.db");
    let (database, key) =
        (fs::read(&token).unwrap(), fs::read(token.with_extension("key")).unwrap());

    fs::write(&token, b"not a token").unwrap();
    client.lunacm("stc identityshow\n").failed().has("is not a client token").has("Move it away");
    assert_eq!(fs::read(&token).unwrap(), b"not a token");

    fs::write(&token, &database).unwrap();
    fs::write(token.with_extension("key"), [9; 32]).unwrap();
    client.lunacm("stc identityshow\n").failed().has("was sealed under another key");

    fs::write(token.with_extension("key"), &key).unwrap();
    client.lunacm("stc identityshow\n").ok().has("client1");
}

#[test]
fn a_login_at_lunash_that_cannot_be_recorded_does_not_stand() {
    let world = World::with_partitions(&[]);
    let script = format!("hsm login -password {}\nhsm show\n", world::SO);
    for changes in 0..40 {
        room::room_for(&world.daemon.data, Some(changes));
        let shown = world.lunash(&script);
        room::room_for(&world.daemon.data, None);
        let logged_in = !shown.text.contains("Not Logged In");
        assert_eq!(shown.text.contains("'hsm login' successful"), logged_in, "{}", shown.text);
        if logged_in {
            assert!(changes >= 3, "counted, set back and recorded: {changes}");
            return;
        }
    }
    panic!("the HSM SO does not get in with room for forty changes");
}

/// Starts a daemon that has to give up by itself, and returns what it said.
fn refusal(name: &str, data: &Path) -> String {
    let said = data.with_extension("said");
    let mut child = Command::new(env!("CARGO_BIN_EXE_lunahsmd"))
        .args(["--name", "localhost", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .env("RUST_LOG", "error")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(!status.success(), "{name}: taken");
            return fs::read_to_string(said).unwrap();
        }
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{name}: not refused; it said:\n{}", fs::read_to_string(said).unwrap());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn database(data: &Path) -> PathBuf {
    data.join("appliance.db")
}

fn key(data: &Path) -> PathBuf {
    data.join("appliance.key")
}

fn sql(data: &Path, statement: &str) {
    let connection = Connection::open(database(data)).unwrap();
    connection.execute_batch(statement).unwrap();
}

fn replace(data: &Path, with: &[u8]) {
    fs::write(database(data), with).unwrap();
}

/// What must not change: the database, the key, and the keys that can be destroyed.
fn content(data: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let keys = fs::read_dir(data.join("keys")).into_iter().flatten();
    let keys = keys.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = [database(data), key(data)].into_iter().chain(keys).collect();
    paths.sort();
    paths.into_iter().filter_map(|path| Some((path.clone(), fs::read(&path).ok()?))).collect()
}

/// Copies a data directory's files with their modes; sockets and locks stay behind.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        let target = to.join(entry.file_name());
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else if kind.is_file() {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
