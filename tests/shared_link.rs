//! One link, hundreds of threads, and a daemon that dies in between: nothing is done twice, and
//! everybody hears what became of the request, or that nobody can know.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod world;

use std::{
    collections::HashSet,
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use lunacm::{
    client::{Application, ApplicationSlot, AskError, Partition, home::Home},
    crypto::KeyPair,
    model::{Password, Reply, Request, Role, Status},
    net::LinkError,
};
use world::{Client, Daemon, World, eventually};

const PO: &str = "partition-so-1";
const THREADS: usize = 200;

/// What a caller heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Done,
    NotDone,
    Open,
}

fn slot(client: &Client) -> (Application, ApplicationSlot) {
    client.lunacm(&format!("partition init -label par1 -password {PO} -domain dom -force\n")).ok();
    let application = Application::new(Home::at(&client.home));
    application.refresh().unwrap();
    let slot = application.slots().remove(0);
    (application, slot)
}

fn login(partition: &Partition) {
    let password = Password::new(PO.to_owned());
    let reply = partition.call(&Request::Login { role: Role::PartitionSo, password });
    assert_eq!(reply.unwrap(), Reply::Done);
}

/// Registers a client that exists nowhere else; to do so twice is an error.
fn register(partition: &Partition, connection: u64, number: usize) -> Heard {
    let mut secret = [0x55; 32];
    secret[..8].copy_from_slice(&number.to_be_bytes());
    let key = *KeyPair::from_secret(&secret).public();
    let label = format!("other{number}").parse().unwrap();
    match partition.call_on(connection, &Request::RegisterClient { label, key }) {
        Ok(Reply::Done) => Heard::Done,
        // A partition has room for some 130 clients.
        Ok(Reply::Failed(Status::UserNotLoggedIn | Status::DeviceMemory))
        | Err(AskError::Reconnected | AskError::Unanswered(LinkError::NotSent)) => Heard::NotDone,
        Err(AskError::Unanswered(LinkError::Closed | LinkError::Timeout)) => Heard::Open,
        other => panic!("client {number}: {other:?}"),
    }
}

fn registered(partition: &Partition) -> HashSet<String> {
    match partition.call(&Request::Clients).unwrap() {
        Reply::Clients(clients) => {
            clients.into_iter().map(|client| client.label.to_string()).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_dying_daemon_leaves_no_doubt_that_is_not_told() {
    let mut world = World::with_partitions(&["par1"]);
    let client = world.connected("client1");
    let (_application, slot) = slot(&client);
    let partition = slot.partition;
    login(&partition);
    for round in 0..3 {
        let connection = partition.connection();
        let confirmed = Arc::new(AtomicUsize::new(0));
        let start = Arc::new(Barrier::new(THREADS + 1));
        let callers: Vec<_> = (0..THREADS)
            .map(|caller| {
                let (partition, confirmed) = (partition.clone(), confirmed.clone());
                let start = start.clone();
                thread::spawn(move || {
                    start.wait();
                    let number = round * THREADS + caller;
                    let heard = register(&partition, connection, number);
                    confirmed.fetch_add(usize::from(heard == Heard::Done), Ordering::Relaxed);
                    (number, heard)
                })
            })
            .collect();
        start.wait();
        eventually("some are confirmed", || confirmed.load(Ordering::Relaxed) > 10 + 10 * round);
        world.daemon.kill();
        let heard: Vec<_> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
        world.daemon = Daemon::start(&world.daemon.data.clone(), world.daemon.port);

        // The back-off after failed attempts may still last.
        eventually("the link comes back", || partition.call(&Request::Ping).is_ok());
        assert!(partition.connection() > connection);
        login(&partition);
        let there = registered(&partition);
        for (number, heard) in heard {
            let is_there = there.contains(&format!("other{number}"));
            assert!(heard != Heard::Done || is_there, "{number} was confirmed and is lost");
            assert!(heard != Heard::NotDone || !is_there, "{number} was done against its word");
        }
        for label in there.iter().filter(|label| label.starts_with("other")) {
            let label = label.parse().unwrap();
            let reply = partition.call(&Request::DeregisterClient { label });
            assert_eq!(reply.unwrap(), Reply::Done);
        }
    }
}

#[test]
fn requests_for_a_lost_connection_are_not_sent() {
    let mut world = World::with_partitions(&["par1"]);
    let client = world.connected("client1");
    let (application, slot) = slot(&client);
    let partition = slot.partition;
    login(&partition);
    let connection = partition.connection();
    world.restart_after_kill();
    eventually("the link comes back", || partition.call(&Request::Ping).is_ok());
    assert_eq!(register(&partition, connection, 1), Heard::NotDone);
    assert_eq!(partition.call(&Request::Clients).unwrap(), Reply::Failed(Status::UserNotLoggedIn));
    let before = partition.connection();
    application.close();
    assert!(matches!(
        partition.call_on(before, &Request::Ping),
        Err(AskError::Unanswered(LinkError::NotSent | LinkError::Closed))
    ));
}

#[test]
fn a_daemon_that_is_away_fails_calls_at_once() {
    let mut world = World::with_partitions(&["par1"]);
    let client = world.connected("client1");
    let (_application, slot) = slot(&client);
    world.daemon.kill();
    for _ in 0..20 {
        let failed = slot.partition.call(&Request::Describe);
        assert!(matches!(failed, Err(AskError::Lost(_))), "{failed:?}");
    }
}
