//! Which home a program takes, and which it refuses.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::Path,
    process::Command,
};

use crate::world::{Client, Shown, World, run};

/// A user who is neither root nor whoever runs the tests.
const OTHER: u32 = 12_345;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn client(root: &Path) -> Client {
    Client { home: root.join("home"), port: 0 }
}

/// `vtl listServers` in a home.
fn listed(home: &Client) -> Shown {
    home.vtl(&["listServers"])
}

#[test]
fn the_current_directory_is_nobodys_home() {
    let root = tempfile::tempdir().unwrap();
    let here = root.path().join("here");
    fs::create_dir(&here).unwrap();
    let trap = "Chrystoki2 = {\n LibUNIX64 = /nowhere/evil.so;\n}\nLunaSA Client = {\n \
                ServerName00 = evil.example;\n}\n";
    fs::write(here.join("Chrystoki.conf"), trap).unwrap();
    let command = |program: &str, words: &[&str]| {
        let mut command = Command::new(program);
        command.args(words).current_dir(&here).env_remove("ChrystokiConfigurationPath");
        command.env("HOME", root.path()).env_remove("XDG_DATA_HOME").env_remove("RUST_LOG");
        run(command, "")
    };
    if !Path::new("/etc/Chrystoki.conf").exists() {
        command(env!("CARGO_BIN_EXE_vtl"), &["listServers"]).ok().has("no servers registered");
        command(env!("CARGO_BIN_EXE_lunacm"), &["-q", "clientconfig", "listservers"])
            .ok()
            .lacks("evil");
        let made = root.path().join(".local/share/lunacm/Chrystoki.conf");
        assert!(made.exists(), "the user's own directory is the home");
    }
    assert_eq!(fs::read_dir(&here).unwrap().count(), 1, "nothing was made beside it");
}

#[test]
fn a_configuration_in_the_hands_of_others_is_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let home = client(root.path());
    listed(&home).ok();
    let file = home.home.join("Chrystoki.conf");
    for (path, mode) in [(&file, 0o666), (&file, 0o602), (&home.home, 0o777)] {
        let before = fs::metadata(path).unwrap().permissions().mode();
        set_mode(path, mode);
        let text = path.display().to_string();
        listed(&home).failed().has(&text).has("may be written by others").has("chmod go-w");
        let shown = home.lunacm_with(&["-q", "slot", "list"], "");
        assert_eq!(shown.failed().has(&text).status, 4, "{}", shown.text);
        run(home.command(env!("CARGO_BIN_EXE_configurator"), &["list"]), "").failed().has(&text);
        let words = ["list", "-password=userpin1"];
        run(home.command(env!("CARGO_BIN_EXE_cmu"), &words), "").failed().has(&text);
        let words = ["rsasign", "-password=userpin1"];
        run(home.command(env!("CARGO_BIN_EXE_multitoken"), &words), "").failed().has(&text);
        set_mode(path, before);
    }
    listed(&home).ok();
    for path in [&file, &home.home] {
        if chown(path, Some(OTHER), None).is_err() {
            return; // Only root gives files away.
        }
        listed(&home).failed().has(&path.display().to_string()).has("number 12345");
        chown(path, Some(0), None).unwrap();
    }
}

#[test]
fn what_the_configuration_names_is_looked_at_too() {
    let root = tempfile::tempdir().unwrap();
    let home = client(root.path());
    home.lunacm("stc tokeninit -label token1\nstc identitycreate -label client1\n").ok();
    for name in ["softtoken/001/token.db", "softtoken/001/token.key"] {
        let path = home.home.join(name);
        set_mode(&path, 0o622);
        home.lunacm("stc identityshow\n").failed().has(name);
        set_mode(&path, 0o600);
    }
    home.vtl(&["createCert", "-n", "client1"]).ok();
    let key = home.home.join("cert/client/client1Key.pem");
    home.lunacm("clientconfig listservers\n").ok();
    set_mode(&key, 0o622);
    home.lunacm("clientconfig verify\n").failed().has("client1Key.pem");
    set_mode(&key, 0o600);
    let library = root.path().join("module.so");
    fs::write(&library, "no library").unwrap();
    let words =
        ["setValue", "-s", "Chrystoki2", "-e", "LibUNIX64", "-v", library.to_str().unwrap()];
    run(home.command(env!("CARGO_BIN_EXE_configurator"), &words), "").ok();
    let list = || {
        let words = ["list", "-password=userpin1"];
        run(home.command(env!("CARGO_BIN_EXE_cmu"), &words), "")
    };
    list().failed().has("cannot be used as a PKCS#11 module");
    set_mode(&library, 0o757);
    list().failed().has("module.so").has("may be written by others").lacks("cannot be used");
}

