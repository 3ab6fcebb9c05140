//! What was erased opens no more, whatever copies an attacker has: of the database and its log as
//! they were, of the HSM's key, and with every password that was right then.

use std::{
    fs,
    path::{Path, PathBuf},
};

use lunacm::{
    hsm::{Hsm, LinkSession},
    model::{
        PolicyValue, Reply, Request, Role, Status, StorageSize,
        cryptoki::{AttributeType as A, ObjectHandle},
    },
};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::{
    hsm_support::{
        Bench, PO, add_role, another, ask, change, copy, done, initialize, label, log_in, login,
        open, password,
    },
    support::{CO, aes, application, create, data, destroy, find, labelled, partition, set, token},
};

/// What an attacker has: a copy of everything but the directory `keys`, and the sealed values in it.
struct Loot {
    directory: TempDir,
    sealed: Vec<Vec<u8>>,
    /// Which generation's keys the copy needs.
    keys: Vec<String>,
}

impl Loot {
    fn take(bench: &Bench) -> Self {
        let directory = tempfile::tempdir().unwrap();
        copy(bench.path(), directory.path());
        let connection = Connection::open(directory.path().join("appliance.db")).unwrap();
        let mut sealed = Vec::new();
        for query in [
            "SELECT sealed FROM object",
            "SELECT wrapped_key FROM role",
            "SELECT sealed FROM domain WHERE sealed IS NOT NULL",
        ] {
            let mut statement = connection.prepare(query).unwrap();
            let rows = statement.query_map([], |row| row.get(0)).unwrap();
            sealed.extend(rows.map(Result::unwrap));
        }
        assert!(!sealed.is_empty());
        drop(connection);
        let keys = names(&directory.path().join("keys"));
        fs::remove_dir_all(directory.path().join("keys")).unwrap();
        Self { directory, sealed, keys }
    }

    /// Puts the keys beside the copy that the appliance has now, under the names that the copy
    /// needs, and takes away what would tell that it is old.
    fn opened_with(&self, present: &Path) -> (TempDir, Hsm) {
        let attack = tempfile::tempdir().unwrap();
        copy(self.directory.path(), attack.path());
        let keys = attack.path().join("keys");
        copy(&present.join("keys"), &keys);
        fs::write(keys.join("confirmed"), [0; 8]).unwrap();
        for wanted in self.keys.iter().filter(|wanted| !keys.join(wanted).exists()) {
            let owner = wanted.split('.').next().unwrap();
            if let Some(other) = names(&keys).iter().find(|name| name.starts_with(owner)) {
                fs::copy(keys.join(other), keys.join(wanted)).unwrap();
            }
        }
        let hsm = open(attack.path());
        (attack, hsm)
    }

