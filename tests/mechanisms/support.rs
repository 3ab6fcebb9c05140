//! Keys and short ways to use them.

use std::sync::{Arc, OnceLock};

use lunacm::{
    hsm::mechanism::{self, PreparedKey},
    model::{
        Status,
        cryptoki::{
            AttributeType as A, AttributeValue, KeyType, Mechanism, MechanismType as M,
            ObjectClass, Operation, Parameters, Template,
        },
    },
};

/// `CKA_EC_PARAMS` of P-256, P-384, P-521 and secp256k1.
pub const CURVES: [&[u8]; 4] = [
    b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
    b"\x06\x05\x2b\x81\x04\x00\x22",
    b"\x06\x05\x2b\x81\x04\x00\x23",
    b"\x06\x05\x2b\x81\x04\x00\x0a",
];

/// Of Ed25519 and Ed448.
pub const EDWARDS: [&[u8]; 2] = [b"\x06\x03\x2b\x65\x70", b"\x06\x03\x2b\x65\x71"];

/// Of X25519 and X448.
pub const MONTGOMERY: [&[u8]; 2] = [b"\x06\x03\x2b\x65\x6e", b"\x06\x03\x2b\x65\x6f"];

#[derive(Clone)]
pub struct Pair {
    pub public: Template,
    pub private: Template,
}

pub fn bytes(value: impl AsRef<[u8]>) -> AttributeValue {
    AttributeValue::bytes(value.as_ref())
}

pub fn with(mechanism: M, parameters: Parameters) -> Mechanism {
    Mechanism { mechanism, parameters }
}

pub fn prepared(template: &Template) -> Arc<PreparedKey> {
    Arc::new(PreparedKey::from_template(template).unwrap())
}

pub fn of_kind(class: ObjectClass, kind: KeyType) -> Template {
    Template::default().with(A::CLASS, class.0).with(A::KEY_TYPE, kind.0)
}

pub fn secret(kind: KeyType, value: impl AsRef<[u8]>) -> Template {
    of_kind(ObjectClass::SECRET_KEY, kind).with(A::VALUE, bytes(value))
}

pub fn generated(mechanism: M, public: &Template) -> Pair {
    let made = mechanism::generate_pair(&Mechanism::plain(mechanism), public, &Template::default());
    let (public, private) = made.unwrap();
    Pair { public, private }
}

pub fn curve_pair(mechanism: M, curve: &[u8]) -> Pair {
    generated(mechanism, &Template::default().with(A::EC_PARAMS, bytes(curve)))
}

pub fn lattice_pair(mechanism: M, set: u64) -> Pair {
    generated(mechanism, &Template::default().with(A::PARAMETER_SET, set))
}

pub fn rsa_pair() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(|| {
        generated(M::RSA_PKCS_KEY_PAIR_GEN, &Template::default().with(A::MODULUS_BITS, 2048))
    })
}

pub fn whole(
    operation: Operation,
    mechanism: &Mechanism,
    key: Option<&Template>,
    (data, signature): (&[u8], &[u8]),
) -> Result<Vec<u8>, Status> {
    let key = key.map(prepared);
    let output = mechanism::perform(operation, mechanism, key.as_deref(), data, signature);
    output.map(|output| output.to_vec())
}

/// The same in parts of uneven lengths, an empty one among them.
pub fn in_parts(
    operation: Operation,
    mechanism: &Mechanism,
    key: Option<&Template>,
    (data, signature): (&[u8], &[u8]),
) -> Result<Vec<u8>, Status> {
    let mut running = mechanism::begin(operation, mechanism, key.map(prepared))?;
    let (first, rest) = data.split_at(data.len() / 3);
    let (second, third) = rest.split_at(rest.len() / 7);
    let mut output = Vec::new();
    for part in [first, second, &[], third] {
        output.extend_from_slice(&running.update(part)?);
    }
    output.extend_from_slice(&running.finish(signature)?);
    Ok(output)
}
