//! `Chrystoki.conf` survives reading and editing byte for byte.
#![allow(clippy::unwrap_used)]

use lunacm::client::config::{ConfigError, Configuration, EditError};
use proptest::prelude::*;

const SAMPLE: &str = include_str!("../data/Chrystoki.conf");
const SA: &str = "LunaSA Client";

fn parsed(text: &str) -> Configuration {
    Configuration::parse(text).unwrap()
}

/// The lines that differ, as a reviewer would see them.
fn changed_lines(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
    let only = |of: &str, other: &str| {
        let lines = of.split_inclusive('\n').filter(|line| !other.contains(*line));
        lines.map(str::to_owned).collect()
    };
    (only(before, after), only(after, before))
}

#[test]
fn every_entry_of_the_sample_is_found() {
    let sample = parsed(SAMPLE);
    assert_eq!(sample.text(), SAMPLE);
    assert_eq!(sample.get("Chrystoki2", "LibUNIX"), Some("/usr/lib/libCryptoki2.so"));
    assert_eq!(sample.get("Luna", "KeypairGenTimeOut"), Some("2700000"));
    assert_eq!(sample.get("CardReader", "RemoteCommand"), Some("1"));
    assert_eq!(sample.get(SA, "NetClient"), Some("1"));
    assert_eq!(sample.get(SA, "ServerName00"), Some("192.0.2.10"));
    assert_eq!(sample.get(SA, "LNHServerCN00"), Some(""));
    assert_eq!(sample.get("VirtualToken", "VirtualToken00SN"), Some("11234840370164"));
    assert_eq!(sample.get("Presentation", "ShowAdminTokens"), None);
    let all = ["Chrystoki2", "Luna", "CardReader", SA, "VirtualToken", "Presentation"];
    assert!(sample.sections().eq(all));
    assert_eq!(sample.entries(SA).count(), 7);
}

#[test]
fn the_exact_spelling_goes_before_another_case() {
    let config = parsed("S = {\n  name = 1;\n  Name = 2;\n}\n");
    assert_eq!(config.get("S", "Name"), Some("2"));
    assert_eq!(config.get("S", "name"), Some("1"));
    assert_eq!(config.get("s", "NAME"), Some("1"));
}

#[test]
fn an_edited_entry_changes_only_itself() {
    let mut config = parsed(SAMPLE);
    config.set("Luna", "KeypairGenTimeOut", "5").unwrap();
    let (removed, added) = changed_lines(SAMPLE, config.text());
    assert_eq!(removed, ["  KeypairGenTimeOut = 2700000;   // milliseconds\n"]);
    assert_eq!(added, ["  KeypairGenTimeOut = 5;   // milliseconds\n"]);
    config.set(SA, "LNHServerCN00", "x").unwrap();
    assert!(config.text().contains("   LNHServerCN00 = x;\n"));
}

#[test]
fn a_new_entry_looks_like_its_neighbours() {
    let mut config = parsed(SAMPLE);
    config.set("Luna", "PEDTimeout1", "100000").unwrap();
    let (removed, added) = changed_lines(SAMPLE, config.text());
    assert!(removed.is_empty());
    assert_eq!(added, ["  PEDTimeout1 = 100000;\n"]);
    assert!(config.text().contains("// milliseconds\n  PEDTimeout1 = 100000;\n}\n"));

    let mut config = parsed("A = {\r\n\u{20}x = 1;\r\n}\r\n");
    config.set("A", "y", "2").unwrap();
    config.set("B", "z", "3").unwrap();
    assert_eq!(config.text(), "A = {\r\n x = 1;\r\n y = 2;\r\n}\r\nB = {\r\n z = 3;\r\n}\r\n");
}

