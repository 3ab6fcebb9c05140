//! How much the listener takes on, and what whoever goes beyond it hears.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod bare_client;
mod starving;
mod world;

use std::{
    io::{ErrorKind, Read},
    net::TcpStream,
    thread,
    time::Duration,
};

use bare_client::{Bare, BareLink, activate, ask, client, endpoint, first_message};
use lunacm::{
    channel::{Answer, COOKIE_BYTES, InitiatorConfig},
    client::{Application, home::Home},
    model::{Password, Reply, Request, Role, Status, StcChange},
    net::Link,
    wire::{decode, encode},
};
use world::{PO, World, eventually};

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
fn an_appliance_with_too_many_links_says_so() {
    let world = World::with_partitions_and(&["par1", "par2"], &["--max-links", "1"]);
    let [first, second] = ["client1", "client2"].map(|name| world.client(name));
    first.prepare(&world.certificate());
    second.prepare(&world.certificate());
    let slots = |client: &world::Client, at: usize| {
        let identity = world.identities().remove(at);
        let register = format!("stc partitionregister -file {}\n", identity.display());
        client.lunacm(&format!("{register}stc enable -id 0 -force\nslot list\nstc status\n"))
    };
    slots(&first, 0).ok().has("Connected");
    // Whose link it is that there is no room beside does not matter.
    let held = Application::new(Home::at(&first.home));
    held.refresh().unwrap();
    slots(&second, 1).lacks("Connected").has("CKR_SESSION_COUNT").has("--max-links");
    world.daemon.logs("the appliance has 1 links, which is its limit");
    held.close();
    drop(held);
    eventually("there is room again", || slots(&second, 1).text.contains("Connected"));
}

/// Whoever holds the appliance's TLS key can repeat a client's first messages, and no more.
#[test]
fn links_that_nobody_has_activated_take_nobodys_place() {
    let limits = ["--max-links-per-client", "1", "--max-links", "1"];
    let world = World::with_partitions_and(&["par1"], &limits);
    let client = client(&world);
    let waiting: Vec<_> = (0..3).map(|_| BareLink::connect(&world, &client)).collect();
    let link = Link::connect(&endpoint(&world), client.clone()).unwrap();
    let reply = ask(&link, &activate());
    assert!(matches!(reply, Reply::Activated { .. }), "{reply:?}");
    for mut late in waiting {
        assert_eq!(late.ask(1, &activate()).unwrap(), Reply::Failed(Status::SessionCount));
        assert!(late.ask(2, &activate()).is_err(), "it ends");
    }
    assert_eq!(ask(&link, &Request::Ping), Reply::Done);
    drop(link);
    eventually("its place is free", || {
        let reply = BareLink::connect(&world, &client).ask(1, &activate());
        matches!(reply, Ok(Reply::Activated { .. }))
    });
}

#[test]
fn of_links_that_come_at_the_same_time_as_many_come_up_as_there_is_room_for() {
    let world = World::with_partitions_and(&["par1"], &["--max-links-per-client", "2"]);
    let client = client(&world);
    for _ in 0..10 {
        let mut links: Vec<_> = (0..6).map(|_| BareLink::connect(&world, &client)).collect();
        for link in &mut links {
            link.send(1, &encode(&activate()).unwrap()).unwrap();
        }
        let replies: Vec<_> = links.iter_mut().map(|link| link.reply(1).unwrap()).collect();
        let up = replies.iter().filter(|reply| matches!(reply, Reply::Activated { .. })).count();
        assert_eq!(up, 2, "{replies:?}");
        drop(links);
        eventually("their places are free", || {
            world.lunash("partition show -partition par1\n").value("Live Links:") == "0"
        });
    }
}

#[test]
fn a_link_that_is_not_activated_in_time_ends() {
    let world = World::with_partitions(&["par1"]);
    let client = client(&world);
    let link = officer_link(&world, &client);
    let change = Request::ChangeStcSettings(StcChange::ActivationTimeout(2));
    assert_eq!(ask(&link, &change), Reply::Done);
    let mut silent = BareLink::connect(&world, &client);
    assert!(silent.reply(1).is_err(), "it ends");
    world.daemon.logs("it was not activated in time");
    // One that is up may be silent for longer.
    assert_eq!(ask(&link, &Request::Ping), Reply::Done);
}

/// What comes of a request; none if the link ended.
fn raw(link: &Link, request: &Request) -> Option<Reply> {
    decode(&link.call(&encode(request).unwrap()).ok()?).ok()
}

/// A link of the Partition SO, who is logged in.
fn officer_link(world: &World, client: &InitiatorConfig) -> Link {
    let link = Link::connect(&endpoint(world), client.clone()).unwrap();
    assert!(matches!(ask(&link, &activate()), Reply::Activated { .. }));
    let password = || Password::new(PO.into());
    let initialize = Request::Initialize {
        label: "par1".parse().unwrap(),
        password: password(),
        domain: Some(Password::new("dom".into())),
        domain_label: None,
        policies: Vec::new(),
    };
    let login = Request::Login { role: Role::PartitionSo, password: password() };
    for request in [initialize, login] {
        assert_eq!(ask(&link, &request), Reply::Done);
    }
    link
}

