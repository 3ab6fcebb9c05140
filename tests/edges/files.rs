//! Data directories, the file area, and files that programs write.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
};

use crate::world::{Client, SO, Shown, World, run};

fn start(data: &Path) -> Shown {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lunahsmd"));
    command.arg("--data").arg(data).args(["--listen", "127.0.0.1:0"]);
    run(command, "")
}

#[test]
fn an_appliance_takes_no_directory_of_others() {
    let root = tempfile::tempdir().unwrap();
    let full = root.path().join("full");
    fs::create_dir(&full).unwrap();
    fs::set_permissions(&full, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(full.join("letter"), "dear").unwrap();
    start(&full).failed().has("holds no appliance").has("letter");
    let open = root.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o1777)).unwrap();
    start(&open).failed().has("may be written by others");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&full), mode(&open)), (0o755, 0o1777), "permissions stay");
    assert_eq!(fs::read_dir(&full).unwrap().count(), 1, "nothing was made");
    assert_eq!(fs::read_dir(&open).unwrap().count(), 0, "nothing was made");
}

#[test]
fn the_file_area_holds_files_alone() {
    let world = World::with_partitions(&["par1"]);
    let area = world.daemon.data.join("files");
    symlink(world.daemon.data.join("server.key"), area.join("evil.pem")).unwrap();
    symlink("/dev/zero", area.join("zero.pem")).unwrap();
    fs::write(area.join("-x"), "").unwrap();
    fs::write(area.join("-f"), "").unwrap();
    fs::write(area.join("large.pem"), vec![b'a'; 1 << 20]).unwrap();
    let login = format!("hsm login -password {SO}\n");
    world.lunash("my file list\n").ok().has("-x").lacks("evil.pem");
    for name in ["evil", "zero", "large"] {
        let line = format!("{login}client register -client {name} -hostname {name}\n");
        let shown = world.lunash(&line);
        shown.failed().has("it is no certificate file").lacks("PRIVATE");
    }
    world.lunash("my file delete evil.pem -force\n").failed();
    assert!(world.daemon.data.join("server.key").exists());
    world.lunash("my file delete -force -x\nmy file delete -force -- -f\n").ok();
    fs::write(area.join("-x"), "").unwrap();
    world.lunash("my file delete ./-x -force\n").ok();
    world.lunash("my file list\n").ok().lacks("-x").lacks("-f");
}

#[test]
fn what_a_program_writes_follows_no_planted_link() {
    let root = tempfile::tempdir().unwrap();
    let client = Client { home: root.path().join("home"), port: 0 };
    client.vtl(&["listServers"]).ok();
    let (theirs, mine) = (root.path().join("theirs"), root.path().join("mine"));
    fs::create_dir(&theirs).unwrap();
    fs::write(&mine, "precious").unwrap();
    // The names that were guessed once, and the file itself.
    for process in 0..4 {
        symlink(&mine, theirs.join(format!(".info.{process}-0.new"))).unwrap();
    }
    let file = theirs.join("info");
    client.vtl(&["supportInfo", "-f", file.to_str().unwrap()]).ok();
    assert!(fs::read_to_string(&file).unwrap().contains("Chrystoki.conf"));
    let link = theirs.join("link");
    symlink(&mine, &link).unwrap();
    let planted = std::os::unix::fs::lchown(&link, Some(12_345), None).is_ok();
    if planted {
        let shown = client.vtl(&["supportInfo", "-f", link.to_str().unwrap()]);
        shown.failed().has("a link that another user made");
        assert_eq!(fs::read_to_string(&mine).unwrap(), "precious");
    }
}
