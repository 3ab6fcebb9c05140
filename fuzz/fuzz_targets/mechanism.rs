//! Keys out of attributes and mechanisms with their parameters: whatever they say, an operation
//! gives a result or a status, the same in one part and in parts.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use lunacm::{
    hsm::mechanism::{self, PreparedKey},
    model::cryptoki::{
        AttributeType as A, AttributeValue, KeyType, Mechanism, ObjectClass, Operation, Template,
    },
    wire::decode,
};

const OPERATIONS: [Operation; 7] = [
    Operation::Encrypt,
    Operation::Decrypt,
    Operation::Sign,
    Operation::Verify,
    Operation::Digest,
    Operation::SignRecover,
    Operation::VerifyRecover,
];

/// `CKA_EC_PARAMS` of a curve of each form.
const CURVES: [&[u8]; 3] =
    [b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", b"\x06\x03\x2b\x65\x70", b"\x06\x03\x2b\x65\x6e"];

type Input = (u8, u8, Vec<u8>, Vec<u8>, Template, Mechanism);

fuzz_target!(|data: &[u8]| {
    let Ok((shape, flip, value, message, template, mechanism)) = decode::<Input>(data) else {
        return;
    };
    for template in [shaped(shape, &value), template] {
        let _ = mechanism::complete_imported(&template);
        let Ok(key) = PreparedKey::from_template(&template) else { continue };
        let key = Arc::new(key);
        for operation in OPERATIONS {
            run(operation, &mechanism, &key, &message);
        }
        let _ = mechanism::derive(&mechanism, &key, std::slice::from_ref(&key), &template);
        let _ = mechanism::decapsulate(&mechanism, &key, &message, &template);
        let _ = mechanism::unwrap(&mechanism, &key, &message, &template);
        let Ok(mut wrapped) = mechanism::wrap(&mechanism, &key, &template) else { continue };
        let at = usize::from(flip) % wrapped.len();
        wrapped[at] ^= flip;
        let _ = mechanism::unwrap(&mechanism, &key, &wrapped, &template);
    }
});

fn run(operation: Operation, mechanism: &Mechanism, key: &Arc<PreparedKey>, message: &[u8]) {
    let given = (operation != Operation::Digest).then_some(key);
    let whole = mechanism::perform(operation, mechanism, given.map(AsRef::as_ref), message, &[]);
    let parts = mechanism::begin(operation, mechanism, given.cloned()).and_then(|mut running| {
        let mut output = running.update(message)?;
        output.extend_from_slice(&running.finish(&[])?);
        Ok(output)
    });
    assert_eq!(whole.is_ok(), parts.is_ok(), "{operation:?} {mechanism:?}");
    if let (Ok(whole), Ok(parts)) = (whole, parts) {
        assert_eq!(whole.len(), parts.len(), "{operation:?} {mechanism:?}");
    }
}

/// A key of some kind around a value: random attributes hardly ever are one.
fn shaped(shape: u8, value: &[u8]) -> Template {
    let bytes = |bytes: &[u8]| AttributeValue::bytes(bytes);
    let of = |class: ObjectClass, kind: KeyType| {
        Template::default().with(A::CLASS, class.0).with(A::KEY_TYPE, kind.0)
    };
    let curves = [KeyType::EC, KeyType::EC_EDWARDS, KeyType::EC_MONTGOMERY];
    let which = usize::from(shape / 8) % 3;
    let curve = bytes(CURVES[which]);
    match shape % 8 {
        0 => of(ObjectClass::SECRET_KEY, KeyType::AES).with(A::VALUE, bytes(value)),
        1 => of(ObjectClass::SECRET_KEY, KeyType::GENERIC_SECRET).with(A::VALUE, bytes(value)),
        2 => of(ObjectClass::SECRET_KEY, KeyType::CHACHA20).with(A::VALUE, bytes(value)),
        3 => of(ObjectClass::PRIVATE_KEY, curves[which])
            .with(A::EC_PARAMS, curve)
            .with(A::VALUE, bytes(value)),
        4 => of(ObjectClass::PUBLIC_KEY, curves[which])
            .with(A::EC_PARAMS, curve)
            .with(A::EC_POINT, bytes(value)),
        5 => of(ObjectClass::PUBLIC_KEY, KeyType::RSA)
            .with(A::MODULUS, bytes(value))
            .with(A::PUBLIC_EXPONENT, bytes(&[1, 0, 1])),
        6 => of(ObjectClass::PRIVATE_KEY, KeyType::ML_DSA)
            .with(A::PARAMETER_SET, 1)
            .with(A::SEED, bytes(value)),
        _ => of(ObjectClass::PRIVATE_KEY, KeyType::ML_KEM)
            .with(A::PARAMETER_SET, 1)
            .with(A::SEED, bytes(value)),
    }
}
