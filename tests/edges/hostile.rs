//! Texts that would take a terminal over, through every field that somebody else can fill.

use std::{fs, process::Command};

use lunacm::shell::is_obeyed;
use rcgen::{CertificateParams, DnType, KeyPair};

use crate::world::{CO, Client, SO, Shown, World, run};

/// ESC, CSI, BEL, CR, backspace, DEL, C1, bidirectional controls, separators, a joiner, and a line
/// that says what no command said.
const HOSTILE: &str = "x\x1b]0;title\x07\x1b[2J\r\x08\x7f\u{9b}31m\u{202e}\u{2066}\u{2028}\u{2029}\
                       \u{200f}\u{61c}\u{200b}\u{feff}\t\nCommand Result : 0 (FORGED)\ny";

/// What stands for it.
const VISIBLE: &str = "\\u{1b}]0;title\\u{7}\\u{1b}[2J\\u{d}\\u{8}\\u{7f}\\u{9b}31m\\u{202e}\\u{2066}\
                       \\u{2028}\\u{2029}\\u{200f}\\u{61c}\\u{200b}\\u{feff}\\u{9}\\u{a}Command";

/// Holds that nothing in a text acts on a screen, and that no line was forged.
#[track_caller]
fn clean(shown: &Shown) -> &Shown {
    let left = shown.text.chars().find(|c| is_obeyed(*c) && !['\n', '\t'].contains(c));
    assert_eq!(left, None, "{:?}", shown.text);
    let forged = shown.text.lines().find(|line| line.trim().starts_with("Command Result : 0 (F"));
    assert_eq!(forged, None, "{:?}", shown.text);
    shown
}

/// As [`clean`], with the hostile text in its visible form; in records `\` is doubled.
#[track_caller]
fn shows(shown: &Shown) {
    let visible = clean(shown).text.replace("\\\\u", "\\u");
    assert!(visible.contains(VISIBLE), "{visible}");
}

#[test]
fn labels_of_objects() {
    let world = World::with_partitions(&["par1"]);
    let client = world.officer("client1");
    let pin = &format!("-password={CO}");
    let cmu = |words: &[&str]| run(client.command(env!("CARGO_BIN_EXE_cmu"), words), "");
    let pair = ["generatekeypair", "-keytype=ecdsa", "-curve=prime256v1", "-label", HOSTILE, pin];
    let made = cmu(&pair);
    let handle = format!("-handle={}", clean(made.ok()).value("privateHandle="));
    let login = format!("role login -name co -password {CO}\n");
    for json in [&[][..], &["--json"]] {
        shows(cmu(&[json, &["list", pin]].concat()).ok());
        shows(cmu(&[json, &["getattribute", &handle, pin]].concat()).ok());
        let lunacm = |script: &str| client.lunacm_with(json, &format!("{login}{script}"));
        shows(lunacm("partition contents\n").ok());
        let kept = format!("backup{}", json.len());
        clean(lunacm(&format!("partition archive backup -partition {kept}\n")).ok());
        // A backup shows the beginning of a label.
        let contents = lunacm(&format!("partition archive contents -partition {kept}\n"));
        let visible = clean(contents.ok()).text.replace("\\\\u", "\\u");
        assert!(visible.contains("\\u{1b}]0;title\\u{7}"), "{visible}");
        clean(&lunacm(&format!("partition archive restore -partition {kept} -replace -force\n")));
        clean(&lunacm("partition archive list\n"));
        clean(&world.lunash(&format!("hsm login -password {SO}\naudit show\n")));
    }
}

#[test]
fn words_of_the_command() {
    let root = tempfile::tempdir().unwrap();
    let client = Client { home: root.path().join("home"), port: 0 };
    let world = World::new();
    for json in [&[][..], &["--json"]] {
        let lunacm = |words: &[&str]| client.lunacm_with(&[json, &["-c"], words].concat(), "");
        for words in [
            &[HOSTILE, "list"][..],
            &["slot", HOSTILE],
            &["slot", "list", HOSTILE],
            &["slot", "set", "-slot", HOSTILE],
            &["role", "login", "-name", HOSTILE],
            &["stc", "partitionregister", "-file", HOSTILE],
            &["stc", "tokeninit", "-label", HOSTILE],
            &["file", "display", "-filename", HOSTILE],
            &["partition", "archive", "contents", "-partition", HOSTILE],
            &["hagroup", "listgroups", "-group", HOSTILE],
            &["role", "login", "-name", "co", "-passwordfile", HOSTILE],
        ] {
            clean(lunacm(words).failed());
        }
        for words in [
            &["addServer", "-n", HOSTILE, "-c", HOSTILE][..],
            &["addServer", "-n", "hsm1", "-c", HOSTILE],
            &[HOSTILE],
            &["deleteServer", "-n", HOSTILE],
            &["fingerprint", "-f", HOSTILE],
        ] {
            clean(client.vtl(&[json, words].concat()).failed());
        }
        let other = |program: &str, words: &[&str]| {
            run(client.command(program, &[json, words].concat()), "")
        };
        clean(other(env!("CARGO_BIN_EXE_cmu"), &["list", HOSTILE]).failed());
        clean(other(env!("CARGO_BIN_EXE_multitoken"), &[HOSTILE]).failed());
        let words = ["getValue", "-s", HOSTILE, "-e", HOSTILE];
        clean(other(env!("CARGO_BIN_EXE_configurator"), &words).failed());
        let mut lunash = Command::new(env!("CARGO_BIN_EXE_lunash"));
        lunash.arg("--data").arg(&world.daemon.data).args(json);
        lunash.args(["-c", "my", "file", "delete", HOSTILE, "-force"]);
        clean(run(lunash, "").failed());
    }
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_lunahsmd"));
    daemon.arg(HOSTILE);
    clean(run(daemon, "").failed());
    // A batch is echoed.
    let line = HOSTILE.replace('\n', " ");
    clean(client.lunacm(&format!("slot list {line}\n")).failed());
}

#[test]
fn names_of_files_and_certificates() {
    let world = World::with_partitions(&["par1"]);
    let area = world.daemon.data.join("files");
    let name = HOSTILE.replace('/', "");
    fs::write(area.join(&name), "").unwrap();
    for json in [&[][..], &["--json"]] {
        let mut lunash = Command::new(env!("CARGO_BIN_EXE_lunash"));
        lunash.arg("--data").arg(&world.daemon.data).args(json);
        shows(run(lunash, "my file list\n").ok());
    }
    world.lunash("my file delete nothing -force\n").failed();

    // Control characters are ASCII, which is all that a DNS name is asked to be.
    let ascii: String = HOSTILE.chars().filter(char::is_ascii).collect();
    let mut parameters = CertificateParams::new(vec![ascii]).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, HOSTILE);
    let certificate = parameters.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
    let file = world.root.path().join("hostile.pem");
    fs::write(&file, certificate).unwrap();
    let file = file.to_str().unwrap();
    let client = world.client("client1");
    for json in [&[][..], &["--json"]] {
        let vtl = |words: &[&str]| client.vtl(&[json, words].concat());
        let shown = vtl(&["addServer", "-n", "hsm1", "-c", file]);
        assert!(clean(shown.failed()).text.replace("\\\\u", "\\u").contains("\\u{1b}]0;title"));
        clean(&vtl(&["fingerprint", "-f", file]));
    }
    fs::copy(file, area.join("evil.pem")).unwrap();
    let register = format!(
        "hsm login -password {SO}\nclient register -client evil -hostname evil\n\
         client show -client evil\nclient fingerprint -client evil\n"
    );
    clean(&world.lunash(&register));
}
