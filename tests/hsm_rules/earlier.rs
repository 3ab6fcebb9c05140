//! A data directory of an earlier version: with one key for everything of a partition.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use lunacm::{
    hsm::LinkSession,
    model::{Imported, Reply, Role, SerialNumber, cryptoki::AttributeType as A},
};
use rusqlite::Connection;

use crate::{
    hsm_support::{
        Bench, DOMAIN, PO, another, ask, change, client_key, done, log_in, open, password,
    },
    moving::{HISTORY, crypto_officer, hsm, import, truths},
    role_keys::opens,
    transfer::contents,
};

const CO: &str = "co-password";
const LCO: &str = "lco-password";
const CU: &str = "cu-password";

/// The database as SQL, its key in the second line.
const VERSION_8: &str = include_str!("data/version-8.sql");

/// A generic secret that was generated nowhere, sealed for a backup by that version.
const SEALED: &str = include_str!("data/version-8.sealed");

fn bytes(digits: &str) -> Vec<u8> {
    let digits = digits.trim();
    (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

/// Puts the directory where an HSM looks for it.
fn put_back(directory: &Path) {
    let key = VERSION_8.lines().nth(1).unwrap().trim_start_matches("-- ");
    fs::write(directory.join("appliance.key"), bytes(key)).unwrap();
    let owner = fs::Permissions::from_mode(0o600);
    fs::set_permissions(directory.join("appliance.key"), owner).unwrap();
    let database = Connection::open(directory.join("appliance.db")).unwrap();
    database.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    database.execute_batch(VERSION_8).unwrap();
}

/// The HSM of that directory, and a link of its partition's client.
fn earlier() -> (Bench, LinkSession) {
    let directory = tempfile::tempdir().unwrap();
    put_back(directory.path());
    let bench = Bench::of(open(directory.path()), directory);
    let serial: SerialNumber = bench.hsm.partitions().unwrap()[0].serial;
    (bench, LinkSession::new(serial, client_key(1)))
}

#[test]
fn an_earlier_directory_opens_and_its_keys_are_parted() {
    let (mut bench, client) = earlier();
    let roles = [
        (Role::CryptoUser, CU, 2, (true, false)),
        (Role::PartitionSo, PO, 1, (false, true)),
        (Role::LimitedCryptoOfficer, LCO, 2, (true, false)),
        (Role::CryptoOfficer, CO, 2, (true, true)),
    ];
    for (role, text, _, _) in roles {
        assert_eq!(opens(bench.path(), role, text), (true, true), "{role}");
    }
    for (role, text, seen, _) in roles {
        let link = another(&client);
        log_in(&bench.hsm, &link, role, text);
        assert_eq!(contents(&bench.hsm, &link).len(), seen, "{role}");
    }
    for (role, text, _, opened) in roles {
        assert_eq!(opens(bench.path(), role, text), opened, "{role}");
    }
    bench.reopen();
    for (role, text, seen, _) in roles {
        let link = another(&client);
        log_in(&bench.hsm, &link, role, text);
        assert_eq!(contents(&bench.hsm, &link).len(), seen, "{role}");
        done(&bench.hsm, &link, change(role, text, "another-password"));
        assert_eq!(contents(&bench.hsm, &link).len(), seen, "{role}");
    }
    assert_eq!(bench.hsm.check_audit().unwrap().broken, None);
    // The HSM keeps its SO and its domain.
    bench.hsm.login(&bench.admin, &password(crate::hsm_support::SO)).unwrap();
}

#[test]
fn an_earlier_backup_comes_in_and_is_not_believed() {
    let bench = hsm(Some("domain-of-hsm"));
    let link = crypto_officer(&bench, "one", Some(DOMAIN));
    let reply = ask(&bench.hsm, &link, import(bytes(SEALED), false));
    let Reply::Imported(Imported::Added(handle)) = reply else { panic!("{reply:?}") };
    let handle = lunacm::model::cryptoki::ObjectHandle(handle);
    assert_eq!(truths(&bench, &link, handle, &HISTORY), [false; 4]);
    assert_eq!(truths(&bench, &link, handle, &[A::PRIVATE, A::TOKEN]), [true, true]);
    assert_eq!(contents(&bench.hsm, &link)[0].label, "a key");
}
