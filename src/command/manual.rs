//! The manuals of all programs.

use std::{fmt::Write, fs, io, path::Path};

use clap::ValueEnum;
use clap_complete::Shell;

use super::{
    cmu, configurator, lunacm, lunahsmd, lunash, multitoken,
    report_fields::{self, Field},
    vtl,
};
use crate::{
    shell::{Failure, Manual},
    store::replace_file,
};

/// What the exit statuses of all programs mean.
pub const EXIT_STATUSES: [(u8, &str); 6] = [
    (0, "Every command succeeded, or a terminal session ended"),
    (Failure::FAILED, "A command could not do its work; in a batch, the first that failed tells"),
    (Failure::MISUSED, "There is no such command, or its options or the program's are wrong"),
    (Failure::UNANSWERED, "A confirmation or a question was not answered as needed"),
    (
        Failure::UNUSABLE,
        "The program could not begin: its home, its configuration, the appliance or the input \
         cannot be used",
    ),
    (Failure::INTERRUPTED, "Ctrl-C ended a command, and the batch with it"),
];

/// What can be made from the declarations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Manual pages of all programs
    Man,
    /// Completions of all programs for bash, zsh and fish
    Completions,
    /// The reference of all commands, `commands.md`
    Commands,
}

/// Writes manuals into a directory, which is made if it is missing; the files by name.
///
/// # Errors
/// The directory or a file cannot be written.
pub fn generate(kind: Kind, directory: &Path) -> io::Result<Vec<String>> {
    fs::create_dir_all(directory)?;
    let files = files(kind);
    for (name, bytes) in &files {
        replace_file(&directory.join(name), bytes, 0o644)?;
    }
    Ok(files.into_iter().map(|(name, _)| name).collect())
}

fn files(kind: Kind) -> Vec<(String, Vec<u8>)> {
    let programs = programs();
    match kind {
        Kind::Commands => vec![("commands.md".to_owned(), reference().into_bytes())],
        Kind::Man => programs
            .iter()
            .map(|program| (format!("{}.1", program.name()), program.page(&EXIT_STATUSES)))
            .collect(),
        Kind::Completions => programs
            .iter()
            .flat_map(|program| {
                [Shell::Bash, Shell::Zsh, Shell::Fish].map(|shell| program.completion(shell))
            })
            .collect(),
    }
}

/// Every program.
pub fn programs() -> Vec<Manual> {
    vec![
        lunacm::manual(),
        vtl::manual(),
        configurator::manual(),
        cmu::manual(),
        multitoken::manual(),
        lunash::manual(),
        lunahsmd::manual(),
    ]
}

/// The reference of all commands, in Markdown.
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    for (status, meaning) in EXIT_STATUSES {
        let _ = writeln!(text, "| {status} | {meaning} |");
    }
    text.push_str(JSON);
    for program in programs() {
        text.push('\n');
        let fields = |command: &str| {
            let fields = report_fields::of(&format!("{} {command}", program.name()));
            let row = |field: &Field| [field.path, field.kind, field.meaning].map(str::to_owned);
            fields.iter().map(row).collect()
        };
        text.push_str(&program.markdown(&fields));
    }
    text
}

const HEAD: &str = "\
# Commands

Made from the declarations by `lunacm --generate commands docs`; `tests/manual.rs` holds it current.

Words and option names are taken in any case, options with one hyphen or two, or none where no value
could be meant, as `-option value` or `-option=value`. A value with spaces goes into double quotes.
`help`, `?` or `-help` anywhere on a line explains the command.

## Exit status

| status | meaning |
|---|---|
";

const JSON: &str = "
A batch goes on after a failure, as LunaCM does with commands on its standard input, and its exit
status is that of the first failure; `--stop-at-failure` ends it there.

## Passwords

A password or a domain is asked for where it is not given, or comes by one of three options: behind
`-password` itself, by `-passwordfile` from a file (`-` is standard input), or by `-passwordfd` from
a descriptor that the program was started with. Every option that holds a secret has such two
beside it: `-oldpwfile`, `-domainfd` and so on. Only one of the three is taken.

Prefer the file or the descriptor where a program gets its command as arguments (`lunacm -c`,
`lunash -c`, `cmu`, `multitoken`): everybody on the machine sees the arguments of a process
(`/proc/PID/cmdline`, `ps`), and shells keep them in their histories.

    lunash --data hsm -c hsm login -passwordfile /run/secrets/hsm-so
    printf '%s\\n' \"$PIN\" | cmu list -passwordfile -
    multitoken ecdsasign -passwordfd 3 3< <(pass show token)

The secret is one line of UTF-8 text of at most 4096 bytes; the line end is left off. A file belongs
to the user or to root, and nobody else may read or write it (`chmod 600`). From standard input and
from a descriptor one line is read, so that a second secret may stand on the next; in a batch on
standard input it is the line behind the command.

## What is shown of others' texts

Labels, names in certificates, files' names and whatever else somebody else has chosen are shown
with control characters, line ends, bidirectional controls and characters without width as
`\\u{1b}`, on screens, in pipes and in records.

## `--json`

One JSON object on one line for each command. The fields stay; more may come.

| field | type | meaning |
|---|---|---|
| `command` | string | the command's words without options; empty if there is no such command |
| `success` | boolean | whether it did its work |
| `status` | number or null | the number in the result line, 0 for success |
| `symbol` | string or null | its name, as `CKR_PIN_INCORRECT`; `CKR_OK` for success |
| `result` | string or null | the result line without `Command Result :` |
| `exit` | number | the exit status that this outcome gives a batch |
| `report` | any | the command's report, whose fields are listed with the command; null if it has nothing to tell |
| `messages` | array of strings | what it told before it was done |
| `error` | object or null | `cause`, and `remedy` or null |

A program that cannot begin writes such an object too, with `--json` among its arguments; `command`
is empty then.
Secrets that are asked for are read from the terminal, or from the next lines of a batch, as without
`--json`. A field `a[].b` stands in each object of the array `a`. Serial numbers are strings of
decimal digits, keys and hashes strings of hexadecimal digits.
";
