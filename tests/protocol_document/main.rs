//! `docs/messages.md` and `docs/protocol.md` against the code: types, numbers and limits in the
//! documents' tables are those that are encoded and kept.

#![allow(clippy::unwrap_used, reason = "a test")]

mod schema;
mod tables;

use std::{fs, path::Path};

use lunacm::{
    appliance::LinkLimits,
    channel::{
        COOKIE_SECRET_LIFETIME, GRACE_RECORDS, KeyLimits, MAXIMUM_BYTES, MAXIMUM_CHUNK_BYTES,
        MAXIMUM_PLAINTEXT_BYTES, MAXIMUM_RECORDS, RETIRED_KEY_LIFETIME, WindowSize,
    },
    model::{
        Imported, KeepAlive, MAXIMUM_SESSIONS, Policy, Reply, Request, Role, Status, StcAlgorithm,
        StcAlgorithms, StcChange, StcFamily, StcSettings, TransferPurpose,
        cryptoki::{
            AttributeKind, AttributeRead, AttributeType, AttributeValue, CryptokiReply,
            CryptokiRequest, HkdfSalt, MechanismType, Operation, Parameters, PrfData,
        },
    },
    net::Limits,
    wire::{ClientIdentityFile, MAXIMUM_FRAME_BYTES, MAXIMUM_MESSAGE_BYTES, PartitionIdentityFile},
};
use schema::Schema;
use serde_json::Value;
use tables::{Table, code, shapes, table, tables};

#[test]
fn the_types_of_messages_are_those_of_the_code() {
    let traced = Schema::default()
        .with::<Request>()
        .with::<Reply>()
        .with::<CryptokiRequest>()
        .with::<CryptokiReply>()
        .with::<Operation>()
        .with::<AttributeRead>()
        .with::<AttributeValue>()
        .with::<Parameters>()
        .with::<HkdfSalt>()
        .with::<PrfData>()
        .with::<Role>()
        .with::<StcChange>()
        .with::<StcFamily>()
        .with::<TransferPurpose>()
        .with::<Imported>();
    for met in &traced.met {
        assert!(traced.shapes.contains_key(met), "{met} is not traced by itself");
    }
    let tables = tables("messages.md");
    let mut told = shapes(&tables);
    for (name, shape) in traced.shapes {
        assert_eq!(told.remove(name), Some(shape), "{name}");
    }
    assert!(told.is_empty(), "the code does not have {told:?}");
}

#[test]
fn every_request_names_a_reply_that_exists() {
    let tables = tables("messages.md");
    for (request, reply) in [("Request", "Reply"), ("CryptokiRequest", "CryptokiReply")] {
        let table = titled(&tables, request);
        let replies: Vec<_> =
            titled(&tables, reply).column("variant").into_iter().map(code).collect();
        for cell in table.column("reply") {
            let named = cell.split('`').skip(1).step_by(2);
            let good = |name: &str| replies.contains(&name) || matches!(name, "Done" | "Verify");
            assert!(cell == "section 7" || named.clone().count() > 0, "{cell}");
            assert!(named.clone().all(good), "{cell}");
        }
    }
}

#[test]
fn the_recorded_messages_begin_with_the_documents_numbers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/vectors/messages-v1.json");
    let recorded: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let tables = tables("messages.md");
    let of_keys = |list, name: &str| {
        // The numbers of section 7 come behind that of `Cryptoki`.
        let outer = table_number(&tables, list, "Cryptoki");
        (outer, names(&tables, name))
    };
    for (list, outer, inner) in
        [("requests", "Request", "CryptokiRequest"), ("replies", "Reply", "CryptokiReply")]
    {
        let vectors = recorded[list].as_array().unwrap();
        let mut seen: Vec<(String, u8)> = Vec::new();
        for vector in vectors {
            let bytes = hex(vector["encoding"].as_str().unwrap());
            let value = &vector["value"];
            let name = variant(value);
            assert_eq!(usize::from(bytes[0]), table_number(&tables, outer, name), "{value}");
            seen.push((name.to_owned(), bytes[0]));
            if name == "Cryptoki" {
                let name = variant(&value["Cryptoki"]);
                assert_eq!(usize::from(bytes[1]), table_number(&tables, inner, name), "{value}");
                seen.push((format!("Cryptoki {name}"), bytes[1]));
            }
        }
        let (_, keys) = of_keys(outer, inner);
        let keys = keys.into_iter().map(|name| format!("Cryptoki {name}"));
        let all = names(&tables, outer).into_iter().map(str::to_owned).chain(keys);
        for name in all {
            assert!(seen.iter().any(|(seen, _)| *seen == name), "no vector of {name}");
        }
    }
}

#[test]
fn numbered_names_are_those_of_the_code() {
    let tables = tables("messages.md");
    let statuses = table(&tables, &["number", "name"]).pairs("number", "name");
    let expected =
        Status::ALL.iter().map(|status| (hexadecimal(status.code().into()), status.symbol()));
    same(&statuses, expected);
    let mechanisms = table(&tables, &["number", "mechanism"]).pairs("number", "mechanism");
    let expected = MechanismType::ALL.iter().map(|one| (hexadecimal(one.0), one.symbol().unwrap()));
    same(&mechanisms, expected);
    let attributes = table(&tables, &["number", "attribute", "value"]);
    let expected = AttributeType::ALL.iter().map(|one| (hexadecimal(one.0), one.symbol().unwrap()));
    same(&attributes.pairs("number", "attribute"), expected);
    for (one, value) in AttributeType::ALL.iter().zip(attributes.column("value")) {
        let expected = match one.kind() {
            AttributeKind::Date => "Bytes".to_owned(),
            kind => format!("{kind:?}"),
        };
        assert_eq!(code(value), expected, "{one}");
    }
    let policies = table(&tables, &["number", "policy", "greatest", "first"]);
    let expected: Vec<Vec<String>> = Policy::ALL
        .iter()
        .map(|policy| {
            let values = [policy.number(), policy.capability(), policy.default_value()];
            let [number, greatest, first] = values.map(|value| value.to_string());
            vec![number, policy.text().to_owned(), greatest, first]
        })
        .collect();
    assert_eq!(policies.rows, expected);
}

