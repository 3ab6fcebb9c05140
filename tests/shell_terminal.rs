//! `lunacm` on a pseudo-terminal: editing, completion, history, masking, pages, Ctrl-C, resizing.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod world;

use std::{fs, io::Write, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use rexpect::session::PtySession;
use tempfile::TempDir;
use unicode_width::UnicodeWidthStr;
use world::{Client, World};

const PO: &str = "partition-so-1";
const TAB: &str = "\t";
const UP: &str = "\x1b[A";
const LEFT: &str = "\x1b[D";

/// A home without servers, and what holds it.
fn home() -> (TempDir, Client) {
    let root = tempfile::tempdir().unwrap();
    let client = Client { home: root.path().join("client1"), port: 0 };
    (root, client)
}

/// A person at `lunacm`.
struct Person(PtySession, PathBuf);

impl Person {
    /// Starts `lunacm` on a terminal of this size.
    fn at(client: &Client, columns: u16, rows: u16, colour: bool) -> Self {
        Self::with(client, (columns, rows), colour, "")
    }

    /// As [`Self::at`], with this pager.
    fn with(client: &Client, (columns, rows): (u16, u16), colour: bool, pager: &str) -> Self {
        let lunacm = env!("CARGO_BIN_EXE_lunacm");
        let script = format!("tty >terminal; stty cols {columns} rows {rows}; exec {lunacm}");
        let mut command: Command = client.command("sh", &["-c", &script]);
        command.env("TERM", "xterm").current_dir(client.home.parent().unwrap());
        command.env("PAGER", pager);
        if colour {
            command.env_remove("NO_COLOR");
        } else {
            command.env("NO_COLOR", "1");
        }
        let mut session = rexpect::session::spawn_command(command, Some(30_000)).unwrap();
        session.exp_string("Current Slot Id").unwrap();
        session.exp_string("lunacm:>").unwrap();
        let terminal = client.home.with_file_name("terminal");
        let terminal = fs::read_to_string(terminal).unwrap().trim().into();
        Self(session, terminal)
    }

    /// Starts `lunash` of this world.
    fn at_lunash(world: &World) -> Self {
        let terminal = world.daemon.data.with_file_name("terminal");
        let mut command = Command::new("sh");
        command.args(["-c", "tty >\"$0\"; exec \"$@\""]).arg(&terminal);
        command.arg(env!("CARGO_BIN_EXE_lunash")).arg("--data").arg(&world.daemon.data);
        command.env("TERM", "xterm").env("NO_COLOR", "1");
        let mut session = rexpect::session::spawn_command(command, Some(30_000)).unwrap();
        session.exp_string("lunash:>").unwrap();
        Self(session, fs::read_to_string(terminal).unwrap().trim().into())
    }

    /// Types keys without a line end.
    fn types(&mut self, keys: &str) -> &mut Self {
        self.0.send(keys).unwrap();
        self.0.flush().unwrap();
        self
    }

    /// Waits for a text; what was shown before it.
    #[track_caller]
    fn sees(&mut self, text: &str) -> String {
        self.0.exp_string(text).unwrap_or_else(|error| panic!("no {text:?}: {error}"))
    }

    /// Types a line and waits for the result line and the prompt; what was shown.
    #[track_caller]
    fn commands(&mut self, line: &str) -> String {
        self.types(line).types("\r");
        let shown = self.sees("Command Result : ");
        let result = self.sees("lunacm:>");
        format!("{shown}Command Result : {result}")
    }

    /// Presses Ctrl with a letter.
    fn control(&mut self, letter: char) -> &mut Self {
        self.0.send_control(letter).unwrap();
        self
    }

    /// Waits until Ctrl-C is a signal, and no key of the editor's.
    #[track_caller]
    fn waits_for_a_command(&self) {
        world::eventually("the editor has gone", || {
            let mut stty = Command::new("stty");
            stty.arg("-F").arg(&self.1).arg("-a");
            world::run(stty, "").text.split_whitespace().any(|word| word == "isig")
        });
    }

    /// Makes the terminal this wide.
    fn resizes(&mut self, columns: u16) {
        let mut stty = Command::new("stty");
        stty.arg("-F").arg(&self.1).args(["cols", &columns.to_string()]);
        world::run(stty, "").ok();
    }

    #[track_caller]
    fn leaves(mut self) {
        self.control('d');
        self.0.exp_eof().unwrap();
    }
}

#[test]
fn a_line_is_edited_and_left() {
    let (_root, client) = home();
    let mut person = Person::at(&client, 100, 40, false);
    // The missing letter is put in where it belongs.
    person.types("stc tokenlst").types(LEFT).types(LEFT).types("i");
    assert!(person.commands("").contains("Token Slot ID"));
    person.types("stc tokeninit -label lost").control('c');
    person.sees("lunacm:>");
    assert!(person.commands("stc tokenlist").contains("No"), "the left line was run");
    assert!(person.commands("stc tokeninit -label \"two words\"").contains("No Error"));
    assert!(person.commands("stc tokenlist").contains("two words"));
    person.leaves();
}

#[test]
fn words_options_values_and_paths_are_completed() {
    let world = World::with_partitions(&["par1"]);
    let client = world.connected("client1");
    let mut person = Person::at(&client, 100, 40, false);
    person.types("stc tokenl").types(TAB).types("\r");
    person.sees("Token Slot ID");
    person.sees("lunacm:>");
    person.types("stc token").types(TAB);
    person.sees("tokeninit");
    person.sees("tokenlist");
    person.sees("lunacm:>stc token");
    person.control('c').sees("lunacm:>");
    person.types("slot set -s").types(TAB).types(TAB).types("\r");
    person.sees("Current Slot Id:    0");
    person.sees("lunacm:>");
    person.types("role show -name c").types(TAB);
    person.sees("cu");
    person.sees("lunacm:>role show -name c");
    person.control('c').sees("lunacm:>");
    person.types("stc enable -id ").types(TAB).types("-for").types(TAB).types("\r");
    person.sees("Successfully enabled STC");
    person.sees("Current Slot Id: 0");
    person.sees("lunacm:>");
    fs::write(client.home.with_file_name("a commands file.pid"), "").unwrap();
    person.types("stc partitionregister -file a").types(TAB).types("\r");
    person.sees("Error in execution: a commands file.pid: ");
    person.sees("lunacm:>");
    person.leaves();
}

#[test]
fn hints_are_grey_and_not_without_colour() {
    let (_root, client) = home();
    let mut person = Person::at(&client, 100, 40, true);
    person.types("stc tokenini");
    person.sees("\x1b[2mt\x1b[0m");
    person.control('c').sees("lunacm:>");
    person.types("stc tokeninit ");
    person.sees("\x1b[2m-label <token_label>\x1b[0m");
    person.control('c').sees("lunacm:>");
    person.leaves();
    let mut person = Person::at(&client, 100, 40, false);
    person.types("stc tokeninit -label x -force");
    let shown = person.commands("");
    assert!(!shown.contains("\x1b[2m") && !shown.contains("<token_label>"), "{shown:?}");
    person.leaves();
}

#[test]
fn the_history_is_the_homes_and_holds_no_secret() {
    let (_root, client) = home();
    let mut person = Person::at(&client, 100, 40, false);
    person.commands("stc tokenlist");
    person.commands("role login -name po -password geheim-123");
    person.commands("rloe login -name po -password geheim-123");
    person.commands("partition init -label x -password=geheim-123 -domain geheim-456 -force");
    person.commands("geheim-123");
    person.leaves();
    let path: PathBuf = client.home.join(".lunacm_history");
    let history = fs::read_to_string(&path).unwrap();
    assert!(!history.contains("geheim"), "{history}");
    assert!(history.contains("role login") && history.contains("partition init -label x"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let mut person = Person::at(&client, 100, 40, false);
    for _ in 0..4 {
        person.types(UP);
    }
    assert!(person.commands("").contains("Token Slot ID"), "the first line was not recalled");
    person.leaves();
}

#[test]
fn secrets_are_asterisks_and_asked_twice_where_new() {
    let world = World::with_partitions(&["par1"]);
    let client = world.connected("client1");
    let mut person = Person::at(&client, 100, 40, false);
    person.types("partition init -label par1 -domain dom -force\r");
    person.sees("Enter password for Partition SO: ");
    person.types(PO).sees(&"*".repeat(PO.len()));
    person.types("\r").sees("Re-enter password for Partition SO: ");
    let before = person.types("partition-so-2\r").sees("Try again.");
    assert!(!before.contains("partition-so"), "{before:?}");
    for question in ["Enter password for Partition SO: ", "Re-enter password for Partition SO: "] {
        person.sees(question);
        person.types(PO).types("\r");
    }
    let shown = person.sees("Command Result : No Error");
    assert!(!shown.contains(PO), "{shown:?}");
    person.sees("lunacm:>");
    person.types("role login -name po\r").sees("enter password: ");
    // Leaving the question leaves the command, not the shell.
    person.types("abc").control('c').sees("0xb (User Cancelled Operation)");
    person.sees("lunacm:>");
    person.leaves();
}

#[test]
fn long_texts_are_paged() {
    let (_root, client) = home();
    let mut person = Person::at(&client, 100, 10, false);
    person.types("help stc\r");
    let page = person.sees("-- more --");
    assert!(page.lines().count() <= 11 && page.contains("tokenlist"), "{page}");
    person.types(" ");
    let rest = person.sees("lunacm:>");
    assert!(rest.contains("status") && rest.contains("No Error"), "{rest}");
    person.types("help stc\r").sees("-- more --");
    person.types("q");
    let rest = person.sees("lunacm:>");
    assert!(!rest.contains("status"), "{rest}");
    // Keys that turn pages are letters again in a line.
    assert!(person.commands("stc tokeninit -label \"q q\" -force").contains("No Error"));
    person.leaves();
}

#[test]
fn the_pager_of_the_environment_is_used() {
    let (_root, client) = home();
    let mut person = Person::with(&client, (100, 10), false, "sed 's/^/PAGED: /'");
    person.types("help stc\r");
    let shown = person.sees("lunacm:>");
    assert!(shown.contains("PAGED:") && shown.contains("No Error"), "{shown}");
    assert!(!person.commands("stc tokenlist").contains("PAGED"), "a short text was paged");
    person.leaves();
    // One that is not there is done without.
    let mut person = Person::with(&client, (100, 10), false, "no-such-pager");
    person.types("help stc\r").sees("-- more --");
    person.types("q").sees("lunacm:>");
    person.leaves();
}

/// Sends the daemon a signal that stops it or lets it go on.
fn signal(process: u32, name: &str) {
    let mut kill = Command::new("kill");
    kill.args([name, &process.to_string()]);
    world::run(kill, "").ok();
}

#[test]
fn control_c_leaves_a_command_and_the_shell_goes_on() {
    let world = World::with_partitions(&["par1"]);
    let client = world.connected("client1");
    let init = format!("partition init -label par1 -password {PO} -domain dom -force\n");
    client.lunacm(&init).ok();
    let mut person = Person::at(&client, 100, 40, false);
    signal(world.daemon.process(), "-STOP");
    for (line, told) in [
        (format!("role login -name po -password {PO}"), "is not known"),
        ("slot list".to_owned(), "Nothing was changed"),
    ] {
        person.types(&line).types("\r");
        person.waits_for_a_command();
        person.control('c').sees("interrupted");
        let shown = person.sees("lunacm:>");
        assert!(shown.contains(told) && shown.contains("CKR_FUNCTION_CANCELED"), "{shown}");
    }
    signal(world.daemon.process(), "-CONT");
    assert!(person.commands("slot list").contains("Slot Id ->              0"));
    assert!(person.commands(&format!("role login -name po -password {PO}")).contains("No Error"));
    // At the prompt it is the line that is left.
    person.types("role logout").control('c').sees("lunacm:>");
    assert!(person.commands("role logout").contains("No Error"));
    person.leaves();
}

#[test]
fn control_c_ends_a_batch() {
    let world = World::with_partitions(&["par1"]);
    let client = world.connected("client1");
    let here = client.home.parent().unwrap();
    let lunacm = env!("CARGO_BIN_EXE_lunacm");
    // The shell around it outlives the signal that all in the foreground get.
    let script = format!("trap : INT; mkfifo lines; cat lines | {lunacm} -q; echo ended with $?");
    // Whoever runs the tests in the background has the signal ignored, by all who come after.
    let arguments = ["--default-signal=INT", "sh", "-c", &script];
    let mut command: Command = client.command("env", &arguments);
    command.env("TERM", "xterm").env("NO_COLOR", "1").current_dir(here);
    let mut session = rexpect::session::spawn_command(command, Some(30_000)).unwrap();
    world::eventually("a pipe for lines", || here.join("lines").exists());
    let mut lines = fs::File::options().write(true).open(here.join("lines")).unwrap();
    writeln!(lines, "stc tokenlist").unwrap();
    session.exp_string("No Error").unwrap();
    signal(world.daemon.process(), "-STOP");
    writeln!(lines, "slot list\nstc tokeninit -label another -force").unwrap();
    session.exp_string("lunacm:>slot list").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("ended with 130").unwrap();
    session.exp_eof().unwrap();
    signal(world.daemon.process(), "-CONT");
    client.lunacm("stc tokenlist\n").ok().lacks("another");
}

#[test]
fn a_narrow_terminal_is_readable_and_a_resized_one_too() {
    let (_root, client) = home();
    let mut person = Person::at(&client, 200, 100, false);
    let wide = person.commands("help role changepw");
    assert!(wide.contains("-name <role>"), "{wide}");
    person.resizes(60);
    for line in ["help role changepw", "help stc", "stc tokenlist", "slot set -slot 9", "help"] {
        let shown = person.commands(line);
        let shown = shown.split_once('\n').unwrap().1;
        let widest = shown.lines().max_by_key(|text| text.trim_end().width()).unwrap();
        assert!(widest.trim_end().width() <= 60, "{line}: {widest:?}\n{shown}");
    }
    person.leaves();
}

#[test]
fn lunash_completes_names_and_masks_passwords() {
    let world = World::with_partitions(&["par1"]);
    let mut person = Person::at_lunash(&world);
    person.types("hsm logi").types(TAB).types("\r").sees("> ");
    let shown = person.types(world::SO).types("\r").sees("'hsm login' successful.");
    assert!(
        shown.contains(&"*".repeat(world::SO.len())) && !shown.contains(world::SO),
        "{shown:?}"
    );
    person.sees("lunash:>");
    person.types("partition del").types(TAB).types("-par").types(TAB).types("p").types(TAB);
    person.types("\r").sees("partition named:");
    person.sees("par1");
    person.sees("'quit' to quit now.");
    person.types("quit\r").sees("Command cancelled");
    person.sees("lunash:>");
    person.types("partition list").control('c');
    person.sees("lunash:>");
    let history = fs::read_to_string(world.daemon.data.join("lunash_history")).unwrap();
    assert!(history.contains("hsm login") && !history.contains(world::SO), "{history}");
    person.leaves();
}

#[test]
fn control_c_leaves_a_command_of_lunash_too() {
    let world = World::with_partitions(&["par1"]);
    let mut person = Person::at_lunash(&world);
    signal(world.daemon.process(), "-STOP");
    person.types("hsm show\r").waits_for_a_command();
    person.control('c').sees("Interrupted.");
    person.sees("lunash:>");
    signal(world.daemon.process(), "-CONT");
    person.types("partition list\r").sees("par1");
    person.sees("lunash:>");
    person.leaves();
}