#[test]
fn a_link_that_leads_nowhere_is_an_error_and_stays() {
    let root = tempfile::tempdir().unwrap();
    let home = client(root.path());
    fs::create_dir(&home.home).unwrap();
    let file = home.home.join("Chrystoki.conf");
    for target in ["nowhere.conf", "Chrystoki.conf"] {
        symlink(target, &file).unwrap();
        listed(&home).failed().has("Chrystoki.conf");
        home.lunacm_with(&["-q", "slot", "list"], "").failed().has("Chrystoki.conf");
        assert_eq!(fs::read_link(&file).unwrap(), Path::new(target));
        fs::remove_file(&file).unwrap();
    }
    symlink("real.conf", &file).unwrap();
    fs::write(home.home.join("real.conf"), "").unwrap();
    listed(&home).ok();
}

#[test]
fn a_number_that_makes_no_sense_is_refused_with_its_place() {
    let root = tempfile::tempdir().unwrap();
    let home = client(root.path());
    listed(&home).ok();
    let set = |entry: &str, value: &str| {
        let words = ["setValue", "-s", "LunaSA Client", "-e", entry, "-v", value];
        run(home.command(env!("CARGO_BIN_EXE_configurator"), &words), "").ok();
    };
    let file = home.home.join("Chrystoki.conf").display().to_string();
    for value in ["-1", "0", "0x7", "+5", "5s", "12345678901234567890", "1.5"] {
        set("ReceiveTimeout", value);
        let shown = home.lunacm_with(&["-q", "clientconfig", "verify"], "");
        shown.failed().has("ReceiveTimeout").has("LunaSA Client").has(&file).has(value);
    }
    set("ReceiveTimeout", "20000");
    set("ServerName00", "localhost");
    set("ServerPort00", "65536");
    listed(&home).failed().has("ServerPort00").has("LunaSA Client").has(&file);
}

#[test]
fn a_lock_that_is_no_file_is_refused_and_not_waited_for() {
    let root = tempfile::tempdir().unwrap();
    let home = client(root.path());
    listed(&home).ok();
    let lock = home.home.join(".Chrystoki.conf.lock");
    let _ = fs::remove_file(&lock);
    assert!(Command::new("mkfifo").arg(&lock).status().unwrap().success());
    let words = ["setValue", "-s", "Misc", "-e", "A", "-v", "1"];
    let shown = run(home.command(env!("CARGO_BIN_EXE_configurator"), &words), "");
    shown.failed().has(".Chrystoki.conf.lock").has("not a regular file");
}

#[test]
fn a_key_for_the_group_is_no_key() {
    let world = World::with_partitions(&["par1"]);
    let client = world.client("client1");
    client.vtl(&["createCert", "-n", "client1"]).ok();
    let port = world.daemon.port.to_string();
    let certificate = world.certificate().display().to_string();
    client.vtl(&["addServer", "-n", "localhost", "-c", &certificate, "-port", &port]).ok();
    client.vtl(&["addServer", "-n", "localhost.", "-c", &certificate]).failed().has("already");
    let key = client.home.join("cert/client/client1Key.pem");
    for mode in [0o640, 0o660, 0o604] {
        set_mode(&key, mode);
        client.vtl(&["verify"]).failed().has("client1Key.pem").has("others");
    }
    set_mode(&key, 0o600);
    client.vtl(&["verify"]).failed().lacks("client1Key.pem");
}
