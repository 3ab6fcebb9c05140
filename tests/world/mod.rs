//! A world of real programs for tests: a daemon on a free loopback port, homes of clients, and
//! the shells that people type into.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, reason = "each test uses a part")]

mod links;

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The HSM SO's password in these tests.
pub const SO: &str = "hsm-so-password";

/// The Partition SO's password.
pub const PO: &str = "partition-so-1";

/// The Crypto Officer's password.
pub const CO: &str = "crypto-officer-1";

/// How long a program may run before the test ends it and fails.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// A running `lunahsmd`, killed when dropped.
pub struct Daemon {
    child: Child,
    pub port: u16,
    pub data: PathBuf,
}

impl Daemon {
    /// Starts a daemon on this data directory; port 0 takes a free one.
    pub fn start(data: &Path, port: u16) -> Self {
        Self::start_with(data, port, &[])
    }

    /// As [`Self::start`], with more arguments.
    pub fn start_with(data: &Path, port: u16, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lunahsmd"))
            .args(["--name", "localhost", "--listen", &format!("127.0.0.1:{port}"), "--data"])
            .arg(data)
            .args(arguments)
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = child.stderr.take().unwrap();
        let kept = data.with_extension("log");
        thread::spawn(move || {
            let mut file = fs::File::options().create(true).append(true).open(kept).unwrap();
            let _ = std::io::copy(&mut BufReader::new(log), &mut file);
        });
        let stdout = child.stdout.take().unwrap();
        let (ready, started) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(stdout).read_line(&mut line);
            let _ = ready.send(line);
        });
        let Ok(line) = started.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            panic!("the daemon was not ready in {PATIENCE:?}");
        };
        let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("no port in {line:?}"));
        Self { child, port, data: data.to_owned() }
    }

    /// SIGKILL: nothing is tidied up.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; the exit status.
    pub fn terminate(&mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        wait(&mut self.child, "lunahsmd")
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the daemon has logged this: the log goes through a pipe, and comes late.
    #[track_caller]
    pub fn logs(&self, text: &str) {
        eventually(text, || self.log().contains(text));
    }

    /// What the daemon has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.data.with_extension("log")).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A directory with an appliance and any number of client homes.
pub struct World {
    pub root: TempDir,
    pub daemon: Daemon,
}

impl World {
    /// A world with a fresh appliance.
    pub fn new() -> Self {
        Self::new_with(&[])
    }

    fn new_with(arguments: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let daemon = Daemon::start_with(&root.path().join("hsm"), 0, arguments);
        Self { root, daemon }
    }

    /// A world whose HSM is initialized and has these partitions, their identities exported.
    pub fn with_partitions(names: &[&str]) -> Self {
        Self::with_partitions_and(names, &[])
    }

    /// As [`Self::with_partitions`], with more arguments for the daemon.
    pub fn with_partitions_and(names: &[&str], arguments: &[&str]) -> Self {
        Self::of_domain("dom-of-hsm", names, arguments)
    }

    /// As [`Self::with_partitions_and`], with another domain of the HSM's.
    pub fn of_domain(domain: &str, names: &[&str], arguments: &[&str]) -> Self {
        let world = Self::new_with(arguments);
        let init = format!("hsm init -label hsm1 -password {SO} -domain {domain} -force\n");
        world.lunash(&init).ok();
        for name in names {
            world.partition(name);
        }
        world
    }

    /// Makes a partition and exports its identity.
    pub fn partition(&self, name: &str) {
        let made = self.lunash(&format!(
            "hsm login -password {SO}\npartition create -force -partition {name}\npartition stcidentity export -partition {name}\n"
        ));
        made.ok();
    }

    /// Runs a batch of `lunash`.
    pub fn lunash(&self, script: &str) -> Shown {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lunash"));
        command.arg("--data").arg(&self.daemon.data);
        run(command, script)
    }

    /// The home of a client.
    pub fn client(&self, name: &str) -> Client {
        Client { home: self.root.path().join(name), port: self.daemon.port }
    }

    /// The appliance's certificate, as its administrator hands it out.
    pub fn certificate(&self) -> PathBuf {
        self.daemon.data.join("files/server.pem")
    }

    /// The exported identities of partitions, by name of the file.
    pub fn identities(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.daemon.data.join("files")).unwrap();
        let files = files.map(|entry| entry.unwrap().path());
        let mut identities: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|ending| ending == "pid")).collect();
        identities.sort();
        identities
    }

    /// Kills the daemon and starts it again on the same port.
    pub fn restart_after_kill(&mut self) {
        self.daemon.kill();
        self.start_again();
    }

    /// Starts a daemon that has ended again on the same port.
    pub fn start_again(&mut self) {
        self.daemon = Daemon::start(&self.daemon.data.clone(), self.daemon.port);
    }

    /// A client whose partition, the first one, is initialized and has a Crypto Officer.
    pub fn officer(&self, name: &str) -> Client {
        let client = self.connected(name);
        let script = format!(
            "partition init -label par1 -password {PO} -domain dom -force\n\
             role login -name po -password {PO}\n\
             role init -name co -password initial-pass-1\n\
             role logout\n\
             role login -name co -password initial-pass-1\n\
             role changepw -name co -oldpw initial-pass-1 -newpw {CO} -force\n"
        );
        client.lunacm(&script).ok();
        client
    }

    /// A client that has a slot on the first partition.
    pub fn connected(&self, name: &str) -> Client {
        self.connected_to(name, &self.identities().remove(0))
    }

    /// A client that has a slot on the partition with this exported identity.
    pub fn connected_to(&self, name: &str, identity: &Path) -> Client {
        let client = self.client(name);
        client.prepare(&self.certificate());
        let identity = identity.display();
        let shown = client
            .lunacm(&format!("stc partitionregister -file {identity}\nstc enable -id 0 -force\n"));
        assert!(shown.success, "{}", shown.text);
        client
    }
}

