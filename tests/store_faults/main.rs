//! A disk that fails: every single write of every operation in turn, by no space, an error of the
//! device, a short write, or a synchronization that fails. Whatever fails, nothing that was confirmed is
//! lost, nothing is answered as done that was not, no counter of failed logins falls, the audit
//! log is whole, and the same operation is done once the disk is well.
//!
//! `FAULTS=all` tries each way to fail at each step; without it the ways take turns.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod disk;
#[path = "../hsm_support/mod.rs"]
mod hsm_support;
mod ledger;
mod operations;
mod scene;
mod vfs;

use std::fmt::Write;

use disk::{Fault, Plan, Step};
use ledger::{Ledger, ledger};
use operations::Operation;
use scene::{Base, Scene, base, crash};

/// More steps than any operation takes.
const MOST: u32 = 2_000;

const WAYS: [(Fault, bool); 6] = [
    (Fault::Full, true),
    (Fault::Error, false),
    (Fault::Short, false),
    (Fault::Error, true),
    (Fault::Full, false),
    (Fault::Short, true),
];

/// Has every step of an operation fail, and says what does not hold afterwards.
fn try_each(base: &Base, at: usize, operation: &Operation, wrong: &mut String) -> u32 {
    let every = std::env::var("FAULTS").is_ok_and(|faults| faults == "all");
    let (before, answer, after) = well(base, operation);
    let mut tried = 0;
    for first in 1..MOST {
        let ways = if every {
            WAYS.to_vec()
        } else {
            vec![WAYS[(at + usize::try_from(first).unwrap()) % WAYS.len()]]
        };
        for (fault, lasting) in ways {
            let plan = Plan { first, lasting, fault };
            let Some((step, found)) = try_one(base, operation, plan, (&before, &answer, &after))
            else {
                return tried;
            };
            tried += 1;
            for what in found {
                writeln!(wrong, "{}: {step:?} {plan:?}: {what}", operation.name).unwrap();
            }
        }
    }
    panic!("{} has no end", operation.name)
}

/// What an operation comes to on a disk that is well.
fn well(base: &Base, operation: &Operation) -> (Ledger, String, Ledger) {
    let scene = Scene::of(base);
    (operation.before)(&scene);
    let before = ledger(&crash(scene.path()));
    let answer = format!("{:?}", (operation.act)(&scene));
    let after = ledger(&crash(scene.path()));
    let refused = ["wrong", "last"].iter().any(|word| operation.name.ends_with(word));
    assert_eq!(answer == "Ok(())", !refused, "{}: {answer}", operation.name);
    assert!(before.is_sound() && after.is_sound(), "{}: {before:#?} {after:#?}", operation.name);
    (before, answer, after)
}

/// One run on a disk that fails. The step that failed, and what does not hold; none if nothing failed
/// any more.
fn try_one(
    base: &Base,
    operation: &Operation,
    plan: Plan,
    (before, answer, after): (&Ledger, &String, &Ledger),
) -> Option<(Step, Vec<String>)> {
    let scene = Scene::of(base);
    (operation.before)(&scene);
    let (given, step) = disk::on(plan, || format!("{:?}", (operation.act)(&scene)));
    let step = step?;
    let mut wrong = Vec::new();
    let found = ledger(&crash(scene.path()));
    if !found.is_sound() {
        wrong.push(format!("{given}, and then {found:#?}"));
    }
    let (as_before, as_after) = (found.state == before.state, found.state == after.state);
    if given == *answer {
        // A refusal stands without its record: what limits guesses is the counter. What has to be
        // erased is erased without one, too.
        let unrecorded =
            answer != "Ok(())" || ["hsm zeroize", "hsm factoryReset"].contains(&operation.name);
        let recorded = found.records >= after.records || unrecorded;
        if !as_after || found.attempts != after.attempts || !recorded {
            wrong.push(format!("{given}, but {}", after.difference(&found)));
        }
    } else if !as_before && !as_after && !operation.gradual {
        wrong.push(format!("{given}, neither done nor not: {}", before.difference(&found)));
    } else if as_before && before.has_fallen(&found, after) {
        wrong.push(format!("a counter fell: {:?} {:?}", before.attempts, found.attempts));
    }
    // The disk is well again.
    let again = format!("{:?}", (operation.act)(&scene));
    let last = ledger(&crash(scene.path()));
    if !last.is_sound() {
        wrong.push(format!("{given}, again {again}, and then {last:#?}"));
    }
    if as_before && before.state != after.state && !(again == *answer && last.state == after.state)
    {
        wrong.push(format!("{given}, again {again}: {}", after.difference(&last)));
    }
    Some((step, wrong))
}

