//! Batches through the shell of a small program: spelling, help, answers, results.
#![allow(clippy::unwrap_used)]

mod shell_demo;

use std::io::{self, Write};

use lunacm::shell::{Matching, Settings, Source, run, run_with};
use shell_demo::{Demo, batch, batch_of};

/// The first line that a command shows, without its indentation.
fn first(line: &str) -> String {
    let (screen, _) = batch(line);
    let mut lines = screen.lines().skip(1).map(str::trim).filter(|line| !line.is_empty());
    lines.next().unwrap_or_default().to_owned()
}

#[test]
fn a_report_stands_between_blank_lines_and_the_result_line() {
    let (screen, status) = batch("stc ti -l x -f\nstc tl\n");
    let expected = "demo:>stc ti -l x -f\n\n        label x\n\nCommand Result : No Error\n\n\
                    demo:>stc tl\n\nCommand Result : No Error\n\n";
    assert_eq!((screen.as_str(), status), (expected, 0));
}

#[test]
fn every_spelling_of_a_line_means_the_same() {
    for line in [
        "stc tokeninit -label x -force",
        "STC TokenInit -LABEL x -Force",
        "s ti -l x -f",
        "s ti --label=x --force",
        "s ti -l=x force",
        "s ti label x f",
    ] {
        assert_eq!(first(line), "label x", "{line}");
    }
}

#[test]
fn the_word_behind_an_option_is_its_value() {
    assert_eq!(first("s ti -l -force -f"), "label -force");
    assert_eq!(first("s ti -f -l -help"), "label -help");
    assert_eq!(first("s ti -f -l \"\""), "label");
    assert_eq!(first("s ti -f -l \"a  b\""), "label a  b");
    assert_eq!(first(r"slot set slot 3 -file C:\x\y"), r"slot 3 C:\x\y");
}

#[test]
fn words_are_gathered_while_they_can_be_a_value() {
    for name in ["partition so", "Partition SO", "\"partition so\"", "po", "PO"] {
        let line = format!("role login -name {name} -password userpin1");
        assert_eq!(first(&line), "role po", "{line}");
    }
    assert_eq!(first("role login -n limited crypto officer -p userpin1"), "role lco");
    assert_eq!(first("role login -role crypto officer\nuserpin1"), "enter password: ********");
}

#[test]
fn help_is_asked_for_anywhere() {
    for line in
        ["help stc tokeninit", "stc help ti", "stc ti ?", "s ti -help", "? s ti", "s ti -l x -?"]
    {
        let (screen, status) = batch(line);
        assert!(screen.contains("Syntax: stc tokeninit -label <label> [-force]"), "{line}");
        assert!(screen.contains("-label <label>  -l     The token's label"), "{screen}");
        assert_eq!(status, 0);
    }
    for line in ["help", "?", "-help"] {
        let (screen, _) = batch(line);
        assert!(screen.contains("stc      s      Manages the client's token"), "{screen}");
    }
    let (screen, _) = batch("stc help");
    assert!(screen.contains("tokenlist  tl     Lists the tokens"), "{screen}");
    let (screen, status) = batch("help nonsense");
    assert!(screen.contains("there is no command 'nonsense'") && status == 2, "{screen}");
}

#[test]
fn unknown_words_are_answered_with_the_nearest_known_one() {
    for (line, answer) in [
        ("slto set", "there is no command 'slto'.\nDid you mean 'slot'?"),
        ("stc tokenlst", "there is no command 'stc tokenlst'.\nDid you mean 'stc tokenlist'?"),
        ("stc x", "there is no command 'stc x'.\nType 'stc help' for the list of commands."),
        ("tokenlist x", "there is no command 'tokenlist'.\nDid you mean 'stc tokenlist'?"),
        ("s ti -lable x", "'stc tokeninit' has no option '-lable'.\nDid you mean '-label'?"),
        ("s ti -f", "-label is missing."),
        ("s ti -l", "-label needs a value."),
        ("s ti -l x -force=1", "-force takes no value."),
        ("s ti -l x -l y", "-label is given more than once."),
        ("role init -n captain", "'captain' is not a value of -name.\nGive one of: po, lco, co."),
        ("slot set -slot x", "the value 'x' of -slot is wrong: it is not a whole number."),
        ("stc", "'stc' needs one of its commands behind it."),
        ("stc \"tokenlist", "a double quote is not closed."),
    ] {
        let (screen, status) = batch(line);
        assert!(screen.contains(&format!("Error in execution: {answer}")), "{line}:\n{screen}");
        assert_eq!(status, 2, "{line}");
    }
}

