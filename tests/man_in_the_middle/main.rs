//! Somebody in the middle who has broken TLS: a process with the appliance's own TLS key, which
//! sees every message of the channel and flips, repeats, holds, swaps, splices and replays them.
//! The daemon is the real one, and so is the client's link.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod middle;
mod plan;
mod program;
#[path = "../world/mod.rs"]
mod world;

use std::{thread, time::Duration};

use lunacm::{
    model::{Reply, Request, Role, Status},
    net::{Link, LinkError},
    wire::{decode, encode},
};
use middle::{Middle, activate, ask, attempts_left, initialize, login};
use plan::{Plan, Way};
use world::{Client, PO};

#[test]
fn no_flipped_byte_is_accepted() {
    let middle = Middle::new();
    let (link, port) = middle.watched(Plan::Honest);
    drop(link.unwrap());
    for (way, size) in middle.seen(port).iter().map(|seen| (seen.way, seen.frame.len())) {
        // Both ends of each message, and samples of the long key or ciphertext between them.
        for byte in (0..size).filter(|byte| *byte < 64 || byte % 16 == 0 || byte + 64 > size) {
            let link = middle.link(Plan::Flip { way, number: 0, byte, mask: 1 << (byte % 8) });
            assert!(link.is_err(), "handshake {way:?}, byte {byte}");
        }
    }
    assert_eq!(middle.shown("Registered STC Clients:"), "0");

    let way = Way::ToPartition;
    for byte in 0..record_size(&middle, way) {
        let link = middle.link(Plan::Flip { way, number: 1, byte, mask: 0x80 }).unwrap();
        assert!(ask(&link, &Request::Ping).is_err(), "request, byte {byte}");
    }
    let way = Way::ToClient;
    for byte in 0..record_size(&middle, way) {
        let link = middle.link(Plan::Flip { way, number: 1, byte, mask: 0x01 }).unwrap();
        assert!(ask(&link, &Request::Ping).is_err(), "reply, byte {byte}");
        assert!(link.is_closed());
    }
    assert_eq!(middle.shown("Registered STC Clients:"), "0");
}

/// The size of the first record of a link that asks for a sign of life; an unactivated link
/// answers with a refusal.
fn record_size(middle: &Middle, way: Way) -> usize {
    let (link, port) = middle.watched(Plan::Honest);
    let refused = ask(&link.unwrap(), &Request::Ping).unwrap();
    assert_eq!(refused, Reply::Failed(Status::StcSessionInvalid));
    let seen = middle.seen(port);
    seen.iter().filter(|seen| seen.way == way).nth(1).unwrap().frame.len()
}

#[test]
fn a_repeated_request_is_executed_once() {
    let middle = Middle::new();
    // Frames to the partition: handshake, activation, initialization, login.
    let link = middle.link(Plan::Repeat { way: Way::ToPartition, number: 3 }).unwrap();
    activate(&link);
    initialize(&link);
    let wrong = ask(&link, &login("wrong-password"));
    assert_eq!(wrong, Ok(Reply::Failed(Status::PinIncorrect)));
    assert_eq!(attempts_left(&link), 9, "one wrong password was sent");
    middle.world.daemon.logs("a replayed record was refused");
}

#[test]
fn a_repeated_reply_is_delivered_once() {
    let middle = Middle::new();
    let link = middle.link(Plan::Repeat { way: Way::ToClient, number: 1 }).unwrap();
    activate(&link);
    assert_eq!(ask(&link, &Request::Ping), Ok(Reply::Done));
    assert_eq!(link.status().unwrap().replayed, 1);
}

#[test]
fn swapped_requests_are_both_answered() {
    let middle = Middle::new();
    // The third frame waits for the fourth.
    let plan = Plan::Hold { way: Way::ToPartition, number: 2, until: Some(3) };
    let link = middle.link(plan).unwrap();
    activate(&link);
    let role = Request::DescribeRole { role: Role::CryptoUser };
    thread::scope(|scope| {
        let first = scope.spawn(|| ask(&link, &role));
        let second = scope.spawn(|| ask(&link, &Request::Describe));
        let first = first.join().unwrap();
        assert!(matches!(first, Ok(Reply::Role(role)) if role.role == Role::CryptoUser));
        assert!(matches!(second.join().unwrap(), Ok(Reply::Partition(_))));
    });
}

/// Its parts authenticate one by one, and none of them can be left out or overtaken.
#[test]
fn a_long_request_comes_as_it_was_cut_or_not_at_all() {
    let middle = Middle::new();
    // Frames to the partition: handshake, activation, then four parts.
    let long = vec![0xff; 4 * 60_000];
    let honest = middle.link(Plan::Honest).unwrap();
    activate(&honest);
    let reply: Reply = decode(&honest.call(&long).unwrap()).unwrap();
    assert_eq!(reply, Reply::Failed(Status::ArgumentsBad), "it has come, and is no request");
    for until in [None, Some(4)] {
        let plan = Plan::Hold { way: Way::ToPartition, number: 3, until };
        let link = middle.link(plan).unwrap();
        activate(&link);
        assert_eq!(link.call(&long).err(), Some(LinkError::Closed));
        assert!(link.is_closed());
    }
    middle.world.daemon.logs("out of its place");
}

#[test]
fn another_links_record_is_refused() {
    let middle = Middle::new();
    let (first, port) = middle.watched(Plan::Honest);
    let first = first.unwrap();
    activate(&first);
    initialize(&first);
    let frame = middle.said_by_the_client(port)[2].clone();
    let plan = Plan::Replace { way: Way::ToPartition, number: 2, frame };
    let second = middle.link(plan).unwrap();
    activate(&second);
    assert!(ask(&second, &Request::Ping).is_err());
    assert_eq!(ask(&first, &Request::Ping), Ok(Reply::Done), "the first link lives on");
}

