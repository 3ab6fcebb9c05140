//! How long an answer will be, for a caller that asks before it has the data.
//!
//! Most callers ask with their data, and the answer is made and kept for them. Without data
//! nothing can be done, so the key is asked.

use super::{operation::Active, session::Session};
use crate::model::cryptoki::{
    AttributeRead, AttributeType, AttributeValue, CryptokiReply, CryptokiRequest, KeyType,
    Operation,
};

/// The longest signature of a kind whose length the key does not tell: ML-DSA-87 (FIPS 204).
const LONGEST_SIGNATURE: usize = 4627;

/// The longest MAC.
const LONGEST_MAC: usize = 64;

/// A signature of Ed448 (RFC 8032).
const LONGEST_EDWARDS: usize = 114;

/// Curves by the end of their object identifiers, with the length of a signature: P-256, P-384,
/// P-521 (the longest, and so the answer for any other).
const CURVES: [(&[u8], usize); 3] = [(&[0x03, 0x01, 0x07], 64), (&[0x22], 96), (&[0x0a], 64)];

impl Session {
    /// An upper bound of what an operation with a key will give without data; none if only the
    /// data tell.
    pub(super) fn bound(&self, active: &Active) -> Option<usize> {
        let signs = matches!(active.operation, Operation::Sign | Operation::SignRecover);
        let types = [AttributeType::KEY_TYPE, AttributeType::MODULUS, AttributeType::EC_PARAMS];
        let request = CryptokiRequest::GetAttributes {
            session: self.id(),
            object: active.key?,
            types: types.to_vec(),
        };
        let Ok(Some(CryptokiReply::Attributes(read))) = self.ask(request) else { return None };
        let [Some(AttributeValue::Number(kind)), modulus, curve] = values(&read)? else {
            return None;
        };
        match (KeyType(*kind), modulus, curve) {
            (KeyType::RSA, Some(AttributeValue::Bytes(modulus)), _) => Some(modulus.len()),
            _ if !signs => None,
            (KeyType::EC, _, Some(AttributeValue::Bytes(curve))) => {
                let known = CURVES.iter().find(|(end, _)| curve.ends_with(end));
                Some(known.map_or(132, |(_, length)| *length))
            }
            (KeyType::EC_EDWARDS, ..) => Some(LONGEST_EDWARDS),
            (KeyType::ML_DSA, ..) => Some(LONGEST_SIGNATURE),
            _ => Some(LONGEST_MAC),
        }
    }
}

fn values(read: &[AttributeRead]) -> Option<[Option<&AttributeValue>; 3]> {
    let [kind, modulus, curve] = read else { return None };
    Some([value(kind), value(modulus), value(curve)])
}

const fn value(read: &AttributeRead) -> Option<&AttributeValue> {
    match read {
        AttributeRead::Value(value) => Some(value),
        AttributeRead::Refused(_) => None,
    }
}
