//! Secrets that stand elsewhere than in the command: in a file, on standard input, behind a
//! descriptor.
//!
//! Every option that is declared as a [`super::Secret`] gets two more beside it: `-password` has
//! `-passwordfile` and `-passwordfd`. A command's words are seen by everybody on the machine
//! (`/proc/PID/cmdline`, `ps`), and stay in the histories of shells; a file and a pipe are not.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::Path,
};

use clap::{Arg, Command, ValueHint};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, geteuid, getpid, pidfd_getfd, pidfd_open};
use zeroize::Zeroizing;

use super::{
    foreign::shown,
    input::{Answer, Input},
    output::Output,
    reading::{Complaint, Given, Reading},
    tree::{is_secret, spelled},
};

/// The greatest length of a secret in bytes, with its line end.
const MAXIMUM_BYTES: usize = 4096;

/// The file that is standard input, and its descriptor.
const STANDARD_INPUT: (&str, &str) = ("-", "0");

/// What stands between the name of an option and the kind of source in the ID of a source.
const MARK: char = '@';

/// The kinds of source: the ending of the option's name.
const FILE: &str = "file";
const DESCRIPTOR: &str = "fd";

/// The tree of commands in which every secret has its sources.
pub fn with_sources(command: Command) -> Command {
    let secrets = command.get_arguments().filter(|arg| is_secret(arg));
    let sources: Vec<Arg> = secrets.flat_map(sources).collect();
    command.args(sources).mut_subcommands(with_sources)
}

/// Whether an argument says where a secret stands.
pub fn is_source(arg: &Arg) -> bool {
    arg.get_id().as_str().contains(MARK)
}

fn sources(secret: &Arg) -> Vec<Arg> {
    let Some(name) = secret.get_long() else { return Vec::new() };
    let source = |kind: &str| {
        Arg::new(format!("{}{MARK}{kind}", secret.get_id()))
            .long(format!("{name}{kind}"))
            .hide(secret.is_hide_set())
    };
    let file = source(FILE)
        .value_name("file")
        .value_hint(ValueHint::FilePath)
        .help(format!("Reads -{name} from a file that only its owner reads; - is standard input"));
    let descriptor = source(DESCRIPTOR)
        .value_name("number")
        .help(format!("Reads -{name} from a line behind a descriptor that is open"));
    vec![file, descriptor]
}

/// Puts the secrets that a line names into the place of their sources.
///
/// # Errors
/// One is given twice, or cannot be read.
pub fn fetch(
    reading: &mut Reading<'_>,
    input: &mut dyn Input,
    output: &mut Output,
) -> Result<(), Complaint> {
    for at in 0..reading.given.len() {
        let Some(given) = reading.given.get(at).filter(|given| is_source(given.arg)) else {
            continue;
        };
        let Some((id, kind)) = given.arg.get_id().as_str().split_once(MARK) else { continue };
        let secret = reading.node.get_arguments().find(|arg| arg.get_id() == id);
        let Some(secret) = secret else { continue };
        exclude(reading, id)?;
        let name = given.value.as_ref().map_or("", |name| name.as_str());
        let read = match kind {
            FILE if name != STANDARD_INPUT.0 => from_file(Path::new(name)),
            DESCRIPTOR if name != STANDARD_INPUT.1 => from_descriptor(name),
            _ => from_input(&spelled(secret), input, output),
        };
        let value = read.map_err(|cause| Complaint {
            cause: format!("{}: {cause}", spelled(given.arg)),
            remedy: Some("A secret is one line, in a file or pipe of your own.".to_owned()),
            no_command: false,
        })?;
        let words = given.words.clone();
        if let Some(place) = reading.given.get_mut(at) {
            *place = Given { arg: secret, value: Some(value), words };
        }
    }
    Ok(())
}

/// Refuses a secret that is given in two ways.
fn exclude(reading: &Reading<'_>, id: &str) -> Result<(), Complaint> {
    let is_same = |given: &&Given<'_>| {
        let own = given.arg.get_id().as_str();
        own == id || own.split_once(MARK).is_some_and(|(secret, _)| secret == id)
    };
    let mut names = reading.given.iter().filter(is_same).map(|given| spelled(given.arg));
    let cause = match (names.next(), names.next()) {
        (Some(one), Some(other)) if one == other => format!("{one} is given more than once"),
        (Some(one), Some(other)) => format!("{one} and {other} exclude each other"),
        _ => return Ok(()),
    };
    Err(Complaint { cause, remedy: None, no_command: false })
}

fn from_input(
    option: &str,
    input: &mut dyn Input,
    output: &mut Output,
) -> Result<Zeroizing<String>, String> {
    match input.sourced(&format!("{option}: "), output) {
        Answer::Given(secret) => checked(secret.expose()),
        Answer::Left => Err("the question was left".to_owned()),
        Answer::Missing => Err("standard input has ended".to_owned()),
    }
}

fn from_file(path: &Path) -> Result<Zeroizing<String>, String> {
    let name = path.to_string_lossy();
    let name = shown(&name);
    let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
    let facts = file.metadata().map_err(|error| format!("{name}: {error}"))?;
    let kind = facts.file_type();
    if kind.is_dir() {
        return Err(format!("{name} is a directory"));
    }
    // What a device shows is no matter of its permissions.
    if kind.is_file() && ![0, geteuid().as_raw()].contains(&facts.uid()) {
        return Err(format!("{name} belongs to another user (number {})", facts.uid()));
    }
    if kind.is_file() && facts.mode() & 0o066 != 0 {
        let mode = facts.mode() & 0o777;
        return Err(format!(
            "others may read or change {name} (mode {mode:03o}): chmod 600 takes that away"
        ));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAXIMUM_BYTES + 1));
    let limit = u64::try_from(MAXIMUM_BYTES).unwrap_or(u64::MAX);
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| format!("{name}: {error}"))?;
    secret_of(&bytes).map_err(|cause| format!("{name} {cause}"))
}