/// A client machine: a home, and the programs that use it.
pub struct Client {
    pub home: PathBuf,
    pub port: u16,
}

impl Client {
    /// Makes token, identity (with the home's name) and the server's registration.
    pub fn prepare(&self, certificate: &Path) {
        let name = self.home.file_name().unwrap().to_string_lossy().into_owned();
        let shown = self
            .lunacm(&format!("stc tokeninit -label {name}\nstc identitycreate -label {name}\n"));
        assert!(shown.success, "{}", shown.text);
        let port = self.port.to_string();
        let certificate = certificate.display().to_string();
        let shown = self.vtl(&["addServer", "-n", "localhost", "-c", &certificate, "-port", &port]);
        assert!(shown.success, "{}", shown.text);
    }

    /// Runs a batch of `lunacm`.
    pub fn lunacm(&self, script: &str) -> Shown {
        run(self.command(env!("CARGO_BIN_EXE_lunacm"), &[]), script)
    }

    /// Runs `lunacm` with arguments and this standard input.
    pub fn lunacm_with(&self, arguments: &[&str], input: &str) -> Shown {
        run(self.command(env!("CARGO_BIN_EXE_lunacm"), arguments), input)
    }

    /// Runs `vtl`.
    pub fn vtl(&self, arguments: &[&str]) -> Shown {
        run(self.command(env!("CARGO_BIN_EXE_vtl"), arguments), "")
    }

    /// The exported identity of this client.
    pub fn identity(&self) -> PathBuf {
        let name = self.home.file_name().unwrap();
        self.home.join("data/client_identities").join(name)
    }

    /// A command in this home.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).env("ChrystokiConfigurationPath", &self.home);
        command.env_remove("RUST_LOG").env_remove("PAGER");
        command
    }
}

/// What a program showed.
#[derive(Debug)]
pub struct Shown {
    pub text: String,
    pub success: bool,
    /// The exit status; -1 after a signal.
    pub status: i32,
}

impl Shown {
    /// Holds that the text contains this.
    #[track_caller]
    pub fn has(&self, part: &str) -> &Self {
        assert!(self.text.contains(part), "no {part:?} in:\n{}", self.text);
        self
    }

    /// Holds that the text does not contain this.
    #[track_caller]
    pub fn lacks(&self, part: &str) -> &Self {
        assert!(!self.text.contains(part), "{part:?} in:\n{}", self.text);
        self
    }

    /// Holds that every command succeeded.
    #[track_caller]
    pub fn ok(&self) -> &Self {
        assert!(self.success, "{}", self.text);
        self
    }

    /// Holds that a command failed.
    #[track_caller]
    pub fn failed(&self) -> &Self {
        assert!(!self.success, "{}", self.text);
        self
    }

    /// The first word behind this label.
    #[track_caller]
    pub fn value(&self, label: &str) -> &str {
        let rest = self.text.split_once(label).map(|(_, rest)| rest);
        let line = rest.and_then(|rest| rest.lines().next()).map(str::trim);
        line.unwrap_or_else(|| panic!("no {label:?} in:\n{}", self.text))
    }
}

/// Whether the current directory is this process's home, as the variable says. Where it is not,
/// this program has been run again with these arguments so that it is, and has succeeded.
pub fn has_home_here(arguments: &[&str]) -> bool {
    const VARIABLE: &str = "ChrystokiConfigurationPath";
    if std::env::var_os(VARIABLE).is_some_and(|value| value == ".") {
        return true;
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    assert!(again.args(arguments).env(VARIABLE, ".").status().unwrap().success());
    false
}

/// Runs a command to its end with this standard input. A program that does not end in time is
/// killed, and the test fails with what it has shown.
pub fn run(mut command: Command, input: &str) -> Shown {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let feeding = thread::spawn(move || {
        let _ = stdin.write_all(input.as_bytes());
    });
    let out = collect(child.stdout.take().unwrap());
    let err = collect(child.stderr.take().unwrap());
    let status = wait(&mut child, &format!("{command:?}"));
    feeding.join().unwrap();
    let text = [out.join().unwrap(), err.join().unwrap()].concat();
    let text = String::from_utf8(text).unwrap();
    Shown { text, success: status.success(), status: status.code().unwrap_or(-1) }
}

fn collect(mut from: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        bytes
    })
}

/// Waits for the end of a child, which is killed when [`PATIENCE`] is over.
fn wait(child: &mut Child, what: &str) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if started.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{what} did not end in {PATIENCE:?}");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until `there` holds, for ten seconds.
#[track_caller]
pub fn eventually(what: &str, mut there: impl FnMut() -> bool) {
    for _ in 0..200 {
        if there() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("never: {what}");
}
