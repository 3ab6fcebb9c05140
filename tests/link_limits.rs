//! How much the listener takes on, and what whoever goes beyond it hears.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod world;

use std::{io::Read, net::TcpStream, time::Duration};

use lunacm::{
    channel::{InitiatorConfig, Suite},
    client::{Application, certificate::ServerCertificate, home::Home, identity_file},
    crypto::{KeyPair, SystemRandom},
    model::{Reply, Request, Status},
    net::{Endpoint, Link},
    wire::{decode, encode},
};
use world::{World, eventually};

#[test]
fn a_client_with_too_many_links_is_told() {
    let world = World::with_partitions_and(&["par1", "par2"], &["--max-links-per-client", "1"]);
    let client = world.connected("client1");
    let second = world.identities().remove(1);
    let shown = client.lunacm(&format!(
        "stc partitionregister -file {}\nslot list\nstc status\n",
        second.display()
    ));
    shown.has("has as many links as it may have").has("--max-links-per-client").has("Connected");
    world.daemon.logs("the limit for one");
}

#[test]
fn silent_links_are_ended_and_come_back() {
    let world = World::with_partitions_and(&["par1"], &["--idle-timeout", "2"]);
    let client = world.connected("client1");
    let application = Application::new(Home::at(&client.home));
    application.refresh().unwrap();
    let partition = application.slots().remove(0).partition;
    eventually("the link is ended", || {
        world.daemon.log().contains("an idle link is ended") && !partition.is_up()
    });
    // What may not be repeated is sent once, over a new link.
    let leave = partition.call(&Request::Logout);
    assert!(matches!(leave, Ok(Reply::Failed(Status::UserNotLoggedIn))), "{leave:?}");
    assert_eq!(partition.connection(), 1);
}

#[test]
fn strangers_that_say_nothing_keep_nobody_out() {
    let limits = ["--max-half-open", "40", "--max-half-open-per-source", "40"];
    let world = World::with_partitions_and(&["par1"], &limits);
    let stranger = || TcpStream::connect(("127.0.0.1", world.daemon.port)).unwrap();
    let mut flood: Vec<_> = (0..200).map(|_| stranger()).collect();
    // The oldest have been pushed out; the newest are still borne with.
    let mut oldest = &flood[0];
    oldest.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert!(matches!(oldest.read(&mut [0; 1]), Ok(0) | Err(_)));
    let client = world.connected("client1");
    // Under this pressure the client was asked for a cookie on its way.
    client.lunacm("stc status\n").ok().has("Connected");
    world.daemon.logs("too many connections are in handshakes");
    flood.push(stranger());
    drop(flood);
    client.lunacm("stc status\n").ok().has("Connected");
}

/// Otherwise whoever completes a handshake could keep a link that no limit has seen.
#[test]
fn a_link_whose_first_request_does_not_activate_it_ends() {
    let world = World::with_partitions(&["par1"]);
    let partition = identity_file::read_partition(&world.identities()[0]).unwrap();
    let endpoint = Endpoint {
        host: "localhost".to_owned(),
        port: world.daemon.port,
        certificate: ServerCertificate::read(&world.certificate()).unwrap().der().clone(),
        patience: Duration::from_secs(20),
    };
    let config = InitiatorConfig {
        identity: KeyPair::generate(&mut SystemRandom::new()).unwrap(),
        partition: partition.key,
        serial: partition.serial.value(),
        suites: Suite::ALL.to_vec(),
    };
    for (request, status) in [
        (vec![0xff; 2], Status::ArgumentsBad),
        (Vec::new(), Status::ArgumentsBad),
        (encode(&Request::Ping).unwrap().to_vec(), Status::StcSessionInvalid),
    ] {
        let link = Link::connect(&endpoint, config.clone()).unwrap();
        let reply: Reply = decode(&link.call(&request).unwrap()).unwrap();
        assert_eq!(reply, Reply::Failed(status), "{request:?}");
        eventually("the link is ended", || link.call(&request).is_err());
    }
    let shown = world.lunash("partition show -partition par1\n");
    assert_eq!(shown.value("Registered STC Clients:"), "0");
}
