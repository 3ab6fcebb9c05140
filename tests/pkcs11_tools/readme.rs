//! README's blocks, pasted into a shell: every command succeeds, and shows what README says.

use std::{
    collections::HashSet, fs, net::TcpListener, os::unix::fs::symlink, path::Path, process::Command,
};

use crate::{
    openssl::engine,
    token::{have, module, skipped},
    world::run,
};

const README: &str = include_str!("../../README.md");

/// The sections that are pasted, to the heading of the next one.
const PASTED: (&str, &str) = ("## The founding procedure", "## The programs");

/// Other people's programs in the blocks.
const OTHERS: [&str; 6] = ["pkcs11-tool", "openssl", "p11tool", "keytool", "ssh-keygen", "python3"];

/// A fenced block: what the fence says it is, and its lines.
struct Block {
    kind: String,
    lines: Vec<String>,
}

#[test]
fn the_blocks_can_be_pasted_and_show_what_is_said() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python");
    if !have(&OTHERS)
        || engine().is_none() && !skipped("libengine-pkcs11-openssl")
        || !python.exists() && !skipped("python-pkcs11")
    {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let programs = directory.path().join("programs");
    link_programs(&programs);
    let blocks = blocks();
    let (commands, screens): (Vec<_>, Vec<_>) =
        blocks.into_iter().partition(|block| block.kind == "sh");
    let script = script(directory.path(), &python, &commands);

    let mut bash = Command::new("bash");
    // A daemon that a failed line leaves behind would outlive the test.
    bash.args(["-c", &format!("trap 'kill $(jobs -p) 2>/dev/null' EXIT\nset -e\n{script}")]);
    bash.current_dir(directory.path()).env_remove("RUST_LOG");
    let path = std::env::var("PATH").unwrap_or_default();
    bash.env("PATH", format!("{}:{path}", programs.display()));
    let shown = run(bash, "");
    shown.ok();

    let there: HashSet<String> = shown.text.lines().map(masked).collect();
    for line in screens.iter().flat_map(|screen| &screen.lines) {
        let holds = line == "…" || there.contains(&masked(line));
        assert!(holds, "README shows {line:?}; the commands showed:\n{}", shown.text);
    }
}

/// The blocks of the pasted sections.
fn blocks() -> Vec<Block> {
    let from = README.find(PASTED.0).unwrap();
    let to = README.find(PASTED.1).unwrap();
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in README[from..to].lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(kind), None) => open = Some(Block { kind: kind.to_owned(), lines: Vec::new() }),
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.lines.push(line.to_owned());
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(blocks.len() > 15, "{} blocks were found", blocks.len());
    blocks
}

/// The commands, word for word but for what this machine's tests need: ports that are free, a
/// directory of their own, and the programs that are built already.
fn script(directory: &Path, python: &Path, commands: &[Block]) -> String {
    let (port, tls_port) = (free_port(), free_port());
    let mut script = String::new();
    for block in commands {
        for line in &block.lines {
            let line = match line.as_str() {
                "cargo build --release" | "export PATH=$PWD/target/release:$PATH" => continue,
                "mkdir -p /tmp/stc && cd /tmp/stc" => format!("cd {}", directory.display()),
                line if line.starts_with("lunahsmd ") => {
                    line.replace(" &", &format!(" --listen 127.0.0.1:{port} &"))
                }
                line if line.starts_with("vtl addServer ") => format!("{line} -port {port}"),
                line if line.starts_with("python3 -m venv ") => {
                    format!("ln -s {} python", python.display())
                }
                line => line.replace("8443", &tls_port.to_string()),
            };
            script += &line;
            script.push('\n');
        }
    }
    script
}

/// Puts the programs and the module into one directory, as a release build does.
fn link_programs(directory: &Path) {
    fs::create_dir(directory).unwrap();
    for program in [
        env!("CARGO_BIN_EXE_lunahsmd"),
        env!("CARGO_BIN_EXE_lunash"),
        env!("CARGO_BIN_EXE_lunacm"),
        env!("CARGO_BIN_EXE_vtl"),
        env!("CARGO_BIN_EXE_cmu"),
        env!("CARGO_BIN_EXE_multitoken"),
    ] {
        symlink(program, directory.join(Path::new(program).file_name().unwrap())).unwrap();
    }
    symlink(module(), directory.join("liblunacm.so")).unwrap();
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A line without what differs from run to run: numbers and hashes.
fn masked(line: &str) -> String {
    let line = line.split_once("Hash:").map_or(line, |(label, _)| label);
    let mut masked = String::new();
    for character in line.trim_end().chars() {
        let digit = character.is_ascii_digit();
        if !(digit && masked.ends_with('#')) {
            masked.push(if digit { '#' } else { character });
        }
    }
    masked
}
