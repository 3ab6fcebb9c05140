//! Recorded exchanges, byte by byte: `data/vectors/stc-v1.json`.
//!
//! Each case holds its inputs and all that was said. `UPDATE_VECTORS=1` records anew; a change is
//! a change of the protocol.

#![allow(clippy::unwrap_used, reason = "a test")]

mod channel_support;

use std::{env, fmt::Write, fs, path::Path, time::Duration};

use channel_support::{
    FixedRandom, Received, SERIAL, Shelf, client, config, controls, data, open, partition, respond,
    seal, start,
};
use lunacm::channel::{
    Answer, CookieJar, Initiator, KeyLimits, Origin, Session, SessionSettings, Suite, SuiteSet,
    WindowSize, split,
};
use serde_json::{Value, json};

const FILE: &str = "data/vectors/stc-v1.json";

#[test]
fn exchanges_are_as_recorded() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let now = cases();
    if env::var_os("UPDATE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(&now).unwrap() + "\n";
        fs::write(&path, text).unwrap();
    }
    let recorded: Vec<Value> = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(recorded.len(), now.len());
    for (recorded, now) in recorded.iter().zip(&now) {
        assert_eq!(recorded, now, "case {} differs from its record", now["name"]);
    }
}

fn cases() -> Vec<Value> {
    let mut cases: Vec<Value> = Suite::ALL
        .into_iter()
        .map(|suite| exchange(suite.noise_name(), &[suite], SuiteSet::ALL))
        .collect();
    let wanted = [Suite::HYBRID[0], Suite::CLASSIC[0]];
    cases.push(exchange("a classic suite by policy", &wanted, SuiteSet::CLASSIC));
    let [aes, aes_512, chacha, chacha_512] = Suite::CLASSIC;
    let policy = SuiteSet::EMPTY.with(aes_512).with(chacha_512);
    cases.push(exchange("the first suite is refused", &[aes, chacha, chacha_512, aes_512], policy));
    cases.push(exchange("nothing in common", &[aes, chacha], policy));
    cases.push(refusal());
    cases.push(version());
    cases.push(cookie());
    cases
}

/// A whole exchange: handshakes until one stands or the client gives up, then records.
fn exchange(name: &str, offer: &[Suite], permitted: SuiteSet) -> Value {
    let shelf = Shelf::permitting(permitted);
    let mut initiator = Initiator::new(config(offer));
    let (mut handshakes, mut records) = (Vec::new(), Vec::new());
    for round in 0.. {
        // Whatever an end draws, it draws this, 32 bytes at a time.
        let (ours, theirs) = ([0x40 + round; 32], [0x50 + round; 32]);
        let (waiting, message) = start(initiator, &mut FixedRandom(ours));
        let (outcome, answer) = respond(&message, &shelf, &mut FixedRandom(theirs));
        handshakes.push(json!({
            "client_random": hex(&ours),
            "partition_random": hex(&theirs),
            "message": hex(&message),
            "answer": hex(&answer),
        }));
        match waiting.receive(&answer) {
            Ok(Answer::Retry(again)) => initiator = again,
            Ok(Answer::CookieDemanded(_)) => unreachable!("the partition is under no pressure"),
            Ok(Answer::Established(session)) => {
                records = talk(session, outcome.unwrap().session);
                break;
            }
            Err(_) => break,
        }
    }
    json!({
        "name": name,
        "serial": SERIAL,
        "client_secret": hex(client().expose_secret().as_ref()),
        "partition_secret": hex(partition().expose_secret().as_ref()),
        "offer": offer.iter().map(|suite| suite.id()).collect::<Vec<_>>(),
        "permitted": permitted.iter().map(Suite::id).collect::<Vec<_>>(),
        "handshakes": handshakes,
        "records": records,
    })
}

