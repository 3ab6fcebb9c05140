//! Somebody else at the local socket of an appliance: nobody tells them the HSM SO's password.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::{
        fs::{PermissionsExt, chown},
        net::{UnixListener, UnixStream},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use crate::{
    client,
    world::{SO, Shown, World, run},
};

/// A user without rights.
const NOBODY: u32 = 65_534;

/// The environment variable with the directory that the other user listens in.
const LISTEN: &str = "LUNACM_TEST_LISTEN";

/// Listens in a directory, and passes everything on to a real appliance.
fn listen(directory: &Path, appliance: &Path) -> Arc<Mutex<Vec<u8>>> {
    let listener = UnixListener::bind(directory.join("lunash.sock")).unwrap();
    let (heard, to) = (Arc::<Mutex<Vec<u8>>>::default(), appliance.join("lunash.sock"));
    let hearing = heard.clone();
    thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let far = UnixStream::connect(&to).unwrap();
            let (mut back, mut from) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut back));
            let (mut near, mut far, hearing) = (near, far, hearing.clone());
            thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = near.read(&mut bytes) {
                    hearing.lock().unwrap().extend_from_slice(&bytes[..count]);
                    if far.write_all(&bytes[..count]).is_err() {
                        break;
                    }
                }
            });
        }
    });
    heard
}

fn lunash(directory: &Path) -> Shown {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lunash"));
    command.arg("--data").arg(directory);
    run(command, &format!("hsm login -password {SO}\n"))
}

#[track_caller]
fn told_nothing(heard: &Mutex<Vec<u8>>) {
    let heard = heard.lock().unwrap();
    assert!(heard.is_empty(), "{:?}", String::from_utf8_lossy(&heard));
}

#[test]
fn a_directory_that_others_may_write_is_told_nothing() {
    let world = World::with_partitions(&["par1"]);
    lunash(&world.daemon.data).ok();
    let directory = world.root.path().join("elsewhere");
    fs::create_dir(&directory).unwrap();
    let heard = listen(&directory, &world.daemon.data);
    let allow = |mode| fs::set_permissions(&directory, fs::Permissions::from_mode(mode)).unwrap();
    allow(0o777);
    lunash(&directory).failed().has("others than its owner may write");
    told_nothing(&heard);
    let home = client(world.root.path(), "client1", 5000);
    let deploy = format!(
        "clientconfig deploy -server localhost -client client1 -partition par1 -data {}\n",
        directory.display()
    );
    home.lunacm(&deploy).failed().has("others than its owner may write");
    told_nothing(&heard);
    allow(0o700);
    fs::set_permissions(directory.join("lunash.sock"), fs::Permissions::from_mode(0o666)).unwrap();
    lunash(&directory).failed().has("others than its owner may write");
    told_nothing(&heard);
    if chown(&directory, Some(NOBODY), None).is_ok() {
        lunash(&directory).failed().has("belongs to the user 65534");
        told_nothing(&heard);
    }
}

#[test]
fn another_users_process_is_told_nothing() {
    let world = World::with_partitions(&["par1"]);
    let directory = world.root.path().join("elsewhere");
    fs::create_dir(&directory).unwrap();
    if chown(&directory, Some(NOBODY), None).is_err() {
        eprintln!("skipped: only root can run a process of another user");
        return;
    }
    // A place that the other user may read.
    for path in [world.root.path(), &directory] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let program = world.root.path().join("other");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut other = Command::new(&program)
        .args(["--exact", "--nocapture", "--ignored", "socket::listens_as_another_user"])
        .env(LISTEN, &directory)
        .current_dir("/")
        .uid(NOBODY)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("listening")), "the other user does not listen");
    // The directory may be ours: who listens is another one all the same.
    chown(&directory, Some(0), None).unwrap();
    let shown = lunash(&directory);
    other.kill().unwrap();
    other.wait().unwrap();
    shown.failed().has("a process of the user 65534 listens");
    let heard: Vec<_> = lines.filter(|line| line.contains("heard")).collect();
    assert!(heard.is_empty(), "{heard:?}");
}

#[test]
#[ignore = "the other user of a test"]
fn listens_as_another_user() {
    let Some(directory) = env::var_os(LISTEN) else { return };
    let socket = Path::new(&directory).join("lunash.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600)).unwrap();
    println!("listening");
    for mut near in listener.incoming().map_while(Result::ok) {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = near.read(&mut bytes) {
            println!("heard {:?}", String::from_utf8_lossy(&bytes[..count]));
        }
    }
}
