//! What the files hold.

use std::fs;

use lunacm::model::{
    Role,
    cryptoki::{AttributeType as A, AttributeValue, ObjectHandle, Template},
};

use crate::{
    hsm_support::log_in,
    support::{
        CO, application, create, data, find, get, imported, labelled, pair, partition, token,
    },
};

/// Whether any file of a directory has these bytes in it.
fn files_hold(directory: &std::path::Path, wanted: &[u8]) -> bool {
    fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return files_hold(&path, wanted);
        }
        let content = fs::read(path).unwrap();
        content.windows(wanted.len()).any(|window| window == wanted)
    })
}

#[test]
fn the_files_hold_no_key_and_no_label() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let value: Vec<u8> = (0..32).map(|byte: u8| byte.wrapping_mul(37) ^ 0x5a).collect();
    let template =
        imported(&value).with(A::TOKEN, true).with(A::LABEL, crate::support::text(LABEL));
    create(hsm, &link, template).unwrap();
    let open = Template::default()
        .with(A::TOKEN, true)
        .with(A::SENSITIVE, false)
        .with(A::EXTRACTABLE, true);
    let (_, private) = pair(hsm, &link, token(), open).unwrap();
    let Ok(AttributeValue::Bytes(scalar)) = get(hsm, &link, private, A::VALUE) else {
        panic!("the value is not sensitive");
    };
    assert!(!files_hold(bench.path(), &value) && !files_hold(bench.path(), &scalar));
    assert!(!files_hold(bench.path(), LABEL.as_bytes()));
    // The search would find what is there.
    assert!(files_hold(bench.path(), b"par0"));
}

const LABEL: &str = "a label that nobody should read";

#[test]
fn rows_cannot_be_swapped() {
    let (mut bench, _, link) = partition();
    let one = create(&bench.hsm, &link, data("one").with(A::TOKEN, true)).unwrap();
    let key =
        |label| imported(&[7; 32]).with(A::TOKEN, true).with(A::LABEL, crate::support::text(label));
    create(&bench.hsm, &link, key("first")).unwrap();
    let second = create(&bench.hsm, &link, key("second")).unwrap();
    swap(bench.path(), ObjectHandle(one.0 + 1), second);
    bench.reopen();
    let hsm = &bench.hsm;
    let link = application(hsm, &link);
    log_in(hsm, &link, Role::CryptoOfficer, CO);
    // Neither opens in the other's place; what was not touched is there.
    assert_eq!(find(hsm, &link, Template::default()), [one]);
    assert_eq!(find(hsm, &link, labelled("first")), []);
}

/// Exchanges the sealed values of two objects in the database.
fn swap(directory: &std::path::Path, one: ObjectHandle, other: ObjectHandle) {
    let connection = rusqlite::Connection::open(directory.join("appliance.db")).unwrap();
    let sealed = |handle: ObjectHandle| -> Vec<u8> {
        let query = "SELECT sealed FROM object WHERE handle = ?1";
        connection.query_row(query, [handle.0], |row| row.get(0)).unwrap()
    };
    let pairs = [(one, sealed(other)), (other, sealed(one))];
    for (handle, sealed) in pairs {
        let update = "UPDATE object SET sealed = ?2 WHERE handle = ?1";
        connection.execute(update, rusqlite::params![handle.0, sealed]).unwrap();
    }
}
