//! Changes of keys on a link to a real daemon that many threads use: nothing is lost, nothing is
//! executed twice.

#![allow(clippy::unwrap_used, reason = "a test")]

mod world;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use lunacm::{
    model::{Password, Reply, Request, Role},
    net::Link,
    wire::{decode, encode},
};
use world::{PO, World};

const THREADS: usize = 16;
const PINGS: usize = 150;
/// Each of as many threads registers as many clients: requests that must not be repeated.
const REGISTRARS: usize = 4;
const CLIENTS: usize = 8;
const CHANGES: u32 = 25;

#[test]
fn requests_in_flight_survive_changes_of_keys() {
    let world = World::with_partitions(&["par1"]);
    let link = link(&world);
    for request in [
        Request::Activate { client: "client1".parse().unwrap() },
        Request::Initialize {
            label: "par1".parse().unwrap(),
            password: password(),
            domain: Some(Password::new("dom".into())),
            domain_label: None,
            policies: Vec::new(),
        },
        Request::Login { role: Role::PartitionSo, password: password() },
    ] {
        assert!(!matches!(ask(&link, &request), Reply::Failed(_)), "{request:?}");
    }

    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (link, answered) = (&link, &answered);
        for _ in 0..THREADS {
            scope.spawn(move || {
                for _ in 0..PINGS {
                    assert_eq!(ask(link, &Request::Ping), Reply::Done);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for thread in 0..REGISTRARS {
            scope.spawn(move || {
                for client in 0..CLIENTS {
                    let label = format!("c{thread}-{client}").parse().unwrap();
                    let key = [u8::try_from(1 + thread * CLIENTS + client).unwrap(); 32];
                    let registered = ask(link, &Request::RegisterClient { label, key });
                    assert_eq!(registered, Reply::Done);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // One change after the other, each while all the others go on.
        for change in 0..CHANGES {
            let before = epoch(link);
            link.rekey();
            while epoch(link) == before {
                assert_eq!(ask(link, &Request::Ping), Reply::Done, "change {change}");
            }
        }
    });
    assert_eq!(answered.into_inner(), THREADS * PINGS + REGISTRARS * CLIENTS);
    assert!(epoch(&link) >= CHANGES);

    let Reply::Clients(clients) = ask(&link, &Request::Clients) else { panic!("no clients") };
    assert_eq!(clients.len(), 1 + REGISTRARS * CLIENTS);
    let status = link.status().unwrap();
    assert_eq!((status.replayed, status.old_keys), (0, false));
}

fn link(world: &World) -> Link {
    Link::connect(&world.endpoint(), world.stranger()).unwrap()
}

fn ask(link: &Link, request: &Request) -> Reply {
    decode(&link.call(&encode(request).unwrap()).unwrap()).unwrap()
}

fn epoch(link: &Link) -> u32 {
    link.status().unwrap().epoch
}

fn password() -> Password {
    Password::new(PO.into())
}