#[test]
fn a_new_section_goes_to_the_end() {
    for (before, after) in [
        ("", "S = {\n   e = v;\n}\n"),
        ("\u{feff}", "\u{feff}S = {\n   e = v;\n}\n"),
        ("// end\u{feff}", "// end\u{feff}\nS = {\n   e = v;\n}\n"),
        ("A = {}", "A = {}\nS = {\n   e = v;\n}\n"),
    ] {
        let mut config = parsed(before);
        config.set("S", "e", "v").unwrap();
        assert_eq!(config.text(), after);
    }
}

#[test]
fn a_removed_entry_takes_its_line_but_no_comment_along() {
    let mut config = parsed(SAMPLE);
    assert!(config.remove(SA, "servername00"));
    assert_eq!(config.text(), SAMPLE.replace("   ServerName00 = 192.0.2.10;\n", ""));
    assert!(!config.remove(SA, "ServerName00"));
    let mut config = parsed(SAMPLE);
    assert!(config.remove("Luna", "KeypairGenTimeOut"));
    assert!(config.text().contains("     // milliseconds\n"));
    assert!(config.remove("VirtualToken", "VirtualToken00Label"));
    assert!(config.text().contains("VirtualToken = {  VirtualToken00SN = 11234840370164; }\n"));
}

#[test]
fn a_broken_text_names_the_line_and_the_reason() {
    for (text, line, reason) in [
        ("A = {\n x = 1\n}\n", 2, "the entry does not end with \";\""),
        ("A = {\n x = 1;\n", 1, "the section is not closed by \"}\""),
        ("A = {\n x;\n}\n", 2, "expected an entry: \"Name = value;\""),
        ("A = {\n = 1;\n}\n", 2, "a name is missing before \"=\""),
        ("// c\n\nA\n{\n}\n", 3, "expected a section: \"Name = {\""),
        ("A = x;\n", 1, "the section's name is not followed by \"= {\""),
        ("A = {\n}\n}\n", 3, "a \"}\" closes no section"),
        ("[A]\nx=1\n", 1, "expected a section: \"Name = {\""),
        ("A = {\n x = \u{1}1;\n}\n", 2, "the line holds a control character"),
        ("A = {\n x = {\n}\n}\n", 2, "the entry does not end with \";\""),
    ] {
        assert_eq!(Configuration::parse(text), Err(ConfigError { line, reason }), "{text:?}");
    }
}

#[test]
fn what_the_grammar_cannot_hold_is_refused() {
    let mut config = parsed(SAMPLE);
    for value in ["a;b", "a\nb", " a", "a ", "a\0", "\u{feff}"] {
        assert_eq!(config.set("A", "x", value), Err(EditError::Value(value.to_owned())));
    }
    for name in ["", "a=b", "{", "a}", "//x", "#x", "a\tb", " a"] {
        assert_eq!(config.set("A", name, "v"), Err(EditError::Entry(name.to_owned())));
        assert_eq!(config.set(name, "x", "v"), Err(EditError::Section(name.to_owned())));
    }
    assert_eq!(config.text(), SAMPLE);
}

/// Texts of the file's alphabet, many of which are configurations.
fn texts() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        4 => "[A-Ca-c]{1,2} ?=[ \t]?[A-Ca-c/ {]{0,3};( // [a-c;]{0,3}\r?\n|[ \n]{0,2})",
        2 => "[A-Ca-c]{1,2} = \\{\n?",
        2 => "[ \t]*\\}\r?\n?",
        1 => "(//|#)[a-c;{}= ]{0,4}\n",
        1 => "[ \r\n\t]{1,2}",
    ];
    proptest::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat())
}

/// Configurations: sections with entries, comments and odd spacing.
fn configurations() -> impl Strategy<Value = String> {
    let entry = "[ \t]{0,3}[A-Ca-c]{1,2}[ ]?=[ ]?[A-Ca-c/{}=]{0,3}[ ]?;( // [a-c;]{0,3})?\r?\n";
    let comment = "[ ]{0,2}(//|#)[a-c;{}= ]{0,4}\r?\n";
    let body = proptest::collection::vec(prop_oneof![3 => entry, 1 => comment, 1 => "\n"], 0..5);
    let section = ("[A-Ca-c]{1,2}", body, "( = \\{|=\\{\r?\n|=\n\\{\n)", "(\\}|[ ]\\}\r?\n)")
        .prop_map(|(name, body, open, close)| format!("{name}{open}{}{close}", body.concat()));
    proptest::collection::vec(prop_oneof![3 => section, 1 => comment], 0..4)
        .prop_map(|parts| parts.concat())
}

