//! A client in another language, written from `docs/protocol.md` and `docs/messages.md` alone, against a
//! real daemon: `tests/interop/client.py`. `messages.py` beside it reads the tables of messages and
//! encodes by them.
//!
//! `LUNACM_PYTHON` names a Python that has the packages of `tests/interop/requirements.txt`. Without
//! it the test makes a virtual environment with the `python3` there is, once for each target
//! directory. It never passes without having run.

#![allow(clippy::unwrap_used, reason = "a test")]

mod world;

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{LazyLock, mpsc},
    thread,
    time::Duration,
};

use lunacm::{
    crypto::KeyPair,
    hsm::mechanism,
    model::cryptoki::MechanismType,
    wire::{ClientIdentityFile, PartitionIdentityFile},
};
use serde_json::{Value, json};
use world::{CO, Client, PO, World};

/// How long making the environment may take.
const INSTALLATION: Duration = Duration::from_mins(5);

/// How long the client may take. Waiting for a change of keys it seals a million records.
const PATIENCE: Duration = Duration::from_mins(5);

const HYBRID: [u8; 4] = [0x11, 0x12, 0x13, 0x14];
const CLASSIC: [u8; 4] = [0x01, 0x02, 0x03, 0x04];

/// The mechanisms of a new partition: all but raw RSA, which its policy 18 has off at first.
fn offered() -> Value {
    let offered =
        mechanism::info().iter().filter(|info| info.mechanism != MechanismType::RSA_X_509);
    serde_json::to_value(offered.collect::<Vec<_>>()).unwrap()
}

#[test]
fn another_implementation_is_a_client_like_any_other() {
    let world = World::with_partitions(&["par1"]);
    let officer = world.officer("client1");
    let stranger = Stranger::register(&world, &officer);

    // A new partition takes hybrid suites only, whatever the client would like.
    for (offer, agreed) in [(&HYBRID[..], 0x11), (&[0x01, 0x13, 0x02], 0x13)] {
        let told = stranger.ask("describe", offer);
        assert_eq!((&told["suite"], &told["epoch"]), (&json!(agreed), &json!(2)));
        assert_eq!((&told["cookies"], &told["wanted"]), (&json!(0), &json!(0)));
        assert_eq!(told["rekey_threshold"], json!(400_000_000));
        assert_eq!(told["replay_window"], json!(120));
        as_shown(&told["partition"], &officer);
        assert_eq!(told["mechanisms"], offered());
    }
    let refused = stranger.run("describe", &CLASSIC, &[]);
    assert!(refused.1.contains("no suite in common"), "{}", refused.1);

    set(
        &officer,
        "stcconfig keyexchangeenable -id 2\nstcconfig replaywindowset -size 300\n\
         stcconfig rekeythresholdset -value 7\n",
    );
    for suite in HYBRID.into_iter().chain(CLASSIC) {
        let told = stranger.ask("describe", &[suite]);
        assert_eq!((&told["suite"], &told["epoch"]), (&json!(suite), &json!(2)));
        assert_eq!(told["rekey_threshold"], json!(7_000_000));
        assert_eq!(told["replay_window"], json!(300));
    }
}

#[test]
fn another_implementation_gives_cookies_to_a_daemon_under_pressure() {
    // Any connection is more than half of one.
    let world = World::with_partitions_and(&["par1"], &["--max-half-open", "1"]);
    let officer = world.officer("client1");
    let stranger = Stranger::register(&world, &officer);
    // One for each first message; the second offer has its first suite refused.
    for (offer, agreed, cookies) in [(&HYBRID[..], 0x11, 1), (&[0x01, 0x13], 0x13, 2)] {
        let told = stranger.ask("describe", offer);
        assert_eq!((&told["suite"], &told["cookies"]), (&json!(agreed), &json!(cookies)));
        as_shown(&told["partition"], &officer);
    }
}

#[test]
fn another_implementation_changes_keys_when_the_partition_wants_it() {
    let world = World::with_partitions(&["par1"]);
    let officer = world.officer("client1");
    let stranger = Stranger::register(&world, &officer);
    set(&officer, "stcconfig rekeythresholdset -value 1\n");
    let told = stranger.ask("wait", &HYBRID);
    assert_eq!((&told["wanted"], &told["epoch"]), (&json!(1), &json!(1)));
    assert_eq!(told["rekey_threshold"], json!(1_000_000));
}