#[test]
fn a_prefix_is_enough_only_where_the_program_says_so() {
    assert!(batch("stc tokenl").0.contains("no command 'stc tokenl'"));
    let mut demo = Demo::new();
    demo.style.matching = Matching::Beginnings;
    assert!(batch_of(&mut demo, "st tokenl").0.contains("No Error"));
    assert!(batch_of(&mut demo, "st iden sh -p x").0.contains("partition x"));
    let (screen, _) = batch_of(&mut demo, "stc token");
    assert!(screen.contains("Type one of: tokeninit, tokenlist."), "{screen}");
}

#[test]
fn a_batch_answers_its_own_questions() {
    assert_eq!(first("role login -n po\nuserpin1"), "enter password: ********");
    let (screen, status) = batch("role init -n co\nabc\nabc\nstc tl");
    assert!(screen.contains("re-enter new password: ********\n\n        co, 3 characters"));
    assert!(screen.ends_with("demo:>stc tl\n\nCommand Result : No Error\n\n") && status == 0);
    let (screen, status) = batch("role init -n co\nabc\nabd\nstc tl");
    assert!(screen.contains("the two entries differ.") && screen.contains("demo:>stc tl"));
    assert_eq!(status, 3);
    let (screen, status) = batch("role login -n po");
    assert!(screen.contains("the input has ended") && status == 3, "{screen}");
}

#[test]
fn a_confirmation_takes_only_its_own_answers() {
    let (screen, status) = batch("s ti -l x\n Proceed \n");
    assert!(screen.contains("to quit now ->Proceed\n\n        label x") && status == 0, "{screen}");
    let (screen, status) = batch("s ti -l x\nquit\nstc tl");
    assert!(screen.contains("command cancelled.\n\nCommand Result : 0xb (User Cancelled"));
    assert!(screen.contains("demo:>stc tl") && status == 3);
    let (screen, status) = batch("s ti -l x\nstc tl");
    assert!(screen.contains("needs a confirmation.\nUse -force, or put proceed on the next line."));
    assert!(screen.contains("demo:>stc tl") && status == 3, "{screen}");
}

#[test]
fn no_secret_reaches_the_screen() {
    for text in [
        "role login -n po -password geheim12",
        "role login -n po -p=geheim12",
        "role login -n po geheim12",
        "role lgoin -n po -password geheim12",
        "role login -n po -bogus x -password geheim12",
        "role login -n po\ngeheim12",
        "role login -n nobody\ngeheim12",
        "role login -n po -p \"geheim12",
    ] {
        let (screen, status) = batch(text);
        assert!(!screen.contains("geheim12"), "{screen}");
        assert_ne!(status, 0, "{text}");
    }
}

#[test]
fn blank_lines_and_comments_are_skipped_and_exit_ends() {
    let (screen, status) = batch("\u{feff}# one\r\n\r\n  // two\nstc tl\r\nexit\nstc tl\n");
    assert_eq!(screen, "demo:>stc tl\n\nCommand Result : No Error\n\ndemo:>exit\n");
    assert_eq!(status, 0);
}

#[test]
fn an_afterword_follows_the_result() {
    let (screen, _) = batch("slot set 9\nslot set slot 9");
    assert!(screen.ends_with("Command Result : No Error\n\ndemo again\n\n"), "{screen}");
}

