//! Keys on a real appliance: what was confirmed is there after SIGKILL, with a record of it, and
//! no key is in any file.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod kills;
mod world;

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use lunacm::{
    client::{Application, Partition, home::Home},
    model::{
        Password, Reply, Request, Role, Status,
        cryptoki::{
            AttributeRead, AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest,
            Mechanism, MechanismType as M, ObjectClass, ObjectHandle, Operation, SessionId,
            Template,
        },
    },
};
use world::{Client, Shown, World, eventually};
use zeroize::Zeroizing;

const PO: &str = "partition-so-1";
const CO: &str = "crypto-officer-1";
const S: SessionId = SessionId(1);
/// P-256 as an object identifier in DER.
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

#[test]
fn confirmed_keys_and_their_records_survive_a_killed_daemon() {
    let mut world = World::with_partitions(&["par1"]);
    let client = initialized(&world);
    let mut confirmed = Vec::new();
    for round in 0..3 {
        let partition = officer(&client);
        confirmed.extend(generate_until_killed(&mut world, &partition, round));
        world.start_again();
        let checked =
            world.lunash("audit verify\nhsm login -password hsm-so-password\naudit show\n");
        checked.ok().has("The audit log is whole");
        let partition = officer(&client);
        for label in &confirmed {
            let found = find(&partition, label);
            assert_eq!(found.len(), 2, "{label} was confirmed");
            checked.has(&format!("{label:?}"));
            let key = found.iter().find(|key| is_private(&partition, **key)).unwrap();
            assert!(sign(&partition, *key).is_ok(), "{label} does not sign");
        }
    }
    assert!(confirmed.len() > 3, "the daemon was killed before it did anything");
}

const AUDITOR: &str = "hsm login -password hsm-so-password\n";

/// What the appliance says of its audit log to the HSM SO.
fn audit(world: &World, commands: &str) -> Shown {
    world.lunash(&format!("{AUDITOR}{commands}"))
}

/// How many more a record stands for.
fn more(line: &str) -> Option<usize> {
    let count = line.trim().strip_prefix("and ")?.strip_suffix(" more")?;
    count.replace(',', "").parse().ok()
}

#[test]
fn a_flood_of_refusals_costs_a_handful_of_records() {
    let world = World::with_partitions(&["par1"]);
    let client = initialized(&world);
    let partition = connect(&client);
    let request = CryptokiRequest::OpenSession { session: S, read_write: true };
    ask(&partition, &Request::Cryptoki(request));
    for _ in 0..3_000 {
        assert_eq!(pair(&partition, labelled("refused")), Err(Status::UserNotLoggedIn));
    }
    drop(partition);
    // A minute that ends meanwhile has a first record and a count of its own.
    let mut refusals = 0;
    eventually("all are accounted for", || {
        let shown = audit(&world, "audit show\n").text;
        refusals = shown.matches("CKR_USER_NOT_LOGGED_IN").count();
        let counts: Vec<usize> = shown.lines().filter_map(more).collect();
        refusals - counts.len() + counts.iter().sum::<usize>() == 3_000
    });
    assert!(refusals <= 6, "{refusals}");
    audit(&world, "audit verify\n").ok().has("The audit log is whole");
}

#[test]
fn the_audit_log_is_whole_over_archives_clearing_and_a_killed_daemon() {
    let mut world = World::with_partitions(&["par1"]);
    let client = initialized(&world);
    let archived = audit(&world, "audit archive\n");
    let name = archived.ok().text.split_whitespace().find(|word| word.starts_with("audit-1-"));
    let name = name.expect("the archive's name").to_owned();
    world.daemon.kill();
    world.start_again();
    let partition = officer(&client);
    pair(&partition, labelled("behind the archive")).unwrap();
    let whole = audit(&world, "audit verify\n");
    whole.ok().has("The audit log is whole").has(&format!("{name}, whole"));
    let shown = audit(&world, &format!("audit show -file {name}\n"));
    shown.ok().has("LUNA_INITIALIZE").has("LUNA_CHANGE_PASSWORD").lacks("behind the archive");
    world.lunash(&format!("audit show -file {name}\n")).failed().has("USER_NOT_LOGGED_IN");

    let path = world.daemon.data.join("files").join(&name);
    let sound = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<_> = sound.lines().collect();
    lines.remove(3);
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let broken = format!("Record 3 of the archive {name} is missing, altered or out of place");
    audit(&world, "audit verify\n").failed().has(&broken);
    fs::remove_file(&path).unwrap();
    audit(&world, "audit verify\n").ok().has("not among your files");
    fs::write(&path, sound).unwrap();
    audit(&world, "audit verify\n").ok().has(&format!("{name}, whole"));

    audit(&world, "audit clear -force\n").ok();
    assert!(!path.exists());
    world.daemon.kill();
    world.start_again();
    let cleared = audit(&world, "audit verify\naudit show\n");
    cleared.ok().has("The audit log is whole").has(": cleared ").has("LUNA_LOG_CLEAR");
    cleared.lacks("LUNA_CHANGE_PASSWORD");
}

