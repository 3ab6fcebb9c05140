//! The fields of reports for scripts, as `docs/commands.md` lists them: every transcript is run
//! again with `--json`, and what comes out has to be what is declared, neither more nor less.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod transcript_support;
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use lunacm::command::report_fields::{self, Field};
use serde_json::Value;
use transcript_support::records;

/// Transcripts that are run at the same time.
const AT_ONCE: usize = 3;

/// The types that were seen, by path in the report.
type Seen = BTreeMap<String, BTreeSet<&'static str>>;

#[test]
fn reports_have_the_fields_that_are_declared() {
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    for (program, record) in all_records() {
        let command = record["command"].as_str().unwrap_or_default();
        if record["success"] == true && command != "help" {
            let fields = seen.entry(format!("{program} {command}")).or_default();
            gather(&record["report"], "", fields);
        }
    }
    let mut wrong = Vec::new();
    for (command, fields) in &seen {
        let declared = report_fields::of(command);
        for (path, types) in fields.iter().filter(|(path, types)| !is_known(&declared, path, types))
        {
            let types: Vec<_> = types.iter().copied().collect();
            wrong.push(format!("{command}\n    {path} | {} | ?", types.join(" or ")));
        }
        let gone =
            declared.iter().filter(|field| !fields.keys().any(|path| names(field.path, path)));
        wrong.extend(gone.map(|field| format!("{command}\n    {} is in no record", field.path)));
    }
    let unheard = report_fields::commands().filter(|command| !seen.contains_key(*command));
    wrong.extend(unheard.map(|command| format!("{command}\n    was not run")));
    assert!(wrong.is_empty(), "src/command/report_fields.txt is not right:\n{}", wrong.join("\n"));
}

/// Whether a field is declared with these types. An object that is missing is `null` as a whole.
fn is_known(declared: &[Field], path: &str, types: &BTreeSet<&str>) -> bool {
    let field = declared.iter().find(|field| names(field.path, path));
    let fits = |kind: &Field, seen: &&str| kind.kind.split(" or ").any(|one| one == *seen);
    let inside = |field: &Field| {
        [".", "["].iter().any(|sign| field.path.starts_with(&format!("{path}{sign}")))
    };
    let missing = types.iter().all(|kind| *kind == "null") && declared.iter().any(inside);
    missing || field.is_some_and(|field| types.iter().all(|seen| fits(field, seen)))
}

/// Whether a declared path is this one; `*` at its end stands for every name there.
fn names(declared: &str, path: &str) -> bool {
    match declared.strip_suffix('*') {
        Some(start) => path.strip_prefix(start).is_some_and(|name| !name.contains(['.', '['])),
        None => declared == path,
    }
}

/// Every leaf of a report with its type. What a command has nothing to tell of has none.
fn gather(value: &Value, path: &str, fields: &mut Seen) {
    let mut leaf = |kind| {
        let path = if path.is_empty() { "report" } else { path };
        fields.entry(path.to_owned()).or_default().insert(kind);
    };
    match value {
        Value::Null if path.is_empty() => {}
        Value::Null => leaf("null"),
        Value::Bool(_) => leaf("boolean"),
        Value::Number(_) => leaf("number"),
        Value::String(_) => leaf("string"),
        Value::Array(all) => all.iter().for_each(|one| gather(one, &format!("{path}[]"), fields)),
        Value::Object(all) => {
            let dot = if path.is_empty() { "" } else { "." };
            all.iter().for_each(|(name, one)| gather(one, &format!("{path}{dot}{name}"), fields));
        }
    }
}

fn all_records() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let cases = files(&folder);
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let work = || {
            let mut found = Vec::new();
            while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                let text = fs::read_to_string(case).unwrap();
                found.extend(records(&text).unwrap());
            }
            found
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

/// Every text file below this folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|ending| ending == "txt"))
        .collect()
}
