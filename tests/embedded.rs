//! `lunacm --embedded`: everything is made by the first start and found by the second; a second
//! client reaches the appliance meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod world;

use std::{
    io::{BufRead, BufReader, Write},
    process::Stdio,
};

use world::Client;

#[test]
fn a_newcomer_finds_everything_made() {
    let root = tempfile::tempdir().unwrap();
    let client = Client { home: root.path().join("home"), port: 0 };
    let first = client.lunacm_with(
        &["--embedded"],
        "stc status\npartition init -label par0 -password partition-so-1 -domain dom -force\nstc identityshow\n",
    );
    first.ok().has("Connected").has("A second client").has("client1");
    let serial = first.value("Serial Number ->").to_owned();

    let mut command = client.command(env!("CARGO_BIN_EXE_lunacm"), &["--embedded"]);
    let mut second = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = second.stdin.take().unwrap();
    let mut lines = BufReader::new(second.stdout.take().unwrap()).lines().map(Result::unwrap);
    let greeting: Vec<_> =
        lines.by_ref().take_while(|line| !line.contains("Current Slot Id")).collect();
    let greeting = greeting.join("\n");
    assert!(greeting.contains(&serial) && greeting.contains("par0"), "{greeting}");

    // The same home from another process: a client of the appliance that runs already.
    let beside = client.lunacm_with(&["--embedded"], "stc status\n");
    beside.ok().has("runs in another process already").has("Connected");

    writeln!(stdin, "exit").unwrap();
    drop(stdin);
    for _ in lines {}
    assert!(second.wait().unwrap().success());
    client.lunacm("slot list\n").ok().has("Registered partitions without a slot");
}

/// A registration that the user made is the user's, whatever its name.
#[test]
fn a_server_that_the_user_registered_is_left_alone() {
    let world = world::World::new();
    let client = world.client("client1");
    let (certificate, port) =
        (world.certificate().display().to_string(), world.daemon.port.to_string());
    client.vtl(&["addServer", "-n", "localhost", "-c", &certificate, "-port", &port]).ok();
    let pinned = client.home.join("cert/server");
    let kept = || {
        let mut files: Vec<_> =
            std::fs::read_dir(&pinned).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let contents: Vec<_> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
        (files, contents, std::fs::read(client.home.join("Chrystoki.conf")).unwrap())
    };
    let before = kept();
    let shown = client.lunacm_with(&["--embedded"], "slot list\n");
    shown.failed().has("a server 'localhost' is registered").has("vtl deleteServer");
    assert_eq!(kept(), before);
    // Out of the way it goes on.
    client.vtl(&["deleteServer", "-n", "localhost"]).ok();
    client.lunacm_with(&["--embedded"], "stc status\n").ok().has("Connected");
}
