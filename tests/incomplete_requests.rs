//! Requests of which the rest does not come: how much of them is kept, how long, and what whoever
//! goes beyond it hears.

#![allow(clippy::unwrap_used, reason = "a test's own mistakes may panic")]

mod bare_client;
mod world;

use std::{thread, time::Duration};

use bare_client::{BareLink, client, resident};
use lunacm::{
    channel::MAXIMUM_CHUNK_BYTES,
    model::{Reply, Request, Status},
};
use world::{World, eventually};

/// Full parts of a request that is nearly as large as a request may be.
const PARTS: usize = 63;
const MIB: usize = 1 << 20;

/// What follows a request in parts: it came whole, and is none.
const WHOLE: Reply = Reply::Failed(Status::ArgumentsBad);
const REFUSED: Reply = Reply::Failed(Status::DeviceMemory);

#[test]
fn the_incomplete_requests_of_all_links_share_a_bounded_memory() {
    let world = World::with_partitions_and(&["par1"], &["--max-request-memory", "16"]);
    let client = client(&world);
    let mut links: Vec<_> = (0..12).map(|_| BareLink::activated(&world, &client)).collect();
    let before = resident(world.daemon.process());
    for link in &mut links {
        link.send_incomplete(1, PARTS).unwrap();
        link.send_incomplete(2, PARTS).unwrap();
        // An answer says that the daemon has taken in what came before.
        assert_eq!(link.ask(3, &Request::Ping).unwrap(), Reply::Done);
    }
    let grown = resident(world.daemon.process()).saturating_sub(before);
    assert!(grown < 40 * MIB, "{} MiB more for 96 MiB of incomplete requests", grown / MIB);

    // Who had room has it, who had none is told so, and both links go on.
    links[0].complete(1, PARTS).unwrap();
    assert_eq!(links[0].reply(1).unwrap(), WHOLE);
    links[11].complete(2, PARTS).unwrap();
    assert_eq!(links[11].reply(2).unwrap(), REFUSED);
    world.daemon.logs("a request in parts was refused");
    assert_eq!(links[11].ask(3, &Request::Ping).unwrap(), Reply::Done);
    let mut last = links.pop().unwrap();
    drop(links);
    eventually("there is room again", || {
        last.send(5, &vec![0xff; 2 * MIB]).unwrap();
        last.reply(5).unwrap() == WHOLE
    });
}

#[test]
fn a_link_with_all_that_one_may_have_goes_on() {
    let world = World::with_partitions(&["par1"]);
    let mut link = BareLink::activated(&world, &client(&world));
    link.send_incomplete(1, PARTS).unwrap();
    link.send_incomplete(2, PARTS).unwrap();
    link.send_incomplete(3, PARTS).unwrap();
    assert_eq!(link.ask(4, &Request::Ping).unwrap(), Reply::Done);
    // What comes in one part takes nobody's room.
    link.send(5, &vec![0xff; MAXIMUM_CHUNK_BYTES]).unwrap();
    assert_eq!(link.reply(5).unwrap(), WHOLE);
    link.complete(3, PARTS).unwrap();
    assert_eq!(link.reply(3).unwrap(), REFUSED);
    for id in [1, 2] {
        link.complete(id, PARTS).unwrap();
        assert_eq!(link.reply(id).unwrap(), WHOLE);
    }
    link.send(3, &vec![0xff; 4 * MIB]).unwrap();
    assert_eq!(link.reply(3).unwrap(), WHOLE);
}

#[test]
fn before_its_activation_a_link_has_one_part() {
    let world = World::with_partitions(&["par1"]);
    let mut link = BareLink::connect(&world, &client(&world));
    // The link ends, at the latest with what is sent next.
    let _ = link.send_incomplete(1, 2);
    assert!(link.reply(1).is_err());
    world.daemon.logs("a request before its activation did not come in one part");

    // What is sent right behind the activation waits for it.
    let client = client(&world);
    let mut link = BareLink::connect(&world, &client);
    link.send(1, &lunacm::wire::encode(&bare_client::activate()).unwrap()).unwrap();
    link.send(2, &vec![0xff; 3 * MAXIMUM_CHUNK_BYTES]).unwrap();
    assert!(matches!(link.reply(1).unwrap(), Reply::Activated { .. }));
    assert_eq!(link.reply(2).unwrap(), WHOLE);
}

#[test]
fn what_does_not_come_in_full_in_time_ends_the_link() {
    let world = World::with_partitions_and(&["par1"], &["--transfer-timeout", "2"]);
    let client = client(&world);
    let mut other = BareLink::activated(&world, &client);
    let mut link = BareLink::activated(&world, &client);
    link.send_incomplete(1, 3).unwrap();
    // Nothing else that is said over the link saves it.
    eventually("the link is ended", || {
        thread::sleep(Duration::from_millis(50));
        link.ask(2, &Request::Ping).is_err()
    });
    world.daemon.logs("a request in parts did not come in full in time");
    // One that says nothing more is found as well.
    let mut silent = BareLink::activated(&world, &client);
    silent.send_incomplete(1, 3).unwrap();
    assert!(silent.reply(1).is_err());
    assert_eq!(other.ask(1, &Request::Ping).unwrap(), Reply::Done);
}
