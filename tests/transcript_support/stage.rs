//! The world of one transcript, and the programs that run in it.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::{Input, names::Names};
use crate::world::{Shown, World, run};

/// The Partition SO's password.
const PO: &str = "partition-so-1";

/// The Crypto Officer's password.
const CO: &str = "crypto-officer-1";

/// A world, and whose home is used.
pub struct Stage {
    world: World,
    client: String,
    names: Names,
}

impl Stage {
    /// One of these worlds, each with what stands before it:
    ///
    /// - `fresh`: an appliance whose HSM is not initialized, and no client;
    /// - `partition`: the HSM initialized, partition `par1`, its identity exported;
    /// - `connected`: `client1` has a slot on `par1`;
    /// - `initialized`: `par1` is initialized, its Partition SO's password is `partition-so-1`;
    /// - `officer`: `par1` has a Crypto Officer with password `crypto-officer-1`.
    pub fn new(name: &str) -> Result<Self, String> {
        const WORLDS: [&str; 5] = ["fresh", "partition", "connected", "initialized", "officer"];
        let at = WORLDS.iter().position(|known| *known == name);
        let at = at.ok_or_else(|| format!("no world '{name}', only {WORLDS:?}"))?;
        let world = if at >= 1 { World::with_partitions(&["par1"]) } else { World::new() };
        let mut names = Names::default();
        names.name("port", &world.daemon.port);
        names.name("dir", &world.root.path().display());
        // Cargo leaves the module in one of two places.
        for place in ["deps/liblunacm.so", "liblunacm.so"] {
            names.name("module", &beside(place).display());
        }
        let serial = world.lunash("hsm show\n").value("Serial #:").to_owned();
        names.name("hsm.serial", &serial);
        let stage = Self { world, client: "client1".to_owned(), names };
        Ok(stage.set_up(at))
    }

    fn set_up(mut self, level: usize) -> Self {
        if level >= 1 {
            self.name_partition("par1");
        }
        if level >= 2 {
            let identity = self.names.filled("{dir}/hsm/files/{par1.serial}.pid");
            self.world.connected_to("client1", identity.as_ref());
        }
        let client = self.world.client("client1");
        if level >= 3 {
            let init = format!("partition init -label par1 -password {PO} -domain dom -force\n");
            client.lunacm(&init).ok();
        }
        if level >= 4 {
            let made = format!(
                "role login -name po -password {PO}\nrole init -name co -password initial-pin\nrole logout\nrole login -name co -password initial-pin\nrole changepw -name co -oldpw initial-pin -newpw {CO}\n"
            );
            client.lunacm(&made).ok();
        }
        self
    }

    fn name_partition(&mut self, partition: &str) {
        let shown = self.world.lunash(&format!("partition show -partition {partition}\n"));
        self.names.name(&format!("{partition}.serial"), &shown.value("Partition SN:"));
    }

    /// Follows a directive.
    pub fn direct(&mut self, directive: &str) -> Result<(), String> {
        match directive.split_once(' ') {
            Some(("client", name)) => name.clone_into(&mut self.client),
            Some(("partition", name)) => {
                self.world.partition(name);
                self.name_partition(name);
            }
            Some(("copy", paths)) => {
                let paths = self.names.filled(paths);
                let (from, to) = paths.split_once(' ').ok_or("copy FROM TO")?;
                let root = self.world.root.path();
                fs::copy(root.join(from), root.join(to)).map_err(|error| error.to_string())?;
            }
            Some(("daemon", "stop")) => self.world.daemon.kill(),
            Some(("daemon", "start")) => self.world.start_again(),
            _ => return Err(format!("what is '! {directive}'?")),
        }
        Ok(())
    }

    /// Writes a file into the world's directory.
    pub fn write(&self, name: &str, lines: &[String]) {
        let text = self.names.filled(&(lines.join("\n") + "\n"));
        fs::write(self.world.root.path().join(name), text).unwrap();
    }

    /// The records of a batch.
    pub fn records_of_batch(
        &self,
        prompt: &str,
        inputs: &[Input],
    ) -> Result<Vec<(String, Value)>, String> {
        let program = if prompt == "lunacm:>" { "lunacm" } else { "lunash" };
        let shown = run(self.command(&format!("{program} --json"))?, &self.script(inputs));
        Ok(records(program, &shown))
    }

