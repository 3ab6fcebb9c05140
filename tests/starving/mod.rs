//! One registered client that nobody is logged in on does its worst; the others hear nothing of it.

use std::{
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use lunacm::{
    channel::InitiatorConfig,
    client::identity_file,
    model::{
        MAXIMUM_ATTRIBUTES, Password, Reply, Request, Role, Status,
        cryptoki::{
            Attribute, AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest,
            Iterations, Mechanism, MechanismType, ObjectClass, Parameters, SessionId, Template,
        },
    },
    net::Link,
    wire::{decode, encode},
};
use rustix::process::{Pid, Resource, Rlimit, getuid, prlimit};
use zeroize::Zeroizing;

use super::{officer_link, raw};
use crate::{
    bare_client::{BareLink, activate, ask, client, endpoint, resident},
    world::{Daemon, PO, World, eventually, run},
};

const S: SessionId = SessionId(1);

/// Requests of one link that are with threads at the same time.
const FLOOD: u32 = 64;

/// As long as nothing in these tests that is not starved takes, on a machine with other work.
const SOON: Duration = Duration::from_secs(20);

fn session() -> Request {
    Request::Cryptoki(CryptokiRequest::OpenSession { session: S, read_write: true })
}

fn public(class: ObjectClass) -> Template {
    Template::default().with(A::CLASS, class.0).with(A::PRIVATE, false)
}

/// A key out of a password: 10 million iterations are several seconds.
fn from_password(iterations: u64) -> Request {
    let parameters = Parameters::Pbkdf2 {
        salt: vec![0; 16],
        iterations: Iterations(iterations),
        prf: MechanismType::SHA512_HMAC,
        password: Zeroizing::new(b"password".to_vec()),
    };
    let mechanism = Mechanism { mechanism: MechanismType::PKCS5_PBKD2, parameters };
    let template = public(ObjectClass::SECRET_KEY).with(A::VALUE_LEN, 64);
    Request::Cryptoki(CryptokiRequest::GenerateKey { session: S, mechanism, template })
}

/// A partition whose officer is logged in over the link, which has a session.
fn world(arguments: &[&str]) -> (World, InitiatorConfig, Link) {
    let world = World::with_partitions_and(&["par1"], arguments);
    let client = client(&world);
    let link = officer_link(&world, &client);
    assert_eq!(ask(&link, &session()), Reply::Done);
    (world, client, link)
}

/// A link of the same client that nobody is logged in on, with a session.
fn guest(world: &World, client: &InitiatorConfig) -> BareLink {
    let mut link = BareLink::activated(world, client);
    assert_eq!(link.ask(1, &session()).unwrap(), Reply::Done);
    link
}

#[test]
fn a_template_of_a_message_s_size_is_refused_at_once() {
    let (world, client, _officer) = world(&[]);
    let mut link = guest(&world, &client);
    let attributes = |count: u64| {
        let attribute = |number| Attribute {
            kind: A(0x8000_0000 + number),
            value: AttributeValue::bytes(Vec::new()),
        };
        Template((0..count).map(attribute).collect())
    };
    let create = |template| {
        encode(&Request::Cryptoki(CryptokiRequest::CreateObject { session: S, template })).unwrap()
    };
    let most = u64::try_from(MAXIMUM_ATTRIBUTES).unwrap();
    for (id, count) in [(2, 500_000), (3, most + 1)] {
        let request = create(attributes(count));
        let start = Instant::now();
        link.send(id, &request).unwrap();
        assert_eq!(link.reply(id).unwrap(), Reply::Failed(Status::ArgumentsBad));
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    }
    // As many as there may be are looked at.
    link.send(4, &create(attributes(most))).unwrap();
    assert_eq!(link.reply(4).unwrap(), Reply::Failed(Status::TemplateIncomplete));
}

#[test]
fn lengthy_work_without_a_login_keeps_nobody_waiting_and_ends_with_its_link() {
    let (world, client, officer) = world(&[]);
    assert!(matches!(ask(&officer, &from_password(1)), Reply::Cryptoki(CryptokiReply::Object(_))));
    let too_much = from_password(10_000_001);
    assert_eq!(ask(&officer, &too_much), Reply::Failed(Status::MechanismParamInvalid));
    let lengthy = encode(&from_password(10_000_000)).unwrap();
    let mut busy: Vec<_> = (0..3).map(|_| guest(&world, &client)).collect();
    for link in &mut busy {
        for id in 2..22 {
            link.send(id, &lengthy).unwrap();
        }
    }
    // Who is logged in has other threads.
    let start = Instant::now();
    assert!(matches!(ask(&officer, &from_password(1000)), Reply::Cryptoki(_)));
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    let threads = || std::fs::read_dir(format!("/proc/{}/task", world.daemon.process())).unwrap();
    assert!(threads().count() < 64, "no thread for each request");
    // What is queued and what is under way goes with its links: minutes of a processor.
    drop(busy);
    let mut late = guest(&world, &client);
    let start = Instant::now();
    late.send(2, &encode(&from_password(1000)).unwrap()).unwrap();
    assert!(matches!(late.reply(2).unwrap(), Reply::Cryptoki(_)));
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn memory_of_a_client_is_bounded_over_all_of_its_links() {
    let limits =
        ["--max-memory", "256", "--max-memory-per-client", "64", "--max-request-memory", "128"];
    let (world, client, _officer) = world(&limits);
    limit_address_space(&world, 2 << 30);
    let value = AttributeValue::bytes(vec![7; 3 << 20]);
    let template = public(ObjectClass::DATA).with(A::VALUE, value);
    let create = CryptokiRequest::CreateObject { session: S, template };
    let create = encode(&Request::Cryptoki(create)).unwrap();
    let made = |links: &mut Vec<BareLink>| {
        let mut made = 0;
        for link in links {
            for id in 2..12 {
                link.send(id, &create).unwrap();
                match link.reply(id).unwrap() {
                    Reply::Cryptoki(CryptokiReply::Object(_)) => made += 1,
                    Reply::Failed(Status::DeviceMemory) => break,
                    other => panic!("{other:?}"),
                }
            }
        }
        made
    };
    let mut links: Vec<_> = (0..12).map(|_| guest(&world, &client)).collect();
    let first = made(&mut links);
    assert!((5..=11).contains(&first), "{first} of 6 MiB each in 64 MiB");
    assert!(resident(world.daemon.process()) < 512 << 20);
    // What is small has its place still, and what the links had is there again when they end.
    assert_eq!(links[0].ask(20, &Request::Ping).unwrap(), Reply::Done);
    drop(links);
    eventually("the memory is given back", || {
        let mut again = vec![guest(&world, &client)];
        made(&mut again) >= 5
    });
}

#[test]
fn replies_that_nobody_takes_are_charged_to_their_client() {
    let limits =
        ["--max-memory", "128", "--max-memory-per-client", "32", "--max-request-memory", "128"];
    let world = World::with_partitions_and(&["par1", "par2"], &limits);
    let [client, other] = [0, 1].map(|number| client_of(&world, number));
    let [officer, other] = [&client, &other].map(|client| officer_link(&world, client));
    let large = Request::Cryptoki(CryptokiRequest::Random { bytes: 1 << 20 });
    let object = |bytes| {
        let template =
            public(ObjectClass::DATA).with(A::VALUE, AttributeValue::bytes(vec![7; bytes]));
        Request::Cryptoki(CryptokiRequest::CreateObject { session: S, template })
    };
    let is_made = |link: &Link, bytes| match ask(link, &object(bytes)) {
        Reply::Cryptoki(CryptokiReply::Object(_)) => true,
        Reply::Failed(Status::DeviceMemory) => false,
        other => panic!("{other:?}"),
    };
    for link in [&officer, &other] {
        assert_eq!(ask(link, &session()), Reply::Done);
    }
    // As many as one link may have with threads at a time: twice what there is.
    let flood = |links: usize| {
        let activated = |_| {
            let mut link = BareLink::activated(&world, &client);
            let login =
                Request::Login { role: Role::PartitionSo, password: Password::new(PO.into()) };
            assert_eq!(link.ask(1, &login).unwrap(), Reply::Done);
            link
        };
        let mut links: Vec<_> = (0..links).map(activated).collect();
        let request = encode(&large).unwrap();
        for link in &mut links {
            (2..2 + FLOOD).for_each(|id| link.send(id, &request).unwrap());
        }
        thread::sleep(Duration::from_millis(500));
        // A client's requests come in turn: those before this one have been answered.
        ask(&officer, &large);
        links
    };
    let mut links = flood(1);
    assert!(resident(world.daemon.process()) < 192 << 20);
    assert!(!is_made(&officer, 3 << 20), "what the peer does not take is counted");
    assert_eq!(ask(&officer, &Request::Ping), Reply::Done, "what takes nothing is answered");
    assert!(matches!(ask(&other, &large), Reply::Cryptoki(_)), "nobody else is concerned");
    assert!(is_made(&other, 3 << 20));
    // All were answered, and what the peer takes is given back.
    let (mut ended, mut refused) = (0, 0);
    while ended < FLOOD {
        let part = links[0].part().unwrap();
        ended += u32::from(part[4] & 1);
        let is_whole = part[4] == 1;
        refused +=
            usize::from(is_whole && decode(&part[5..]) == Ok(Reply::Failed(Status::DeviceMemory)));
    }
    assert!((16..=56).contains(&refused), "{refused} of 1 MiB each did not fit into 32 MiB");
    eventually("what was taken is given back", || is_made(&officer, 3 << 20));
    // So is what goes with its links: all that one client may have is there again.
    let links = flood(3);
    assert!(!is_made(&officer, 3 << 20));
    drop(links);
    let mut made = 0;
    eventually("all of it is given back", || {
        made += usize::from(is_made(&officer, 1 << 20));
        made >= 11
    });
}

#[test]
fn where_no_further_thread_can_be_had_requests_wait() {
    let mut world = World::with_partitions(&["par1"]);
    let client = client(&world);
    if getuid().is_root() {
        // The limit does not hold for root.
        world.daemon.terminate();
        let (root, data) = (world.root.path(), world.daemon.data.clone());
        std::fs::set_permissions(root, std::fs::Permissions::from_mode(0o755)).unwrap();
        let chown = Command::new("chown").args(["-R", "nobody"]).arg(&data).status();
        assert!(chown.unwrap().success());
        let (port, arguments) = (world.daemon.port, ["--user", "nobody"]);
        world.daemon = Daemon::start_with(&data, port, &arguments);
    }
    let officer = officer_link(&world, &client);
    let process = world.daemon.process().to_string();
    // Who is root has to be that user to limit its processes, unless it has every privilege.
    let as_user = |words: &[&str]| {
        let before = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        let words = [if getuid().is_root() { &before[..] } else { &[] }, words].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        command
    };
    let limited = as_user(&["prlimit", "--nproc=1:1", "--pid", &process]).status();
    assert!(limited.unwrap().success());
    let threads = || std::fs::read_dir(format!("/proc/{}/task", world.daemon.process())).unwrap();
    let before = threads().count();
    let large = AttributeValue::bytes(vec![7; 100 << 10]);
    let token = Template::default().with(A::TOKEN, true).with(A::VALUE_LEN, 32);
    let requests = [
        CryptokiRequest::Random { bytes: 1 << 20 },
        CryptokiRequest::CreateObject {
            session: S,
            template: public(ObjectClass::DATA).with(A::VALUE, large),
        },
        CryptokiRequest::GenerateKey {
            session: S,
            mechanism: Mechanism::plain(MechanismType::AES_KEY_GEN),
            template: token,
        },
    ];
    assert_eq!(ask(&officer, &session()), Reply::Done);
    let requests: Vec<_> = requests.into_iter().map(Request::Cryptoki).collect();
    thread::scope(|scope| {
        for number in 0..24 {
            let (officer, request) = (&officer, &requests[number % requests.len()]);
            scope.spawn(move || match ask(officer, request) {
                Reply::Cryptoki(_) | Reply::Failed(Status::UserNotLoggedIn) => {}
                other => panic!("{other:?}"),
            });
        }
    });
    assert!(threads().count() <= before, "no thread came");
    world.daemon.logs("no further thread can be had");
    // Nobody is kept out, and the administrator gets in.
    assert_eq!(guest(&world, &client).ask(2, &Request::Ping).unwrap(), Reply::Done);
    let lunash = env!("CARGO_BIN_EXE_lunash");
    // Where that user may run it.
    if as_user(&["test", "-x", lunash]).status().unwrap().success() {
        let mut command = as_user(&[lunash, "--data"]);
        command.arg(&world.daemon.data);
        run(command, "partition list\n").ok();
    }
    assert_eq!(ask(&officer, &Request::Ping), Reply::Done);
    assert!(world.daemon.terminate().success());
}

/// A client of one of the world's partitions.
fn client_of(world: &World, partition: usize) -> InitiatorConfig {
    let identity = identity_file::read_partition(&world.identities()[partition]).unwrap();
    InitiatorConfig { partition: identity.key, serial: identity.serial.value(), ..client(world) }
}

/// Bounds the memory that the daemon may map, besides what it has.
fn limit_address_space(world: &World, bytes: u64) {
    let process = Pid::from_raw(i32::try_from(world.daemon.process()).unwrap());
    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    prlimit(process, Resource::As, limit).unwrap();
}

/// A daemon that may have so few descriptors, killed when dropped.
struct Limited(Child);

impl Drop for Limited {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_administrator_gets_in_when_links_have_all_descriptors() {
    let mut world = World::with_partitions(&["par1"]);
    let client = client(&world);
    drop(officer_link(&world, &client));
    world.daemon.terminate();
    let mut daemon = Command::new("bash")
        .args(["-c", "ulimit -n 64; exec \"$@\"", "-", env!("CARGO_BIN_EXE_lunahsmd")])
        .args(["--name", "localhost", "--listen", &format!("127.0.0.1:{}", world.daemon.port)])
        .arg("--data")
        .arg(&world.daemon.data)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map(Limited)
        .unwrap();
    let mut said = String::new();
    BufReader::new(daemon.0.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let log = BufReader::new(daemon.0.stderr.take().unwrap());
    let (told, bound) = mpsc::channel();
    thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            if line.contains("ulimit -n") {
                let _ = told.send(line);
            }
        }
    });
    bound.recv_timeout(SOON).expect("the start says what bounds links");
    // As many as come in; what comes after them waits to be accepted.
    let mut links: Vec<Link> = Vec::new();
    while links.len() < 60 {
        let endpoint =
            lunacm::net::Endpoint { patience: Duration::from_secs(2), ..endpoint(&world) };
        let Ok(link) = Link::connect(&endpoint, client.clone()) else { break };
        if !matches!(raw(&link, &activate()), Some(Reply::Activated { .. })) {
            break;
        }
        links.push(link);
    }
    assert!((10..60).contains(&links.len()), "{}", links.len());
    world.lunash("partition list\n").ok();
    assert_eq!(ask(&links[0], &Request::Ping), Reply::Done);
    links.truncate(5);
    eventually("there is room again", || {
        let link = Link::connect(&endpoint(&world), client.clone());
        link.is_ok_and(|link| matches!(ask(&link, &activate()), Reply::Activated { .. }))
    });
}

#[test]
fn a_client_that_changes_keys_without_pause_is_slowed_down_and_no_other() {
    let (world, client, officer) = world(&[]);
    let link = Link::connect(&endpoint(&world), client.clone()).unwrap();
    assert!(matches!(ask(&link, &activate()), Reply::Activated { .. }));
    let start = Instant::now();
    for _ in 0..200 {
        link.rekey();
        assert_eq!(ask(&link, &Request::Ping), Reply::Done);
    }
    let changes = link.status().map_or(0, |status| status.epoch);
    // 128 at once, then one in 15 ms.
    let least = Duration::from_millis(15) * changes.saturating_sub(140);
    assert!(start.elapsed() >= least, "{changes} changes in {:?}", start.elapsed());
    assert!(changes > 20, "{changes}");
    let start = Instant::now();
    assert_eq!(ask(&officer, &Request::Ping), Reply::Done);
    assert!(start.elapsed() < Duration::from_secs(1));
}
