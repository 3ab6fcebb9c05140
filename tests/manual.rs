//! What is made from the declarations: the reference is current, the manuals are well formed, and
//! every command has a transcript. `UPDATE_MANUAL=1` rewrites the reference.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

#[path = "pkcs11_tools/token.rs"]
#[allow(dead_code, reason = "each test uses a part")]
mod token;
mod world;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use lunacm::command::manual::{programs, reference};
use world::run;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_reference_is_current() {
    let path = repository("docs/commands.md");
    let made = reference();
    if env::var_os("UPDATE_MANUAL").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == made, "docs/commands.md is old: UPDATE_MANUAL=1 cargo test --test manual");
}

#[test]
fn every_command_is_in_a_transcript() {
    for program in programs() {
        let folder = repository("tests/transcripts").join(program.name());
        let names = program.command_names();
        if names.is_empty() {
            continue;
        }
        let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let texts: Vec<_> = files.map(|path| fs::read_to_string(path).unwrap()).collect();
        let text = texts.join("\n").to_lowercase();
        let builtin = ["help", "exit"];
        let missing: Vec<_> = names
            .iter()
            .filter(|name| !builtin.contains(&name.as_str()))
            .filter(|name| {
                let name = name.to_lowercase();
                ["lunacm:>", "lunash:>", "$ vtl ", "$ configurator ", "$ cmu ", "$ multitoken "]
                    .iter()
                    .all(|prompt| !text.contains(&format!("{prompt}{name}")))
            })
            .collect();
        assert!(missing.is_empty(), "{} has no transcript of {missing:?}", program.name());
    }
}

#[test]
fn manual_pages_and_completions_are_written() {
    let root = tempfile::tempdir().unwrap();
    let generate = |kind: &str| {
        let directory = root.path().join(kind);
        let mut command = Command::new(env!("CARGO_BIN_EXE_lunacm"));
        command.args(["--generate", kind]).arg(&directory);
        run(command, "").ok().text.lines().map(PathBuf::from).collect::<Vec<_>>()
    };
    let pages = generate("man");
    assert_eq!(pages.len(), programs().len());
    for page in &pages {
        let text = fs::read_to_string(page).unwrap();
        let parts = [".TH", ".SH NAME", ".SH \"EXIT STATUS\""];
        assert!(parts.iter().all(|part| text.contains(part)), "{}:\n{text}", page.display());
    }
    let lunacm = fs::read_to_string(&pages[0]).unwrap();
    assert!(lunacm.contains("stc tokeninit") && lunacm.contains("token_label"), "{lunacm}");
    let scripts = generate("completions");
    assert_eq!(scripts.len(), 3 * programs().len());
    for script in &scripts {
        if script.extension().is_some_and(|ending| ending == "bash") {
            let mut bash = Command::new("bash");
            bash.arg("-n").arg(script);
            run(bash, "").ok();
        }
    }
    let bash = fs::read_to_string(root.path().join("completions/lunacm.bash")).unwrap();
    assert!(bash.contains("partitionregister") && bash.contains("--stop-at-failure"), "{bash}");
}

#[test]
fn a_completion_offers_the_shells_own_words() {
    let root = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lunacm"));
    command.args(["--generate", "completions"]).arg(root.path());
    run(command, "").ok();
    let offered = |words: &str| {
        let last = words.split(' ').count() - 1;
        let script = format!(
            "source {}/lunacm.bash; COMP_WORDS=({words} ''); COMP_CWORD={}; _lunacm lunacm '' '{}'; echo \"${{COMPREPLY[@]}}\"",
            root.path().display(),
            last + 1,
            words.rsplit(' ').next().unwrap(),
        );
        let mut bash = Command::new("bash");
        bash.args(["-c", &script]);
        run(bash, "").text
    };
    let families = offered("lunacm -q");
    assert!(families.contains("stcconfig") && families.contains("role"), "{families}");
    let commands = offered("lunacm -q stc");
    assert!(commands.contains("tokeninit") && !commands.contains("changepw"), "{commands}");
}

/// The completions of all programs in a directory.
fn completions() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lunacm"));
    command.args(["--generate", "completions"]).arg(root.path());
    run(command, "").ok();
    root
}

#[test]
fn fish_offers_commands_and_options() {
    if !token::have(&["fish"]) {
        return;
    }
    let (scripts, home) = (completions(), tempfile::tempdir().unwrap());
    let offered = |line: &str| {
        let program = line.split(' ').next().unwrap();
        let script = scripts.path().join(format!("{program}.fish"));
        let mut fish = Command::new("fish");
        fish.args(["--no-config", "-c"]).env("HOME", home.path());
        fish.arg(format!("source {}; complete -C '{line}'", script.display()));
        run(fish, "").ok().text.clone()
    };
    let families = offered("lunacm -q ");
    assert!(families.contains("stcconfig\t") && families.contains("role\t"), "{families}");
    let commands = offered("lunacm -q stc token");
    assert!(commands.contains("tokeninit\t") && !commands.contains("changepw"), "{commands}");
    let options = offered("lunacm -q role login -");
    assert!(options.contains("--name") && options.contains("--password"), "{options}");
    let commands = offered("lunash --data x -c hsm log");
    assert!(commands.contains("login\t") && commands.contains("logout\t"), "{commands}");
    assert!(offered("vtl add").contains("addServer\t"));
}

#[test]
fn zsh_completes_commands_and_options() {
    if !token::have(&["zsh"]) {
        return;
    }
    let (scripts, home) = (completions(), tempfile::tempdir().unwrap());
    let mut zsh = Command::new("zsh");
    zsh.args(["-f", "-i", "+o", "PROMPT_SP"])
        .env("TERM", "xterm")
        .env("HOME", home.path())
        .env("PS1", "ready> ");
    let mut zsh = rexpect::session::spawn_command(zsh, Some(60_000)).unwrap();
    zsh.exp_string("ready> ").unwrap();
    let path = scripts.path().display();
    zsh.send_line(&format!(
        "fpath=({path} $fpath); autoload -U compinit; compinit -u -D; print do''ne"
    ))
    .unwrap();
    zsh.exp_string("done").unwrap();
    zsh.exp_string("ready> ").unwrap();
    // Only what is added is written: the rest stands there as it was typed.
    for (typed, added) in [
        ("lunacm -q stc tokeni", "nit"),
        ("lunacm -q role changep", "w"),
        ("lunacm -q role login --pass", "word"),
        ("lunash --data x -c hsm factory", "Reset"),
        ("vtl addS", "erver"),
    ] {
        zsh.send(typed).unwrap();
        zsh.flush().unwrap();
        zsh.exp_string(typed).unwrap();
        zsh.send("\t").unwrap();
        zsh.flush().unwrap();
        zsh.exp_string(added).unwrap_or_else(|error| panic!("{typed}: {error}"));
        // The line is taken away: a signal could meet the completion's end.
        zsh.send_control('u').unwrap();
    }
    zsh.send_line("exit").unwrap();
    zsh.exp_eof().unwrap();
}