fn from_descriptor(number: &str) -> Result<Zeroizing<String>, String> {
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let parsed: i32 = number
        .parse()
        .ok()
        .filter(|_| digits)
        .ok_or_else(|| format!("'{}' is no number of a descriptor", shown(number)))?;
    if !is_inherited(parsed) {
        return Err(format!("descriptor {parsed} is not open"));
    }
    let mut file = opened(parsed).map_err(|error| format!("descriptor {parsed}: {error}"))?;
    let mut line = Zeroizing::new(Vec::with_capacity(MAXIMUM_BYTES + 1));
    let mut byte = [0];
    // Byte by byte: the next secret may stand on the next line.
    while line.len() <= MAXIMUM_BYTES && line.last() != Some(&b'\n') {
        match file.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => line.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(format!("descriptor {parsed}: {error}")),
        }
    }
    secret_of(&line).map_err(|cause| format!("descriptor {parsed} {cause}"))
}

/// Whether the process was started with this descriptor: those that it opens itself do not
/// survive a start. Where a process that hides its memory may not look at itself, every descriptor
/// that is open counts.
fn is_inherited(number: i32) -> bool {
    let facts = match fs::read_to_string(format!("/proc/self/fdinfo/{number}")) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return true,
        facts => facts.unwrap_or_default(),
    };
    let flags = facts.lines().find_map(|line| line.strip_prefix("flags:"));
    flags
        .and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok())
        .is_some_and(|flags| flags & CLOSE_ON_EXEC == 0)
}

/// `O_CLOEXEC`, as the kernel shows it.
const CLOSE_ON_EXEC: u32 = 0o2_000_000;

/// The same open file under a descriptor of our own.
fn opened(number: i32) -> io::Result<File> {
    let own = pidfd_open(getpid(), PidfdFlags::empty())
        .and_then(|process| pidfd_getfd(process, number, PidfdGetfdFlags::empty()));
    match own {
        Ok(descriptor) => Ok(File::from(descriptor)),
        // Where that is not permitted, as in some containers.
        Err(_) => File::open(format!("/proc/self/fd/{number}")),
    }
}

/// The one line that these bytes are.
fn secret_of(bytes: &[u8]) -> Result<Zeroizing<String>, &'static str> {
    if bytes.len() > MAXIMUM_BYTES {
        return Err("holds more than 4096 bytes, which no secret has");
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "does not hold UTF-8 text")?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text {
        "" => Err("holds no secret"),
        text if text.contains('\n') => Err("holds more than one line"),
        text => Ok(Zeroizing::new(text.to_owned())),
    }
}

fn checked(text: &str) -> Result<Zeroizing<String>, String> {
    secret_of(text.as_bytes()).map_err(|cause| format!("standard input {cause}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_one_line() {
        for (bytes, secret) in [
            ("pass", "pass"),
            ("pass\n", "pass"),
            ("pass\r\n", "pass"),
            (" p a \n", " p a "),
            ("\"q\"", "\"q\""),
        ] {
            assert_eq!(secret_of(bytes.as_bytes()).unwrap().as_str(), secret);
        }
        for bytes in ["", "\n", "\r\n", "one\ntwo", "one\n\n"] {
            assert!(secret_of(bytes.as_bytes()).is_err(), "{bytes:?}");
        }
        assert!(secret_of(&[0xff]).is_err());
        assert!(secret_of(&vec![b'a'; MAXIMUM_BYTES]).is_ok());
        assert!(secret_of(&vec![b'a'; MAXIMUM_BYTES + 1]).is_err());
    }

    #[test]
    fn a_file_of_others_or_for_others_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("password");
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        fs::write(&path, "secret\n").unwrap();
        for good in [0o600, 0o400, 0o700] {
            mode(good);
            assert_eq!(from_file(&path).unwrap().as_str(), "secret", "{good:o}");
        }
        for bad in [0o640, 0o604, 0o620, 0o602, 0o644] {
            mode(bad);
            let cause = from_file(&path).unwrap_err();
            assert!(cause.contains("chmod 600") && !cause.contains("secret\n"), "{cause}");
        }
        mode(0o600);
        if std::os::unix::fs::chown(&path, Some(12_345), None).is_ok() {
            assert!(from_file(&path).unwrap_err().contains("number 12345"));
        }
        assert!(from_file(root.path()).unwrap_err().contains("is a directory"));
        assert!(from_file(&root.path().join("none")).unwrap_err().contains("No such file"));
    }

    #[test]
    fn a_descriptor_has_to_be_inherited() {
        for number in ["999", "-1", "x", "", "3 ", "99999999999999999999"] {
            assert!(from_descriptor(number).is_err(), "{number:?}");
        }
        let own = File::open("/dev/null").unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&own);
        let cause = from_descriptor(&number.to_string()).unwrap_err();
        assert_eq!(cause, format!("descriptor {number} is not open"), "the program's own is not");
    }
}