/// Two officers change different settings at the same time: live links end up with both.
#[test]
fn live_links_hear_of_the_last_settings_last() {
    let world = World::with_partitions(&["par1"]);
    let client = client(&world);
    let officer = officer_link(&world, &client);
    let observers: Vec<_> = (0..40)
        .map(|_| {
            let link = Link::connect(&endpoint(&world), client.clone()).unwrap();
            assert!(matches!(ask(&link, &activate()), Reply::Activated { .. }));
            link
        })
        .collect();
    for round in 0..100 {
        let (threshold, window) = (1 + round, 100 + round);
        let changes = [StcChange::RekeyThreshold(threshold), StcChange::ReplayWindow(window)];
        thread::scope(|scope| {
            for change in changes {
                let officer = &officer;
                scope.spawn(move || {
                    let reply = ask(officer, &Request::ChangeStcSettings(change));
                    assert_eq!(reply, Reply::Done);
                });
            }
        });
        for link in &observers {
            // What was said to the link before comes before the reply.
            assert_eq!(ask(link, &Request::Ping), Reply::Done);
            let settings = link.status().unwrap().settings;
            let now = (settings.limits.messages, settings.window);
            let expected = (u64::from(threshold) * 1_000_000, window.try_into().unwrap());
            assert_eq!(now, expected, "round {round}");
        }
    }
}

/// By hand: what is demanded, what is accepted and what is not.
#[test]
fn under_pressure_a_first_message_has_to_come_with_a_cookie() {
    const DEMAND: u8 = 5;
    const WITH_COOKIE: u8 = 6;
    let world = World::with_partitions_and(&["par1"], &["--max-half-open", "8"]);
    let client = client(&world);
    let ask = |message: &[u8]| {
        let mut bare = Bare::connect(&world);
        bare.send(message).unwrap();
        (bare.receive().unwrap(), bare)
    };
    let (awaiting, message) = first_message(&client);
    let (answer, mut bare) = ask(&message);
    assert!(matches!(awaiting.receive(&answer).unwrap(), Answer::Established(_)));
    bare.send(b"no record").unwrap();
    assert!(!world.daemon.log().contains("a cookie is demanded"));
    drop(bare);

    let strangers: Vec<_> =
        (0..6).map(|_| TcpStream::connect(("127.0.0.1", world.daemon.port)).unwrap()).collect();
    let (awaiting, message) = first_message(&client);
    let (demand, _) = ask(&message);
    assert_eq!((demand[0], demand.len()), (DEMAND, 1 + COOKIE_BYTES), "{demand:?}");
    world.daemon.logs("a cookie is demanded");
    let with = |cookie: &[u8], message: &[u8]| [&[WITH_COOKIE], cookie, message].concat();
    // Neither a wrong cookie nor one of another message is good for anything but another demand.
    let mut wrong = demand[1..].to_vec();
    wrong[0] ^= 1;
    assert_eq!(ask(&with(&wrong, &message)).0[0], DEMAND);
    let (_, other) = first_message(&client);
    assert_eq!(ask(&with(&demand[1..], &other)).0[0], DEMAND);
    let (answer, _bare) = ask(&with(&demand[1..], &message));
    assert!(matches!(awaiting.receive(&answer).unwrap(), Answer::Established(_)));
    drop(strangers);
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
    world.daemon.logs("a cookie is demanded");
    world.daemon.logs("too many connections are in handshakes");
    flood.push(stranger());
    drop(flood);
    client.lunacm("stc status\n").ok().has("Connected");
}

/// A connection from this address of the machine's own.
fn stranger_from(address: &str, port: u16) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let connected = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
        socket.connect(([127, 0, 0, 1], port).into()).await.unwrap()
    });
    let stranger = connected.into_std().unwrap();
    stranger.set_nonblocking(false).unwrap();
    stranger.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stranger
}

#[test]
fn a_source_that_floods_pushes_out_itself() {
    let limits = ["--max-half-open", "100", "--max-half-open-per-source", "10"];
    let world = World::with_partitions_and(&["par1"], &limits);
    let mut other = stranger_from("127.0.0.2", world.daemon.port);
    let mut flood: Vec<_> =
        (0..30).map(|_| stranger_from("127.0.0.3", world.daemon.port)).collect();
    // Both read nothing before they have said something: an end is all that can come.
    let newest = flood.split_off(20);
    for mut oldest in flood {
        let read = oldest.read(&mut [0; 1]);
        let is_ended = match &read {
            Ok(count) => *count == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        };
        assert!(is_ended, "{read:?}");
    }
    for stranger in newest.iter().chain([&other]) {
        stranger.set_nonblocking(true).unwrap();
    }
    for mut stranger in newest {
        assert_eq!(stranger.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    }
    assert_eq!(other.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// Otherwise whoever completes a handshake could keep a link that no limit has seen.
#[test]
fn a_link_whose_first_request_does_not_activate_it_ends() {
    let world = World::with_partitions(&["par1"]);
    let (endpoint, config) = (endpoint(&world), client(&world));
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
