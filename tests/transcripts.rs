//! What operators see: every file below `tests/transcripts` is typed into real programs against a
//! real daemon, and has to come out as it is written. `UPDATE_TRANSCRIPTS=1` rewrites the files,
//! `TRANSCRIPT=part-of-a-name` runs some of them. `docs/architecture.md` tells how to add one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod transcript_support;
mod world;

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use transcript_support::{difference, replay};

/// Transcripts that are replayed at the same time.
const AT_ONCE: usize = 3;

#[test]
fn screens_are_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let part = env::var("TRANSCRIPT").unwrap_or_default();
    let mut cases = files(&folder);
    cases.retain(|case| case.to_string_lossy().contains(&part));
    assert!(!cases.is_empty(), "no transcript in {} has '{part}' in its name", folder.display());
    let next = AtomicUsize::new(0);
    let wrong: Vec<String> = thread::scope(|scope| {
        let work = || {
            let mut wrong = Vec::new();
            while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                wrong.extend(check(case));
            }
            wrong
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let hint = "If the new screens are right: UPDATE_TRANSCRIPTS=1 cargo test --test transcripts";
    assert!(wrong.is_empty(), "\n{}\n{hint}", wrong.join("\n"));
}

/// Replays one file; the difference if there is one and it was not taken over.
fn check(case: &Path) -> Option<String> {
    let written = fs::read_to_string(case).unwrap();
    let shown = replay(&written).unwrap_or_else(|error| panic!("{}: {error}", case.display()));
    if shown == written {
        return None;
    }
    if env::var_os("UPDATE_TRANSCRIPTS").is_some() {
        fs::write(case, shown).unwrap();
        return None;
    }
    Some(format!("{} differs:\n{}", case.display(), difference(&written, &shown)))
}

/// Every text file below this folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "txt") {
            found.push(path);
        }
    }
    found.sort();
    found
}
