//! What the daemon denies itself and others, as the system shows it.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Resource, Rlimit, getuid, prlimit};
use tempfile::TempDir;

use crate::world::{World, eventually, run};

/// A user that owns nothing.
const NOBODY: &str = "nobody";
const NOBODY_ID: u32 = 65534;

/// The value behind a name in `/proc/PID/status`.
fn status(process: u32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).trim().to_owned()
}

/// A daemon that is started as a test wants it, killed when dropped.
struct Started {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
}

impl Started {
    /// Starts the daemon behind other programs, on a directory of its own.
    fn new(before: &[&str], data: &Path, arguments: &[&str]) -> Self {
        let daemon = env!("CARGO_BIN_EXE_lunahsmd");
        let words = [before, &[daemon, "--listen", "127.0.0.1:0", "--data"]].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(data).args(arguments).env("RUST_LOG", "info");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        if !ready.contains("is ready") {
            let mut told = String::new();
            log.read_to_string(&mut told).unwrap();
            panic!("{ready}{told}");
        }
        Self { child, log }
    }

    /// Reads its log as far as a line with this text.
    fn logs(&mut self, text: &str) -> String {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(self.log.read_line(&mut line).unwrap(), 0, "the log has no {text:?}");
        }
        line
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A directory that everybody may pass through.
fn open_directory() -> TempDir {
    let root = TempDir::new().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    root
}

#[test]
fn the_daemon_dumps_nothing_and_gains_nothing() {
    let world = World::new();
    let process = world.daemon.process();
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let core: Vec<_> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(core, ["0", "0"], "{limits}");
    assert_eq!(status(process, "NoNewPrivs"), "1");
    assert_eq!(status(process, "Umask"), "0077");
    // What is not dumpable belongs to root in /proc, whoever runs it.
    let memory = fs::metadata(format!("/proc/{process}/environ")).unwrap();
    assert_eq!(memory.uid(), 0);
    world.daemon.logs("self-tests of the primitives passed");
}

#[test]
fn a_file_that_may_not_grow_is_an_error_and_not_the_end() {
    let world = World::with_partitions(&["par0"]);
    let pid = Pid::from_raw(i32::try_from(world.daemon.process()).unwrap());
    let limit = |bytes| {
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(pid, Resource::Fsize, limit).unwrap();
    };
    limit(Some(4096));
    let refused = world
        .lunash("hsm login -password hsm-so-password\npartition create -partition par1 -force\n");
    refused.failed();
    limit(None);
    let made = world
        .lunash("hsm login -password hsm-so-password\npartition create -partition par2 -force\n");
    made.ok().has("par2");
    assert!(status(world.daemon.process(), "State").starts_with(['S', 'R']));
}

#[test]
fn memory_is_locked_or_the_log_says_why_not() {
    let root = open_directory();
    if !getuid().is_root() {
        let mut daemon = Started::new(&["env"], &root.path().join("data"), &[]);
        daemon.logs("memory is ");
        return;
    }
    let mut daemon = Started::new(&["env"], &root.path().join("data"), &[]);
    daemon.logs("memory is locked");
    assert_ne!(status(daemon.child.id(), "VmLck"), "0 kB");
    // Without the privilege, and under the limit that systems had for long.
    let without = "--bounding-set=-ipc_lock,-sys_resource";
    let before = ["prlimit", "--memlock=65536:65536", "setpriv", without];
    let mut daemon = Started::new(&before, &root.path().join("other"), &[]);
    let line = daemon.logs("memory is not locked");
    assert!(line.contains("65536") && line.contains("ulimit -l"), "{line}");
    assert_eq!(status(daemon.child.id(), "VmLck"), "0 kB");
}

#[test]
fn the_daemon_becomes_another_user_for_good() {
    let root = open_directory();
    let data = root.path().join("data");
    if !getuid().is_root() {
        let told = refused(&data, &["--user", NOBODY]);
        assert!(told.contains("Only root can become another user"), "{told}");
        return;
    }
    let mut daemon = Started::new(&["env"], &data, &["--user", NOBODY]);
    let process = daemon.child.id();
    let user = vec![NOBODY_ID.to_string(); 4].join("\t");
    assert_eq!(status(process, "Uid"), user);
    assert_eq!(status(process, "Gid"), user);
    assert_eq!(status(process, "Groups"), NOBODY_ID.to_string());
    for set in ["CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(status(process, set), "0000000000000000", "{set}");
    }
    // With root's privileges gone only an infinite limit permits it, which root may not be free to set.
    daemon.logs("memory is ");
    for file in ["", "appliance.db", "appliance.key", "server.key"] {
        assert_eq!(fs::metadata(data.join(file)).unwrap().uid(), NOBODY_ID, "{file}");
    }
    // A program of the same user cannot look into it, as it can into any other.
    let mut other = Command::new("setpriv").args(AS_NOBODY).args(["sleep", "60"]).spawn().unwrap();
    eventually("the other program", || {
        fs::read_to_string(format!("/proc/{}/comm", other.id())).is_ok_and(|name| name == "sleep\n")
    });
    assert!(can_read(&format!("/proc/{}/environ", other.id())));
    for file in ["environ", "mem", "maps"] {
        assert!(!can_read(&format!("/proc/{process}/{file}")), "{file}");
    }
    other.kill().unwrap();
    other.wait().unwrap();
}

const AS_NOBODY: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

/// Whether a program of nobody's may open the file.
fn can_read(file: &str) -> bool {
    let mut command = Command::new("setpriv");
    command.args(AS_NOBODY).args(["dd", "bs=1", "count=0", "status=none"]);
    command.arg(format!("if={file}")).stderr(Stdio::null()).status().unwrap().success()
}

/// What a daemon says that does not start.
fn refused(data: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lunahsmd"));
    command.args(["--listen", "127.0.0.1:0", "--data"]).arg(data).args(arguments);
    let shown = run(command, "");
    shown.failed();
    shown.text.clone()
}

#[test]
fn who_cannot_be_that_user_does_not_start() {
    let root = open_directory();
    let data = root.path().join("data");
    let told = refused(&data, &["--user", "no-such-user"]);
    assert!(told.contains("there is no user") && told.contains("--user"), "{told}");
    let told = refused(&data, &["--user", "root"]);
    assert!(told.contains("gives nothing up"), "{told}");
    assert!(!data.exists(), "nothing was made");
    if getuid().is_root() {
        fs::create_dir(&data).unwrap();
        let told = refused(&data, &["--user", NOBODY]);
        assert!(told.contains("does not belong to nobody") && told.contains("chown -R"), "{told}");
        chown(&data, Some(NOBODY_ID), Some(NOBODY_ID)).unwrap();
        drop(Started::new(&["env"], &data, &["--user", NOBODY]));
    }
}