#[test]
fn the_bits_of_algorithms_are_those_of_the_code() {
    let tables = tables("messages.md");
    let bits = table(&tables, &["bit", "family", "number", "algorithm"]);
    let all = StcAlgorithms::try_from(0x3f).unwrap();
    for (algorithm, row) in StcAlgorithm::ALL.into_iter().zip(&bits.rows) {
        let without = u8::from(all.set(algorithm, false).unwrap());
        let family = match algorithm.family() {
            StcFamily::Cipher => "cipher",
            StcFamily::Hmac => "HMAC",
            StcFamily::KeyExchange => "key exchange",
        };
        let expected =
            [format!("`{:#04x}`", 0x3f ^ without), family.to_owned(), algorithm.id().to_string()];
        assert_eq!(row[..3], expected, "{algorithm:?}");
    }
    assert_eq!(bits.rows.len(), StcAlgorithm::ALL.len());
}

#[test]
fn limits_are_those_of_the_code() {
    let tables = tables("protocol.md");
    let told = table(&tables, &["limit", "number"]);
    let (limits, links, keep) = (Limits::DEFAULT, LinkLimits::DEFAULT, KeepAlive::DEFAULT);
    let settings = StcSettings::default();
    let window = |size: WindowSize| u64::from(size.records());
    for (limit, number) in [
        ("bytes of a frame's content", count(MAXIMUM_FRAME_BYTES)),
        ("bytes of a record's plaintext", count(MAXIMUM_PLAINTEXT_BYTES)),
        ("bytes of a part's piece", count(MAXIMUM_CHUNK_BYTES)),
        ("bytes of a request or reply", count(MAXIMUM_MESSAGE_BYTES)),
        ("records under one key", MAXIMUM_RECORDS),
        ("bytes of plaintext under one key", MAXIMUM_BYTES),
        ("bytes of plaintext after which keys are changed", KeyLimits::DEFAULT.bytes),
        ("records after which keys are changed, at first", KeyLimits::DEFAULT.messages),
        ("records beyond that, at least, before the link ends", GRACE_RECORDS),
        ("seconds that an old key waits for late records", RETIRED_KEY_LIFETIME.as_secs()),
        ("records of a replay window, at least", window(WindowSize::MINIMUM)),
        ("records of a replay window, at first", window(WindowSize::DEFAULT)),
        ("records of a replay window, at most", window(WindowSize::MAXIMUM)),
        ("seconds that a secret makes cookies", COOKIE_SECRET_LIFETIME.as_secs()),
        ("seconds for the first request, at first", settings.activation_timeout.into()),
        ("connections without a first request, in all", count(limits.half_open)),
        (
            "connections without a first request, from one address",
            count(limits.half_open_per_source),
        ),
        ("seconds of silence after which a link ends", limits.idle.unwrap().as_secs()),
        ("links in all", count(links.all)),
        ("links of one client", count(links.per_client)),
        ("sessions of one link", count(MAXIMUM_SESSIONS)),
        ("seconds before TCP's first keep-alive", keep.idle.into()),
        ("seconds between two of them", keep.interval.into()),
        ("keep-alives without an answer", keep.probes.into()),
    ] {
        let row = told.rows.iter().find(|row| row[0] == limit);
        let row = row.unwrap_or_else(|| panic!("no limit: {limit}"));
        assert_eq!(row[1].replace(',', ""), number.to_string(), "{limit}");
    }
}

#[test]
fn the_identity_files_shown_are_good() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol.md");
    let text = fs::read_to_string(path).unwrap();
    let shown = |kind: &str| {
        let begin = format!("    lunacm STC {kind} identity");
        let lines = text.lines().skip_while(move |line| !line.starts_with(&begin));
        let lines = lines.map_while(|line| line.strip_prefix("    "));
        lines.map(|line| line.to_owned() + "\n").collect::<String>()
    };
    let client = shown("client");
    assert_eq!(ClientIdentityFile::parse(client.as_bytes()).unwrap().to_text(), client);
    let partition = shown("partition");
    assert_eq!(PartitionIdentityFile::parse(partition.as_bytes()).unwrap().to_text(), partition);
}

fn titled<'t>(tables: &'t [Table], name: &str) -> &'t Table {
    tables.iter().find(|table| code(&table.heading) == name).unwrap()
}

fn names<'t>(tables: &'t [Table], of: &str) -> Vec<&'t str> {
    titled(tables, of).column("variant").into_iter().map(code).collect()
}

fn table_number(tables: &[Table], of: &str, name: &str) -> usize {
    names(tables, of).iter().position(|one| *one == name).unwrap_or_else(|| panic!("no {name}"))
}

/// The name of the variant that a value in JSON is.
fn variant(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| value.as_object().unwrap().keys().next().unwrap())
}

fn same<'n>(told: &[(&str, &str)], expected: impl Iterator<Item = (String, &'n str)>) {
    let expected: Vec<_> = expected.collect();
    let expected: Vec<_> = expected.iter().map(|(number, name)| (number.as_str(), *name)).collect();
    assert_eq!(told, expected);
}

fn hexadecimal(number: u64) -> String {
    format!("`{number:#x}`")
}

fn hex(digits: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(pair).collect()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap()
}