    /// How many of the sealed values any file below a directory still has.
    fn left_in(&self, directory: &Path) -> usize {
        let mut files = Vec::new();
        contents(directory, &mut files);
        let holds = |wanted: &Vec<u8>| {
            files.iter().any(|file| file.windows(wanted.len()).any(|window| window == *wanted))
        };
        self.sealed.iter().filter(|wanted| holds(wanted)).count()
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn contents(directory: &Path, files: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path: PathBuf = entry.path();
        if path.is_dir() {
            contents(&path, files);
        } else {
            files.push(fs::read(path).unwrap());
        }
    }
}

/// A partition with a private key and a public object, and what an attacker has of it.
fn robbed() -> (Bench, LinkSession, LinkSession, ObjectHandle, Loot) {
    let (bench, officer, link) = partition();
    let key = aes(&bench.hsm, &link, token().with(A::LABEL, crate::support::text("key"))).unwrap();
    create(&bench.hsm, &link, data("note").with(A::TOKEN, true)).unwrap();
    let loot = Loot::take(&bench);
    assert!(loot.left_in(bench.path()) == loot.sealed.len(), "the search finds what is there");
    (bench, officer, link, key, loot)
}

/// Whether a role's password leads to objects of this label.
fn opens(hsm: &Hsm, link: &LinkSession, (role, text): (Role, &str), name: &str) -> bool {
    let link = another(link);
    if hsm.perform(&link, login(role, text)).0 != Reply::Done {
        return false;
    }
    let link = application(hsm, &link);
    log_in(hsm, &link, role, text);
    !find(hsm, &link, labelled(name)).is_empty()
}

/// Nothing of the partition opens, for anybody, from what an attacker had and what is there now;
/// and no file has a sealed value of it any more. So it is at the moment of the answer, as after
/// SIGKILL, and after a clean end.
fn all_gone(bench: Bench, link: &LinkSession, loot: &Loot) {
    let moment = tempfile::tempdir().unwrap();
    copy(bench.path(), moment.path());
    let Bench { hsm, directory, .. } = bench;
    assert_eq!(loot.left_in(moment.path()), 0);
    for present in [moment.path(), directory.path()] {
        let (_attack, hsm) = loot.opened_with(present);
        for (role, text) in [(Role::CryptoOfficer, CO), (Role::PartitionSo, PO)] {
            let reply = hsm.perform(&another(link), login(role, text)).0;
            assert!(matches!(reply, Reply::Failed(_)), "{role}: {reply:?}");
        }
        assert!(!opens(&hsm, link, (Role::CryptoOfficer, CO), "key"));
        assert!(!opens(&hsm, link, (Role::CryptoOfficer, CO), "note"));
        assert!(hsm.identity(link.serial()).is_none(), "not even the identity");
    }
    drop(hsm);
    assert_eq!(loot.left_in(directory.path()), 0);
}

#[test]
fn the_attack_works_where_nothing_was_erased() {
    let (bench, _, link, _, loot) = robbed();
    let (_attack, hsm) = loot.opened_with(bench.path());
    assert!(opens(&hsm, &link, (Role::CryptoOfficer, CO), "key"));
}

#[test]
fn a_zeroized_hsm_leaves_nothing() {
    for factory_reset in [false, true] {
        let (bench, _, link, _, loot) = robbed();
        bench.zeroize(factory_reset);
        all_gone(bench, &link, &loot);
    }
}

#[test]
fn too_many_logins_of_the_hsm_so_leave_nothing() {
    let (bench, _, link, _, loot) = robbed();
    bench.hsm.logout(&bench.admin).unwrap();
    for _ in 0..3 {
        bench.hsm.login(&bench.admin, &password("wrong-password")).unwrap_err();
    }
    all_gone(bench, &link, &loot);
}

#[test]
fn an_initialized_hsm_leaves_nothing_of_before() {
    let (bench, _, link, _, loot) = robbed();
    bench.hsm.initialize(&bench.admin, &label("again"), None, None).unwrap();
    all_gone(bench, &link, &loot);
}

#[test]
fn a_destructive_policy_of_the_hsm_leaves_nothing() {
    let (bench, _, link, _, loot) = robbed();
    let change = [PolicyValue { number: 15, value: 1 }];
    bench.hsm.change_hsm_policies(&bench.admin, &change, true).unwrap();
    all_gone(bench, &link, &loot);
}

#[test]
fn a_deleted_partition_leaves_nothing() {
    let (bench, _, link, _, loot) = robbed();
    bench.hsm.delete_partition(&bench.admin, &label("par0")).unwrap();
    all_gone(bench, &link, &loot);
    // A partition of the same name has other keys.
    let (bench, ..) = robbed();
    bench.hsm.delete_partition(&bench.admin, &label("par0")).unwrap();
    bench.hsm.create_partition(&bench.admin, &label("par0"), StorageSize::Default).unwrap();
}

#[test]
fn a_zeroized_partition_leaves_nothing() {
    let (bench, _, link, _, loot) = robbed();
    let guess = another(&link);
    for _ in 0..10 {
        bench.hsm.perform(&guess, login(Role::PartitionSo, "wrong-password"));
    }
    let roles = ask_roles(&bench.hsm);
    assert_eq!(roles, 0, "it was zeroized");
    all_gone(bench, &link, &loot);
}

fn ask_roles(hsm: &Hsm) -> usize {
    let entries = hsm.partitions().unwrap();
    entries[0].roles.iter().filter(|role| role.initialized).count()
}

#[test]
fn a_repeated_initialization_leaves_the_officer_and_nothing_else() {
    let (bench, officer, link, _, loot) = robbed();
    initialize(&bench.hsm, &officer);
    assert_eq!(loot.left_in(bench.path()), 0);
    let (_attack, hsm) = loot.opened_with(bench.path());
    assert!(!opens(&hsm, &link, (Role::CryptoOfficer, CO), "key"));
    assert!(hsm.identity(link.serial()).is_none());
    // The officer and the identity are there, now and after a restart.
    let identity = *bench.hsm.identity(link.serial()).unwrap().public();
    let mut bench = bench;
    bench.reopen();
    assert_eq!(bench.hsm.identity(link.serial()).unwrap().public(), &identity);
    let again = another(&officer);
    log_in(&bench.hsm, &again, Role::PartitionSo, PO);
    add_role(&bench.hsm, &again, Role::CryptoOfficer, CO);
}

#[test]
fn a_cleared_partition_has_no_old_objects() {
    let (bench, _, link, _, loot) = robbed();
    assert_eq!(ask(&bench.hsm, &link, Request::Clear), Reply::Left(0));
    for reopened in [false, true] {
        let (_attack, hsm) = loot.opened_with(bench.path());
        for name in ["key", "note"] {
            assert!(!opens(&hsm, &link, (Role::CryptoOfficer, CO), name), "{name} {reopened}");
        }
    }
}

#[test]
fn a_destroyed_object_is_gone_and_the_others_are_not() {
    let (bench, _, link, key, _) = robbed();
    let other = token().with(A::LABEL, crate::support::text("other"));
    let other = aes(&bench.hsm, &link, other).unwrap();
    let loot = Loot::take(&bench);
    destroy(&bench.hsm, &link, key).unwrap();
    let (_attack, hsm) = loot.opened_with(bench.path());
    assert!(!opens(&hsm, &link, (Role::CryptoOfficer, CO), "key"));
    assert!(opens(&hsm, &link, (Role::CryptoOfficer, CO), "other"));
    // An older version of an object that was changed does not come back either.
    set(&bench.hsm, &link, other, labelled("renamed")).unwrap();
    let (_attack, hsm) = loot.opened_with(bench.path());
    assert!(!opens(&hsm, &link, (Role::CryptoOfficer, CO), "other"));
    bench.hsm.finish_erasures().unwrap();
    assert!(opens(&bench.hsm, &link, (Role::CryptoOfficer, CO), "renamed"));
}

#[test]
fn a_destructive_policy_of_the_partition_leaves_no_object() {
    let (bench, officer, link, _, loot) = robbed();
    let changes = vec![PolicyValue { number: 0, value: 0 }];
    let request = Request::ChangePolicies { changes: changes.clone(), erase: false };
    let erases = ask(&bench.hsm, &officer, request) == Reply::Failed(Status::ConfigChangeIllegal);
    let changes = if erases { changes } else { vec![PolicyValue { number: 28, value: 0 }] };
    let request = Request::ChangePolicies { changes, erase: true };
    let (reply, _) = bench.hsm.perform(&officer, request);
    if reply == Reply::Done
        && find(&bench.hsm, &application(&bench.hsm, &link), labelled("note")).is_empty()
    {
        let (_attack, hsm) = loot.opened_with(bench.path());
        assert!(!opens(&hsm, &link, (Role::CryptoOfficer, CO), "note"));
    }
}

#[test]
fn an_old_password_opens_nothing_of_before() {
    let (bench, officer, link, _, loot) = robbed();
    let hsm = &bench.hsm;
    done(hsm, &link, change(Role::CryptoOfficer, CO, "another-password"));
    done(hsm, &officer, change(Role::PartitionSo, PO, "another-po-password"));
    let (_attack, old) = loot.opened_with(bench.path());
    for (role, text) in [(Role::CryptoOfficer, CO), (Role::PartitionSo, PO)] {
        let reply = old.perform(&another(&link), login(role, text)).0;
        assert!(matches!(reply, Reply::Failed(_)), "{role}: {reply:?}");
    }
    assert_eq!(role_values(&loot, bench.path()), 0);
    assert!(opens(hsm, &link, (Role::CryptoOfficer, "another-password"), "key"));
}

/// How many wrapped keys of the copy any file still has.
fn role_values(loot: &Loot, directory: &Path) -> usize {
    let connection = Connection::open(loot.directory.path().join("appliance.db")).unwrap();
    let mut statement = connection.prepare("SELECT wrapped_key FROM role").unwrap();
    let sealed = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let directory_of = tempfile::tempdir().unwrap();
    Loot { directory: directory_of, sealed, keys: Vec::new() }.left_in(directory)
}

#[test]
fn a_copy_of_the_whole_directory_works() {
    let (bench, _, link, _, _) = robbed();
    let Bench { hsm, directory, .. } = bench;
    drop(hsm);
    let backup = tempfile::tempdir().unwrap();
    copy(directory.path(), backup.path());
    let hsm = open(backup.path());
    assert!(opens(&hsm, &link, (Role::CryptoOfficer, CO), "key"));
    assert_eq!(hsm.check_rows().unwrap(), [""; 0]);
}