#[test]
fn an_emptied_value_stays_as_it_is_when_emptied_again() {
    let mut config = parsed("ac = {B==;\n}");
    for _ in 0..2 {
        config.set("ac", "B", "").unwrap();
        assert_eq!(config.text(), "ac = {B=;\n}");
    }
}

proptest! {
    #[test]
    fn an_accepted_text_is_printed_as_it_was(text in texts()) {
        if let Ok(config) = Configuration::parse(&text) {
            prop_assert_eq!(config.text(), text);
        }
    }

    #[test]
    fn no_text_panics_the_parser(text in "\\PC{0,60}", noise: String) {
        let _ = Configuration::parse(&text);
        let _ = Configuration::parse(&noise);
    }

    #[test]
    fn the_generated_configurations_are_accepted(text in configurations()) {
        prop_assert!(Configuration::parse(&text).is_ok(), "{:?}", text);
    }

    #[test]
    fn set_then_get(
        text in configurations(), section in "[A-Ca-c]{1,2}", entry in "[A-Ca-c]{1,2}",
        value in "[a-c/{}=#]{0,3}",
    ) {
        let mut config = parsed(&text);
        config.set(&section, &entry, &value).unwrap();
        prop_assert_eq!(config.get(&section, &entry), Some(&*value), "{:?}", config.text());
        prop_assert_eq!(&parsed(config.text()), &config);
        // Again is no change, and the old value leads back to the old text; the blank before an
        // emptied value is not remembered.
        let mut again = config.clone();
        again.set(&section, &entry, &value).unwrap();
        prop_assert_eq!(&again, &config);
        if let Some(old) = parsed(&text).get(&section, &entry).filter(|old| !old.is_empty() && !value.is_empty()) {
            config.set(&section, &entry, old).unwrap();
            prop_assert_eq!(config.text(), text);
        }
    }

    #[test]
    fn an_edit_leaves_every_other_entry(
        text in configurations(), section in "[A-Ca-c]{1,2}", entry in "[A-Ca-c]{1,2}",
    ) {
        let mut config = parsed(&text);
        config.set(&section, &entry, "new").unwrap();
        let before = parsed(&text);
        for name in before.sections() {
            let others = |config: &Configuration| -> Vec<(String, String)> {
                let entries = config.entries(name);
                let owned = entries.map(|(name, value)| (name.to_owned(), value.to_owned()));
                owned.filter(|(name, _)| !name.eq_ignore_ascii_case(&entry)).collect()
            };
            prop_assert_eq!(others(&config), others(&before));
        }
        // Whatever was outside the edit is still there, before it and behind it.
        let same = |pairs: &mut dyn Iterator<Item = (char, char)>| {
            pairs.take_while(|(one, other)| one == other).count()
        };
        let before = same(&mut text.chars().zip(config.text().chars()));
        let behind = same(&mut text.chars().rev().zip(config.text().chars().rev()));
        let replaced = text.chars().count().saturating_sub(before + behind);
        prop_assert!(replaced <= 3, "more than a value of 3 characters went: {:?}", config.text());
    }

    #[test]
    fn remove_then_get(
        text in configurations(), section in "[A-Ca-c]{1,2}", entry in "[A-Ca-c]{1,2}",
    ) {
        let mut config = parsed(&text);
        let had = config.get(&section, &entry).is_some();
        let removed = config.remove(&section, &entry);
        prop_assert!(removed || !had);
        prop_assert_eq!(config.get(&section, &entry), None);
        prop_assert_eq!(&parsed(config.text()), &config);
        prop_assert!(removed || config.text() == text);
    }
}
