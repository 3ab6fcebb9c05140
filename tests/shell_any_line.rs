//! No line can make the shell panic or hang.
#![allow(clippy::unwrap_used)]

mod shell_demo;

use lunacm::shell::Matching;
use proptest::prelude::*;
use shell_demo::{Demo, batch, batch_of};

/// Lines made of the words that mean something, and of anything.
fn lines() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "stc",
        "s",
        "ti",
        "tokeninit",
        "role",
        "login",
        "slot",
        "set",
        "identity",
        "show",
        "help",
        "?",
        "-?",
        "-help",
        "-label",
        "-l",
        "-force",
        "-name",
        "-password",
        "-p",
        "-slot",
        "-file",
        "partition",
        "so",
        "crypto",
        "officer",
        "\"",
        "\"\"",
        "=",
        "-",
        "--",
        "-label=",
        "-=",
        "\\",
        "-name=po",
        "3",
        "-1",
        "#",
        "//",
        "é",
        "\u{202e}",
        "ẞ",
        "tok",
    ]);
    let word = prop_oneof![4 => known.prop_map(str::to_owned), 1 => any::<String>()];
    prop::collection::vec(word, 0..10).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_line_is_answered(line in lines(), beginnings: bool) {
        let mut demo = Demo::new();
        if beginnings {
            demo.style.matching = Matching::Beginnings;
        }
        let (screen, status) = batch_of(&mut demo, &line);
        prop_assert!(status == 0 || screen.contains("Command Result : 0x"), "{}", screen);
    }

    #[test]
    fn a_quoted_label_arrives_unchanged(label in "[^\"\r\n]*") {
        let (screen, status) = batch(&format!("stc tokeninit -force -label \"{label}\""));
        prop_assert_eq!(status, 0);
        let expected = format!("        label {label}\n");
        prop_assert!(screen.contains(&expected), "{}", screen);
    }
}