#[test]
fn another_implementation_uses_keys_and_reads_what_an_hsm_opens() {
    let world = World::with_partitions(&["par1"]);
    let officer = world.officer("client1");
    let stranger = Stranger::register(&world, &officer);
    let more =
        [("password", json!(CO)), ("domain", json!("dom")), ("hsm_domain", json!("dom-of-hsm"))];
    let told = stranger.ask_with("transfer", &HYBRID, &more);
    assert_eq!(told["suite"], json!(0x11));
}

#[test]
fn the_daemon_keeps_the_documents_rules_against_those_who_break_them() {
    let world = World::with_partitions(&["par1"]);
    let officer = world.officer("client1");
    let stranger = Stranger::register(&world, &officer);
    let done = stranger.ask("break", &HYBRID);
    assert!(done.as_array().is_some_and(|deeds| deeds.len() >= 18), "{done}");
}

#[test]
fn every_request_has_the_reply_that_the_document_names() {
    let world = World::with_partitions(&["par1"]);
    let left = Stranger::new(&world).ask("tour", &HYBRID);
    // These two belong to NTLS.
    assert_eq!(left, json!(["Assigned", "Cryptoki", "Open"]));
}

#[test]
fn another_implementation_is_a_client_by_certificate() {
    let world = World::with_partitions(&["par1"]);
    let client = world.client("client2");
    client.vtl(&["createCert", "-n", "client2"]).ok();
    let certificate = client.home.join("cert/client/client2.pem");
    fs::copy(&certificate, world.daemon.data.join("files/client2.pem")).unwrap();
    world
        .lunash(
            "client register -client client2 -hostname client2\n\
             client assignPartition -client client2 -partition par1\n",
        )
        .ok();
    let stranger = Stranger::new(&world);
    let told = stranger.ask_with(
        "ntls",
        &HYBRID,
        &[
            ("client_certificate", json!(certificate)),
            ("client_key", json!(client.home.join("cert/client/client2Key.pem"))),
        ],
    );
    assert_eq!(told["serials"], json!([stranger.partition.serial.value()]));
    assert_eq!(told["partition"]["label"], Value::Null);
    assert_eq!(told["mechanisms"], offered());
}

#[test]
fn the_daemon_keeps_the_documents_limits_of_links() {
    let limits = ["--max-links-per-client", "1", "--idle-timeout", "5"];
    let world = World::with_partitions_and(&["par1"], &limits);
    let officer = world.officer("client1");
    let stranger = Stranger::register(&world, &officer);
    assert_eq!(stranger.ask("crowd", &HYBRID), json!("ended"));
    set(&officer, "stcconfig activationtimeoutset -time 1\n");
    assert_eq!(stranger.ask("silent", &HYBRID), json!("the connection ended"));
}

#[test]
fn the_documents_tables_are_enough_to_read_and_write_every_message() {
    let mut command = Command::new(&*PYTHON);
    command.arg("-B").arg(script("messages.py")).arg(document()).arg(vectors("messages-v1.json"));
    let (checked, errors) = finish(command, "", PATIENCE);
    assert!(checked.trim().parse().is_ok_and(|checked: usize| checked >= 130), "{errors}");
}

#[test]
fn the_recorded_exchanges_are_what_another_implementation_says() {
    let mut command = Command::new(&*PYTHON);
    command.arg("-B").arg(script("exchanges.py")).arg(vectors("stc-v1.json"));
    let (checked, errors) = finish(command, "", PATIENCE);
    assert_eq!(checked.trim(), "14", "{errors}");
}

/// What a Partition SO sets.
fn set(officer: &Client, script: &str) {
    officer.lunacm(&format!("role login -name po -password {PO}\n{script}")).ok();
}

/// What `partition showinfo` shows is what the other client was told.
fn as_shown(told: &Value, officer: &Client) {
    let shown = officer.lunacm("partition showinfo\n");
    let text = |field: &str| match &told[field] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    for field in ["serial", "label", "model", "firmware", "total_storage", "used_storage"] {
        shown.has(&text(field));
    }
    assert_eq!(told["clients"], json!(2));
    assert_eq!(told["user_initialized"], json!(true));
    shown.has(&text("ouid"));
}