#[test]
fn bytes_that_are_no_text_end_the_batch() {
    for bytes in [&b"\xff\xfe\n"[..], &vec![b'x'; 70_000]] {
        let mut screen = Vec::new();
        let source = Source::batch(io::Cursor::new(bytes.to_vec()));
        assert_eq!(run(&mut Demo::new(), source, &mut screen), 4);
        let screen = String::from_utf8(screen).unwrap();
        assert!(screen.contains("the commands cannot be read: line 1 is"), "{screen}");
    }
}

/// An output whose reader is gone.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_output_ends_the_batch_as_unfinished() {
    let source = Source::batch(io::Cursor::new("stc tl\n".repeat(1000)));
    assert_eq!(run(&mut Demo::new(), source, &mut Closed), 1);
}

/// The screen and the status of a batch that is run in this way.
fn in_the_way(text: &str, settings: Settings) -> (String, u8) {
    let mut screen = Vec::new();
    let source = Source::batch(io::Cursor::new(text.to_owned()));
    let status = run_with(&mut Demo::new(), source, &mut screen, settings);
    (String::from_utf8(screen).unwrap(), status)
}

#[test]
fn records_are_all_that_is_written() {
    let text = "# comment\nslot set slot 3\nrole login -n po -p geheim12\nstc ti -l x\nslto\nslot ?\nexit\n";
    let (screen, status) = in_the_way(text, Settings { json: true, ..Settings::default() });
    let records: Vec<serde_json::Value> =
        screen.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((records.len(), status), (5, 1));
    let commands: Vec<_> = records.iter().map(|one| one["command"].as_str().unwrap()).collect();
    assert_eq!(commands, ["slot set", "role login", "stc tokeninit", "", "help"]);
    assert_eq!(records[0]["report"], "slot 3 ");
    assert_eq!((&records[0]["status"], &records[0]["symbol"]), (&0.into(), &"CKR_OK".into()));
    assert_eq!(records[1]["symbol"], "CKR_PIN_INCORRECT");
    assert_eq!(records[1]["status"], 0xa0);
    assert_eq!(records[1]["error"]["cause"], "the password is wrong");
    assert_eq!(records[2]["exit"], 3);
    assert!(records[3]["error"]["remedy"].as_str().unwrap().contains("slot"), "{screen}");
    assert!(records[4]["report"]["help"].as_str().unwrap().contains("Sets the slot"), "{screen}");
    assert!(!screen.contains("geheim12"), "{screen}");
}

#[test]
fn a_batch_goes_on_after_a_failure_unless_told_to_stop() {
    let text = "stc tl\nslto\nrole login -n po -p x\nstc tl\n";
    let (screen, status) = in_the_way(text, Settings::default());
    assert_eq!((screen.matches("demo:>").count(), status), (4, 2), "{screen}");
    let stops = Settings { stop_at_failure: true, ..Settings::default() };
    let (screen, status) = in_the_way(text, stops);
    assert_eq!((screen.matches("demo:>").count(), status), (2, 2), "{screen}");
}

#[test]
fn a_choice_takes_only_its_own_answers() {
    let (screen, status) = batch("slot choose\n COPY \nstc tl");
    assert!(screen.contains("or 'quit' ->COPY\n\n        chosen 0") && status == 0, "{screen}");
    let (screen, status) = batch("slot choose\nquit\n");
    assert!(screen.contains("command cancelled") && status == 3, "{screen}");
    let (screen, status) = batch("slot choose\nstc tl\n");
    assert!(screen.contains("Put copy or remove on the next line.") && status == 3, "{screen}");
    assert!(screen.contains("demo:>stc tl"), "{screen}");
}

#[test]
fn work_shows_its_progress_on_a_screen_alone() {
    let (screen, _) = batch("slot work");
    assert_eq!(screen, "demo:>slot work\n\nCommand Result : No Error\n\n");
    let (screen, _) = in_the_way("slot work", Settings { screen: true, ..Settings::default() });
    assert!(screen.contains("\r\x1b[KWorking:  50 %\r\x1b[K"), "{screen:?}");
    assert!(screen.ends_with("\r\x1b[K\nCommand Result : No Error\n\n"), "{screen:?}");
}
