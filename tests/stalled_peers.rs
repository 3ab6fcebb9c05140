//! Ends of links that stop reading: nobody else notices, and nothing grows.

#![allow(clippy::unwrap_used, reason = "a test's own mistakes may panic")]

mod bare_client;
mod world;

use std::{
    io,
    process::{self, Command},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use bare_client::{BareLink, activate, ask, client, endpoint, resident};
use lunacm::{
    model::{Reply, Request},
    net::{Endpoint, Link, LinkError},
    wire::encode,
};
use world::{PATIENCE, World};

const MIB: usize = 1 << 20;

/// Sends requests whose replies nobody reads until the appliance takes no more of them; tells how.
fn fill(link: &mut BareLink) -> io::ErrorKind {
    link.bare.write_within(Duration::from_secs(2));
    let ping = encode(&Request::Ping).unwrap();
    for number in 1..2_000_000 {
        if let Err(error) = link.send(number, &ping) {
            return error.kind();
        }
    }
    panic!("the appliance reads on although nobody takes its replies");
}

#[test]
fn a_client_that_reads_nothing_costs_the_appliance_little() {
    let mut world = World::with_partitions(&["par1"]);
    let config = client(&world);
    let other = Link::connect(&endpoint(&world), config.clone()).unwrap();
    assert!(matches!(ask(&other, &activate()), Reply::Activated { .. }));
    let mut links: Vec<_> = (0..2).map(|_| BareLink::activated(&world, &config)).collect();
    let before = resident(world.daemon.process());
    for link in &mut links {
        assert_eq!(fill(link), io::ErrorKind::WouldBlock);
        assert_eq!(ask(&other, &Request::Ping), Reply::Done);
    }
    let grown = resident(world.daemon.process()).saturating_sub(before);
    assert!(grown < 16 * MIB, "{} MiB more for two links", grown / MIB);
    // It hears of its end all the same.
    assert!(world.daemon.terminate().success());
    drop(links);
}

#[test]
fn a_client_that_takes_no_replies_is_ended() {
    let world = World::with_partitions_and(&["par1"], &["--transfer-timeout", "2"]);
    let config = client(&world);
    let mut link = BareLink::activated(&world, &config);
    fill(&mut link);
    world.daemon.logs("the peer takes no replies");
    assert_eq!(BareLink::activated(&world, &config).ask(1, &Request::Ping).unwrap(), Reply::Done);
}

/// The appliance's system goes on taking bytes for a while, then nobody does.
#[test]
fn an_appliance_that_stops_reading_keeps_no_caller_for_ever() {
    const CALLERS: usize = 256;
    let world = World::with_partitions(&["par1"]);
    let endpoint = Endpoint { patience: Duration::from_secs(4), ..endpoint(&world) };
    let config = client(&world);
    let link = Link::connect(&endpoint, config.clone()).unwrap();
    assert!(matches!(ask(&link, &activate()), Reply::Activated { .. }));
    let signal = |name: &str| {
        let id = world.daemon.process().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    };
    // Together 30 MiB, more than the sockets hold.
    let request = vec![0xff; 120 * 1024];
    let before = resident(process::id());
    signal("-STOP");
    let (sender, outcomes) = mpsc::channel();
    let (mut heard, mut most) = (Vec::new(), 0);
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            let (sender, link, request) = (sender.clone(), &link, &request);
            scope.spawn(move || sender.send(link.call(request)).unwrap());
        }
        let started = Instant::now();
        while heard.len() < CALLERS && started.elapsed() < PATIENCE {
            heard.extend(outcomes.recv_timeout(Duration::from_millis(20)));
            most = most.max(resident(process::id()));
        }
        // Whoever still waits hears of this end.
        link.close();
        signal("-CONT");
    });
    assert_eq!(heard.len(), CALLERS, "some wait for ever");
    assert!(heard.iter().all(Result::is_err));
    assert!(heard.contains(&Err(LinkError::NotSent)));
    let grown = most.saturating_sub(before);
    assert!(grown < 20 * MIB, "{} MiB more", grown / MIB);
    let again = Link::connect(&endpoint, config).unwrap();
    assert!(matches!(ask(&again, &activate()), Reply::Activated { .. }));
}
