//! Secrets in files, on standard input and behind descriptors, in every program that takes one.

use std::{
    fs,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    process::{Command, Stdio},
};

use lunacm::command::manual::reference;

use crate::world::{CO, Client, PO, SO, Shown, World, run};

/// A file that holds this, for its owner alone.
fn file(root: &Path, name: &str, content: &str) -> String {
    let path = root.join(name);
    let _ = fs::remove_file(&path);
    let mut options = fs::OpenOptions::new();
    let mut made = options.write(true).create_new(true).mode(0o600).open(&path).unwrap();
    std::io::Write::write_all(&mut made, content.as_bytes()).unwrap();
    path.display().to_string()
}

/// Runs a command through `sh`, which passes descriptors on.
fn shell(client: &Client, script: &str) -> Shown {
    let mut command = client.command("bash", &["-c", script]);
    command.env("CMU", env!("CARGO_BIN_EXE_cmu")).env("LUNACM", env!("CARGO_BIN_EXE_lunacm"));
    command.stderr(Stdio::piped());
    run(command, "")
}

#[test]
fn every_secret_has_its_sources_in_the_manual() {
    let text = reference();
    let rows = |ending: &str| {
        let rows = text.lines().filter(|line| line.starts_with("| `-"));
        rows.filter(|line| line.contains(&format!("{ending} <"))).count()
    };
    let secrets = ["password", "domain", "oldpw", "newpw", "psopin", "copin"];
    for secret in secrets {
        let own = rows(&format!("`-{secret}"));
        assert!(own > 0, "{secret}");
        assert_eq!(rows(&format!("`-{secret}file")), own, "{secret}");
        assert_eq!(rows(&format!("`-{secret}fd")), own, "{secret}");
    }
}

#[test]
fn lunash_and_lunacm_read_them() {
    let world = World::with_partitions(&["par1"]);
    let root = world.root.path();
    let so = file(root, "so", &format!("{SO}\n"));
    world.lunash(&format!("hsm login -passwordfile {so}\n")).ok().lacks(SO);
    world.lunash(&format!("hsm login -passwordfile -\n{SO}\nhsm show\n")).ok().lacks(SO);
    world.lunash("hsm login -passwordfile /nowhere\n").failed().has("/nowhere");
    let shown = world.lunash(&format!("hsm login -passwordfile {so} -password {SO}\n"));
    shown.failed().has("exclude each other").lacks(SO);
    fs::set_permissions(&so, fs::Permissions::from_mode(0o644)).unwrap();
    world.lunash(&format!("hsm login -passwordfile {so}\n")).failed().has("chmod 600").lacks(SO);

    let client = world.connected("client1");
    let po = file(root, "po", PO);
    let domain = file(root, "domain", "dom\r\n");
    let first = file(root, "first", "initial-pass-1\n");
    let second = file(root, "second", &format!("{CO}\n"));
    client
        .lunacm(&format!(
            "partition init -label par1 -passwordfile {po} -domainfile {domain} -force\n\
             role login -name po -passwordfile {po}\n\
             role init -name co -passwordfile {first}\n\
             role logout\n\
             role login -name co -passwordfile -\n\
             initial-pass-1\n\
             role changepw -name co -oldpwfile {first} -newpwfile {second} -force\n"
        ))
        .ok()
        .lacks("initial-pass-1");
    let words = ["-c", "role", "login", "-name", "co", "-passwordfile", "-"];
    client.lunacm_with(&words, &format!("{CO}\n")).ok();
    let batch = file(root, "batch", "role login -name co -passwordfile -\nrole logout\n");
    client.lunacm_with(&["-f", &batch], &format!("{CO}\n")).ok();
    cmu_and_descriptors(&client, &second);
}

fn cmu_and_descriptors(client: &Client, password: &str) {
    let cmu =
        |words: &[&str], input: &str| run(client.command(env!("CARGO_BIN_EXE_cmu"), words), input);
    cmu(&["list", "-passwordfile", password], "").ok();
    cmu(&["list", &format!("-passwordfile={password}")], "").ok();
    cmu(&["list", "-passwordfile", "-"], &format!("{CO}\n")).ok();
    cmu(&["list", "-passwordfile", "-"], "").failed().has("standard input has ended");
    cmu(&["list", "-passwordfd", "0"], CO).ok();
    cmu(&["list", "-passwordfd", "7"], "").failed().has("descriptor 7 is not open");
    cmu(&["list", "-passwordfd", "x"], "").failed().has("no number of a descriptor");
    shell(client, &format!("$CMU list -passwordfd 3 3< {password}")).ok();
    shell(client, &format!("printf '%s\\n' {CO} | $CMU list -passwordfd 5 5<&0 </dev/null")).ok();
    shell(client, &format!("$CMU list -passwordfile <(echo {CO})")).ok();
    let both = format!(
        "$LUNACM -c role changepw -name co -oldpwfd 3 -newpwfd 3 -force 3<<< '{CO}\nofficer-two-2'"
    );
    let shown = shell(client, &both);
    // One login a process: the change needs one, and says so after both lines were read.
    shown.lacks("officer-two-2").lacks("descriptor");
}

#[test]
fn help_completion_and_history_know_them() {
    let root = tempfile::tempdir().unwrap();
    let client = Client { home: root.path().join("home"), port: 0 };
    let shown = client.lunacm("role login -help\n");
    shown.ok().has("-passwordfile <file>").has("-passwordfd <number>").has("standard input");
    let mut command = Command::new(env!("CARGO_BIN_EXE_lunacm"));
    command.args(["--generate", "completions"]).arg(root.path());
    run(command, "").ok();
    let bash = fs::read_to_string(root.path().join("cmu.bash")).unwrap();
    assert!(bash.contains("passwordfile"), "completions of shells have them");
}
