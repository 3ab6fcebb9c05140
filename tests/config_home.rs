//! A client's home: made on first use, moved and copied without ties to where it was.
#![allow(clippy::unwrap_used)]

use std::{fs, os::unix::fs::PermissionsExt, path::Path, thread};

use lunacm::client::{
    config::{ConfigFileError, Configuration},
    file::FileProblem,
    home::Home,
    identity_file::{IdentityReadError, read_client, read_partition, write_client},
};
use lunacm::wire::{ClientIdentityFile, FileKind, IdentityFileError, IdentityKind};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_use_makes_everything_for_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::at(directory.path().join("new/home"));
    let paths = home.open().unwrap();
    assert_eq!(paths.client_identities, home.directory().join("data/client_identities"));
    assert_eq!(paths.server_ca_file, home.directory().join("cert/server/CAFile.pem"));
    for made in [
        home.directory(),
        &paths.client_identities,
        &paths.partition_identities,
        &paths.server_certificates,
        &paths.client_certificates,
        &paths.soft_token,
    ] {
        assert_eq!(mode(made), 0o700, "{}", made.display());
    }
    assert_eq!(mode(&home.configuration_path()), 0o600);
    let config = home.configuration().unwrap();
    assert_eq!(config.get("LunaSA Client", "ReceiveTimeout"), Some("20000"));
    assert!(!paths.soft_token.join("token.db").exists(), "no token before it is initialized");
}

#[test]
fn what_exists_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let text = "// mine\nSecure Trusted Channel = {\n  SoftTokenDir = ./token/;\n}\n";
    fs::write(directory.path().join("Chrystoki.conf"), text).unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let home = Home::at(directory.path());
    let paths = home.open().unwrap();
    assert_eq!(paths.soft_token, home.directory().join("token"));
    assert!(paths.soft_token.is_dir());
    assert_eq!(fs::read_to_string(home.configuration_path()).unwrap(), text);
    assert_eq!(mode(directory.path()), 0o755);
    assert_eq!(home.open().unwrap(), paths);
}

#[test]
fn a_copied_home_is_a_home_of_its_own_and_absolute_paths_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let original = Home::at(directory.path().join("one"));
    original.open().unwrap();
    let elsewhere = directory.path().join("elsewhere");
    Configuration::update::<_, ConfigFileError>(&original.configuration_path(), |config| {
        let path = elsewhere.to_str().unwrap_or_default();
        Ok(config.set("Secure Trusted Channel", "ClientIdentitiesDir", path)?)
    })
    .unwrap();
    let copy = Home::at(directory.path().join("two"));
    fs::create_dir(copy.directory()).unwrap();
    fs::copy(original.configuration_path(), copy.configuration_path()).unwrap();
    let paths = copy.open().unwrap();
    assert!(paths.soft_token.starts_with(copy.directory()));
    assert!(paths.server_ca_file.starts_with(copy.directory()));
    assert_eq!(paths.client_identities, elsewhere);
}

#[test]
fn first_uses_at_the_same_time_agree() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::at(directory.path().join("home"));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| home.open().unwrap());
        }
    });
    assert_eq!(home.configuration().unwrap().entries("LunaSA Client").count(), 4);
}

#[test]
fn a_broken_configuration_is_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::at(directory.path());
    fs::write(home.configuration_path(), "LunaSA Client = {\n").unwrap();
    let error = home.open().unwrap_err();
    assert!(error.to_string().ends_with("line 1: the section is not closed by \"}\""), "{error}");
    assert_eq!(fs::read_to_string(home.configuration_path()).unwrap(), "LunaSA Client = {\n");
}

#[test]
fn identity_files_are_written_whole_and_read_with_suspicion() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deep/er/client1");
    let identity = ClientIdentityFile { label: "client1".parse().unwrap(), key: [9; 32] };
    write_client(&path, &identity).unwrap();
    write_client(&path, &identity).unwrap();
    assert_eq!(read_client(&path).unwrap(), identity);
    assert_eq!(mode(&path), 0o644);

    let Err(IdentityReadError::Content { error, .. }) = read_partition(&path) else {
        panic!("a client identity is no partition identity")
    };
    let expected = IdentityKind::Partition;
    assert_eq!(error, IdentityFileError::WrongKind { found: FileKind::ClientIdentity, expected });

    let problem = |path: &Path| match read_client(path) {
        Err(IdentityReadError::File(error)) => error.problem,
        other => panic!("{other:?}"),
    };
    assert!(matches!(problem(&directory.path().join("none")), FileProblem::Missing));
    assert!(matches!(problem(&path.join("below")), FileProblem::Missing));
    assert!(matches!(problem(directory.path()), FileProblem::Directory));
    assert!(matches!(problem(Path::new("/dev/zero")), FileProblem::NotRegular));
    let noise = directory.path().join("noise");
    fs::File::create(&noise).unwrap().set_len(10 << 20).unwrap();
    assert!(matches!(problem(&noise), FileProblem::TooLarge { bytes: 10_485_760, limit: 65536 }));
}
