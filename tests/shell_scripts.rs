//! Scripts: many commands over one link, answers on standard input, any line.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod world;

use std::{fs, path::Path};

use proptest::prelude::*;
use world::{Client, World, run};

#[test]
fn a_thousand_commands_keep_their_link() {
    let world = World::with_partitions(&["par1"]);
    let client = world.connected("client1");
    let handshakes = || world.daemon.log().matches("handshake complete").count();
    let before = handshakes();
    let script = "stc status\nrole list\nrole show -name po\nslot set -slot 0\n".repeat(250);
    let shown = client.lunacm_with(&["-q", "--json"], &script);
    assert_eq!(shown.ok().text.lines().count(), 1000);
    let last: serde_json::Value =
        serde_json::from_str(shown.text.lines().nth(996).unwrap()).unwrap();
    assert!(last["report"]["messages_sent"].as_u64().unwrap() > 400, "{last}");
    assert_eq!(handshakes(), before + 1);
}

#[test]
fn one_command_takes_its_answers_from_standard_input() {
    let world = World::with_partitions(&["par1"]);
    let client = world.connected("client1");
    let init = ["-q", "partition", "init", "-label", "par1"];
    let po = "partition-so-1";
    client.lunacm_with(&init, &format!("{po}\n{po}\ndom\ndom\nproceed\n")).ok();
    client.lunacm_with(&["-q", "role", "login", "-name", "po"], &format!("{po}\n")).ok();
    let wrong = client.lunacm_with(&["-q", "role", "login", "-name", "po"], "wrong-word\n");
    assert_eq!(wrong.status, 1);
    let none = client.lunacm_with(&["-q", "--json", "role", "login", "-name", "po"], "");
    let record: serde_json::Value = serde_json::from_str(&none.text).unwrap();
    assert_eq!((none.status, record["exit"].as_u64()), (3, Some(3)));
    // Words arrive as they are: no shell of ours splits or unquotes them again.
    let odd = client.lunacm_with(&["-q", "stc", "tokeninit", "-label", "a $b 'c", "-force"], "");
    odd.ok();
    client.lunacm_with(&["-q", "stc", "tokenlist"], "").has("a $b 'c");
}

/// Words that mean something somewhere, from the reference of all commands.
fn known_words() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md");
    let text = fs::read_to_string(path).unwrap();
    let quoted = text.split('`').skip(1).step_by(2);
    let words = quoted.flat_map(str::split_whitespace).map(|word| word.trim_matches(['[', ']']));
    let mut words: Vec<_> =
        words.filter(|word| !word.starts_with('<')).map(str::to_owned).collect();
    words.extend(["\"", "?", "--", "=", "0", "po", "crypto", "officer"].map(str::to_owned));
    // A word that ends the batch would end the test, and a path would leave the directory.
    words.retain(|word| !["exit", "quit", "q"].contains(&word.as_str()) && !word.contains('/'));
    words.sort();
    words.dedup();
    words
}

fn lines() -> impl Strategy<Value = Vec<String>> {
    let word = prop_oneof![
        6 => prop::sample::select(known_words()),
        1 => "[a-zA-Z0-9é\"=?*\\\\ -]{0,8}",
    ];
    let line = prop::collection::vec(word, 0..7).prop_map(|words| words.join(" "));
    prop::collection::vec(line, 50)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn no_line_stops_lunacm(lines in lines()) {
        let root = tempfile::tempdir().unwrap();
        let client = Client { home: root.path().join("home"), port: 0 };
        let mut command = client.command(env!("CARGO_BIN_EXE_lunacm"), &["-q"]);
        command.current_dir(root.path());
        // Questions may take lines as their answers, so the end is marked several times.
        let script = lines.join("\n") + &"\nstc tokenlist".repeat(5) + "\n";
        let shown = run(command, &script);
        prop_assert!((0..=4).contains(&shown.status), "{}", shown.text);
        prop_assert!(!shown.text.contains("panicked"), "{}", shown.text);
        prop_assert!(shown.text.contains("Token Slot ID"), "{}", shown.text);
    }
}