/// A few records each way, the first of which carry message parts; then the same under settings and
/// changed keys.
fn talk(mut client: Session, mut partition: Session) -> Vec<Value> {
    let mut records = Vec::new();
    say(&mut records, &mut client, &mut partition);
    partition.set(SessionSettings {
        limits: KeyLimits { messages: 1_000_000, ..KeyLimits::DEFAULT },
        window: WindowSize::MINIMUM,
    });
    partition.rekey();
    while client.has_control() || partition.has_control() {
        say_control("partition", &mut records, &mut partition, &mut client);
        say_control("client", &mut records, &mut client, &mut partition);
    }
    assert_eq!((client.status().epoch, partition.status().epoch), (1, 1));
    say(&mut records, &mut client, &mut partition);
    records
}

fn say(records: &mut Vec<Value>, client: &mut Session, partition: &mut Session) {
    for (id, content) in [(1, &b"a request"[..]), (2, b"")] {
        let part = split(id, content).next().unwrap().pieces().concat();
        records.push(record("client", client, partition, &part));
        records.push(record("partition", partition, client, &part));
    }
    records.push(record("client", client, partition, &[0xa5; 100]));
}

fn record(from: &str, sender: &mut Session, receiver: &mut Session, plaintext: &[u8]) -> Value {
    let record = seal(sender, plaintext);
    assert_eq!(data(receiver, &record), plaintext);
    json!({ "from": from, "plaintext": hex(plaintext), "record": hex(&record) })
}

fn say_control(from: &str, records: &mut Vec<Value>, sender: &mut Session, receiver: &mut Session) {
    let drawn = if from == "client" { [0x60; 32] } else { [0x70; 32] };
    for record in controls(sender, &mut FixedRandom(drawn)) {
        assert_eq!(open(receiver, &record), Ok(Received::Control));
        records.push(json!({ "from": from, "random": hex(&drawn), "record": hex(&record) }));
    }
}

/// A first message that has to be repeated with a cookie.
fn cookie() -> Value {
    let suite = Suite::HYBRID[0];
    let jar = CookieJar::new(&mut FixedRandom([0x80; 32]), Duration::ZERO).unwrap();
    let origin = Origin { address: &[127, 0, 0, 1], now: Duration::ZERO };
    let (waiting, message) = start(Initiator::new(config(&[suite])), &mut FixedRandom([0x40; 32]));
    let (mut demand, mut repeated) = (Vec::new(), Vec::new());
    jar.demand(&message, origin, &mut demand);
    let Ok(Answer::CookieDemanded(demanded)) = waiting.receive(&demand) else {
        panic!("no demand was understood")
    };
    let waiting = demanded.repeat(&mut repeated);
    let (inner, good) = jar.check(&repeated, origin);
    assert!(good && inner == message);
    let shelf = Shelf::permitting(SuiteSet::ALL);
    let (accepted, answer) = respond(inner, &shelf, &mut FixedRandom([0x50; 32]));
    assert!(accepted.is_ok() && waiting.receive(&answer).is_ok());
    json!({
        "name": "a cookie",
        "cookie_secret": hex(&[0x80; 32]),
        "address": hex(origin.address),
        "client_random": hex(&[0x40; 32]),
        "partition_random": hex(&[0x50; 32]),
        "message": hex(&message),
        "demand": hex(&demand),
        "repeated": hex(&repeated),
        "answer": hex(&answer),
    })
}

/// A partition that is not there.
fn refusal() -> Value {
    let mut config = config(&Suite::ALL);
    config.serial = 7;
    let (_, message) = start(Initiator::new(config), &mut FixedRandom([0x40; 32]));
    let answer = respond(&message, &Shelf::permitting(SuiteSet::ALL), &mut FixedRandom([0; 32])).1;
    json!({ "name": "refusal", "message": hex(&message), "answer": hex(&answer) })
}

fn version() -> Value {
    let message = [0x01, 0x02];
    let answer = respond(&message, &Shelf::permitting(SuiteSet::ALL), &mut FixedRandom([0; 32])).1;
    json!({ "name": "another version", "message": hex(&message), "answer": hex(&answer) })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