/// A client without a home.
struct Stranger {
    secret: [u8; 32],
    partition: PartitionIdentityFile,
    certificate: PathBuf,
    port: u16,
}

impl Stranger {
    fn new(world: &World) -> Self {
        let partition = fs::read(world.identities().remove(0)).unwrap();
        let partition = PartitionIdentityFile::parse(&partition).unwrap();
        let (certificate, port) = (world.certificate(), world.daemon.port);
        Self { secret: [0x5a; 32], partition, certificate, port }
    }

    /// Has the Partition SO register it.
    fn register(world: &World, officer: &Client) -> Self {
        let stranger = Self::new(world);
        let key = *KeyPair::from_secret(&stranger.secret).public();
        let file = ClientIdentityFile { label: "python".parse().unwrap(), key };
        let path = world.root.path().join("python");
        fs::write(&path, file.to_text()).unwrap();
        let path = path.display();
        set(officer, &format!("stcconfig clientregister -label python -file {path}\n"));
        stranger
    }

    /// What came of a deed of the client's.
    fn ask(&self, deed: &str, suites: &[u8]) -> Value {
        self.ask_with(deed, suites, &[])
    }

    /// As [`Self::ask`], for a deed that needs to know more.
    fn ask_with(&self, deed: &str, suites: &[u8], more: &[(&str, Value)]) -> Value {
        let (told, errors) = self.run(deed, suites, more);
        serde_json::from_str(&told).unwrap_or_else(|_| panic!("{deed} {suites:?}: {told}{errors}"))
    }

    /// What the client wrote to its output and to its errors.
    fn run(&self, deed: &str, suites: &[u8], more: &[(&str, Value)]) -> (String, String) {
        let hex = |bytes: &[u8]| {
            bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
        };
        let mut config = json!({
            "deed": deed,
            "document": document(),
            "host": "localhost",
            "port": self.port,
            "certificate": self.certificate,
            "serial": self.partition.serial.value(),
            "partition_key": hex(&self.partition.key),
            "identity_secret": hex(&self.secret),
            "label": "python",
            "suites": suites,
        });
        for (name, value) in more {
            config[*name] = value.clone();
        }
        let mut command = Command::new(&*PYTHON);
        // The modules beside it leave nothing behind in the tree.
        command.arg("-B").arg(script("client.py"));
        finish(command, &config.to_string(), PATIENCE)
    }
}

/// A Python with the packages.
static PYTHON: LazyLock<PathBuf> = LazyLock::new(python);

fn python() -> PathBuf {
    if let Some(python) = env::var_os("LUNACM_PYTHON") {
        return python.into();
    }
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop-venv");
    let python = environment.join("bin/python");
    let mut make = Command::new("python3");
    make.args(["-m", "venv"]).arg(&environment);
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
    install.arg(script("requirements.txt"));
    let mut check = Command::new(&python);
    check.args(["-c", "import cryptography.hazmat.primitives.asymmetric.mlkem; print('there')"]);
    let mut said = String::new();
    for (command, patience) in [(make, INSTALLATION), (install, INSTALLATION)] {
        said += &finish(command, "", patience).1;
    }
    let there = finish(check, "", PATIENCE);
    assert!(
        there.0.contains("there"),
        "no Python 3 with venv, pip and cryptography 48 or newer (LUNACM_PYTHON names one): {said}{}",
        there.1
    );
    python
}

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/messages.md")
}

fn vectors(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/vectors").join(name)
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(name)
}

/// Runs a program to its end, with a time limit.
fn finish(mut command: Command, input: &str, patience: Duration) -> (String, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            return (String::new(), format!("{}: {error}", command.get_program().display()));
        }
    };
    // A program that has failed already takes no input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let id = child.id().to_string();
    let (done, ended) = mpsc::channel();
    thread::spawn(move || {
        let _ = done.send(child.wait_with_output().unwrap());
    });
    let Ok(output) = ended.recv_timeout(patience) else {
        let _ = Command::new("kill").args(["-KILL", &id]).status();
        panic!("{command:?} took longer than {patience:?}");
    };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(output.stdout), text(output.stderr))
}