#[test]
fn the_audit_log_is_closed_at_its_size() {
    let world = World::with_partitions(&["par1"]);
    let client = initialized(&world);
    audit(&world, "audit config -parameter size -value 16k\n").ok();
    let partition = officer(&client);
    for number in 0..80 {
        pair(&partition, labelled(&format!("key {number}"))).unwrap();
    }
    eventually("an archive", || audit(&world, "audit log list\n").text.contains("Records 1 to "));
    audit(&world, "audit verify\n").ok().has(", whole");
    audit(&world, "audit show\n").ok().has("LUNA_LOG_ARCHIVE").has("by the appliance");
}

#[test]
fn no_file_of_the_appliance_holds_a_key_or_its_label() {
    let world = World::with_partitions(&["par1"]);
    let client = initialized(&world);
    let partition = officer(&client);
    let open =
        labelled("nobody reads this label").with(A::SENSITIVE, false).with(A::EXTRACTABLE, true);
    let (_, key) = pair(&partition, open).unwrap();
    let Ok(AttributeRead::Value(AttributeValue::Bytes(scalar))) = read(&partition, key, A::VALUE)
    else {
        panic!("the value is there to be read");
    };
    let data = world.daemon.data.clone();
    drop(world.daemon);
    assert!(!holds(&data, &scalar) && !holds(&data, b"nobody reads this label"));
    assert!(holds(&data, b"par1"), "the search finds what is there");
}

