//! The bytes that callers have, and what follows from them.

use lunacm::{
    hsm::mechanism::{self, PreparedKey},
    model::cryptoki::{AttributeType as A, Mechanism, Template},
};

/// Shorter values are found by trying, and say nothing about longer ones.
const LEAST_BYTES: usize = 14;

/// Everything that callers have read, whoever of them: they work together.
#[derive(Default)]
pub struct Known(Vec<Vec<u8>>);

impl Known {
    pub fn learn(&mut self, bytes: &[u8]) -> bool {
        let new = bytes.len() >= LEAST_BYTES && !self.has(bytes);
        if new {
            self.0.push(bytes.to_vec());
        }
        new
    }

    /// Whether these bytes stand somewhere in what callers have.
    pub fn has(&self, bytes: &[u8]) -> bool {
        bytes.len() >= LEAST_BYTES
            && self.0.iter().any(|known| {
                known.len() >= bytes.len() && known.windows(bytes.len()).any(|part| part == bytes)
            })
    }
}

/// A wrapped key that callers have.
#[derive(Clone, Debug)]
pub struct Blob {
    /// Places of the wrapping key, and of the wrapped one, in the sequence's list.
    pub wrapping: usize,
    pub content: usize,
    pub mechanism: Mechanism,
    pub bytes: Vec<u8>,
}

/// A computation that callers can do as well as the token, once they have the keys.
#[derive(Clone, Debug)]
pub struct Derivation {
    pub parents: Vec<usize>,
    pub child: usize,
    /// Whether they have what the other party has.
    pub agreed_with_callers: bool,
}

/// The key that was wrapped, by who has the key around it.
pub fn opened(blob: &Blob, around: &Template, like: &Template) -> Option<Template> {
    let key = PreparedKey::from_template(around).ok()?;
    let sent = mechanism::with_sent_nonce(&blob.mechanism, &blob.bytes).ok()?;
    let (mechanism, bytes) = match &sent {
        Some((mechanism, bytes)) => (mechanism, *bytes),
        None => (&blob.mechanism, &blob.bytes[..]),
    };
    mechanism::unwrap(mechanism, &key, bytes, like).ok()
}

/// The sum of two ciphertexts, which is that of their texts if their key streams were the same.
pub fn difference(one: &Blob, other: &Blob) -> Option<Vec<u8>> {
    let given = |blob: &Blob| mechanism::nonce(&blob.mechanism).map(<[u8]>::to_vec);
    let (first, second) = (given(one)?, given(other)?);
    let nonce = |blob: &Blob, given: Vec<u8>| -> Vec<u8> {
        if given.is_empty() {
            let drawn = mechanism::drawn_nonce_bytes(&blob.mechanism);
            blob.bytes[blob.bytes.len() - drawn..].to_vec()
        } else {
            given
        }
    };
    if one.mechanism.mechanism != other.mechanism.mechanism
        || nonce(one, first) != nonce(other, second)
    {
        return None;
    }
    Some(one.bytes.iter().zip(&other.bytes).map(|(one, other)| one ^ other).collect())
}

/// A key's value.
pub fn value_of(material: &Template) -> Option<&[u8]> {
    material.bytes(A::VALUE)
}
