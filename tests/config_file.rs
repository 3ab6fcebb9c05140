//! The configuration as a file: atomic, and safe against several processes at once.
#![allow(clippy::unwrap_used)]

use std::{fs, os::unix::fs::PermissionsExt, thread};

use lunacm::client::config::{ConfigFileError, Configuration};

#[test]
fn edits_at_the_same_time_are_all_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("Chrystoki.conf");
    fs::write(&path, "S = {\n}\n").unwrap();
    thread::scope(|scope| {
        for writer in 0..8 {
            let path = &path;
            scope.spawn(move || {
                for edit in 0..10 {
                    Configuration::update::<_, ConfigFileError>(path, |config| {
                        Ok(config.set("S", &format!("w{writer}e{edit}"), "1")?)
                    })
                    .unwrap();
                }
            });
        }
    });
    assert_eq!(Configuration::load(&path).unwrap().entries("S").count(), 80);
    let mut names: Vec<_> =
        fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".Chrystoki.conf.lock", "Chrystoki.conf"], "nothing is left over");
}

#[test]
fn a_failed_edit_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("Chrystoki.conf");
    fs::write(&path, "S = {\n}\n").unwrap();
    let failed = Configuration::update::<(), ConfigFileError>(&path, |config| {
        config.set("S", "a", "1")?;
        config.set("S", "b", "1;")?;
        Ok(())
    });
    assert!(matches!(failed, Err(ConfigFileError::Edit(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), "S = {\n}\n");
}

#[test]
fn permissions_and_links_survive_an_edit() {
    let directory = tempfile::tempdir().unwrap();
    let real = directory.path().join("real.conf");
    let link = directory.path().join("Chrystoki.conf");
    fs::write(&real, "S = {\n}\n").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    Configuration::update::<_, ConfigFileError>(&link, |config| Ok(config.set("S", "a", "1")?))
        .unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_to_string(&real).unwrap(), "S = {\n   a = 1;\n}\n");
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("Chrystoki.conf");
    let complaint = || Configuration::load(&path).unwrap_err().to_string();
    assert!(complaint().ends_with("Chrystoki.conf: there is no such file"));
    fs::write(&path, "S = {\n a = 1;\n b = 2\n}\n").unwrap();
    assert!(complaint().ends_with("Chrystoki.conf, line 3: the entry does not end with \";\""));
    fs::write(&path, b"S = {\n a = \xff;\n}\n").unwrap();
    assert!(complaint().ends_with("Chrystoki.conf, line 2: the line is not UTF-8 text"));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(complaint().ends_with("Chrystoki.conf: this is a directory, not a file"));
}