/// SIGKILL right behind the answer: what was zeroized is in no file of keys, and no sealed value of
/// it in any file.
#[test]
fn a_deleted_partition_stays_gone_when_the_daemon_is_killed_behind_the_answer() {
    let mut world = World::with_partitions(&["par1", "par2"]);
    let client = initialized(&world);
    pair(&officer(&client), labelled("key")).unwrap();
    let data = world.daemon.data.clone();
    let database = rusqlite::Connection::open(data.join("appliance.db")).unwrap();
    let sealed: Vec<Vec<u8>> = {
        let query = "SELECT sealed FROM object UNION ALL SELECT wrapped_key FROM role";
        let mut statement = database.prepare(query).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    // The client has taken one of them.
    let query = "SELECT serial, generation, name FROM partition WHERE label IS NOT NULL";
    let (serial, generation, name): (i64, u64, String) =
        database.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let other = if name == "par1" { "par2" } else { "par1" };
    drop(database);
    let keys = fs::read(data.join(format!("keys/{serial}.{generation}"))).unwrap();
    assert!(sealed.len() >= 4 && sealed.iter().all(|sealed| holds(&data, sealed)));
    let so = world::SO;
    world
        .lunash(&format!("hsm login -password {so}\npartition delete -partition {name} -force\n"))
        .ok();
    world.daemon.kill();
    let gone = |data: &Path| {
        assert!(sealed.iter().all(|sealed| !holds(data, sealed)), "a sealed value is left");
        assert!(keys[16..].chunks(32).all(|key| !holds(data, key)), "a key is left");
    };
    gone(&data);
    world.start_again();
    gone(&data);
    world.lunash("audit verify\npartition list\n").ok().has(other);
}

#[test]
fn whoever_is_in_flight_is_answered_when_the_daemon_is_terminated() {
    let mut world = World::with_partitions(&["par1"]);
    let client = initialized(&world);
    let (answered, ()) = generate_while(&client, || assert!(world.daemon.terminate().success()));
    world.start_again();
    holds_all(&client, answered);
}

#[test]
fn whoever_is_in_flight_is_answered_when_ctrl_c_ends_the_daemon() {
    let mut world = World::with_partitions(&["par1"]);
    let client = initialized(&world);
    world.daemon.kill();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lunahsmd"));
    command.arg("--data").arg(&world.daemon.data);
    command.args(["--name", "localhost", "--listen", &format!("127.0.0.1:{}", world.daemon.port)]);
    let patience = u64::try_from(world::PATIENCE.as_millis()).unwrap();
    let mut terminal = rexpect::session::spawn_command(command, Some(patience)).unwrap();
    terminal.exp_string("lunahsmd is ready on").unwrap();
    let (answered, status) = generate_while(&client, || {
        terminal.send_control('c').unwrap();
        terminal.exp_eof().unwrap();
        terminal.process().wait().unwrap()
    });
    let status = format!("{status:?}");
    assert!(status.starts_with("Exited(") && status.ends_with(", 0)"), "{status}");
    world.start_again();
    holds_all(&client, answered);
}

/// Has six key pairs of RSA-4096 generated at once and meanwhile ends the daemon: what `end` came
/// to, and the labels of the pairs. All are answered, and some were only after the end was asked
/// for.
fn generate_while<T>(client: &Client, end: impl FnOnce() -> T) -> (Vec<String>, T) {
    let partition = &officer(client);
    thread::scope(|scope| {
        let generate = |number: usize| {
            let label = format!("pair {number}");
            let made = rsa_pair(partition, &label);
            made.unwrap_or_else(|status| panic!("{label} was in flight: {status:?}"));
            (label, Instant::now())
        };
        let workers: Vec<_> = (0..6).map(|number| scope.spawn(move || generate(number))).collect();
        thread::sleep(Duration::from_millis(300));
        let asked = Instant::now();
        let ended = end();
        let answered: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
        assert!(answered.iter().any(|(_, at)| *at > asked), "nothing was in flight any more");
        (answered.into_iter().map(|(label, _)| label).collect(), ended)
    })
}

fn holds_all(client: &Client, labels: Vec<String>) {
    let partition = officer(client);
    for label in labels {
        assert_eq!(find(&partition, &label).len(), 2, "{label} was confirmed");
    }
}

fn rsa_pair(partition: &Partition, label: &str) -> Result<CryptokiReply, Status> {
    let private = labelled(label);
    let public = private.clone().with(A::MODULUS_BITS, 4096_u64);
    let mechanism = Mechanism::plain(M::RSA_PKCS_KEY_PAIR_GEN);
    let request = CryptokiRequest::GenerateKeyPair { session: S, mechanism, public, private };
    perform(partition, request)
}

/// Generates pairs in four threads until the daemon is killed under them; the labels of those
/// that were confirmed.
fn generate_until_killed(
    world: &mut World,
    partition: &Arc<Partition>,
    round: usize,
) -> Vec<String> {
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        let work = |worker: usize| {
            let mut confirmed = Vec::new();
            for number in 0..10_000 {
                let label = format!("key {round}.{worker}.{number}");
                if pair(partition, labelled(&label)).is_err() {
                    break;
                }
                confirmed.push(label);
                done.fetch_add(1, Ordering::Relaxed);
            }
            confirmed
        };
        let workers: Vec<_> = (0..4).map(|worker| scope.spawn(move || work(worker))).collect();
        eventually("some keys", || done.load(Ordering::Relaxed) > 20);
        world.daemon.kill();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

/// A client that has initialized its partition and given the Crypto Officer a password.
fn initialized(world: &World) -> Client {
    let client = world.connected("client1");
    client.lunacm(&format!("partition init -label par1 -password {PO} -domain dom -force\n")).ok();
    let partition = connect(&client);
    let (role, initial) = (Role::CryptoOfficer, || password("initial-password"));
    ask(&partition, &Request::Login { role: Role::PartitionSo, password: password(PO) });
    ask(&partition, &Request::CreateRole { role, password: initial() });
    ask(&partition, &Request::Logout);
    ask(&partition, &Request::Login { role, password: initial() });
    ask(&partition, &Request::ChangePassword { role, old: initial(), new: password(CO) });
    client
}

fn connect(client: &Client) -> Arc<Partition> {
    let application = Application::new(Home::at(&client.home));
    let mut partition = None;
    eventually("the partition", || {
        application.refresh().unwrap();
        partition = application.slot(0).map(|slot| slot.partition);
        partition.is_some()
    });
    partition.unwrap()
}

/// A link with a session, over which the Crypto Officer is logged in.
fn officer(client: &Client) -> Arc<Partition> {
    let partition = connect(client);
    let request = CryptokiRequest::OpenSession { session: S, read_write: true };
    ask(&partition, &Request::Cryptoki(request));
    ask(&partition, &Request::Login { role: Role::CryptoOfficer, password: password(CO) });
    partition
}

fn ask(partition: &Partition, request: &Request) {
    let reply = partition.call(request).unwrap();
    assert_eq!(reply, Reply::Done, "{request:?}");
}

fn perform(partition: &Partition, request: CryptokiRequest) -> Result<CryptokiReply, Status> {
    match partition.call(&Request::Cryptoki(request)) {
        Ok(Reply::Cryptoki(reply)) => Ok(reply),
        Ok(Reply::Failed(status)) => Err(status),
        Ok(other) => panic!("{other:?}"),
        Err(_) => Err(Status::DeviceRemoved),
    }
}

fn pair(partition: &Partition, private: Template) -> Result<(ObjectHandle, ObjectHandle), Status> {
    let label = private.get(A::LABEL).unwrap().clone();
    let public = Template::default()
        .with(A::TOKEN, true)
        .with(A::LABEL, label)
        .with(A::EC_PARAMS, AttributeValue::bytes(P256));
    let mechanism = Mechanism::plain(M::EC_KEY_PAIR_GEN);
    let request = CryptokiRequest::GenerateKeyPair { session: S, mechanism, public, private };
    match perform(partition, request)? {
        CryptokiReply::KeyPair { public, private } => Ok((public, private)),
        other => panic!("{other:?}"),
    }
}

fn find(partition: &Partition, label: &str) -> Vec<ObjectHandle> {
    let template = Template::default().with(A::LABEL, AttributeValue::bytes(label.as_bytes()));
    let request = CryptokiRequest::FindObjects { session: S, template, after: None, limit: 10 };
    match perform(partition, request) {
        Ok(CryptokiReply::Found { objects, .. }) => objects,
        other => panic!("{other:?}"),
    }
}

fn read(partition: &Partition, object: ObjectHandle, kind: A) -> Result<AttributeRead, Status> {
    let request = CryptokiRequest::GetAttributes { session: S, object, types: vec![kind] };
    match perform(partition, request)? {
        CryptokiReply::Attributes(mut read) => Ok(read.remove(0)),
        other => panic!("{other:?}"),
    }
}

fn is_private(partition: &Partition, object: ObjectHandle) -> bool {
    let class = AttributeValue::from(ObjectClass::PRIVATE_KEY.0);
    read(partition, object, A::CLASS) == Ok(AttributeRead::Value(class))
}

fn sign(partition: &Partition, key: ObjectHandle) -> Result<CryptokiReply, Status> {
    perform(
        partition,
        CryptokiRequest::Perform {
            session: S,
            operation: Operation::Sign,
            mechanism: Mechanism::plain(M::ECDSA_SHA256),
            key: Some(key),
            data: Zeroizing::new(b"data".to_vec()),
            signature: Vec::new(),
        },
    )
}

fn labelled(label: &str) -> Template {
    Template::default().with(A::TOKEN, true).with(A::LABEL, AttributeValue::bytes(label.as_bytes()))
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

/// Whether a file below a directory has these bytes in it.
fn holds(directory: &Path, wanted: &[u8]) -> bool {
    fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, wanted);
        }
        let content = fs::read(&path).unwrap_or_default();
        content.windows(wanted.len()).any(|window| window == wanted)
    })
}