    /// The records of a run.
    pub fn records_of_run(&self, input: &Input) -> Result<Vec<(String, Value)>, String> {
        let line = self.names.filled(&input.line);
        let (program, words) = line.split_once(' ').unwrap_or((&line, ""));
        let shown = run(self.command(&format!("{program} --json {words}"))?, &self.answers(input));
        Ok(records(program, &shown))
    }

    fn answers(&self, input: &Input) -> String {
        input.answers.iter().map(|line| self.names.filled(line) + "\n").collect()
    }

    fn script(&self, inputs: &[Input]) -> String {
        let lines = |input: &Input| self.names.filled(&input.line) + "\n" + &self.answers(input);
        inputs.iter().map(lines).collect()
    }

    /// A batch: what each command shows, behind the command.
    pub fn batch(&mut self, prompt: &str, inputs: &[Input]) -> Result<String, String> {
        let script = self.script(inputs);
        let words = if prompt == "lunacm:>" { "lunacm" } else { "lunash" };
        let shown = run(self.command(words)?, &script);
        Ok(self.transcribe(prompt, inputs, &shown))
    }

    fn transcribe(&mut self, prompt: &str, inputs: &[Input], shown: &Shown) -> String {
        // What is shown before the first prompt is the banner, which has a transcript of its own.
        let text = self.names.named(&shown.text);
        let mut screens = text.split(prompt).skip(1);
        let mut lines = String::new();
        for input in inputs {
            let _ = writeln!(lines, "{prompt}{}", input.line);
            for answer in &input.answers {
                let _ = writeln!(lines, "< {answer}");
            }
            let Some(screen) = screens.next() else {
                lines.push_str("[not run]\n");
                continue;
            };
            let (echo, screen) = screen.split_once('\n').unwrap_or((screen, ""));
            if echo != input.line {
                let _ = writeln!(lines, "= {prompt}{echo}");
            }
            lines.push_str(screen);
        }
        let end = ending(shown);
        let gap = if end.is_empty() { "" } else { "\n" };
        lines + &end + gap
    }

    /// One run of a program.
    pub fn run(&mut self, input: &Input) -> Result<String, String> {
        let command = self.command(&self.names.filled(&input.line))?;
        let shown = run(command, &self.answers(input));
        let mut lines = format!("$ {}\n", input.line);
        for answer in &input.answers {
            let _ = writeln!(lines, "< {answer}");
        }
        for line in self.names.named(&shown.text).lines() {
            let mark = if super::prompted(line).is_some() { "= " } else { "" };
            let _ = writeln!(lines, "{mark}{line}");
        }
        Ok(lines + &ending(&shown) + "\n")
    }

    fn command(&self, line: &str) -> Result<Command, String> {
        let mut words = split(line).into_iter();
        let program = words.next().unwrap_or_default();
        let client = self.world.client(&self.client);
        let mut command = client.command(&path(&program)?, &[]);
        if program == "lunash" {
            command.arg("--data").arg(&self.world.daemon.data);
        }
        command.args(words).env("NO_COLOR", "1").current_dir(self.world.root.path());
        Ok(command)
    }
}

fn records(program: &str, shown: &Shown) -> Vec<(String, Value)> {
    let records = shown.text.lines().filter_map(|line| serde_json::from_str(line).ok());
    records.map(|record: Value| (program.to_owned(), record)).collect()
}

/// The place of this name beside the built programs.
fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_lunacm")).with_file_name(name)
}

/// The built program of this name, beside the others.
fn path(program: &str) -> Result<String, String> {
    let beside = beside(program);
    let there = beside.is_file() && program.bytes().all(|byte| byte.is_ascii_lowercase());
    there.then(|| beside.display().to_string()).ok_or_else(|| format!("no program '{program}'"))
}

fn ending(shown: &Shown) -> String {
    if shown.success { String::new() } else { format!("[exit {}]\n", shown.status) }
}

/// Words as a POSIX shell splits them; only quotes mean anything.
fn split(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut quote, mut inside) = (None, false);
    for letter in line.chars() {
        match letter {
            '\'' | '"' if quote.is_none() => {
                quote = Some(letter);
                if !inside {
                    words.push(String::new());
                }
                inside = true;
            }
            _ if quote == Some(letter) => quote = None,
            ' ' if quote.is_none() => inside = false,
            _ => {
                if !inside {
                    words.push(String::new());
                }
                inside = true;
                words.last_mut().unwrap().push(letter);
            }
        }
    }
    words
}
