//! `multitoken` over the module: every mode works, counts, and leaves nothing behind.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod world;

use world::{Client, Shown, World, run};

const PIN: &str = "-password=crypto-officer-1";

fn multitoken(client: &Client, arguments: &[&str]) -> Shown {
    run(client.command(env!("CARGO_BIN_EXE_multitoken"), arguments), "")
}

#[test]
fn every_mode_counts_and_leaves_nothing_behind() {
    let world = World::with_partitions(&["par1"]);
    let client = world.officer("client1");
    for mode in [
        &["ecdsasign", "-nthreads=3"][..],
        &["rsasign", "-key=2048"],
        &["aesgcm", "-packet=100", "-nthreads=2"],
        &["aesecb", "-packet=64"],
        &["hmac"],
        &["find", "-objects=50"],
        &["eckeygen", "-curve=p384"],
        &["random", "-packet=16"],
        &["login"],
    ] {
        let shown = multitoken(&client, &[mode, &["-timed=1", "-rounds=1", PIN]].concat());
        shown.ok().has("operations/s").has("liblunacm.so");
        let line = shown.text.lines().last().unwrap();
        let rate: f64 = line.split_whitespace().next().unwrap().parse().unwrap();
        assert!(rate > 0.0, "{mode:?}: {}", shown.text);
    }
    let script = "role login -name co -password crypto-officer-1\npartition showinfo\n";
    client.lunacm(script).ok().has("Object Count:         0");
}

#[test]
fn wrong_use_is_told() {
    let world = World::with_partitions(&["par1"]);
    let client = world.officer("client1");
    let shown = multitoken(&client, &["login", "-nthreads=2", PIN]);
    shown.failed().has("one login for all of its threads").has("-nthreads=1");
    let shown = multitoken(&client, &["ecdsasign", "-slot=9", PIN]);
    shown.failed().has("has 0 such tokens").has("-tokenlabel");
    let shown = multitoken(&client, &["ecdsasign", "-nthreads=0", PIN]);
    shown.failed().has("1..=512");
    let shown = multitoken(&client, &["ecdsasign", "-password=wrong-password"]);
    shown.failed().has("CKR_PIN_INCORRECT");
}
