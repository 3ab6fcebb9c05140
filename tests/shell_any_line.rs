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
        let expected = format!("        label {}\n", lunacm::shell::shown(&label));
        prop_assert!(screen.contains(&expected), "{}", screen);
    }
}

/// Takes every line of a program's real commands, and does nothing.
struct Understanding<L>(std::marker::PhantomData<L>, Matching);

impl<L: clap::Parser> lunacm::shell::Program for Understanding<L> {
    type Line = L;

    fn style(&self) -> &lunacm::shell::Style {
        match self.1 {
            Matching::Exact => &shell_demo::STYLE,
            Matching::Beginnings => &BEGINNINGS,
        }
    }

    fn prompt(&self) -> String {
        "demo:>".to_owned()
    }

    fn run(&mut self, _: L, _: &mut dyn lunacm::shell::Console) -> lunacm::shell::Outcome {
        Ok(None)
    }
}

const BEGINNINGS: lunacm::shell::Style =
    lunacm::shell::Style { matching: Matching::Beginnings, ..shell_demo::STYLE };

/// What the real commands of `L` show for a line.
fn shown<L: clap::Parser>(line: &str, matching: Matching) -> String {
    let mut screen = Vec::new();
    let source = lunacm::shell::Source::batch(std::io::Cursor::new(line.to_owned()));
    lunacm::shell::run(
        &mut Understanding::<L>(std::marker::PhantomData, matching),
        source,
        &mut screen,
    );
    String::from_utf8(screen).unwrap()
}

/// Words of the real programs, without a quote that could hide an option in a value.
fn real_words() -> impl Strategy<Value = Vec<String>> {
    let known = prop::sample::select(vec![
        "role",
        "login",
        "init",
        "changepw",
        "partition",
        "par",
        "clone",
        "stc",
        "tokeninit",
        "hsm",
        "client",
        "register",
        "slot",
        "list",
        "clientconfig",
        "deploy",
        "help",
        "?",
        "-name",
        "-n",
        "po",
        "crypto",
        "officer",
        "-label",
        "-l",
        "-force",
        "-f",
        "-slot",
        "0",
        "-domain",
        "=",
        "-",
        "-name=",
        "--",
        "x",
        "-partition",
        "-p",
        "-oldpw",
        "-file",
        "ntls",
        "show",
    ]);
    let word = prop_oneof![9 => known.prop_map(str::to_owned), 1 => "[^\"\r\n ]{0,6}"];
    prop::collection::vec(word, 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_password_behind_its_option_is_shown(
        before in real_words(),
        name in prop::sample::select(vec!["-password", "-PASSWORD", "--password"]),
        sign: bool,
        after in real_words(),
    ) {
        let secret = if sign { format!("{name}=geheim-77") } else { format!("{name} geheim-77") };
        let line = format!("{} {secret} {}", before.join(" "), after.join(" "));
        let lunacm = shown::<lunacm::command::lunacm::Line>(&line, Matching::Exact);
        prop_assert!(!lunacm.contains("geheim-77"), "{}", lunacm);
        let lunash = shown::<lunacm::command::lunash::Line>(&line, Matching::Beginnings);
        prop_assert!(!lunash.contains("geheim-77"), "{}", lunash);
    }
}
