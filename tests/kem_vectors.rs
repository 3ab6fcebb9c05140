//! ML-KEM-768 against published vectors: `data/vectors/ml-kem-768.json` names their source.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{fs, path::Path};

use lunacm::crypto::{EncapsulationKey, KemKeyPair};
use serde_json::Value;

fn cases(kind: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/vectors/ml-kem-768.json");
    let all: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let cases = all[kind].as_array().unwrap().clone();
    assert!(!cases.is_empty());
    cases
}

fn bytes<const SIZE: usize>(case: &Value, field: &str) -> [u8; SIZE] {
    let text = case[field].as_str().unwrap();
    let bytes: Vec<u8> = (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect();
    bytes.try_into().unwrap()
}

#[test]
fn encapsulation_is_as_published() {
    let mut seen = (0, 0);
    for case in cases("encapsulation") {
        let key = EncapsulationKey::new(&bytes(&case, "ek"));
        if case["result"] == "invalid" {
            assert!(key.is_err(), "case {}", case["tcId"]);
            seen.0 += 1;
        } else {
            let (ciphertext, secret) = key.unwrap().encapsulate(&bytes(&case, "m"));
            assert_eq!(*ciphertext, bytes(&case, "c"), "case {}", case["tcId"]);
            assert_eq!(*secret, bytes(&case, "K"), "case {}", case["tcId"]);
            seen.1 += 1;
        }
    }
    assert!(seen.0 > 2 && seen.1 > 2);
}

#[test]
fn keys_and_decapsulation_are_as_published() {
    for case in cases("decapsulation") {
        let seed: [u8; 64] = bytes(&case, "seed");
        let (d, z) = seed.split_at(32);
        let pair = KemKeyPair::from_seed(d.try_into().unwrap(), z.try_into().unwrap());
        assert_eq!(*pair.public(), bytes(&case, "ek"), "case {}", case["tcId"]);
        let secret = pair.decapsulate(&bytes(&case, "c"));
        assert_eq!(*secret, bytes(&case, "K"), "case {}", case["tcId"]);
    }
}