fn hold(operations: &[Operation]) {
    vfs::register();
    let base = base();
    let (mut wrong, mut tried) = (String::new(), 0);
    for (at, operation) in operations.iter().enumerate() {
        let steps = try_each(&base, at, operation, &mut wrong);
        println!("{}: {steps} steps", operation.name);
        assert!(steps > 0, "{} writes nothing", operation.name);
        tried += steps;
    }
    println!("{tried} failures");
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn the_appliance_on_a_failing_disk() {
    hold(operations::APPLIANCE);
}

#[test]
fn the_audit_log_on_a_failing_disk() {
    hold(operations::AUDIT);
}

#[test]
fn roles_on_a_failing_disk() {
    hold(operations::ROLES);
}

#[test]
fn a_partition_on_a_failing_disk() {
    hold(operations::PARTITION);
}

#[test]
fn objects_on_a_failing_disk() {
    hold(operations::OBJECTS);
}

/// What a full disk does not keep from being done and recorded.
const URGENT: [&str; 14] = [
    "hsm login",
    "hsm login, wrong",
    "hsm login, the last",
    "hsm zeroize",
    "hsm factoryReset",
    "partition delete",
    "audit clear",
    "PO login",
    "PO login, wrong",
    "CO login",
    "CO login, wrong",
    "CO login, the last",
    "CU login, wrong",
    "destroy",
];

#[test]
fn a_full_disk_has_room_for_counters_records_and_erasures() {
    vfs::register();
    let base = base();
    let all = [operations::APPLIANCE, operations::AUDIT, operations::ROLES, operations::OBJECTS];
    for name in URGENT {
        let operation = all.iter().flat_map(|all| all.iter()).find(|one| one.name == name);
        let operation = operation.unwrap();
        let (_, answer, after) = well(&base, operation);
        let scene = Scene::of(&base);
        (operation.before)(&scene);
        let given = disk::full_until_given_up(|| format!("{:?}", (operation.act)(&scene)));
        assert_eq!(given, answer, "{name}");
        let reserve = scene.path().join("reserve");
        let found = ledger(&crash(scene.path()));
        assert!(found.is_sound(), "{name}: {found:#?}");
        let same = (found.state == after.state, found.attempts == after.attempts);
        assert_eq!(same, (true, true), "{name}: {}", after.difference(&found));
        assert_eq!(found.records, after.records, "{name}");
        // There is room again.
        scene.hsm.check_addresses(true).unwrap();
        assert_eq!(reserve.metadata().unwrap().len(), 1 << 20);
    }
}

#[test]
fn an_appliance_that_cannot_be_made_is_made_later() {
    vfs::register();
    for first in 1..MOST {
        for (fault, lasting) in WAYS {
            let directory = scene::directory();
            let plan = Plan { first, lasting, fault };
            let (opened, step) = disk::on(plan, || scene::open(directory.path()).map(drop));
            let Some(step) = step else {
                assert!(first > 10, "{first}");
                return;
            };
            let crashed = crash(directory.path());
            for path in [crashed.path(), directory.path()] {
                let again = scene::open(path);
                assert!(again.is_ok(), "{step:?} {plan:?}: {opened:?}, and then {:?}", again.err());
            }
        }
    }
    panic!("no end");
}
