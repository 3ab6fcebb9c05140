//! SIGKILL of the daemon in the midst of generations, destructions, logins and registrations, over and
//! over. What was confirmed is there afterwards, what was destroyed stays gone, and no counter of
//! failed logins has fallen. `.ci/kills` runs this as often as it is told.

use std::{
    collections::VecDeque,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use lunacm::{
    client::Partition,
    crypto::{KeyPair, Random, SystemRandom},
    model::{
        ClientLabel, Reply, Request, Role, Status,
        cryptoki::{CryptokiRequest, ObjectHandle},
    },
};

use crate::{
    CO, PO, S, ask, connect, find, initialized, labelled, officer, pair, password, sign,
    world::{Client, World},
};

const CU: &str = "crypto-user-1";

/// How often the daemon is killed if `KILLS` does not say otherwise.
const KILLS: u32 = 50;

/// Keys and registrations that stay: the oldest behind them are destroyed.
const KEYS: usize = 24;
const CLIENTS: usize = 6;

/// Wrong passwords in a row; a tenth would lock the Crypto User out.
const GUESSES: u8 = 4;

/// One key pair that was confirmed.
struct Pair {
    label: String,
    public: ObjectHandle,
    private: ObjectHandle,
}

/// What was confirmed, and what nobody knows because the daemon died meanwhile.
#[derive(Default)]
struct Ledger {
    keys: VecDeque<Pair>,
    /// Keys of which a part was destroyed, and whether the rest was is not known.
    open: Vec<Pair>,
    gone: Vec<Pair>,
    clients: [VecDeque<ClientLabel>; 2],
    removed: Vec<ClientLabel>,
    /// The least that the Crypto User's counter may stand at.
    failures: u8,
    confirmed: [u64; 6],
    starts: Vec<Duration>,
    violations: Vec<String>,
}

const KINDS: [&str; 6] =
    ["generations", "destructions", "logins", "refusals", "registrations", "deregistrations"];

#[test]
fn what_was_confirmed_survives_any_number_of_kills() {
    let kills = std::env::var("KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let mut world = World::with_partitions(&["par1"]);
    let clients = clients(&world);
    let mut ledger = Ledger::default();
    for round in 0..kills {
        disturb(&mut world, &clients, (&mut ledger, round));
        let started = Instant::now();
        world.start_again();
        ledger.starts.push(started.elapsed());
        check(&world, &clients, (&mut ledger, round));
        if round % 50 == 49 {
            world.lunash("hsm login -password hsm-so-password\naudit clear -force\n").ok();
        }
    }
    ledger.starts.sort_unstable();
    let (last, median) = (ledger.starts.last().unwrap(), ledger.starts[ledger.starts.len() / 2]);
    let done: Vec<_> =
        KINDS.iter().zip(ledger.confirmed).map(|(k, n)| format!("{n} {k}")).collect();
    let violations = ledger.violations.len();
    println!(
        "{kills} kills; confirmed: {}; {violations} violations; start: median {median:?}, slowest {last:?}",
        done.join(", ")
    );
    assert!(ledger.violations.is_empty(), "\n{}", ledger.violations.join("\n"));
    // Logins take longest: on a busy machine few come between two kills.
    let least = u64::from(kills / 50);
    assert!(ledger.confirmed.iter().all(|done| *done >= least), "{:?}", ledger.confirmed);
}

/// Two clients of one partition, which has all roles that are needed.
fn clients(world: &World) -> [Client; 2] {
    let first = initialized(world);
    let second = world.client("client2");
    second.prepare(&world.certificate());
    let file = second.identity().display().to_string();
    first
        .lunacm(&format!(
            "role login -role po -password {PO}\n\
             stcconfig clientregister -label client2 -file {file}\n\
             role logout\n\
             role login -role co -password {CO}\n\
             role init -role cu -password initial-password\n\
             role logout\n\
             role login -role cu -password initial-password\n\
             role changepw -role cu -oldpw initial-password -newpw {CU} -force\n"
        ))
        .ok();
    let identity = world.identities().remove(0).display().to_string();
    second
        .lunacm(&format!("stc partitionregister -file {identity}\nstc enable -id 0 -force\n"))
        .ok();
    [first, second]
}

/// Works over five links of two clients until the daemon is killed under them.
fn disturb(world: &mut World, clients: &[Client; 2], (ledger, round): (&mut Ledger, u32)) {
    let mut random = [0; 1];
    SystemRandom::new().fill(&mut random).unwrap();
    // Every fourth time there is time for several logins, too.
    let least = if round % 4 == 0 { 350 } else { 5 };
    let pause = Duration::from_millis(least + u64::from(random[0]) / 2);
    let crypto = [officer(&clients[0]), officer(&clients[1])];
    let officers = [registrar(&clients[0]), registrar(&clients[1])];
    let user = connect(&clients[0]);
    let Ledger { keys, open, gone, clients: registered, removed, failures, confirmed, .. } = ledger;
    let old: Vec<_> = keys.drain(..keys.len().saturating_sub(KEYS)).collect();
    let ([mine, others], least) = (registered, *failures);
    thread::scope(|scope| {
        let [one, other] = &crypto;
        let makers = [(one, 0), (other, 1)]
            .map(|(link, worker)| scope.spawn(move || generate(link, (round, worker))));
        let destroying = scope.spawn(move || destroy(other, old));
        let guessing = scope.spawn(|| guess(&user, least));
        let registering = [(&officers[0], mine), (&officers[1], others)]
            .map(|(link, registered)| scope.spawn(move || register(link, registered)));
        thread::sleep(pause);
        world.daemon.kill();
        for maker in makers {
            let made = maker.join().unwrap();
            confirmed[0] += count(&made);
            keys.extend(made);
        }
        let (left, unknown, destroyed) = destroying.join().unwrap();
        confirmed[1] += count(&destroyed);
        open.extend(unknown);
        gone.extend(destroyed);
        for pair in left.into_iter().rev() {
            keys.push_front(pair);
        }
        let (least, right, wrong) = guessing.join().unwrap();
        (*failures, confirmed[2], confirmed[3]) =
            (least, confirmed[2] + right, confirmed[3] + wrong);
        for registering in registering {
            let (added, taken) = registering.join().unwrap();
            confirmed[4] += added;
            confirmed[5] += count(&taken);
            removed.extend(taken);
        }
    });
}

fn count<T>(all: &[T]) -> u64 {
    u64::try_from(all.len()).unwrap()
}

/// A link over which the Partition SO is logged in.
fn registrar(client: &Client) -> Arc<Partition> {
    let partition = connect(client);
    ask(&partition, &Request::Login { role: Role::PartitionSo, password: password(PO) });
    partition
}

/// Generates pairs until the link is lost: those that were confirmed.
fn generate(link: &Partition, (round, worker): (u32, u32)) -> Vec<Pair> {
    let mut made = Vec::new();
    for number in 0.. {
        let label = format!("key {round}.{worker}.{number}");
        match pair(link, labelled(&label)) {
            Ok((public, private)) => made.push(Pair { label, public, private }),
            Err(Status::DeviceRemoved) => return made,
            Err(status) => panic!("{label}: {status:?}"),
        }
    }
    made
}

/// Destroys pairs until the link is lost: those that are left, those that nobody knows of, and those
/// that are gone.
fn destroy(link: &Partition, old: Vec<Pair>) -> (VecDeque<Pair>, Vec<Pair>, Vec<Pair>) {
    let (mut left, mut gone) = (VecDeque::from(old), Vec::new());
    while let Some(pair) = left.pop_front() {
        for object in [pair.private, pair.public] {
            match link.call(&destruction(object)) {
                Ok(Reply::Done) => {}
                Err(_) => return (left, vec![pair], gone),
                other => panic!("{}: {other:?}", pair.label),
            }
        }
        gone.push(pair);
    }
    (left, Vec::new(), gone)
}

fn destruction(object: ObjectHandle) -> Request {
    Request::Cryptoki(CryptokiRequest::DestroyObject { session: S, object })
}

/// Logs the Crypto User in with wrong passwords, and with the right one before it is locked out. The
/// least that the counter may stand at, and how often either was answered.
fn guess(link: &Partition, mut least: u8) -> (u8, u64, u64) {
    let (mut right, mut wrong) = (0, 0);
    loop {
        let is_right = least >= GUESSES;
        let text = if is_right { CU } else { "not-the-password" };
        let login = Request::Login { role: Role::CryptoUser, password: password(text) };
        match link.call(&login) {
            Ok(Reply::Done) if is_right => (least, right) = (0, right + 1),
            Ok(Reply::Failed(Status::PinIncorrect)) if !is_right => {
                (least, wrong) = (least + 1, wrong + 1);
            }
            // A right one that was not answered may have set it to zero.
            Err(_) => return (if is_right { 0 } else { least }, right, wrong),
            other => panic!("{other:?}"),
        }
        if is_right && link.call(&Request::Logout).is_err() {
            return (least, right, wrong);
        }
    }
}

/// Registers and deregisters clients until the link is lost: how many were registered, and those
/// that were removed again.
fn register(link: &Partition, registered: &mut VecDeque<ClientLabel>) -> (u64, Vec<ClientLabel>) {
    let (mut added, mut removed) = (0, Vec::new());
    loop {
        if registered.len() > CLIENTS {
            let label = registered.pop_front().unwrap();
            match link.call(&Request::DeregisterClient { label: label.clone() }) {
                Ok(Reply::Done) => removed.push(label),
                Err(_) => return (added, removed),
                other => panic!("{label}: {other:?}"),
            }
        }
        let keys = KeyPair::generate(&mut SystemRandom::new()).unwrap();
        let label: ClientLabel = format!("C{:016x}", number(keys.public())).parse().unwrap();
        match link.call(&Request::RegisterClient { label: label.clone(), key: *keys.public() }) {
            Ok(Reply::Done) => registered.push_back(label),
            // Keys have taken all of the storage: some are destroyed soon, or after the kill.
            Ok(Reply::Failed(Status::DeviceMemory)) => {
                thread::sleep(Duration::from_millis(5));
                continue;
            }
            Err(_) => return (added, removed),
            other => panic!("{label}: {other:?}"),
        }
        added += 1;
    }
}

fn number(key: &[u8; 32]) -> u64 {
    key.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Compares the appliance with the ledger, after a restart.
fn check(world: &World, clients: &[Client; 2], (ledger, round): (&mut Ledger, u32)) {
    let mut wrong = Vec::new();
    let audit = world.lunash("audit verify\n");
    if !audit.text.contains("The audit log is whole") {
        wrong.push(format!("the audit log: {}", audit.text));
    }
    let partition = officer(&clients[0]);
    for Pair { label, public, private } in &ledger.keys {
        let mut found = find(&partition, label);
        found.sort_unstable();
        let mut expected = [*public, *private];
        expected.sort_unstable();
        if found != expected {
            wrong.push(format!("{label} was confirmed: {found:?}"));
        } else if let Err(status) = sign(&partition, *private) {
            wrong.push(format!("{label} does not sign: {status:?}"));
        }
    }
    for Pair { label, .. } in ledger.gone.drain(..) {
        if !find(&partition, &label).is_empty() {
            wrong.push(format!("{label} was destroyed, and is there"));
        }
    }
    // Whatever came of these, the next rounds go on without them.
    for pair in ledger.open.drain(..) {
        for object in find(&partition, &pair.label) {
            let _ = partition.call(&destruction(object));
        }
        ledger.gone.push(pair);
    }
    // The partition's storage is bounded.
    while ledger.keys.len() > 2 * KEYS {
        let Some(pair) = ledger.keys.pop_front() else { break };
        for object in [pair.private, pair.public] {
            match partition.call(&destruction(object)) {
                Ok(Reply::Done) => {}
                other => wrong.push(format!("{} is not destroyed: {other:?}", pair.label)),
            }
        }
        ledger.confirmed[1] += 1;
        ledger.gone.push(pair);
    }
    check_clients(&clients[0], ledger, &mut wrong);
    match partition.call(&Request::DescribeRole { role: Role::CryptoUser }) {
        Ok(Reply::Role(info)) => {
            let failures = 10 - info.attempts_left;
            if failures < ledger.failures {
                wrong.push(format!("counter {failures}, {} counted", ledger.failures));
            }
            ledger.failures = failures;
            if failures > GUESSES {
                // What a killed daemon had counted stays counted: it is not to lock the role out.
                let user = connect(&clients[0]);
                ask(&user, &Request::Login { role: Role::CryptoUser, password: password(CU) });
                ledger.failures = 0;
            }
        }
        other => wrong.push(format!("{other:?}")),
    }
    ledger.violations.extend(wrong.into_iter().map(|what| format!("round {round}: {what}")));
}

fn check_clients(client: &Client, ledger: &mut Ledger, wrong: &mut Vec<String>) {
    let officer = registrar(client);
    let Ok(Reply::Clients(found)) = officer.call(&Request::Clients) else {
        wrong.push("the clients cannot be listed".to_owned());
        return;
    };
    let known = |label: &ClientLabel| found.iter().any(|client| client.label == *label);
    for label in ledger.clients.iter().flatten().filter(|label| !known(label)) {
        wrong.push(format!("{label} was registered"));
    }
    for label in ledger.removed.drain(..).filter(|label| known(label)) {
        wrong.push(format!("{label} was removed, and is there"));
    }
    // What was in flight is not in the ledger.
    let ours = |label: &ClientLabel| label.to_string().starts_with("client");
    let kept: Vec<_> = ledger.clients.iter().flatten().collect();
    for stray in found.iter().map(|found| &found.label) {
        if !ours(stray) && !kept.contains(&stray) {
            let _ = officer.call(&Request::DeregisterClient { label: stray.clone() });
        }
    }
}
