//! A data directory that an earlier version wrote.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use lunacm::{
    crypto::SystemRandom,
    hsm::{AdminSession, LinkSession},
    model::Role,
    store::SqliteAppliance,
};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::{
    hsm_support::{Bench, PO, client_key, copy, log_in, open},
    support::{CO, application, destroy, find, labelled},
};

/// Written by schema version 8, before keys could be destroyed.
const DUMP: &str = include_str!("version_8.sql");

fn earlier() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let key = DUMP.lines().find_map(|line| line.strip_prefix("-- ").filter(|hex| hex.len() == 64));
    let key: Vec<u8> = key
        .unwrap()
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let path = directory.path().join("appliance.key");
    fs::write(&path, key).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let connection = Connection::open(directory.path().join("appliance.db")).unwrap();
    connection.execute_batch(DUMP).unwrap();
    directory
}

fn sealed(directory: &Path) -> Vec<Vec<u8>> {
    let connection = Connection::open(directory.join("appliance.db")).unwrap();
    let query = "SELECT sealed FROM object UNION ALL SELECT wrapped_key FROM role \
                 UNION ALL SELECT sealed_identity FROM partition UNION ALL SELECT sealed FROM domain";
    let mut statement = connection.prepare(query).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

fn works(bench: &Bench) -> LinkSession {
    let serial = bench.hsm.partitions().unwrap()[0].serial;
    let link = LinkSession::new(serial, client_key(1));
    let officer = LinkSession::new(serial, client_key(1));
    log_in(&bench.hsm, &officer, Role::PartitionSo, PO);
    let link = application(&bench.hsm, &link);
    log_in(&bench.hsm, &link, Role::CryptoOfficer, CO);
    assert_eq!(find(&bench.hsm, &link, labelled("note")).len(), 1);
    assert_eq!(bench.hsm.check_rows().unwrap(), [""; 0]);
    assert_eq!(bench.hsm.check_audit().unwrap().broken, None);
    link
}

#[test]
fn it_comes_under_keys_that_can_be_destroyed() {
    let directory = earlier();
    let old = sealed(directory.path());
    let mut bench = Bench { hsm: open(directory.path()), admin: AdminSession::new(), directory };
    let link = works(&bench);
    let key = find(&bench.hsm, &link, labelled("k"));
    assert_eq!(key.len(), 1);
    // What was sealed without such a key is in no file any more.
    for name in ["appliance.db", "appliance.db-wal"] {
        let content = fs::read(bench.path().join(name)).unwrap_or_default();
        let left = old.iter().filter(|old| content.windows(old.len()).any(|at| at == &old[..]));
        assert_eq!(left.count(), 0, "{name}");
    }
    bench.reopen();
    let link = works(&bench);
    destroy(&bench.hsm, &link, key[0]).unwrap();
    bench.reopen();
    let link = works(&bench);
    assert_eq!(find(&bench.hsm, &link, labelled("k")), []);
}

/// A first start that was cut off: files of keys are there, and no row refers to them.
#[test]
fn a_first_start_that_was_cut_off_begins_again() {
    let directory = earlier();
    let done = tempfile::tempdir().unwrap();
    copy(directory.path(), done.path());
    drop(SqliteAppliance::open(done.path(), Box::new(SystemRandom::new())).unwrap());
    let keys = directory.path().join("keys");
    copy(&done.path().join("keys"), &keys);
    fs::write(keys.join("confirmed"), [0; 8]).unwrap();
    let bench = Bench { hsm: open(directory.path()), admin: AdminSession::new(), directory };
    works(&bench);
}
