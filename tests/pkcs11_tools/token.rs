//! A partition that is ready to use, and the programs that use it.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

use crate::world::{Client, Shown, World, run};

/// The Crypto Officer's password.
pub const PIN: &str = "co-password1";

/// The Partition SO's password.
pub const SO_PIN: &str = "po-password1";

/// The partition's label.
pub const LABEL: &str = "par0";

/// A client with a slot on a partition that has a Crypto Officer.
pub struct Token {
    pub world: World,
    pub client: Client,
}

impl Token {
    /// A partition on a daemon of its own.
    pub fn new() -> Self {
        let world = World::with_partitions(&[LABEL]);
        let client = world.connected("client1");
        let made = client.lunacm(&format!(
            "partition init -label {LABEL} -password {SO_PIN} -domain dom -force\n\
             role login -name po -password {SO_PIN}\n\
             role init -name co -password co-initial1\n\
             role logout\n\
             role login -name co -password co-initial1\n\
             role changepw -name co -oldpw co-initial1 -newpw {PIN}\n"
        ));
        made.ok();
        Self { world, client }
    }

    /// Runs a program in the client's home; `{module}`, `{pin}` and `{dir}` stand for the
    /// module, the password and the world's directory.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Shown {
        run(self.command(program, arguments), "")
    }

    /// The command that [`Self::run`] runs.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let arguments: Vec<_> = arguments.iter().map(|argument| self.fill(argument)).collect();
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        self.client.command(program, &arguments)
    }

    /// Writes a file of the world's directory, filled in as arguments are.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.directory().join(name);
        fs::write(&path, self.fill(content)).unwrap();
        path
    }

    /// The world's directory.
    pub fn directory(&self) -> &Path {
        self.world.root.path()
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{module}", &module().display().to_string())
            .replace("{pin}", PIN)
            .replace("{dir}", &self.directory().display().to_string())
    }
}

/// The module that was built with these tests.
pub fn module() -> PathBuf {
    let deps = env::current_exe().unwrap().parent().unwrap().to_owned();
    let beside = deps.parent().unwrap().join("liblunacm.so");
    let built = deps.join("liblunacm.so");
    if built.exists() { built } else { beside }
}

/// Whether these programs are there. If they are not and need not be, the test was skipped.
pub fn have(programs: &[&str]) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let places: Vec<_> = env::split_paths(&path).collect();
    let there = |name: &str| {
        Path::new(name).is_file() || places.iter().any(|place| place.join(name).is_file())
    };
    let missing: Vec<_> = programs.iter().filter(|name| !there(name)).copied().collect();
    missing.is_empty() || skipped(&missing.join(", "))
}

/// Says that a test is skipped because something is missing; where all has to be there, it fails.
pub fn skipped(missing: &str) -> bool {
    let text = format!("{missing} missing: run .ci/tools, which installs it");
    assert!(env::var_os("CI").is_none(), "{text}");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Past the harness, which hides what passing tests print.
    let _ = writeln!(io::stderr(), "SKIPPED {test}: {text}");
    false
}