#[test]
fn a_replayed_link_executes_nothing() {
    let middle = Middle::new();
    let (first, port) = middle.watched(Plan::Honest);
    let first = first.unwrap();
    activate(&first);
    initialize(&first);
    let wrong = ask(&first, &login("wrong-password"));
    assert_eq!(wrong, Ok(Reply::Failed(Status::PinIncorrect)));
    let replayed = middle.link(Plan::Replay { frames: middle.said_by_the_client(port) });
    assert!(replayed.is_err(), "the answer is to another ephemeral key");
    assert_eq!(attempts_left(&first), 9, "the recorded login was executed once");
    assert_eq!(middle.shown("Registered STC Clients:"), "1");
}

#[test]
fn an_honest_middle_changes_nothing() {
    let middle = Middle::new();
    let link = middle.link(Plan::Honest).unwrap();
    activate(&link);
    assert_eq!(ask(&link, &Request::Ping), Ok(Reply::Done));
    assert_eq!(link.status().unwrap().replayed, 0);
}

fn ask_briefly(link: &Link) -> Result<(), LinkError> {
    let patience = Duration::from_millis(700);
    link.call_within(&encode(&Request::Ping).unwrap(), patience).map(drop)
}

#[test]
fn a_dropped_request_is_an_open_question_and_no_more() {
    let middle = Middle::new();
    let plan = Plan::Hold { way: Way::ToPartition, number: 2, until: None };
    let link = middle.link(plan).unwrap();
    activate(&link);
    assert_eq!(ask_briefly(&link), Err(LinkError::Timeout));
    assert_eq!(ask(&link, &Request::Ping), Ok(Reply::Done), "the link lives on");
}

#[test]
fn a_reply_that_comes_too_late_reaches_nobody() {
    let middle = Middle::new();
    // Frames to the client: the handshake's answer, the settings, the activation's reply.
    let link = middle.link(Plan::Hold { way: Way::ToClient, number: 3, until: Some(5) }).unwrap();
    activate(&link);
    assert_eq!(ask_briefly(&link), Err(LinkError::Timeout));
    for _ in 0..4 {
        let role = ask(&link, &Request::DescribeRole { role: Role::CryptoUser });
        assert!(matches!(role, Ok(Reply::Role(role)) if role.role == Role::CryptoUser));
    }
    assert_eq!(link.status().unwrap().replayed, 0);
}

#[test]
fn keys_change_with_requests_in_flight_while_everything_is_repeated() {
    let middle = Middle::new();
    let (link, port) = middle.watched(Plan::RepeatAll);
    let link = link.unwrap();
    activate(&link);
    thread::scope(|scope| {
        for caller in 0..40 {
            let link = &link;
            scope.spawn(move || {
                for call in 0..50 {
                    if call % 10 == caller % 10 {
                        link.rekey();
                    }
                    let role = Request::DescribeRole { role: Role::CryptoOfficer };
                    let reply = link.call(&encode(&role).unwrap()).unwrap();
                    let reply = decode(&reply).unwrap();
                    assert!(matches!(reply, Reply::Role(role) if role.role == Role::CryptoOfficer));
                }
            });
        }
    });
    let status = link.status().unwrap();
    assert!(status.epoch >= 2, "{status:?}");
    assert!(status.replayed > 1000, "{status:?}");
    assert!(middle.seen(port).len() > 4000);
}

#[test]
fn an_altered_change_of_keys_ends_the_link() {
    let middle = Middle::new();
    let link = middle.link(Plan::FlipRekey).unwrap();
    activate(&link);
    link.rekey();
    let mut asked = 0;
    while ask(&link, &Request::Ping).is_ok() {
        asked += 1;
        assert!(asked < 1000, "the change of keys never came");
    }
    assert!(ask(&link, &Request::Ping).is_err(), "the error stays");
    middle.world.daemon.logs("does not authenticate");
}

/// The number of frames of each way that lunacm needs before its first command.
fn frames_of_a_start(middle: &Middle, client: &Client, port: u16) -> [usize; 2] {
    let before = middle.seen(port).len();
    client.lunacm("").ok();
    let seen = middle.seen(port);
    [Way::ToPartition, Way::ToClient]
        .map(|way| seen[before..].iter().filter(|seen| seen.way == way).count())
}

#[test]
fn lunacm_tells_what_is_known_and_comes_back() {
    let middle = Middle::new();
    let (client, port) = middle.client("client1");
    client.lunacm(&format!("partition init -label par1 -password {PO} -domain dom -force\n")).ok();
    let [requests, replies] = frames_of_a_start(&middle, &client, port);
    let script = "role login -name po -password wrong-password\nslot list\nrole show -name po\n";
    let left = |way, number| {
        middle.next(port, Plan::Flip { way, number, byte: 20, mask: 1 });
        let shown = client.lunacm(script);
        shown.has("the link ended before the partition answered");
        shown.has("Whether the command was carried out is not known");
        // The commands that follow have a link again.
        shown.has("Label ->                par1");
        shown.value("Failed login attempts before lockout:").to_owned()
    };
    // The altered login never reached the partition; the other one was performed once.
    assert_eq!(left(Way::ToPartition, requests), "10");
    assert_eq!(left(Way::ToClient, replies), "9");
    client.lunacm(&format!("role login -name po -password {PO}\n")).ok();
    middle.world.daemon.logs("does not authenticate");
}
