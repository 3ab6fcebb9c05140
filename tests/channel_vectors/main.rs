//! Recorded exchanges, byte by byte: `data/vectors/stc-v1.json`, and what is said inside them,
//! `data/vectors/messages-v1.json`.
//!
//! Each case holds its inputs and all that was said. `UPDATE_VECTORS=1` records anew; a change is
//! a change of the protocol.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../channel_support/mod.rs"]
mod channel_support;
mod keys;
mod messages;

use std::{env, fmt::Write, fs, path::Path, time::Duration};

use channel_support::{
    FixedRandom, Received, SERIAL, Shelf, client, config, data, open, partition, respond, seal,
    start,
};
use lunacm::{
    channel::{
        Answer, CookieJar, Initiator, KeyLimits, Origin, RECORD_HEADER_BYTES, Session,
        SessionSettings, Suite, SuiteSet, WindowSize, split,
    },
    crypto::TAG_BYTES,
};
use serde_json::{Value, json};

#[test]
fn exchanges_are_as_recorded() {
    let (recorded, now) = (recorded("stc-v1.json", &cases().into()), cases());
    let recorded = recorded.as_array().unwrap();
    assert_eq!(recorded.len(), now.len());
    for (recorded, now) in recorded.iter().zip(&now) {
        assert_eq!(recorded, now, "case {} differs from its record", now["name"]);
    }
}

#[test]
fn messages_are_as_recorded() {
    let now = messages::cases();
    let recorded = recorded("messages-v1.json", &now);
    for (name, now) in now.as_object().unwrap() {
        assert_eq!(recorded[name], *now, "{name} differ from their record");
    }
}

/// What a file of vectors holds; with `UPDATE_VECTORS`, what it holds from now on.
fn recorded(file: &str, now: &Value) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/vectors").join(file);
    if env::var_os("UPDATE_VECTORS").is_some() {
        fs::write(&path, serde_json::to_string_pretty(now).unwrap() + "\n").unwrap();
    }
    serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap()
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
    let (handshakes, sessions) = handshakes(offer, permitted);
    let again = || self::handshakes(offer, permitted).1.unwrap();
    let records = sessions.map(|sessions| talk(sessions, again)).unwrap_or_default();
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

/// What was said, and both ends if there is a channel: the client's, the partition's.
fn handshakes(offer: &[Suite], permitted: SuiteSet) -> (Vec<Value>, Option<(Session, Session)>) {
    let shelf = Shelf::permitting(permitted);
    let mut initiator = Initiator::new(config(offer));
    let mut handshakes = Vec::new();
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
                return (handshakes, Some((session, outcome.unwrap().session)));
            }
            Err(_) => break,
        }
    }
    (handshakes, None)
}

/// A few records each way, the first of which carry message parts; then the same under settings and
/// changed keys. The engines keep the plaintext of control records to themselves: in the same
/// conversation held `again`, zeros in the place of such a record show what hides it.
fn talk(sessions: (Session, Session), again: impl Fn() -> (Session, Session)) -> Vec<Value> {
    let mut records = hold(sessions, None).0;
    let is_control = |record: &&mut Value| record["plaintext"].is_null();
    for (at, record) in records.iter_mut().filter(is_control).enumerate() {
        let sealed = bytes(record["record"].as_str().unwrap());
        let ciphertext = &sealed[RECORD_HEADER_BYTES..sealed.len() - TAG_BYTES];
        let hidden = hold(again(), Some((at, ciphertext.len()))).1;
        let plaintext: Vec<u8> = ciphertext.iter().zip(hidden).map(|(one, by)| one ^ by).collect();
        record["plaintext"] = hex(&plaintext).into();
    }
    records
}

/// Holds the conversation. Up to one of its control records only, if that is said with its length:
/// then gives the ciphertext of as many zeros in its place.
fn hold(
    (mut client, mut partition): (Session, Session),
    up_to: Option<(usize, usize)>,
) -> (Vec<Value>, Vec<u8>) {
    let mut records = Vec::new();
    say(&mut records, &mut client, &mut partition);
    partition.set(SessionSettings {
        limits: KeyLimits { messages: 1_000_000, ..KeyLimits::DEFAULT },
        window: WindowSize::MINIMUM,
    });
    partition.rekey();
    let mut left = up_to.map(|(number, _)| number);
    while client.has_control() || partition.has_control() {
        let (from, sender, receiver) = if partition.has_control() {
            ("partition", &mut partition, &mut client)
        } else {
            ("client", &mut client, &mut partition)
        };
        if let Some((_, length)) = up_to.filter(|_| left == Some(0)) {
            let record = seal(sender, &vec![0; length]);
            return (records, record[RECORD_HEADER_BYTES..][..length].to_vec());
        }
        left = left.map(|left| left - 1);
        records.push(control(from, sender, receiver));
    }
    assert_eq!((client.status().epoch, partition.status().epoch), (1, 1));
    say(&mut records, &mut client, &mut partition);
    (records, Vec::new())
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

/// The next control record.
fn control(from: &str, sender: &mut Session, receiver: &mut Session) -> Value {
    let drawn = if from == "client" { [0x60; 32] } else { [0x70; 32] };
    let mut record = Vec::new();
    assert_eq!(sender.next_control(&mut FixedRandom(drawn), &mut record), Ok(true));
    assert_eq!(open(receiver, &record), Ok(Received::Control));
    json!({ "from": from, "random": hex(&drawn), "record": hex(&record) })
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

fn bytes(digits: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(pair).collect()
}
